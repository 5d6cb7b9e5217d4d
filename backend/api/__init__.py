"""The REST interface: one thin module per resource. It contains no SQL and no business logic."""
