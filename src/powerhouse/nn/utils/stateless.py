"""Calling a module with parameters that are given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...tensors import Tensor
from ..module import Module


def functional_call(
    module: Module,
    parameters_and_buffers: dict[str, Tensor] | tuple[dict[str, Tensor], ...],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`module(*args, **kwargs)` with some of its parameters and buffers replaced by tensors, by name; gradients flow to the tensors.

    Args:
        parameters_and_buffers: tensors by the names of `named_parameters()` and `named_buffers()`, or several such dicts.
        args: a tuple of arguments, or the only one.
        tie_weights: a tensor that the module has under several names is replaced under all of them.
        strict: all names must be given, and no others.

    >>> import powerhouse as torch
    >>> layer = torch.nn.Linear(1, 1)
    >>> torch.nn.utils.stateless.functional_call(layer, {"weight": torch.tensor([[3.0]]), "bias": torch.tensor([1.0])}, torch.tensor([2.0]))
    tensor([7.])
    """
    several = parameters_and_buffers if isinstance(parameters_and_buffers, (tuple, list)) else (parameters_and_buffers,)
    given: dict[str, Tensor] = {}
    for part in several:
        if given.keys() & part.keys():
            twice = sorted(given.keys() & part.keys())
            raise ValueError(f"functional_call: {twice} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        given |= part
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


@contextmanager
def _replaced(module: Module, given: dict[str, Tensor], tie: bool, strict: bool) -> Iterator[None]:
    """A block in which the module has the given tensors."""
    own = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}
    if strict and own.keys() != given.keys():
        raise RuntimeError(
            f"functional_call: Missing key(s): {sorted(own.keys() - given.keys())}. Unexpected key(s): {sorted(given.keys() - own.keys())}"
        )
    unknown = given.keys() - own.keys()
    if unknown:
        raise KeyError(f"functional_call: {type(module).__name__} has no parameter or buffer {sorted(unknown)}")
    if tie:
        by_identity = {id(own[name]): value for name, value in given.items()}
        given = {name: given.get(name, by_identity.get(id(t))) for name, t in own.items() if name in given or id(t) in by_identity}
    places = [(*_place(module, name), value) for name, value in given.items()]
    before = [table[name] for table, name, _ in places]
    try:
        for table, name, value in places:
            table[name] = value
        yield
    finally:
        for (table, name, _), value in zip(places, before, strict=True):
            table[name] = value


def _place(module: Module, name: str) -> tuple[dict[str, Any], str]:
    """The table of a submodule in which a parameter or buffer is, and its name there."""
    path, _, last = name.rpartition(".")
    owner = module.get_submodule(path)
    return (owner._parameters if last in owner._parameters else owner._buffers), last


__all__ = ["functional_call"]
