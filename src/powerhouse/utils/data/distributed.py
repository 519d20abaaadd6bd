"""The distributed sampler under the module name that it has in PyTorch."""

from powerhouse.utils.data.sampler import DistributedSampler

__all__ = ["DistributedSampler"]
