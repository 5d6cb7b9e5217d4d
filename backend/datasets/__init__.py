"""Generated data, drawn with NumPy alone, for training and for the pictures in the form."""
