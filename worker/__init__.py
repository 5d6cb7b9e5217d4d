"""The training worker. Imports the backend; nothing imports it."""
