"""What the kernels of attention and of its gradient are made of.

A block of queries lies across vectors: scores of keys with queries are [key][query], so that each step of the softmax is one of whole
vectors, and keys and values are read element by element from where they are. Queries and results are turned on the way in and out.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log
from struct import pack, unpack
from typing import NamedTuple

import numpy as np

from ..core import dtypes as dt
from ..graph.symbol import Symbol
from .function import Function
from .gemm_pack import transposed
from .math import FUNCTIONS
from .target import Target
from .task import At, Place
from .values import BOOL, F32, F64, I64, LlvmScalars, Value
from .vocabulary import fma, horner

SCALARS = LlvmScalars(FUNCTIONS)
KEYS = 64  # a block of keys
HEAD = "ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr noalias %scratch"
NONE, CAUSAL, TRUTHS, ADDED = "none", "causal", "truths", "added"  # masks


class Tile(NamedTuple):
    """The text's own sizes: a block of queries is `vectors` vectors of `lanes`; `rows` rows of a product are made at a time."""

    kind: np.dtype
    lanes: int
    vectors: int
    rows: int

    @property
    def width(self) -> int:
        """Elements of a row."""
        return self.lanes * self.vectors

    @property
    def unit(self) -> int:
        """What the sizes of padded memory are multiples of."""
        return max(self.lanes, self.rows)

    def padded(self, size: int) -> int:
        """The size in whole units."""
        return -(-size // self.unit) * self.unit


def tile_of(kind: np.dtype, target: Target, vectors: int) -> Tile:
    """The tile whose accumulators, with a row of vectors and a broadcast element, fit into the registers."""
    rows = next(r for r in (8, 4, 2, 1) if r * vectors + vectors < target.registers)
    return Tile(kind, target.lanes(kind), vectors, rows)


def vectors_for(sizes: tuple[int, ...], kind: np.dtype, target: Target, causal: bool = False) -> int:
    """Vectors in a row for rows of these sizes. Wider ones do more with each element that is broadcast; narrow ones waste fewer lanes,
    and where the mask is `causal` fewer scores."""
    lanes = target.lanes(kind)

    def cost(vectors: int) -> float:
        width = vectors * lanes
        done = sum(-(-size // width) * width * ((size + width) / size if causal else 1.0) for size in sizes if size)
        return done * (1.0 + 0.1 / vectors)

    return min((4, 2, 1) if target.registers >= 32 else (2, 1), key=cost)


class Part(Function):
    """A function that is called where it is needed: copies in its callers and unrolled loops would take time to compile and gain none."""

    def text(self) -> str:
        """The whole function."""
        head, body = super().text().split(" {\n", 1)
        return f"{head} noinline optsize {{\n{body}"


# --- moving -----------------------------------------------------------------------------------------------------------------------


def rows_in(name: str, tile: Tile, truths: bool = False) -> Function:
    """The function

        void name(ptr source, i64 row_step, i64 step, i64 rows, i64 columns, ptr out, i64 height, i64 width)

    which copies rows, wherever they are, to `out` [height][width], with zeros around them. With `truths`, true becomes 0 and false -inf.
    """
    parameters = "ptr %source, i64 %row_step, i64 %step, i64 %rows, i64 %columns, ptr noalias %out, i64 %height, i64 %width"
    f = Part(name, parameters, tile.lanes)
    row_step, step, rows, columns, height, width = f.ints("row_step step rows columns height width")
    memory = np.dtype(np.int8) if truths else tile.kind

    def element(x: Value) -> Value:
        return SCALARS.where(x == 0, x.b.constant(-inf, tile.kind), x.b.constant(0.0, tile.kind)) if truths else x

    with f.loop(0, height * width, tile.lanes) as at:
        f.store(f.many.constant(0.0, tile.kind), f.at("%out", at, tile.kind))
    with f.loop(0, rows) as r:
        source, out = f.at("%source", r * row_step, memory), f.at("%out", r * width, tile.kind)
        with f.when(step == 1), f.loop(0, columns, tile.lanes) as c:
            f.store(element(f.load_masked(f.at(source, c, memory), memory, f.first(columns - c))), f.at(out, c, tile.kind))
        with f.when(step != 1), f.loop(0, columns) as c:
            f.store(element(f.load(f.at(source, c * step, memory), memory)), f.at(out, c, tile.kind))
    return f


def as_it_is(f: Function, value: Value, place: str, mask: Value, row: Value) -> Value:
    """What `rows_out` makes of a vector if nothing is said."""
    return value


def rows_out(name: str, tile: Tile, change: Callable[..., Value] = as_it_is, more: str = "") -> Function:
    """The function

        void name(ptr source, i64 width, i64 rows, i64 columns, ptr out{more})

    which copies what is of account of `source` [..][width] to `out` [rows][columns]: what `change` makes of each vector, given the place
    that it goes to, the mask of its lanes, and the number of its row.
    """
    f = Part(name, f"ptr %source, i64 %width, i64 %rows, i64 %columns, ptr noalias %out{more}", tile.lanes)
    width, rows, columns = f.ints("width rows columns")
    with f.loop(0, rows) as r, f.loop(0, columns, tile.lanes) as c:
        mask, out = f.first(columns - c), f.at("%out", r * columns + c, tile.kind)
        value = f.load(f.at("%source", r * width + c, tile.kind), tile.kind, tile.lanes)
        f.store_masked(change(f, value, out, mask, r), out, mask)
    return f


def turn(name: str, tile: Tile) -> Function:
    """The function

        void name(ptr source, i64 height, i64 width, T factor, ptr out)

    which transposes `source` [height][width], times a factor, to `out` [width][height]; both sizes are whole vectors.
    """
    kind, lanes = tile.kind, tile.lanes
    t = "float" if kind == F32 else "double"
    f = Part(name, f"ptr %source, i64 %height, i64 %width, {t} %factor, ptr noalias %out", lanes)
    height, width = f.ints("height width")
    factor = f.splat(argument(f, "factor", kind))
    with f.loop(0, height, lanes) as i, f.loop(0, width, lanes) as j:
        rows = [f.load(f.at("%source", (i + k) * width + j, kind), kind, lanes) for k in range(lanes)]
        for k, column in enumerate(transposed(f, rows)):
            f.store(column * factor, f.at("%out", (j + k) * height + i, kind))
    return f


# --- products ---------------------------------------------------------------------------------------------------------------------


def product(name: str, tile: Tile) -> Function:
    """The function

        void name(ptr a, i64 a_row, i64 a_step, i64 rows, i64 depth, ptr b, i64 b_step, ptr c, i64 c_row, i64 add, ptr factors)

    which computes C = A B, or C = C F + A B where `add` is not 0, for C [rows][tile.width] with F the diagonal of `factors`. B lies in
    rows of whole vectors, A anywhere. Rows of C are made `tile.rows` at a time: what is behind the last is overwritten.
    """
    parameters = (
        "ptr %a, i64 %a_row, i64 %a_step, i64 %rows, i64 %depth, ptr %b, i64 %b_step, ptr noalias %c, i64 %c_row, i64 %add, ptr %factors"
    )
    kind, lanes = tile.kind, tile.lanes
    f = Part(name, parameters, lanes)
    a_row, a_step, rows, depth, b_step, c_row, add = f.ints("a_row a_step rows depth b_step c_row add")
    with f.loop(0, rows, tile.rows) as r:
        places = [f.at(f.at("%c", (r + i) * c_row, kind), v * lanes, kind) for i in range(tile.rows) for v in range(tile.vectors)]
        sums = [f.cell(kind, 0.0, many=True) for _ in places]
        with f.when(add != 0):
            factors = [f.load(f.at("%factors", v * lanes, kind), kind, lanes) for v in range(tile.vectors)]
            for k, (cell, place) in enumerate(zip(sums, places, strict=True)):
                cell.set(f.load(place, kind, lanes) * factors[k % tile.vectors])
        sources = [f.at("%a", f.smaller(r + i, rows - 1) * a_row, kind) for i in range(tile.rows)]
        with f.loop(0, depth) as k:
            row = [f.load(f.at(f.at("%b", k * b_step, kind), v * lanes, kind), kind, lanes) for v in range(tile.vectors)]
            for i, source in enumerate(sources):
                element = f.splat(f.load(f.at(source, k * a_step, kind), kind))
                for v, cell in enumerate(sums[i * tile.vectors : (i + 1) * tile.vectors]):
                    cell.set(f.fma(element, row[v], cell.get()))
        for cell, place in zip(sums, places, strict=True):
            f.store(cell.get(), place)
    return f


# --- weights ----------------------------------------------------------------------------------------------------------------------

# 2**r = 1 + r P(r) for |r| <= 1/2: in float32 a fit of least squares to 4e-9, in float64 Taylor's series.
_POWER = {
    F32: (0.00015464633608570049, 0.001339608289220473, 0.009618045735635614, 0.05550341349389903, 0.24022651004786816, 0.693147197115592),
    F64: tuple(log(2) ** k / np.prod(np.arange(1.0, k + 1)) for k in range(13, 0, -1)),
}
_LEAST = {F32: -126.0, F64: -1022.0}
_MANTISSA = {F32: 23, F64: 52}


def fallen(x: Value) -> Value:
    """e to the power x for x <= 0: as `exp`, without the care for large ones; results below the normal range are 0."""
    kind = x.kind
    x = x * (1 / log(2))
    low = x.b.constant(_LEAST[kind], kind)
    whole = 1.5 * 2.0 ** _MANTISSA[kind] + 1 - _LEAST[kind]  # in whose sum with x the low bits are those of 2**x's exponent
    inside = SCALARS.where(x < low, low, x)
    shifted = inside + whole
    r = inside - (shifted - whole)
    value = fma(horner(r, _POWER[kind]), r, 1.0) * (shifted.bits() << _MANTISSA[kind]).as_float()
    return SCALARS.where(x < low, x.b.constant(0.0, kind), value)


def weight(x: Value) -> Value:
    """The exponential of a score less its row's log-sum-exp, which rounding may bring above 0."""
    return fallen(SCALARS.where(x > 0, 0.0, x))


def hide_later_keys(name: str, tile: Tile) -> Function:
    """The function

        void name(ptr scores, i64 keys, i64 first)

    which makes the scores -inf of keys that come after their query, where the first key is `first` behind the first query.
    """
    f = Part(name, "ptr %scores, i64 %keys, i64 %first", tile.lanes)
    keys, first = f.ints("keys first")
    kind = I64 if tile.kind == F64 else np.dtype(np.int32)
    t = f.many.vector(kind)
    lanes = Value(f.many, "<" + ", ".join(f"i{8 * kind.itemsize} {i}" for i in range(tile.lanes)) + ">", kind)
    with f.loop(f.either(first < 0, 0 - first, 0), keys) as k:
        number = Value(f.one, f.one.define(f"trunc i64 {(first + k).name} to i32"), kind) if kind != I64 else first + k
        behind = f.splat(number)
        for v in range(tile.vectors):
            place = f.at("%scores", k * tile.width + v * tile.lanes, tile.kind)
            later = Value(f.many, f.many.define(f"icmp sgt {t} {behind.name}, {(lanes + v * tile.lanes).name}"), BOOL)
            f.store(SCALARS.where(later, f.many.constant(-inf, tile.kind), f.load(place, tile.kind, tile.lanes)), place)
    return f


def apply_mask(name: str, tile: Tile, mask: str) -> Function:
    """The function

        void name(ptr scores, ptr mask, i64 rows)

    which adds rows of a mask to rows of scores, or makes them -inf where the mask is.
    """
    f = Part(name, "ptr noalias %scores, ptr %mask, i64 %rows", tile.lanes)
    with f.loop(0, f.int("rows") * tile.width, tile.lanes) as at:
        place = f.at("%scores", at, tile.kind)
        score, added = (f.load(p, tile.kind, tile.lanes) for p in (place, f.at("%mask", at, tile.kind)))
        f.store(score + added if mask == ADDED else SCALARS.where(added == 0, score, added), place)
    return f


def clear(tile: Tile) -> Function:
    """`void clear(ptr out, i64 count)`: zeros."""
    f = Part("clear", "ptr %out, i64 %count", tile.lanes)
    count = f.int("count")
    with f.loop(0, count, tile.lanes) as at:
        f.store_masked(f.many.constant(0.0, tile.kind), f.at("%out", at, tile.kind), f.first(count - at))
    return f


def prepare(tile: Tile) -> Function:
    """The function

        void prepare(ptr gradients, ptr out, i64 width, i64 rows, ptr levels, ptr means)

    which changes the log-sum-exps of rows without keys such that their weights become 0, and stores the sums of g * out.
    """
    f = Part("prepare", "ptr %gradients, ptr %out, i64 %width, i64 %rows, ptr noalias %levels, ptr noalias %means", tile.lanes)
    kind, lanes = tile.kind, tile.lanes
    width, rows = f.ints("width rows")
    with f.loop(0, rows, lanes) as at:
        place = f.at("%levels", at, kind)
        level = f.load(place, kind, lanes)
        f.store(SCALARS.where(level == -inf, inf, level), place)
    with f.loop(0, rows) as r:
        total = f.cell(kind, 0.0, many=True)
        with f.loop(0, width, lanes) as at:
            a, b = (f.load(f.at(p, r * width + at, kind), kind, lanes) for p in ("%gradients", "%out"))
            total.set(f.fma(a, b, total.get()))
        f.store(lane_sum(f, total.get()), f.at("%means", r, kind))
    return f


# --- numbers ----------------------------------------------------------------------------------------------------------------------


def numbers_of(f: Function, names: str) -> dict[str, Value]:
    """The first numbers, by their names."""
    return {name: f.number("%numbers", i) for i, name in enumerate(names.split())}


def scratch_of(f: Function, numbers: dict[str, Value]) -> list[str]:
    """The pieces of scratch memory whose places are numbers."""
    return [f.at("%scratch", value, "i8") for name, value in numbers.items() if name.startswith("at_")]


def padded(f: Function, size: Value, tile: Tile) -> Value:
    """The size in whole units."""
    return f.ratio_up(size, tile.unit) * tile.unit


def argument(f: Function, name: str, kind: np.dtype) -> Value:
    """A parameter that is a number of some kind."""
    return Value(f.one, f"%{name}", kind)


def in_all_lanes(f: Function, x: Value, join: Callable[[Value, Value], Value]) -> Value:
    """A vector's lanes joined, half with half; the result is in all lanes."""
    half = f.lanes // 2
    while half:
        x = join(x, f.shuffle(x, x, [k ^ half for k in range(f.lanes)]))
        half //= 2
    return x


def lane_sum(f: Function, x: Value) -> Value:
    """The sum of a vector's lanes."""
    x = in_all_lanes(f, x, lambda a, b: a + b)
    return Value(f.one, f.one.define(f"extractelement {f.many.vector(x.kind)} {x.name}, i64 0"), x.kind)


def real(bits: Value, kind: np.dtype) -> Value:
    """A number that was handed over as the bits of a double."""
    return bits.as_float().astype(kind)


def offsets(f: Function, head: Value, first: int, dims: Value, count: int) -> list[Value]:
    """Where operands begin at one index of the batch. From number `first` on, each dim has its size and each operand's stride."""
    rest, found = f.cell(start=head), [f.cell() for _ in range(count)]
    with f.loop(0, dims) as back:
        dim = f.at("%numbers", (dims - 1 - back) * (count + 1) + first, "i64")
        now = rest.get()
        left = f.quotient(now, f.number(dim, 0))
        index = now - left * f.number(dim, 0)
        for k, cell in enumerate(found):
            cell.set(cell.get() + index * f.number(dim, k + 1))
        rest.set(left)
    return [cell.get() for cell in found]


# --- lowering ------------------------------------------------------------------------------------------------------------------------


def mask_of(operands: tuple[Symbol, ...], causal: bool) -> str:
    """Which mask there is, of those that the texts know."""
    if not operands:
        return CAUSAL if causal else NONE
    return TRUTHS if operands[0].dtype is dt.bool_ else ADDED


def bits_of(number: float) -> int:
    """The bits of a double."""
    return unpack("<q", pack("<d", number))[0]


def over_heads(shape: tuple[int, ...], places: list[Place]) -> tuple[int, ...]:
    """The number of batch dims, after merging those that are one in memory for all, and their sizes and strides."""
    merged: list[tuple[int, tuple[int, ...]]] = []
    for d, size in enumerate(shape):
        strides = tuple(p.strides[d] for p in places)
        if size == 1:
            continue
        if merged and merged[-1][1] == tuple(s * size for s in strides):
            size *= merged.pop()[0]
        merged.append((size, strides))
    return (len(merged), *(x for size, strides in merged for x in (size, *strides)))


def address(place: Place, s: Symbol) -> At:
    """Where a value begins."""
    return At(place.base, place.offset * s.dtype.numpy.itemsize)


def spread(sizes: dict[str, int], itemsize: int) -> tuple[tuple[int, ...], int]:
    """The places in scratch memory, in bytes, of pieces of so many elements, and the bytes that they take."""
    places, end = [], 0
    for size in sizes.values():
        places.append(end)
        end += -(-size * itemsize // 64) * 64
    return tuple(places), end


def mask_kind(kind: np.dtype, mask: str) -> np.dtype:
    """A mask's elements in memory."""
    return BOOL if mask == TRUTHS else kind
