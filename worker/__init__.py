"""The training worker. It imports the backend, and nothing imports the worker."""
