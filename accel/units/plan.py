"""sigmoid and tanh by PLAN, shifts and additions only (lines in `kernels.plan`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.curves import check_curve
from accel.units.unit import Codes, UnaryUnit, final_cast
from kernels.modes import Requant

CONSTANT_BITS = 5
"""Fraction bits of 0.84375, and of a slope of 1/32."""

BREAK_BITS = 3
"""Fraction bits of 2.375."""


@dataclass(frozen=True, eq=False)
class PlanUnit(UnaryUnit):
    """Four lines over |x|, the other half by symmetry; tanh(x) = 2 sigmoid(2 x) - 1, two more shifts.

    Steps: |x|, three comparisons, the line (exact, five more fraction bits), mirror, one cast (RND_CONV, saturating).
    Error: 1.89e-2 for sigmoid, twice that for tanh, both 2^-8 (2^-7) of a step down at |x| = 2.375 (1.1875).
    One stage, no table, no multiplier. Adders: three comparisons, magnitude, line, mirror, rounding.
    """

    lift: int
    frac_bits: int
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) x -> (n,) f(x)."""
        from kernels.plan import Plan, plan

        out = np.empty_like(codes)
        return out, int(plan(codes, Plan(self.lift, self.frac_bits, int(self.name == "tanh")), self.cast, out))


def sigmoid_plan(source: QFormat, target: QFormat) -> PlanUnit:
    """Build sigmoid. Raises ConfigError for formats out of reach."""
    return _plan("sigmoid", source, target, source.frac_bits)


def tanh_plan(source: QFormat, target: QFormat) -> PlanUnit:
    """Build tanh. Raises ConfigError for formats out of reach and for an unsigned target."""
    return _plan("tanh", source, target, source.frac_bits - 1)  # the codes of x, read as 2 x


def _plan(name: str, source: QFormat, target: QFormat, frac_bits: int) -> PlanUnit:
    check_curve(name, source, target)
    lift = max(0, BREAK_BITS - frac_bits)
    return PlanUnit(
        name=name,
        design="plan",
        source=source,
        target=target,
        cost=UnitCost(latency_cycles=1, adders=7),
        lift=lift,
        frac_bits=frac_bits + lift,
        cast=final_cast(frac_bits + lift + CONSTANT_BITS, target),
    )
