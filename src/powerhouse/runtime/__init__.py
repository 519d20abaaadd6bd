"""Floor 3: runs programs. The reference tier (NumPy, op by op) and the random streams."""
