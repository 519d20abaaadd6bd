"""How ops are called: PyTorch's and NumPy's names of arguments, `out=`, and named results."""

from __future__ import annotations

import pickle

import pytest

import powerhouse as P

X = P.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("ours", "plain"),
    [
        (lambda: P.permute(X, dims=(1, 0)), lambda: X.permute(1, 0)),
        (lambda: X.permute(dims=[1, 0]), lambda: X.permute(1, 0)),
        (lambda: P.reshape(X, shape=(3, 2)), lambda: X.reshape(3, 2)),
        (lambda: P.reshape(input=X, shape=[6]), lambda: X.reshape(6)),
        (lambda: X.view(size=(3, 2)), lambda: X.view(3, 2)),
        (lambda: X.view(dtype=P.int32), lambda: X.view(P.int32)),
        (lambda: X.expand(size=(2, 2, 3)), lambda: X.expand(2, 2, 3)),
        (lambda: X.repeat(repeats=(2, 1)), lambda: X.repeat(2, 1)),
        (lambda: X.tile(dims=(2,)), lambda: X.tile(2)),
    ],
)
def test_sizes_by_keyword(ours, plain):
    """What is given one by one can be given by PyTorch's name for it."""
    assert P.equal(ours(), plain())


@pytest.mark.parametrize(
    ("ours", "plain"),
    [
        (lambda: P.sum(X, axis=1), lambda: X.sum(1)),
        (lambda: P.sum(a=X, axis=1, keepdims=True), lambda: X.sum(1, True)),
        (lambda: X.mean(axis=(0, 1), keepdims=True), lambda: X.mean((0, 1), True)),
        (lambda: X.max(axis=0).indices, lambda: X.max(0).indices),
        (lambda: P.cumsum(X, axis=1), lambda: X.cumsum(1)),
        (lambda: P.cat([X, X], axis=1), lambda: P.cat([X, X], 1)),
        (lambda: P.softmax(X, axis=1), lambda: X.softmax(1)),
        (lambda: P.index_select(X, axis=1, index=P.tensor([2])), lambda: X[:, 2:]),
        (lambda: P.sum(X, axis=0, out=P.empty(3)), lambda: X.sum(0)),
    ],
)
def test_numpy_names(ours, plain):
    """`axis` for `dim`, `keepdims` for `keepdim`."""
    assert P.equal(ours(), plain())


@pytest.mark.parametrize(
    ("call", "pattern"),
    [
        (lambda: P.softmax(X), r"softmax\(\) missing .* 'dim'"),
        (lambda: P.sum(X, axis=0, dim=1), r"sum\(\) got multiple values for argument 'dim'"),
        (lambda: P.sum(X, axes=0), r"sum\(\) got an unexpected keyword argument 'axes'"),
        (lambda: P.index_select(X, index=P.tensor([1])), r"index_select\(\) missing .* 'dim'"),
        (lambda: X.view(2, size=3), r"view\(\) got multiple values"),
        (lambda: X.view(dims=(2, 3)), r"view\(\) got an unexpected keyword argument 'dims'"),
        (lambda: P.sort(X, out=(P.empty(2, 3),)), r"sort\(\): argument 'out' must be a tuple of 2 Tensors"),
        (lambda: P.sum(X, 0, out=3), r"sum\(\): argument 'out' must be Tensor"),
    ],
)
def test_bad_names(call, pattern):
    """What is missing, unknown or given twice is refused."""
    with pytest.raises(TypeError, match=pattern):
        call()


def test_named_results():
    """Results with names print as PyTorch's, and can be pickled."""
    found = P.max(P.tensor([[1.0, 3.0], [2.0, 0.0]]), 1)
    assert repr(found) == "torch.return_types.max(\nvalues=tensor([3., 2.]),\nindices=tensor([1, 0]))"
    again = pickle.loads(pickle.dumps(found))
    assert type(again) is type(found) and P.equal(again.values, found.values)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_gradients_beside_nan(name):
    """Beside a nan both operands get the whole gradient; a tie shares it."""
    a = P.tensor([float("nan"), 1.0, 2.0, 3.0], requires_grad=True)
    b = P.tensor([1.0, float("nan"), 2.0, 1.0], requires_grad=True)
    getattr(P, name)(a, b).sum().backward()
    first = [1.0, 0.0] if name == "maximum" else [0.0, 1.0]
    assert a.grad.tolist() == [1.0, 1.0, 0.5, first[0]] and b.grad.tolist() == [1.0, 1.0, 0.5, first[1]]


