"""Floor 5: `Tensor`, creation, indexing, printing, sharing with NumPy, and the functions derived from the ops."""

from ._construct import channels_last, channels_last_3d, contiguous_format, layout, memory_format, preserve_format, sparse_coo, strided, tensor
from ._gradient import enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled
from ._settings import (
    finfo, get_default_dtype, get_num_threads, iinfo, is_complex, is_floating_point, is_storage, is_tensor, numel, result_type, set_default_device,
    set_default_dtype, set_num_threads, synchronize, use_deterministic_algorithms,
)
from .comparison import allclose, equal
from .creation import (
    arange, empty, empty_like, empty_strided, eye, full, full_like, linspace, logspace, normal, ones, ones_like, rand, rand_like, randint, randint_like,
    randn, randn_like, randperm, zeros, zeros_like,
)
from .creation import range_ as range
from .dynamic import (
    argwhere, bincount, histc, histogram, histogramdd, index_put, index_put_, is_nonzero, isin, masked_scatter, masked_select, nonzero, nonzero_static, repeat_interleave, tensor_split, unique, unique_consecutive, where,
)
from .generator import Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .interop import as_tensor, from_dlpack, from_numpy
from .printing import set_printoptions
from .random import dropout
from .random_functional import bernoulli, binomial, multinomial, poisson
from .reshaping import (
    as_strided, atleast_1d, atleast_2d, atleast_3d, broadcast_shapes, broadcast_tensors, cartesian_prod, combinations, meshgrid, tril_indices, triu_indices,
)
from ._tensor import Parameter, Tensor
from . import functions

__all__ = [n for n in dir() if not n.startswith("_") and n not in ("Parameter", "functions", "apply", "creation", "generator", "indexing", "interop", "printing", "random", "random_functional", "dynamic", "reshaping")]
