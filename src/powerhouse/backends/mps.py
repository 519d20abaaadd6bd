"""Apple's GPU, which is not used here."""


def is_available() -> bool:
    """Whether an Apple GPU can be used."""
    return False


def is_built() -> bool:
    """Whether Powerhouse was built for Apple GPUs."""
    return False
