"""Rounding and overflow modes and `Requant`, the plain-integer record every kernel casts with.

The names and meanings are those of `ap_fixed` (AMD UG1399, "Arbitrary Precision Fixed-Point Data Types"). No Numba
here, so that configuration and estimates can name a mode without loading a compiler.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Rounding(IntEnum):
    """What happens to the bits below the target's lsb; h, r, neg and lsb are defined in `kernels.quantize`."""

    TRN = 0  # toward -inf (floor)
    TRN_ZERO = 1  # toward zero
    RND = 2  # nearest, half up
    RND_ZERO = 3  # nearest, half toward zero
    RND_MIN_INF = 4  # nearest, half down
    RND_INF = 5  # nearest, half away from zero
    RND_CONV = 6  # nearest, half to even
    STOCHASTIC = 7  # up with a probability equal to the discarded fraction


class Overflow(IntEnum):
    """What happens to a rounded value that the target cannot hold."""

    SAT = 0  # clip to the range
    SAT_ZERO = 1  # 0 when out of range
    SAT_SYM = 2  # clip to the symmetric range [-max, max]
    WRAP = 3  # keep the low bits; with saturation bits the top bits are forced
    WRAP_SM = 4  # sign-magnitude wrap (signed targets only)


class Requant(NamedTuple):
    """One cast in plain integers: source point and width -> target format, rounding, overflow.

    shift: source fraction bits minus target fraction bits (negative: exact left shift).
    source_width: bits of the source, including its sign, 1..64 (only WRAP_SM reads it).
    random_bits: width of the random draws that STOCHASTIC is given, 0 for every other mode.
    centred: 1 adds half a unit of the draw, which removes the bias of short draws.
    """

    shift: int
    rounding: int
    overflow: int
    signed: int
    width: int
    saturation_bits: int
    source_width: int
    random_bits: int
    centred: int
