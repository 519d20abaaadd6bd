"""Sequences of different lengths in one tensor: padded, or packed without padding."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Sequence
from typing import Any

from ...core.dtypes import int64
from ...tensors import Tensor
from ...tensors import functions as ph

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]

_Packed = namedtuple("_Packed", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"])


class PackedSequence(_Packed):
    """Sequences laid out step by step: all first elements, then all second elements, ...

    Fields: `data` (sum of lengths, *); `batch_sizes` (longest length,), how many sequences reach each step (int64, on the
    CPU); `sorted_indices`, the order from longest to shortest, and `unsorted_indices`, the way back, both None where the
    sequences came sorted. Made by `pack_padded_sequence` and `pack_sequence`.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if batch_sizes is None:  # the pair (data, batch_sizes)
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be created manually. "
                "They should be instantiated by functions like pack_sequence and pack_padded_sequences in nn.utils.rnn."
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same sequences with `data` moved or cast; indices follow to the device."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        moved = [None if index is None else index.to(data.device) for index in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *moved)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same sequences on a CUDA device."""
        return self.to(*(args or ("cuda",)), **kwargs)

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same sequences on the CPU."""
        return self.to("cpu", *args, **kwargs)

    def double(self) -> PackedSequence:
        """With float64 data."""
        return self._with(self.data.double())

    def float(self) -> PackedSequence:
        """With float32 data."""
        return self._with(self.data.float())

    def half(self) -> PackedSequence:
        """With float16 data."""
        return self._with(self.data.half())

    def long(self) -> PackedSequence:
        """With int64 data."""
        return self._with(self.data.long())

    def _with(self, data: Tensor) -> PackedSequence:
        return self._replace(data=data)

    def pin_memory(self) -> PackedSequence:
        """With data in pinned memory."""
        return self._with(self.data.pin_memory())

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a CUDA device."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data is in pinned memory."""
        return self.data.is_pinned()


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes `permutation`.

    >>> import powerhouse as torch
    >>> invert_permutation(torch.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    return None if permutation is None else ph.argsort(permutation)


def pack_padded_sequence(input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> PackedSequence:
    """Pack a padded batch (T, B, *), or (B, T, *) with `batch_first`.

    Arguments: `lengths`, of each sequence, a list or a tensor on the CPU; `enforce_sorted`, they must fall.
    Errors: RuntimeError for lengths that are not positive, not sorted though they must be, or of another batch size.
    """
    sizes = _as_list(lengths)
    order = None if enforce_sorted else ph.argsort(ph.tensor(sizes, dtype=int64), descending=True)
    rows = range(len(sizes)) if order is None else order.tolist()
    sizes = [sizes[row] for row in rows]
    batch, steps = input.shape[:2] if batch_first else (input.shape[1], input.shape[0])
    _check_lengths(sizes, batch)
    batch_sizes = [sum(size > step for size in sizes) for step in range(sizes[0])]
    places = _places(batch_sizes, rows, batch, steps, batch_first)
    data = input.flatten(0, 1).index_select(0, places.to(input.device))
    return PackedSequence(data, ph.tensor(batch_sizes, dtype=int64), None if order is None else order.to(input.device))


def _places(batch_sizes: Sequence[int], rows: Sequence[int], batch: int, steps: int, batch_first: bool) -> Tensor:
    """Where in a flattened padded batch each element of the packed data stands; `rows`, the batch's order from longest to shortest."""
    step_size, row_size = (1, steps) if batch_first else (batch, 1)
    pairs = ((step, rows[place]) for step, count in enumerate(batch_sizes) for place in range(count))
    return ph.tensor([step * step_size + row * row_size for step, row in pairs], dtype=int64)


def _as_list(lengths: Any) -> list[int]:
    return lengths.tolist() if isinstance(lengths, Tensor) else [int(length) for length in lengths]


def _check_lengths(sizes: list[int], batch: int) -> None:
    if len(sizes) != batch:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={batch})")
    if sizes != sorted(sizes, reverse=True):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass `enforce_sorted=False` "
            "to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you do not need ONNX exportability."
        )
    if sizes[-1] <= 0:
        raise RuntimeError(f"Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0: {sizes[-1]}")


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Unpack into a padded batch (T, B, *), or (B, T, *) with `batch_first`, and the lengths (B,).

    Arguments: `padding_value`; `total_length`, pad to this length rather than to the longest one.
    """
    batch_sizes = sequence.batch_sizes.tolist()
    steps = len(batch_sizes)
    if total_length is not None and total_length < steps:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, "
            f"but got total_length={total_length} and max sequence length being {steps}"
        )
    data, batch = sequence.data, batch_sizes[0]
    rows = range(batch) if sequence.sorted_indices is None else sequence.sorted_indices.tolist()
    length = total_length or steps
    places = _places(batch_sizes, rows, batch, length, batch_first).to(data.device)
    padded = data.new_full((batch * length, *data.shape[1:]), padding_value).index_copy(0, places, data)
    lengths = [0] * batch
    for place, row in enumerate(rows):
        lengths[row] = sum(count > place for count in batch_sizes)
    outer = (batch, length) if batch_first else (length, batch)
    return padded.reshape(*outer, *data.shape[1:]), ph.tensor(lengths, dtype=int64)


def pad_sequence(
    sequences: Sequence[Tensor] | Tensor, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Stack sequences (L_i, *) into one (T, B, *), or (B, T, *) with `batch_first`, T the longest length.

    >>> import powerhouse as torch
    >>> pad_sequence([torch.ones(2), torch.ones(3)], batch_first=True)
    tensor([[1., 1., 0.],
            [1., 1., 1.]])
    """
    if padding_side not in ("left", "right"):
        raise ValueError(f"pad_sequence: expected padding_side to be 'left' or 'right', but got '{padding_side}'")
    if not isinstance(sequences, Iterable):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}")
    parts: Any = sequences.unbind(0) if isinstance(sequences, Tensor) else list(sequences)
    longest = max(sequence.shape[0] for sequence in parts)
    rows = []
    for sequence in parts:
        missing = longest - sequence.shape[0]
        filler = sequence.new_full((missing, *sequence.shape[1:]), padding_value)
        both = [sequence, filler] if padding_side == "right" else [filler, sequence]
        rows.append(ph.cat(both) if missing else sequence)
    return ph.stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """Cut a padded batch into its sequences: the inverse of `pad_sequence`."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [row[:length] for row, length in zip(padded_sequences.unbind(0), _as_list(lengths), strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (L_i, *)."""
    lengths = [sequence.shape[0] for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a packed batch: the inverse of `pack_sequence`."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
