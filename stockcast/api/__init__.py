"""Floor 9: stockcast in Python, with pandas frames in and out. `from stockcast import ...` reaches all of it."""
