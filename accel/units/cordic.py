"""exp(-u) by hyperbolic CORDIC: shifts and additions turn (1, 0) through the angle -f, cosh + sinh = exp.

J. S. Walther, "A unified algorithm for elementary functions", AFIPS SJCC 1971: rotation i goes by +-atanh(2^-i), i =
1, 2, 3, ..., and converges only when i = 4, 13, 40 are done twice. The angles are kept in units of ln(2), which the
2^x split leaves f in, so that no multiplication by ln(2) is needed. The surprise: the last angle, not the word
length, is the error: one more rotation halves it, until the guard bits are used up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.exp_pow2 import log2_e_scale
from accel.units.unit import (
    Codes,
    Memories,
    UnaryUnit,
    check_formats,
    final_cast,
    frozen_table,
    require_offered,
    require_unsigned,
    stored_bits,
)
from kernels.modes import Requant, Rounding

ITERATIONS = range(8, 25)
GUARD_BITS = range(9)
FRAC_BITS = range(8, 41)
"""Working fraction bits: float64 rounds angles of 40 bits correctly."""


@dataclass(frozen=True, eq=False)
class CordicExp(UnaryUnit):
    """One rotation per cycle on registers of w = target's fraction bits + guard bits (8..40).

    Table rule: angle of rotation i = round(atanh(2^-i) log2(e) * 2^w); start = round(2^w / K), K = the product of
    sqrt(1 - 4^-i) over all rotations done.
    Steps: y = u * round(log2(e) * 2^16), exact; n = whole part of y, z = its fraction rounded to w bits; x = start,
    s = 0; per rotation d = -1 if z >= 0 else 1: x, s, z = x + d (s >> i), s + d (x >> i), z + d angle, shifts
    floored; code = RND((x + s) * 2^-n).
    Error: the last angle (2^-i relative), floors and angles up to 2^-w per rotation, cast 1/2 lsb.
    Time: multiply by log2(e), rotations, add, shift and round: 3 + rotations; one input per `iterations` cycles.
    """

    angles: NDArray[np.int64]
    shifts: NDArray[np.int64]
    scale: int
    fraction_bits: int
    working_bits: int
    start: int
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) u -> (n,) exp(-u)."""
        from kernels.cordic import Turn, exp_cordic

        out = np.empty_like(codes)
        turn = Turn(self.scale, self.fraction_bits, self.working_bits, self.start)
        return out, int(exp_cordic(codes, self.angles, self.shifts, turn, self.cast, out))

    def memories(self) -> Memories:
        """Return the angles in the order of the rotations."""
        return {"angle": (self.angles, stored_bits(self.angles))}


def cordic(source: QFormat, target: QFormat, *, iterations: int = 18, guard_bits: int = 5) -> CordicExp:
    """Build the unit; `iterations` counts repeated rotations too.

    Raises ConfigError for a signed source, formats out of reach, and numbers that are not offered.
    """
    check_formats("exp", source, target)
    require_unsigned("exp(-u)", source)
    require_offered("exp 'cordic'", "iterations", iterations, ITERATIONS)
    require_offered("exp 'cordic'", "guard_bits", guard_bits, GUARD_BITS)
    working_bits = min(max(target.frac_bits + guard_bits, FRAC_BITS[0]), FRAC_BITS[-1])
    shifts = rotations(iterations)
    gain = math.prod(math.sqrt(1 - 4.0**-i) for i in shifts)
    angles = frozen_table(round(math.ldexp(math.atanh(2.0**-i) * math.log2(math.e), working_bits)) for i in shifts)
    scale, fraction_bits = log2_e_scale(source, 0)
    return CordicExp(
        name="exp",
        design="cordic",
        source=source,
        target=target,
        cost=UnitCost(
            latency_cycles=iterations + 3,
            interval_cycles=iterations,
            table_bits=iterations * stored_bits(angles),
            multipliers=1,
            adders=5,
        ),
        angles=angles,
        shifts=frozen_table(shifts),
        scale=scale,
        fraction_bits=fraction_bits,
        working_bits=working_bits,
        start=round(math.ldexp(1 / gain, working_bits)),
        cast=final_cast(working_bits, target, Rounding.RND),
    )


def rotations(count: int) -> tuple[int, ...]:
    """Return the shifts of the first `count` rotations: 1, 2, 3, 4, 4, 5, ..., 13, 13, ..."""
    shifts: list[int] = []
    index, repeated = 1, 4
    while len(shifts) < count:
        shifts.append(index)
        if index == repeated:
            shifts.append(index)
            repeated = 3 * repeated + 1
        index += 1
    return tuple(shifts[:count])
