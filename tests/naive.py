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


def stepwise(
    products: Sequence[int],
    bias: int,
    shift: int,
    rounding: Rounding,
    order: AccumulationOrder,
    low: int,
    high: int,
    wraps: bool,
) -> tuple[int, int]:
    """Add products and bias in the machine's order: (sum, how many additions left the range)."""
    overflows = 0

    def add(a: int, b: int) -> int:
        nonlocal overflows
        overflows += not low <= a + b <= high
        return held(a + b, low, high, wraps)

    def chain(start: int, addends: Sequence[int]) -> int:
        for group in split(addends, order.group):
            start = add(start, sum(group))
        return start

    addends = [rounded(int(product), shift, rounding) for product in products]
    total = int(bias) if order.bias_first else 0
    if order.fold:
        for fold in split(addends, order.fold):
            total = add(total, chain(0, fold))
    else:
        total = chain(total, addends)
    if not order.bias_first:
        total = add(total, int(bias))
    return total, overflows


def split(sequence: Sequence[int], length: int) -> list[Sequence[int]]:
    """Cut into pieces of `length`, the last one maybe shorter."""
    return [sequence[first : first + length] for first in range(0, len(sequence), length)]
