"""opt_einsum, which is not used here."""

enabled = False
strategy = None


def is_available() -> bool:
    """Whether opt_einsum is used."""
    return False
