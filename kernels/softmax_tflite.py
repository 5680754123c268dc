"""The 16-bit softmax of TensorFlow Lite on integers: two interpolated tables of 513 entries.

x - largest, rescaled so that -10 is -65535 -> table of exp -> 32-bit sum, normalised -> table of 1 / (1 + x) ->
product. Every step rounds, and distances beyond -10 stay at the table's end. The surprise: that end is not 0, so a
thousand hopeless classes together take a visible share.
"""

from __future__ import annotations

from typing import NamedTuple

from kernels._jit import inline, kernel
from kernels.activation import exponent
from kernels.quantize import RND, RND_INF, confine, round_shift


class Rescale(NamedTuple):
    """A real factor as a 31-bit multiplier and a power of two: factor = multiplier * 2^(left_shift - 31)."""

    multiplier: int
    left_shift: int


HIGHEST, LOWEST = 32767, -32768  # of 16 bits


@inline
def rescaled(v, scale):
    """Return v * factor: the high half of the doubled product, half up; then a right shift, half away from zero."""
    high = round_shift((v << max(scale.left_shift, 0)) * scale.multiplier, 31, RND)
    return round_shift(high, max(-scale.left_shift, 0), RND_INF)


@inline
def look_up(table, v):
    """Return the line through two entries around v in [-32768, 32767], 7 bits of position, rounded half up."""
    v = min(max(v, LOWEST), HIGHEST)
    entry = 256 + (v >> 7)
    return table[entry] + round_shift((table[entry + 1] - table[entry]) * (v & 127), 7, RND)


@kernel
def softmax_tflite(codes, exp_table, inverse_table, scale, rq, out):
    """codes: (rows, k) int64 of 16 bits, 1 <= k <= 65536 · tables: (513,) int64 with 15 fraction bits · out: (rows, k).

    rq casts a probability with 15 fraction bits. Returns how many saturated.
    """
    rows, k = codes.shape
    overflowed = 0
    for row in range(rows):
        largest = codes[row, 0]
        for column in range(1, k):
            largest = max(largest, codes[row, column])
        total = 0
        for column in range(k):
            power = look_up(exp_table, rescaled(codes[row, column] - largest, scale) + HIGHEST)
            out[row, column] = power
            total += power
        size = exponent(total)  # the leading one goes to bit 16 and is then worth 1: 65536 + x, x in [0, 65535]
        normal = round_shift(total << (30 - size), 14, RND)
        inverse = look_up(inverse_table, normal - 65536 + LOWEST)
        for column in range(k):
            share = round_shift(out[row, column] * inverse, size, RND)
            code, outside = confine(round_shift(min(max(share, 0), HIGHEST), rq.shift, rq.rounding), 0, rq)
            out[row, column] = code
            overflowed += outside
    return overflowed
