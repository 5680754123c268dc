"""1/d of a positive number: leading-zero normalise, seed from a table, Newton-Raphson steps, shift back.

y' = y + y * (1 - m y) doubles the good bits of y at every step (Parhami, "Computer Arithmetic", 2nd ed., section 16.3).
The surprise: a step always lands at or below 1/m, so without further steps the error has one sign.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.reciprocal_unit import WORKING_BITS, MantissaReciprocal
from accel.units.unit import Memories, check_formats, final_cast, frozen_table, require_offered, require_unsigned

SEEDS = (16, 64, 256)
STEPS = range(4)


@dataclass(frozen=True, eq=False)
class LutNewton(MantissaReciprocal):
    """Seed table and Newton-Raphson steps on a mantissa m in [1, 2) of 20 fraction bits.

    Table rule: entry i = round(2^20 / (1 + (i + 1/2) / entries)), the reciprocal of the middle of its interval:
    relative error at most 1 / (2 entries + 1). 20 bits per entry.
    Steps: m = d shifted until its leading one stands at 2^20, bits below are dropped; residual = 1 - m y rounded to
    20 + log2(entries) fraction bits (its leading log2(entries) bits are zero); y += RND(y * residual); code = RND_CONV
    of y shifted back, saturated. d = 0 gives the largest code.
    Measured good bits, -log2(worst relative error) of the mantissa's reciprocal, for 0/1/2 steps: 16 seeds
    5.0/10.1/19.5, 64 seeds 7.0/14.0/20.0, 256 seeds 9.0/17.9/20.0.
    Stages: normalise; seed; two multiplications per step; shift and round: 3 + 2 steps. One input per cycle.
    """

    seeds: NDArray[np.int64]
    steps: int

    def mantissa(self, codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """codes: (n,) d >= 1 -> (n,) y, (n,) size."""
        from kernels.activation import Newton, newton_mantissas

        y, size = np.empty_like(codes), np.empty_like(codes)
        newton_mantissas(codes, self.seeds, Newton(WORKING_BITS, self.seed_bits, self.steps), y, size)
        return y, size

    def memories(self) -> Memories:
        """Return the seeds."""
        return {"seed": (self.seeds, WORKING_BITS)}

    @property
    def seed_bits(self) -> int:
        """Index bits of the seed table."""
        return self.seeds.size.bit_length() - 1


def lut_newton(source: QFormat, target: QFormat, *, entries: int = 64, steps: int = 1) -> LutNewton:
    """Build the unit. Raises ConfigError for a signed source, formats out of reach, tables or steps not offered."""
    check_formats("reciprocal", source, target)
    require_unsigned("reciprocal", source)
    require_offered("reciprocal 'lut-newton'", "entries", entries, SEEDS)
    require_offered("reciprocal 'lut-newton'", "steps", steps, STEPS)
    # 2^20 * 2 n / (2 n + 2 i + 1): a quotient of integers, so the rounding of the rule is the only one.
    table = frozen_table(round((2 * entries << WORKING_BITS) / (2 * entries + 2 * i + 1)) for i in range(entries))
    return LutNewton(
        name="reciprocal",
        design="lut-newton",
        source=source,
        target=target,
        cost=UnitCost(
            latency_cycles=3 + 2 * steps,
            table_bits=entries * WORKING_BITS,
            multipliers=2 * steps,
            adders=2 * steps + 1,
        ),
        # The code 1 is worth 2^-frac_bits, so its reciprocal's mantissa stands that far up.
        cast=final_cast(WORKING_BITS - source.frac_bits, target),
        seeds=table,
        steps=steps,
    )
