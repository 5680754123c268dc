"""Function units on integers: interpolated tables, the 2^x split, Newton-Raphson reciprocals.

Tables come from `accel.units`; nothing here knows a function, only how hardware walks a table. Interpolation is exact
(entry * 2^s + rise * position, no bit is dropped), so each result is rounded once and then confined, both by
`kernels.quantize`. The surprise: shifts that depend on the number (2^-n, a reciprocal's exponent) are folded into that
one rounding, never done before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.quantize import RND, TRN, confine, ones, round_shift


class Octaves(NamedTuple):
    """How |x| addresses a symmetric table of 4 * quarter segments.

    lift: exact left shift of the codes. step_bits: the first 2 * quarter segments are 2^step_bits wide, the next
    `quarter` twice, the last four times as wide. mirror: a negative x gives mirror - f(|x|), at the point of the
    interpolated value (table bits + step_bits + 2).
    """

    lift: int
    step_bits: int
    quarter: int
    mirror: int


class Split(NamedTuple):
    """How exp(-u) = 2^-(u * log2 e) is split: whole part and fraction of u * scale, table segments of the fraction."""

    scale: int
    fraction_bits: int
    segment_bits: int


class Newton(NamedTuple):
    """A reciprocal: working fraction bits, log2 of the number of seeds, Newton-Raphson steps."""

    bits: int
    seed_bits: int
    steps: int


FURTHEST_LEFT = -32
"""A reciprocal shifted 32 places to the left lies beyond every format of 32 bits, and 31 + 32 bits fit an int64."""


@inline
def interpolate(table, first, position, step_bits):
    """Return the line through the entries around `position`, exactly; entry `first` stands at position 0.

    The result has step_bits more fraction bits than the table.
    """
    entry = first + (position >> step_bits)
    here = table[entry]
    return (here << step_bits) + (table[entry + 1] - here) * (position & ones(step_bits))


@inline
def saturate(out, rq):
    """Confine rounded numbers to the target, in place, and return how many saturated.

    A loop of its own, because the two loops vectorise and one with both would not.
    """
    overflowed = 0
    for i in range(out.size):
        code, outside = confine(out[i], 0, rq)
        out[i] = code
        overflowed += outside
    return overflowed


@kernel
def rectify(codes, floor, out):
    """Write max(code, floor). codes: (n,) integers · out: (n,) of the same."""
    least = codes.dtype.type(floor)
    for i in range(codes.size):
        out[i] = max(codes[i], least)


@kernel
def symmetric(codes, table, octaves, rq, out):
    """Evaluate f(x) = mirror - f(-x) from a table over |x|; its last segment is flat and stands for all beyond.

    codes: (n,) int64 · table: (4 * quarter + 2,) int64 · out: (n,) int64 -> how many saturated.
    """
    reach = octaves.quarter << (octaves.step_bits + 1)  # where the segments first double
    for i in range(codes.size):
        magnitude = min(abs(codes[i]) << octaves.lift, 4 * reach)
        octave = np.int64(magnitude >= reach) + np.int64(magnitude >= 2 * reach)
        v = interpolate(table, octave * octaves.quarter, magnitude, octaves.step_bits + octave) << (2 - octave)
        out[i] = round_shift(octaves.mirror - v if codes[i] < 0 else v, rq.shift, rq.rounding)
    return saturate(out, rq)


@inline
def exp_code(u, table, split, rq):
    """Return exp(-u), u >= 0, rounded but not yet confined; rq casts from the table's point and the position's bits."""
    y = u * split.scale
    v = interpolate(table, 0, y & ones(split.fraction_bits), split.fraction_bits - split.segment_bits)
    return round_shift(v, rq.shift + (y >> split.fraction_bits), rq.rounding)


@kernel
def exp_falling(codes, table, split, rq, out):
    """codes: (n,) int64, each u >= 0 · table: (segments + 1,) int64 · out: (n,) int64 -> how many saturated."""
    for i in range(codes.size):
        out[i] = exp_code(codes[i], table, split, rq)
    return saturate(out, rq)


@inline
def exponent(v):
    """Return floor(log2(v)) of v >= 1: a leading-zero count."""
    bits = 0
    for step in (32, 16, 8, 4, 2, 1):
        if v >> step:
            v >>= step
            bits += step
    return bits


@inline
def reciprocal_mantissa(v, shift, seeds, newton):
    """Return about 2^(2 * bits) / m of the mantissa m = floor(v * 2^-shift) in [2^bits, 2^(bits + 1)).

    The seeds leave a residual |1 - m y| below 2^-seed_bits, so bits + 1 bits hold it to bits + seed_bits fraction
    bits: every product stays within 2 * bits + 2 bits.
    """
    m = round_shift(v, shift, TRN)
    y = seeds[(m >> (newton.bits - newton.seed_bits)) - (1 << newton.seed_bits)]
    for _ in range(newton.steps):
        residual = round_shift((1 << (2 * newton.bits)) - m * y, newton.bits - newton.seed_bits, RND)
        y += round_shift(y * residual, newton.bits + newton.seed_bits, RND)
    return y


@kernel
def newton_mantissas(codes, seeds, newton, mantissas, sizes):
    """Evaluate 1/d = mantissas * 2^-bits * 2^-sizes, sizes = floor(log2(d)), by Newton-Raphson steps.

    codes: (n,) int64, each >= 1 · seeds: (2^seed_bits,) int64 · mantissas, sizes: (n,) int64.
    """
    for i in range(codes.size):
        size = exponent(codes[i])
        mantissas[i] = reciprocal_mantissa(codes[i], size - newton.bits, seeds, newton)
        sizes[i] = size


@kernel
def line_mantissas(codes, table, bits, step_bits, mantissas, sizes):
    """Evaluate the same by one line; table: (2^(bits - step_bits) + 1,) int64 over the mantissas from 1 to 2."""
    for i in range(codes.size):
        size = exponent(codes[i])
        position = round_shift(codes[i], size - bits, TRN) - (1 << bits)
        mantissas[i] = round_shift(interpolate(table, 0, position, step_bits), step_bits, RND)
        sizes[i] = size


@kernel
def shift_back(codes, mantissas, sizes, rq, out):
    """Cast reciprocals; rq is for a mantissa that belongs to the code 1; 0 saturates.

    codes: (n,) int64, each >= 0 · mantissas, sizes: (n,) int64 of max(code, 1) · out: (n,) int64 -> how many saturated.
    """
    for i in range(codes.size):
        shift = max(rq.shift + sizes[i], FURTHEST_LEFT) if codes[i] else FURTHEST_LEFT
        out[i] = round_shift(mantissas[i], shift, rq.rounding)
    return saturate(out, rq)
