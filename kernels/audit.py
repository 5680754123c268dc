"""The ledger's eye on a cast: what `kernels.quantize.requantize` does with the same codes, told in figures.

It runs beside the cast, never in its place, and only for a detailed ledger; it rounds with the cast's own functions.
Everything is one pass at the speed of memory, because no figure needs a branch: the excess comes from the smallest and
the largest rounded value, the dropped bits from the lowest bit that is set anywhere, and the first index, which would
need one, is looked for only when something did overflow.

Widths: every rounded value u must lie within |u| < 2^63, which `accel.numeric.cast` proves of every cast. The excess
u - high (high >= 0) or low - u (low <= 0) then lies below 2^63, so int64 holds it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.modes import Overflow, Rounding
from kernels.quantize import exact_integer, ones, round_drawn, round_shift

STOCHASTIC = int(Rounding.STOCHASTIC)
SAT_SYM = int(Overflow.SAT_SYM)


class AuditCounts(NamedTuple):
    """Figures of one cast.

    rounded: codes that lost bits that were not zero. dropped_bits: the most that one lost: how far below the target's
    lsb its lowest set bit stood. overflowed: rounded values out of range, as `requantize` counts them. largest_excess:
    the farthest of them beyond its limit, in lsb of the target. first: index of the first of them, -1 for none.
    """

    rounded: int
    dropped_bits: int
    overflowed: int
    largest_excess: int
    first: int


@inline
def limits(rq):
    """Return the smallest and the largest code that the target leaves as it is."""
    high = ones(rq.width - rq.signed)
    low = -high - 1 if rq.signed else 0
    if rq.overflow == SAT_SYM and rq.signed:
        low = -high
    return low, high


@inline
def rounded_code(codes, i, rq, draws):
    """Return code i rounded to the target's lsb, without bounds."""
    v = np.int64(codes[i])
    if rq.rounding == STOCHASTIC:
        return round_drawn(v, rq.shift, rq, draws[i])
    return round_shift(v, rq.shift, rq.rounding)


@inline
def first_outside(codes, rq, draws, low, high):
    """Return the index of the first code that rounds to less than low or more than high, -1 for none."""
    for i in range(codes.size):
        u = rounded_code(codes, i, rq, draws)
        if u > high or u < low:
            return i
    return -1


@inline
def lowest_bit(bits):
    """Return the position of the lowest set bit of an int64 that is not zero."""
    position = 0
    while (bits >> position) & 1 == 0:
        position += 1
    return position


# Both loops spell out one body, for the reason that stands in `kernels.quantize`.


@kernel
def audit(codes, rq, draws):
    """Return the `AuditCounts` of a cast.

    codes: (n,) integers · rq: Requant, any shift · draws: (n,) int64, or (0,) unless rounding is STOCHASTIC.
    """
    low, high = limits(rq)
    below = ones(rq.shift) if 0 < rq.shift < 64 else (-1 if rq.shift > 0 else 0)  # bits under the target's lsb
    smallest, largest = high, low  # of the rounded values, as far as they lie beyond these
    rounded, overflowed, seen = 0, 0, np.int64(0)
    if rq.rounding == STOCHASTIC:
        for i in range(codes.size):
            v = np.int64(codes[i])
            u = round_drawn(v, rq.shift, rq, draws[i])
            seen |= v & below
            rounded += np.int64((v & below) != 0)
            overflowed += np.int64(u > high) | np.int64(u < low)
            smallest, largest = min(smallest, u), max(largest, u)
    else:
        for i in range(codes.size):
            v = np.int64(codes[i])
            u = round_shift(v, rq.shift, rq.rounding)
            seen |= v & below
            rounded += np.int64((v & below) != 0)
            overflowed += np.int64(u > high) | np.int64(u < low)
            smallest, largest = min(smallest, u), max(largest, u)
    dropped = rq.shift - lowest_bit(seen) if seen != 0 else 0
    excess = max(largest - high, low - smallest, 0)
    first = first_outside(codes, rq, draws, low, high) if overflowed else -1
    return AuditCounts(rounded, dropped, overflowed, excess, first)


@kernel
def audit_values(bits, frac_bits, rq, draws):
    """Return the `AuditCounts` of encoding float64 values, counted in lsb of the target.

    bits: (n,) int64, those of the values, all below 2^62 lsb · frac_bits: the target's · the rest as for `audit`;
    rq.shift is not read.
    """
    low, high = limits(rq)
    rounded, dropped, overflowed, excess, first = 0, 0, 0, 0, -1
    for i in range(bits.size):
        v, shift = exact_integer(bits[i], frac_bits)
        u = round_drawn(v, shift, rq, draws[i]) if rq.rounding == STOCHASTIC else round_shift(v, shift, rq.rounding)
        rounded += np.int64(v & ones(min(max(shift, 0), 63)) != 0)
        if v & ones(min(max(shift - dropped, 0), 63)) != 0:  # more than any before, which is rare
            dropped = shift - lowest_bit(v)
        if u > high or u < low:
            first = i if overflowed == 0 else first
            overflowed += 1
            excess = max(excess, u - high, low - u)
    return AuditCounts(rounded, dropped, overflowed, excess, first)
