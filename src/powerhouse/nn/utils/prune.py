"""Pruning: a mask of zeros over a parameter, kept up by a forward pre-hook.

After pruning `weight`, the module has a parameter `weight_orig`, a buffer `weight_mask`, and a plain attribute `weight`, their
product. Pruning again narrows the mask; `remove` makes the pruned values permanent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ...autograd import no_grad
from ...tensors import Tensor
from ...tensors import functions as ph
from ..module import Module
from ..parameter import Parameter
from .convert import parameters_to_vector

__all__ = [
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
    "scores_by_magnitude",
    "scores_by_chance",
]

MaskOf = Callable[[Tensor, Tensor], Tensor]  # (scores, mask so far) to the mask


class Pruning:
    """The forward pre-hook that recomputes a pruned tensor."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, masked(module, self.name))


def masked(module: Module, name: str) -> Tensor:
    """The original values times the mask."""
    mask, original = getattr(module, name + "_mask"), getattr(module, name + "_orig")
    return mask.to(original.dtype) * original


def scores_by_magnitude(values: Tensor) -> Tensor:
    """Importance of each element: its absolute value."""
    return values.abs()


def scores_by_chance(values: Tensor) -> Tensor:
    """Importance drawn at random."""
    return ph.rand(values.shape)


# ---- masks -----------------------------------------------------------------------------------------------------------


def _count(amount: float, size: int) -> int:
    """How many of `size` units to prune: `amount` itself where it is an int, a fraction of them where it is a float.

    Errors: TypeError for another type; ValueError for a negative number, a fraction above 1, or more units than there are.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if amount < 0 or (isinstance(amount, float) and amount > 1.0):
        raise ValueError(f"amount={amount} should either be a float in the range [0.0, 1.0] or a non-negative integer")
    count = amount if isinstance(amount, int) else round(amount * size)
    if count > size:
        raise ValueError(f"amount={amount} should be smaller than the number of parameters to prune={size}")
    return count


def _drop_lowest(scores: Tensor, mask: Tensor, amount: float) -> Tensor:
    """The mask without the lowest of the scores that it still keeps."""
    kept = mask.reshape(-1).nonzero().squeeze(1)
    count = _count(amount, kept.numel())
    if count == 0:
        return mask.clone()
    lowest = ph.topk(scores.reshape(-1).index_select(0, kept), count, largest=False).indices
    return mask.reshape(-1).index_fill(0, kept.index_select(0, lowest), 0.0).reshape(mask.shape)


def _drop_lowest_slices(scores: Tensor, mask: Tensor, amount: float, dim: int) -> Tensor:
    """The mask without the slices along `dim` whose scores (size of `dim`,) are lowest, among those it still keeps."""
    others = [other for other in range(mask.dim()) if other != dim % mask.dim()]
    kept = (mask.sum(dim=others) > 0).nonzero().squeeze(1)
    count = _count(amount, kept.numel())
    if count == 0:
        return mask.clone()
    lowest = ph.topk(scores.index_select(0, kept), count, largest=False).indices
    return mask.index_fill(dim, kept.index_select(0, lowest), 0.0)


# ---- pruning a module ------------------------------------------------------------------------------------------------


def _prune(module: Module, name: str, importance_scores: Tensor | None, mask_of: MaskOf) -> Module:
    """Mask `name` by `mask_of(scores, mask so far)`, the scores being the values where none are given."""
    original: Any = getattr(module, name + "_orig", None)
    if original is None:
        original = getattr(module, name)
        if not isinstance(original, Parameter):
            raise AttributeError(f"prune: {module._get_name()} has no parameter `{name}`")
    scores = original.detach() if importance_scores is None else importance_scores.detach()
    if scores.shape != original.shape:
        raise AssertionError("importance_scores should have the same shape as parameter " + f"{name} of {module}")
    with no_grad():
        before = getattr(module, name + "_mask", None)
        mask = mask_of(scores, ph.ones_like(original).detach() if before is None else before)
    if before is None:
        del module._parameters[name]
        module.register_parameter(name + "_orig", original)
        module.register_buffer(name + "_mask", mask)
        module.register_forward_pre_hook(Pruning(name))
    else:
        setattr(module, name + "_mask", mask)
    setattr(module, name, masked(module, name))
    return module


def identity(module: Module, name: str) -> Module:
    """Register the mask without pruning anything."""
    return _prune(module, name, None, lambda scores, mask: mask)


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prune elements at random. `amount`: how many (int), or which fraction (float) of those left."""
    return _prune(module, name, None, lambda scores, mask: _drop_lowest(scores_by_chance(scores), mask, amount))


