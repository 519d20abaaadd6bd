"""Floor 1: symbols, the memo tables, what an op is, and the scalar vocabulary."""
