"""Pages, each with its route."""
