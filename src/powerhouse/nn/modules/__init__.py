"""`nn.modules` and its files, under the names that scripts import them by: `nn.modules.batchnorm._BatchNorm`."""

from __future__ import annotations

import sys

from .. import (
    activation,
    adaptive,
    attention,
    containers,
    conv,
    distance,
    dropout,
    flatten,
    lazy,
    linear,
    loss,
    module,
    normalization,
    padding,
    pooling,
    recurrent,
    sparse,
    transformer,
    upsampling,
)
from ..module import Module
from . import utils

_FILES = {
    "activation": activation,
    "adaptive": adaptive,
    "attention": attention,
    "batchnorm": normalization,
    "container": containers,
    "conv": conv,
    "distance": distance,
    "dropout": dropout,
    "flatten": flatten,
    "fold": conv,
    "instancenorm": normalization,
    "lazy": lazy,
    "linear": linear,
    "loss": loss,
    "module": module,
    "normalization": normalization,
    "padding": padding,
    "pixelshuffle": upsampling,
    "pooling": pooling,
    "rnn": recurrent,
    "sparse": sparse,
    "transformer": transformer,
    "upsampling": upsampling,
}
for _name, _file in _FILES.items():
    sys.modules[f"{__name__}.{_name}"] = globals()[_name] = _file
    globals().update({_public: getattr(_file, _public) for _public in getattr(_file, "__all__", ())})

__all__ = ["Module", "utils", *_FILES]