def test_signs_of_nan():
    """The sign of nan is 0, so the gradient of `abs` there is 0."""
    x = P.tensor([float("nan"), -2.0, 0.0], requires_grad=True)
    x.abs().sum().backward()
    assert x.grad.tolist() == [0.0, -1.0, 0.0] and P.sgn(x).tolist() == [0.0, -1.0, 0.0]


def test_gradient_of_exponents_of_zero():
    """Of `0 ** y`, the gradient to y is -inf below 0, and 0 from 0 on."""
    y = P.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    P.pow(0.0, y).sum().backward()
    assert y.grad.tolist() == [-float("inf"), 0.0, 0.0]


def test_histogram_of_nothing():
    """Without elements the edges go from 0 to 1."""
    assert P.histogram(P.empty(0), 2).bin_edges.tolist() == [0.0, 0.5, 1.0]


def test_choice_in_large():
    """Large float32 choices are made by bits: nan and signed zeros stay as they are."""
    n = 40_000
    a = P.full((n,), float("nan"))
    mask = P.arange(n) % 3 == 0
    found = P.where(mask, a, P.full((n,), -0.0))
    assert P.equal(found.isnan(), mask) and bool(found.signbit()[1])
    assert P.where(mask, P.arange(n, dtype=P.int32), 7)[:4].tolist() == [0, 7, 7, 3]


@pytest.mark.parametrize(
    "divide", [lambda x: x // 0, lambda x: x % 0, lambda x: P.div(x, 0, rounding_mode="trunc"), lambda x: P.fmod(x, 0)]
)
def test_integers_divided_by_zero(divide):
    """An error for integers; an infinity or nan for floats."""
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        divide(P.tensor([1, 2])).tolist()
    assert not divide(P.tensor([1.0, 2.0])).isfinite().any()


def test_counts_in_int64():
    """`arange` and `logspace` of an integer dtype count in it."""
    assert P.arange(0, 3.1, dtype=P.int64).tolist() == [0, 1, 2]
    assert P.arange(0.0, -8.5, -4.0, dtype=P.int64).tolist() == [0, -4]
    assert P.logspace(4.3, 1.2, 4, dtype=P.int64).tolist() == [10000, 1000, 100, 10]


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        ({"M": -1}, "non-negative window length"),
        ({"M": 3, "dtype": P.bfloat16}, "expects float32 or float64"),
        ({"M": 3, "layout": P.sparse_coo}, "strided tensors only"),
    ],
)
def test_windows_refuse(options, pattern):
    """Windows refuse negative lengths, half precision and other layouts."""
    for name in ("hann", "kaiser", "exponential"):
        with pytest.raises(ValueError, match=f"{name} .*{pattern}"):
            getattr(P.signal.windows, name)(**options)
    with pytest.raises(ValueError, match="beta must be non-negative"):
        P.signal.windows.kaiser(3, beta=-1)
    with pytest.raises(ValueError, match="Center must be None"):
        P.signal.windows.exponential(3, center=1)


def test_names_of_products():
    """The node of a matrix product has the name that PyTorch gives it, by the ranks of its operands."""
    x, w, b = P.ones(2, 3, requires_grad=True), P.ones(4, 3), P.ones(4)
    found = [x @ w.t(), x @ P.ones(3), P.nn.functional.linear(x, w), P.nn.functional.linear(x, w, b), x.double(), x[P.tensor([0])]]
    names = ["Mm", "Mv", "Mm", "Addmm", "ToCopy", "Index"]
    assert [t.grad_fn.name() for t in found] == [f"{n}Backward0" for n in names]
