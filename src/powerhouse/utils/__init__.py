"""Helpers around training that are not part of the tensor itself; :mod:`powerhouse.utils.data` loads data."""
