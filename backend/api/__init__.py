"""The REST interface: one thin module per resource. No SQL here, and no work."""
