"""1/sqrt(v) of a positive number: leading-zero normalise by even powers of two, seed, Newton-Raphson, shift back.

What layer normalisation multiplies by. One octave of seeds would not do: v = m 4^h leaves m in [1, 4), so the lowest
bit of the exponent is one more address bit. Algorithm in `kernels.norm`; Parhami, "Computer Arithmetic", 2nd ed.,
section 21.5 (convergence to the reciprocal of the root, which needs no division).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.reciprocal_unit import WORKING_BITS
from accel.units.unit import (
    Codes,
    Memories,
    UnaryUnit,
    check_formats,
    final_cast,
    frozen_table,
    require_offered,
    require_unsigned,
)
from kernels.modes import Requant

SEEDS = (32, 64, 128, 256)
STEPS = range(4)


@dataclass(frozen=True, eq=False)
class NewtonRoot(UnaryUnit):
    """Seed table over two octaves and Newton-Raphson steps on a mantissa m in [1, 4) of 20 fraction bits.

    Table rule: entry i of n = entries / 2, for m in [1, 2) and again for m in [2, 4), is
    round(2^20 / sqrt((1 + (i + 1/2) / n) 2^octave)), the reciprocal root of the middle of its interval: relative error
    about 1 / (4 n). 20 bits per entry.
    Steps: v shifted until its leading one stands at 2^20, bits below are dropped; y^2 rounded to 20 + log2(n) fraction
    bits; residual = 1 - m y^2, likewise; y += RND(y * residual / 2); code = RND_CONV of y shifted back, saturated.
    v = 0 gives the largest code.
    Measured good bits, -log2(worst relative error) of the mantissa's root, for 0/1/2 steps: 32 entries 6.0/11.4/19.6,
    64 entries 7.0/13.4/19.6, 128 entries 8.0/15.4/19.6, 256 entries 9.0/17.3/19.6.
    Stages: normalise; seed; three multiplications per step; shift and round: 3 + 3 steps. One input per cycle.
    """

    seeds: NDArray[np.int64]
    steps: int
    lift: int
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) v -> (n,) 1/sqrt(v)."""
        from kernels.activation import shift_back

        mantissas, halves = self.mantissa(np.maximum(codes, 1) << self.lift)
        out = np.empty_like(codes)
        return out, int(shift_back(codes, mantissas, halves, self.cast, out))

    def mantissa(self, codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """codes: (n,) integers v >= 1 of up to 62 bits, whatever the source format -> (n,) y, (n,) h.

        1/sqrt(v) is about y * 2^-WORKING_BITS * 2^-h with h = floor(log2(v) / 2); y lies in 2^19..2^20.
        """
        from kernels.activation import Newton
        from kernels.norm import inverse_roots

        y, half = np.empty_like(codes), np.empty_like(codes)
        inverse_roots(codes, self.seeds, Newton(WORKING_BITS, self.seed_bits, self.steps), y, half)
        return y, half

    def memories(self) -> Memories:
        """Return the seeds."""
        return {"seed": (self.seeds, WORKING_BITS)}

    @property
    def seed_bits(self) -> int:
        """Address bits of the seed table within one octave."""
        return self.seeds.size.bit_length() - 2


def newton_root(source: QFormat, target: QFormat, *, entries: int = 64, steps: int = 2) -> NewtonRoot:
    """Build the unit. Raises ConfigError for a signed source, formats out of reach, tables or steps not offered."""
    check_formats("rsqrt", source, target)
    require_unsigned("rsqrt", source)
    require_offered("rsqrt 'lut-newton'", "entries", entries, SEEDS)
    require_offered("rsqrt 'lut-newton'", "steps", steps, STEPS)
    lift = source.frac_bits % 2  # so that the point lies between two halves of an even exponent
    return NewtonRoot(
        name="rsqrt",
        design="lut-newton",
        source=source,
        target=target,
        cost=UnitCost(
            latency_cycles=3 + 3 * steps,
            table_bits=entries * WORKING_BITS,
            multipliers=3 * steps,
            adders=2 * steps + 1,
        ),
        # The code 1, lifted, is worth 2^-(frac_bits + lift), so the mantissa of its root stands half as far up.
        cast=final_cast(WORKING_BITS - (source.frac_bits + lift) // 2, target),
        seeds=frozen_table(_seed(octave, i, entries // 2) for octave in range(2) for i in range(entries // 2)),
        steps=steps,
        lift=lift,
    )


def _seed(octave: int, i: int, count: int) -> int:
    """Return round(2^WORKING_BITS / sqrt((1 + (i + 1/2) / count) 2^octave)), by integers alone."""
    doubled_squared = (4 << 2 * WORKING_BITS) * 2 * count // ((2 * count + 2 * i + 1) << octave)
    return (isqrt(doubled_squared) + 1) // 2


RSQRT: Mapping[str, Callable[..., NewtonRoot]] = {"lut-newton": newton_root}
"""Builders (source, target, **options) by design; the first is the default."""
