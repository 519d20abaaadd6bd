"""Collating: from the list of a batch's samples to tensors with the batch as dimension 0."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from powerhouse.core import dtypes
from powerhouse.tensors import Tensor, as_tensor, functions
from powerhouse.utils.data._arrays import array_of, is_plain, tensor_of
from powerhouse.utils.data._shared import batch_buffer

CollateMap = dict[type | tuple[type, ...], Callable[..., Any]]

_NOT_NUMERIC = "SaUO"  # NumPy's kinds for bytes, strings and objects

default_collate_err_msg_format = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def default_convert(data: Any) -> Any:
    """Turns the NumPy arrays in a sample into tensors and leaves everything else as it is.

    Args:
        data: a sample: arrays, numbers, strings, or mappings and sequences of such things.

    Returns:
        The same structure; tuples other than named ones become lists.

    Example:
        >>> default_convert({"x": np.array([0, 1]), "name": "a"})
        {'x': tensor([0, 1]), 'name': 'a'}
    """
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)) and not isinstance(data, np.str_):
        return data if isinstance(data, np.ndarray) and _not_numeric(data.dtype) else as_tensor(data)
    if isinstance(data, Mapping):
        return _rebuilt_mapping(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _rebuilt_sequence(data, [default_convert(item) for item in data])
    return data


def default_collate(batch: Sequence[Any]) -> Any:
    """Stacks the samples of a batch.

    Args:
        batch: the samples, all of one structure.

    Returns:
        For tensors, NumPy arrays and numbers one tensor with a new dimension 0 of size ``len(batch)``; strings and
        bytes as they came; for mappings, named tuples and sequences the same structure with its parts collated
        (plain tuples become lists). Python floats become float64, ints int64.

    Raises:
        TypeError: samples of another type.
        RuntimeError: sequences of different lengths, tensors of different shapes.

    Example:
        >>> default_collate([(0, "a"), (1, "b")])
        [tensor([0, 1]), ('a', 'b')]
        >>> default_collate([{"x": 0.5}, {"x": 2.0}])
        {'x': tensor([0.5000, 2.0000], dtype=torch.float64)}
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """Collates the structure of the samples, and their leaves by a table from type to function.

    Args:
        batch: the samples, all of one structure.
        collate_fn_map: from a type (or a tuple of types) to ``function(batch, *, collate_fn_map)``. The exact type is
            looked up first, then the first entry of which the sample is an instance.

    Returns:
        See :func:`default_collate`.

    Raises:
        TypeError: no entry for a leaf.
        RuntimeError: ``each element in list of batch should be of equal size``.

    Example:
        >>> collate([[1, 2], [3, 4]], collate_fn_map={int: lambda batch, *, collate_fn_map: sum(batch)})
        [4, 6]
    """
    first = batch[0]
    function = _entry_for(first, collate_fn_map or {})
    if function is not None:
        return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        parts = {key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map) for key in first}
        return _rebuilt_mapping(first, parts)
    if isinstance(first, Sequence):
        if not hasattr(first, "_fields") and any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=False)]
        return _rebuilt_sequence(first, columns)
    raise TypeError(default_collate_err_msg_format.format(type(first)))


def _entry_for(sample: Any, table: CollateMap) -> Callable[..., Any] | None:
    exact = table.get(type(sample))
    return exact or next((function for kind, function in table.items() if isinstance(sample, kind)), None)


def _rebuilt_mapping(model: Mapping, parts: dict) -> Any:
    """``parts`` in a mapping like ``model``: a copy of it where it can change (it may carry more than its items)."""
    try:
        if isinstance(model, MutableMapping):
            clone = copy.copy(model)
            clone.update(parts)
            return clone
        return type(model)(parts)  # type: ignore[call-arg]
    except TypeError:
        return parts  # cannot be copied, updated or made from a dict


def _rebuilt_sequence(model: Sequence, parts: list) -> Any:
    """``parts`` in a sequence like ``model``, except that a plain tuple becomes a list, as it does in PyTorch."""
    if isinstance(model, tuple):
        return type(model)(*parts) if hasattr(model, "_fields") else parts
    try:
        if isinstance(model, MutableSequence):
            clone = copy.copy(model)  # type: ignore[type-var]
            for position, part in enumerate(parts):
                clone[position] = part
            return clone
        return type(model)(parts)  # type: ignore[call-arg]
    except TypeError:
        return parts  # cannot be copied, assigned or made from a list: a range


def _not_numeric(dtype: np.dtype) -> bool:
    return dtype.kind in _NOT_NUMERIC


# ---- leaves ----------------------------------------------------------------------------------------------------------


def collate_tensor_fn(batch: Sequence[Tensor], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Tensors of one shape -> (batch, *shape); in a worker process the result lies in shared memory already."""
    stacked = _stacked([array_of(each) for each in batch]) if all(is_plain(each) for each in batch) else None
    return functions.stack(tuple(batch), 0) if stacked is None else stacked


def _stacked(arrays: list[np.ndarray]) -> Tensor | None:
    """Arrays of one shape and dtype as one tensor; None when they differ."""
    shape, dtype = arrays[0].shape, arrays[0].dtype
    if any(array.shape != shape or array.dtype != dtype for array in arrays):
        return None
    out = batch_buffer((len(arrays), *shape), dtype.newbyteorder("="))
    if shape:
        np.concatenate(arrays, out=out.reshape(len(arrays) * shape[0], *shape[1:]))
    else:
        out[:] = arrays
    return tensor_of(out)


def collate_numpy_array_fn(batch: Sequence[np.ndarray], *, collate_fn_map: CollateMap | None = None) -> Any:
    """Numeric arrays as the tensors that they are."""
    if _not_numeric(batch[0].dtype):
        raise TypeError(default_collate_err_msg_format.format(batch[0].dtype))
    stacks_tensors = collate_fn_map is not None and collate_fn_map.get(Tensor) is collate_tensor_fn
    stacked = _stacked(list(batch)) if stacks_tensors else None
    if stacked is not None:
        return stacked
    return collate([as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch: Sequence[np.generic], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """NumPy scalars -> (batch,) of their dtype."""
    return as_tensor(batch)


def collate_float_fn(batch: Sequence[float], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Python floats -> (batch,) float64."""
    return as_tensor(batch, dtype=dtypes.float64)


def collate_int_fn(batch: Sequence[int], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Python ints -> (batch,) int64; bools -> bool."""
    return as_tensor(batch)


def collate_str_fn(batch: Sequence[str | bytes], *, collate_fn_map: CollateMap | None = None) -> Sequence[str | bytes]:
    """Strings and bytes as they came."""
    return batch


default_collate_fn_map: CollateMap = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}
