"""MKL, which is not used here."""


def is_available() -> bool:
    """Whether MKL is used."""
    return False
