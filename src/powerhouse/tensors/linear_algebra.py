"""Linear algebra that can fail: the functions whose ops mark a failure, here raising it at the call, as PyTorch does.

Whether a matrix is singular is in its values: these functions realize what has been recorded. The `_ex` functions do not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..graph.op import REGISTRY
from ._tensor import Tensor
from .functions import function_of


class LinAlgError(RuntimeError):
    """A matrix is singular, not positive definite, or not finite where it has to be."""


_cholesky_ex, _inv_ex, _lu_ex = (function_of(REGISTRY[name], f"linalg.{name}") for name in ("cholesky_ex", "inv_ex", "lu_factor_ex"))

_SINGULAR = "The diagonal element {} is zero, the inversion could not be completed because the input matrix is singular."
_UNSOLVABLE = "The solver failed because the input matrix is singular."
_INDEFINITE = (
    "The factorization could not be completed because the input is not positive-definite "
    "(the leading minor of order {} is not positive-definite)."
)
_DIVISION = (
    "U[{0},{0}] is zero and using it on lu_solve would result in a division by zero. "
    "To factorize nevertheless, call linalg.lu or linalg.lu_factor_ex."
)
_DIVERGED = "The algorithm failed to converge because the input matrix contained non-finite values, or is ill-conditioned."


def _has_nan(result: Any) -> bool:
    first = next(t for t in (result if isinstance(result, tuple) else (result,)) if t.numel())
    return bool(np.isnan(first._array()).any())


def _has_zero_pivot(result: Any) -> bool:
    return bool((np.diagonal(result[0]._array(), axis1=-2, axis2=-1) == 0).any())


def _no_info(*args: Any, **kwargs: Any) -> Any:
    return None


def _raise_by_info(op: str, info: Any, message: str) -> None:
    """Raise for the first matrix whose `info` is not 0."""
    array = info._array()
    found = np.argwhere(array)
    if len(found):
        place = f"(Batch element {np.ravel_multi_index(tuple(found[0]), array.shape)}): " if array.ndim else ""
        raise LinAlgError(f"{op}: {place}{message.format(int(array[tuple(found[0])]))}")


def _checked(op: str, name: str, suspicious: Callable[[Any], bool], explain: Callable[..., Any], message: str) -> Callable[..., Any]:
    """The function `name` of an op, which looks at its result and raises where it is `suspicious`.

    `explain` gives LAPACK's info for the same arguments; without one, a suspicious result of a finite input is a failure.
    """
    plain = function_of(REGISTRY[op], name)
    short = name.removeprefix("Tensor.")

    @wraps(plain)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = plain(*args, **kwargs)
        outputs = result if isinstance(result, tuple) else (result,)
        if any(t.numel() for t in outputs) and suspicious(result):
            info = explain(*args, **kwargs)
            if info is None:
                raise LinAlgError(f"{short}: {message}")
            _raise_by_info(short, info, message)
        return result

    return call


def _definite(A: Any, upper: bool = False, **_: Any) -> Any:
    return _cholesky_ex(A, upper=upper).info


def _invertible(A: Any, *_: Any, **__: Any) -> Any:
    return _inv_ex(A).info


def _factorable(A: Any, *_: Any, **__: Any) -> Any:
    return _lu_ex(A).info


_Rule = tuple[Callable[[Any], bool], Callable[..., Any], str]
_CHOLESKY: _Rule = (_has_nan, _definite, _INDEFINITE)
_INVERSE: _Rule = (_has_nan, _invertible, _SINGULAR)
_FACTOR: _Rule = (_has_zero_pivot, _factorable, _DIVISION)
_ITERATION: _Rule = (_has_nan, _no_info, _DIVERGED)
_RULES: dict[str, tuple[str, _Rule]] = {
    "linalg.cholesky": ("linalg_cholesky", _CHOLESKY), "cholesky": ("cholesky", _CHOLESKY), "Tensor.cholesky": ("cholesky", _CHOLESKY),
    "linalg.inv": ("inv", _INVERSE), "inverse": ("inv", _INVERSE), "Tensor.inverse": ("inv", _INVERSE),
    "linalg.solve": ("solve", (_has_nan, _invertible, _UNSOLVABLE)),
    "linalg.lu_factor": ("lu_factor", _FACTOR),
    "linalg.eigh": ("eigh", _ITERATION), "linalg.eigvalsh": ("eigvalsh", _ITERATION), "linalg.eig": ("eig",
        _ITERATION), "linalg.eigvals": ("eigvals", _ITERATION),
    "linalg.svd": ("linalg_svd", _ITERATION), "linalg.svdvals": ("svdvals", _ITERATION), "svd": ("svd", _ITERATION), "Tensor.svd": ("svd",
        _ITERATION),
}


def _checked_on_demand(op: str, name: str, message: str) -> Callable[..., Any]:
    """An `_ex` function, which raises only if asked to with `check_errors`."""
    plain = function_of(REGISTRY[op], name)

    @wraps(plain)
    def call(*args: Any, check_errors: bool = False, **kwargs: Any) -> Any:
        result = plain(*args, **kwargs)
        if check_errors:
            _raise_by_info(name, result[-1], message)
        return result

    return call


_ON_DEMAND = {"cholesky_ex": _INDEFINITE, "inv_ex": _SINGULAR, "lu_factor_ex": _DIVISION, "solve_ex": _UNSOLVABLE}

LINALG: dict[str, Callable[..., Any]] = {"LinAlgError": LinAlgError}  # what the module `linalg` has from here
ROOT: dict[str, Callable[..., Any]] = {}  # what the package has from here
for _name, (_op, _rule) in _RULES.items():
    _space, _, _short = _name.rpartition(".")
    _function = _checked(_op, _name, *_rule)
    if _space == "Tensor":
        setattr(Tensor, _short, _function)
    else:
        (LINALG if _space else ROOT)[_short] = _function
for _op, _message in _ON_DEMAND.items():
    LINALG[_op] = _checked_on_demand(_op, f"linalg.{_op}", _message)

cholesky, inverse, svd = ROOT["cholesky"], ROOT["inverse"], ROOT["svd"]
__all__ = ["LINALG", "LinAlgError", "cholesky", "inverse", "svd"]
