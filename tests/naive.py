"""What the kernels must compute, once more as plain loops over Python integers: slow, unbounded and obviously right."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from accel.loopnest import AccumulationOrder
from kernels.conv import Geometry
from kernels.modes import Rounding

HALF = Fraction(1, 2)


def dot(a: Sequence[int], b: Sequence[int]) -> int:
    """Sum of products."""
    return sum(int(p) * int(q) for p, q in zip(a, b, strict=True))


def matmul(x, w) -> list[list[int]]:
    """x: (M, K) · w: (N, K) -> (M, N)."""
    return [[dot(row, filter_) for filter_ in w] for row in x]


def positions(extent: int, size: int, stride: int, padding: int, dilation: int) -> int:
    """Count the window positions along one axis by sliding the window until it no longer fits."""
    count, start = 0, -padding
    while start + (size - 1) * dilation <= extent - 1 + padding:
        count, start = count + 1, start + stride
    return count


def output_size(height: int, width: int, g: Geometry) -> tuple[int, int]:
    """Window positions along rows and columns."""
    return (
        positions(height, g.R, g.stride_h, g.pad_h, g.dilation_h),
        positions(width, g.S, g.stride_w, g.pad_w, g.dilation_w),
    )


def window(image, p: int, q: int, g: Geometry) -> Iterator[int | None]:
    """The codes of one map (H, W) that window (p, q) sees, in row order; None where it lies in the padding."""
    for r in range(g.R):
        for s in range(g.S):
            h = p * g.stride_h - g.pad_h + r * g.dilation_h
            v = q * g.stride_w - g.pad_w + s * g.dilation_w
            yield int(image[h][v]) if 0 <= h < len(image) and 0 <= v < len(image[0]) else None


def receptive_field(maps, f: int, filters: int, p: int, q: int, g: Geometry) -> list[int]:
    """What filter f of `filters` multiplies at (p, q): the channels of its group in order (c, r, s), padding as 0."""
    channels = len(maps) // g.groups
    group = f // (filters // g.groups)
    mine = maps[group * channels : (group + 1) * channels]
    return [code or 0 for image in mine for code in window(image, p, q, g)]


def conv2d(x, w, g: Geometry) -> list[list[list[list[int]]]]:
    """x: (N, C, H, W) · w: (K, C/groups * R * S) -> (N, K, P, Q)."""
    P, Q = output_size(len(x[0][0]), len(x[0][0][0]), g)
    return [
        [
            [[dot(receptive_field(maps, f, len(w), p, q, g), w[f]) for q in range(Q)] for p in range(P)]
            for f in range(len(w))
        ]
        for maps in x
    ]


def pool2d(x, join, g: Geometry) -> list[list[list[list[int]]]]:
    """x: (N, C, H, W) -> (N, C, P, Q); join: what becomes of the codes of a window, padding left out."""
    P, Q = output_size(len(x[0][0]), len(x[0][0][0]), g)

    def pooled(image, p: int, q: int) -> int:
        return join([code for code in window(image, p, q, g) if code is not None])

    return [[[[pooled(image, p, q) for q in range(Q)] for p in range(P)] for image in maps] for maps in x]


def rounded(code: int, shift: int, mode: Rounding) -> int:
    """code * 2^-shift as an integer, by the name of the mode."""
    x = Fraction(code) / Fraction(2) ** shift
    down, up = math.floor(x), math.ceil(x)
    if x - down != HALF:
        nearest = down if x - down < HALF else up
    else:
        nearest = {
            Rounding.RND: up,
            Rounding.RND_MIN_INF: down,
            Rounding.RND_ZERO: min(down, up, key=abs),
            Rounding.RND_INF: max(down, up, key=abs),
            Rounding.RND_CONV: down if down % 2 == 0 else up,
        }.get(mode, 0)
    return {Rounding.TRN: down, Rounding.TRN_ZERO: math.trunc(x)}.get(mode, nearest)


def held(v: int, low: int, high: int, wraps: bool) -> int:
    """What an accumulator of that range keeps of v."""
    return (v - low) % (high - low + 1) + low if wraps else min(max(v, low), high)


def machine_steps(order: AccumulationOrder, extents: tuple[int, int, int]) -> list[list[int]]:
    """The indices k = (c, r, s) of the products that each step of the machine takes, loop by loop."""
    channels, rows, columns = extents
    most = {"C": math.ceil(channels / order.group), "R": rows, "S": columns}
    found: list[list[int]] = []
    first, second, third = order.loops
    for i in range(most[first]):
        for j in range(most[second]):
            for k in range(most[third]):
                at = {first: i, second: j, third: k}
                mine = range(channels)[at["C"] * order.group : (at["C"] + 1) * order.group]
                found.append([c * rows * columns + at["R"] * columns + at["S"] for c in mine])
    return found


class Register:
    """One accumulator, clocked addition by addition; a late one keeps a wrapped sum and a flag, as hardware does."""

    def __init__(self, start: int, low: int, high: int, wraps: bool, late: bool) -> None:
        self.value, self.low, self.high, self.wraps, self.late = start, low, high, wraps, late
        self.flag = 0
        self.overflows: list[int] = []
        self.extremes: list[int] = []

    def add(self, addend: int) -> None:
        """One clock."""
        if self.flag:
            self.settle()
            self.overflows.append(0)
            return
        v = self.value + addend
        self.extremes.append(v)
        outside = (v > self.high) - (v < self.low)
        self.overflows.append(abs(outside))
        if self.late and outside:
            self.value, self.flag = held(v, self.low, self.high, wraps=True), outside
        else:
            self.value = held(v, self.low, self.high, self.wraps)

    def settle(self) -> int:
        """Obey a standing flag, which takes no addition."""
        if self.flag:
            self.value, self.flag = (self.high if self.flag > 0 else self.low), 0
        return self.value


def stepwise(
    products: Sequence[int],
    bias: int,
    shift: int,
    rounding: Rounding,
    order: AccumulationOrder,
    extents: tuple[int, int, int],
    low: int,
    high: int,
    wraps: bool,
    late: bool = False,
) -> tuple[int, list[int], list[int]]:
    """Add products and bias in the machine's order: (sum, 0 or 1 per addition: out of range, sums before overflow)."""
    addends = [rounded(int(product), shift, rounding) for product in products]
    sums = [sum(addends[k] for k in step) for step in machine_steps(order, extents)]
    total = Register(int(bias) if order.bias_first else 0, low, high, wraps, late)
    overflows: list[int] = []
    extremes: list[int] = []
    for fold in split(sums, order.fold) if order.fold else []:
        running = Register(0, low, high, wraps, late)
        for addend in fold:
            running.add(addend)
        total.add(running.settle())
        overflows += [*running.overflows, total.overflows[-1]]
        extremes += running.extremes
    for addend in [] if order.fold else sums:
        total.add(addend)
        overflows.append(total.overflows[-1])
    if not order.bias_first:
        total.add(int(bias))
        overflows.append(total.overflows[-1])
    return total.settle(), overflows, extremes + total.extremes


def split(sequence: Sequence[int], length: int) -> list[Sequence[int]]:
    """Cut into pieces of `length`, the last one maybe shorter."""
    return [sequence[first : first + length] for first in range(0, len(sequence), length)]
