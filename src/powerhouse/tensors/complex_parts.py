"""`x.real` and `x.imag`, which can also be assigned to."""

from __future__ import annotations

from typing import Any

from ..graph.op import REGISTRY
from ._tensor import Tensor
from .apply import apply, assign, is_tensor


def _part(name: str) -> property:
    def get(self: Tensor) -> Tensor:
        return apply(REGISTRY[name], (self,))

    def put(self: Tensor, value: Any) -> None:
        if not self.dtype.is_complex and name == "imag":
            raise RuntimeError("imag: not implemented for tensors with non-complex dtypes.")
        value = (value if is_tensor(value) else self.new_tensor(value, dtype=self.dtype.to_real())).expand(self.shape)
        if self.dtype.is_complex:
            parts = {"real": self.real, "imag": self.imag} | {name: value.to(self.dtype.to_real())}
            value = apply(REGISTRY["complex"], (parts["real"], parts["imag"]))
        assign(self, value, name)

    return property(get, put, doc=f"The part `{name}` of the elements (a copy, unlike PyTorch's view); assigning writes to this tensor.")


for _name in ("real", "imag"):
    setattr(Tensor, _name, _part(_name))
