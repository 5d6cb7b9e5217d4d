"""People's own tables: reading files, describing columns, choosing a target, and storing them."""
