"""The loader under the module name that it has in PyTorch."""

from powerhouse.utils.data.collate import default_collate, default_convert
from powerhouse.utils.data.loader import DataLoader
from powerhouse.utils.data.worker import get_worker_info

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]
