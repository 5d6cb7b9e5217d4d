"""Generated data, drawn with NumPy alone: what workers train on and what the form shows."""
