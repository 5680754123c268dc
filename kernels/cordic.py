"""Hyperbolic CORDIC rotations: x, s, z = x + d (s >> i), s + d (x >> i), z + d angle, d driving z to zero.

Shifts floor, as `>>>` of a two's-complement register does. Invariant, up to the floors and the gain of the rotations to
come: 2^-f = (x + s) 2^-z, so that x + s is the result once z is smaller than the last angle. The surprise: the gain,
a shrinking of every rotation, is paid in advance by where x starts.
"""

from __future__ import annotations

from typing import NamedTuple

from kernels._jit import kernel
from kernels.activation import saturate
from kernels.quantize import RND, floor_shift, ones, round_shift


class Turn(NamedTuple):
    """How u becomes an angle: log2(e), the fraction bits of u * log2(e), those of the registers, and where x starts."""

    scale: int
    fraction_bits: int
    bits: int
    start: int


@kernel
def exp_cordic(codes, angles, shifts, turn, rq, out):
    """codes: (n,) int64, each u >= 0 · angles, shifts: (rotations,) int64 · out: (n,) int64 -> how many saturated.

    angles: in octaves (of log2 e), as the fraction of u * log2(e) is. rq casts from the registers' point.
    """
    for i in range(codes.size):
        y = codes[i] * turn.scale
        x, s = turn.start, 0
        z = round_shift(y & ones(turn.fraction_bits), turn.fraction_bits - turn.bits, RND)
        for rotation in range(angles.size):
            d = -1 if z >= 0 else 1
            shift = shifts[rotation]
            x, s = x + d * floor_shift(s, shift), s + d * floor_shift(x, shift)
            z += d * angles[rotation]
        out[i] = round_shift(x + s, rq.shift + (y >> turn.fraction_bits), rq.rounding)
    return saturate(out, rq)