def l1_unstructured(module: Module, name: str, amount: float, importance_scores: Tensor | None = None) -> Module:
    """Prune the elements of least absolute value (or score).

    >>> import powerhouse as torch
    >>> layer = l1_unstructured(torch.nn.Linear(4, 5), "weight", amount=0.25)
    >>> int((layer.weight == 0).sum())
    5
    """
    return _prune(module, name, importance_scores, lambda scores, mask: _drop_lowest(scores_by_magnitude(scores), mask, amount))


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prune whole slices along `dim` (channels) at random."""
    return _prune(
        module, name, None, lambda scores, mask: _drop_lowest_slices(ph.rand(scores.shape[dim]), mask, amount, dim)
    )


def ln_structured(
    module: Module, name: str, amount: float, n: float, dim: int, importance_scores: Tensor | None = None
) -> Module:
    """Prune the slices along `dim` (channels) of least n-norm."""

    def mask_of(scores: Tensor, mask: Tensor) -> Tensor:
        others = [other for other in range(scores.dim()) if other != dim % scores.dim()]
        return _drop_lowest_slices(scores.norm(n, dim=others), mask, amount, dim)

    return _prune(module, name, importance_scores, mask_of)


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune where `mask` is zero."""
    return _prune(module, name, None, lambda scores, before: before * mask.to(before.dtype))


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: Callable[[Tensor], Tensor] | Callable[..., Module],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    *,
    amount: float,
) -> None:
    """Prune the least important elements of several parameters, ranked together.

    Arguments: `parameters`, (module, name) pairs; `pruning_method`, `l1_unstructured` or `random_unstructured`, or a function
    from values to scores; `importance_scores`, by pair, the values where missing; `amount`, of all elements together.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    pairs = list(parameters)
    given = importance_scores or {}
    originals = [getattr(module, name + "_orig", getattr(module, name)) for module, name in pairs]
    scores = [given.get(pair, original).detach() for pair, original in zip(pairs, originals, strict=True)]
    masks = [getattr(module, name + "_mask", ph.ones_like(values)) for (module, name), values in zip(pairs, scores, strict=True)]
    score: Any = _SCORES.get(pruning_method, pruning_method)
    with no_grad():
        final = _drop_lowest(score(parameters_to_vector(scores)), parameters_to_vector(masks), amount)
    pieces = final.split([values.numel() for values in scores])
    for (module, name), piece, values in zip(pairs, pieces, scores, strict=True):
        custom_from_mask(module, name, piece.reshape(values.shape))


_SCORES: dict[Any, Callable[[Tensor], Tensor]] = {l1_unstructured: scores_by_magnitude, random_unstructured: scores_by_chance}


def remove(module: Module, name: str) -> Module:
    """Make the pruned values permanent: `name` is a parameter again. ValueError where it is not pruned."""
    for key, _ in _hooks_of(module, name):
        value = masked(module, name)
        original = module._parameters.pop(name + "_orig")
        del module._forward_pre_hooks[key], module._buffers[name + "_mask"]
        delattr(module, name)
        with no_grad():
            original.copy_(value)
        module.register_parameter(name, original)
        return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module: Module) -> bool:
    """Whether some parameter of the module or of a descendant is pruned."""
    return any(_hooks_of(descendant) for descendant in module.modules())


def _hooks_of(module: Module, name: str | None = None) -> Sequence[tuple[int, Pruning]]:
    hooks = module._forward_pre_hooks.items()
    return [(key, hook) for key, hook in hooks if isinstance(hook, Pruning) and name in (None, hook.name)]
