"""Floor 4: segments, storages, realization, and backward across segments."""
