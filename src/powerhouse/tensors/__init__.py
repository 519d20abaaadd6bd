"""Floor 5: `Tensor`, creation, indexing, printing, sharing with NumPy, and the functions derived from the ops."""

from types import ModuleType as _ModuleType

from . import complex_parts, functions
from ._construct import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    sparse_coo,
    strided,
    tensor,
)
from ._gradient import enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled
from ._settings import (
    can_cast,
    finfo,
    get_default_dtype,
    get_num_threads,
    iinfo,
    is_complex,
    is_floating_point,
    is_tensor,
    numel,
    result_type,
    set_default_device,
    set_default_dtype,
    set_num_threads,
    synchronize,
)
from ._tensor import Parameter, Tensor
from .buffers import asarray, frombuffer
from .comparison import allclose, equal
from .constants import e, inf, nan, newaxis, pi
from .creation import (
    arange,
    empty,
    empty_like,
    empty_strided,
    eye,
    full,
    full_like,
    linspace,
    logspace,
    normal,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    zeros,
    zeros_like,
)
from .creation import range_ as range
from .dynamic import (
    argwhere,
    bincount,
    histc,
    histogram,
    histogramdd,
    index_put,
    index_put_,
    is_nonzero,
    isin,
    masked_scatter,
    masked_select,
    nonzero,
    nonzero_static,
    repeat_interleave,
    tensor_split,
    unique,
    unique_consecutive,
    where,
)
from .einsum import einsum
from .frequency import istft
from .generator import Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .interop import as_tensor, from_dlpack, from_numpy
from .linear_algebra import cholesky, inverse, svd
from .low_rank import pca_lowrank, svd_lowrank
from .native import alpha_dropout, batch_norm, embedding, feature_alpha_dropout, instance_norm, native_batch_norm
from .printing import set_printoptions
from .questions import detach, detach_, get_device, is_conj, is_inference, is_neg, is_same_size, is_signed, scalar_tensor, typename
from .random import dropout
from .random_functional import bernoulli, binomial, feature_dropout, multinomial, poisson
from .reshaping import (
    as_strided,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_shapes,
    broadcast_tensors,
    cartesian_prod,
    combinations,
    meshgrid,
    tril_indices,
    triu_indices,
)
from .storages import TypedStorage, UntypedStorage, is_storage
from .switches import *  # noqa: F403
from .typed import *  # noqa: F403
from .windows import bartlett_window, blackman_window, hamming_window, hann_window, kaiser_window

__all__ = [name for name, value in list(globals().items()) if name[0] != "_" and name != "Parameter" and not isinstance(value, _ModuleType)]
