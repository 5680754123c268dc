"""exp(-u) without interpolation: direct tables, a product of two tables, Horner's scheme.

Tables and constants come from `accel.units`; the split of u into octaves is that of `kernels.activation`. An address
is a floor, and each result is rounded once to the target, the shift by its octave folded in. The surprise: the direct
table holds finished codes, so its outputs are counted as saturated by their address.
"""

from __future__ import annotations

from typing import NamedTuple

from kernels._jit import kernel
from kernels.activation import saturate
from kernels.quantize import RND, floor_shift, ones, round_shift


class Horner(NamedTuple):
    """exp(-u) = 2^-(u * log2 e): the constant, the fraction bits of the product, and those the polynomial works on."""

    scale: int
    fraction_bits: int
    bits: int


class Halves(NamedTuple):
    """How u addresses two tables: bits dropped before the 16 that are read, fraction bits of the second table."""

    drop: int
    fall_bits: int


LAST_POSITION = 65535
"""Both bytes full."""


@kernel
def exp_lookup(codes, table, split, rq, out):
    """codes: (n,) int64, each u >= 0 · table: (2^segment_bits,) int64 of 2^-f · out: (n,) -> how many saturated.

    split: `kernels.activation.Split`. rq casts from the table's point.
    """
    for i in range(codes.size):
        y = codes[i] * split.scale
        entry = floor_shift(y & ones(split.fraction_bits), split.fraction_bits - split.segment_bits)
        out[i] = round_shift(table[entry], rq.shift + (y >> split.fraction_bits), rq.rounding)
    return saturate(out, rq)


@kernel
def exp_direct(codes, table, shift, saturated, out):
    """codes: (n,) int64, each u >= 0 · table: (entries,) int64, finished codes · out: (n,) int64 -> how many saturated.

    The entry is floor(u * 2^-shift), the last one beyond the table; the first `saturated` entries were clipped.
    """
    last = table.size - 1
    overflowed = 0
    for i in range(codes.size):
        entry = min(floor_shift(codes[i], shift), last)
        out[i] = table[entry]
        overflowed += entry < saturated
    return overflowed


@kernel
def exp_two_tables(codes, high, fall, halves, rq, out):
    """Evaluate high * (1 - fall) at the upper and lower byte of floor(u * 2^-drop), the last position beyond.

    codes: (n,) int64, each u >= 0 · high, fall: (256,) int64 · out: (n,) int64 -> how many saturated. rq casts from
    the fraction bits of both tables together.
    """
    for i in range(codes.size):
        position = min(floor_shift(codes[i], halves.drop), LAST_POSITION)
        upper = high[position >> 8]
        out[i] = round_shift((upper << halves.fall_bits) - upper * fall[position & 255], rq.shift, rq.rounding)
    return saturate(out, rq)


@kernel
def exp_polynomial(codes, coefficients, horner, rq, out):
    """Evaluate 1 + c1 f + c2 f^2 + ...; rq casts from `bits` fraction bits.

    codes: (n,) int64, each u >= 0 · coefficients: (degree,) int64 c1, c2, ... · out: (n,) int64 -> how many saturated.
    """
    for i in range(codes.size):
        y = codes[i] * horner.scale
        f = floor_shift(y & ones(horner.fraction_bits), horner.fraction_bits - horner.bits)
        v = 0
        for degree in range(coefficients.size - 1, -1, -1):
            v = coefficients[degree] + round_shift(v * f, horner.bits, RND)
        v = (1 << horner.bits) + round_shift(v * f, horner.bits, RND)
        out[i] = round_shift(v, rq.shift + (y >> horner.fraction_bits), rq.rounding)
    return saturate(out, rq)
