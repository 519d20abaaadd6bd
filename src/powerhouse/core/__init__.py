"""Floor 0: dtypes, devices, promotion, shapes, errors and configuration. Imports nothing above it."""
