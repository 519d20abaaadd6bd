"""OpenMP, which is not used here."""


def is_available() -> bool:
    """Whether OpenMP is used."""
    return False
