"""exp(-u) by the 2^x split and a polynomial of degree 2..4 in f for 2^-f: multipliers instead of a table.

p(f) = 1 + c1 f + c2 f^2 + ..., the polynomial of least relative error on [0, 1] among those with p(0) = 1 (Remez'
algorithm; the error takes its extreme value, with alternating signs, as often as there are coefficients and once
more). The surprise: with degree 3 the curve ends below 1/2, so exp(-u) rises by 4.5e-5 where an octave begins.
"""

from __future__ import annotations

from collections.abc import Mapping
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

WORKING_BITS = 24
"""Fraction bits of f, coefficients and sums: products of 24 and 25 bits; degree 4 is good to 18.2 bits."""

LOG2_E_FRAC_BITS = 24
"""log2(e) to 16 bits would add as much error to u = ln(2) as the polynomial of degree 4 has."""

COEFFICIENTS: Mapping[int, tuple[int, ...]] = {
    2: (-11281406, 2911373),
    3: (-11602912, 3878197, -664644),
    4: (-11627677, 4017418, -892943, 114620),
}
"""c1, c2, ... * 2^24, rounded, by degree."""


@dataclass(frozen=True, eq=False)
class PolynomialExp(UnaryUnit):
    """2^x split with Horner's scheme.

    Table rule: `COEFFICIENTS`, up to 25 bits with their sign.
    Steps: y = u * round(log2(e) * 2^24), exact; n = whole part, f = fraction of y, floored to 24 bits; v = c_last;
    v = c + RND(v f) down to c = 1, each to 24 fraction bits; code = RND(v * 2^-n).
    Error: relative 2.22e-3, 9.0e-5, 3.32e-6 for degree 2, 3, 4; cast 1/2 lsb.
    Stages (2 + 2 degree): multiply by log2(e); multiply and add per degree; shift and round. One input per cycle.
    """

    coefficients: NDArray[np.int64]
    scale: int
    fraction_bits: int
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) u -> (n,) exp(-u)."""
        from kernels.exp import Horner, exp_polynomial

        out = np.empty_like(codes)
        horner = Horner(self.scale, self.fraction_bits, WORKING_BITS)
        return out, int(exp_polynomial(codes, self.coefficients, horner, self.cast, out))

    def memories(self) -> Memories:
        """Return the coefficients c1, c2, ..."""
        return {"coefficient": (self.coefficients, stored_bits(self.coefficients))}


def polynomial(source: QFormat, target: QFormat, *, degree: int = 4) -> PolynomialExp:
    """Build the unit. Raises ConfigError for a signed source, formats out of reach, degrees that are not offered."""
    check_formats("exp", source, target)
    require_unsigned("exp(-u)", source)
    require_offered("exp 'polynomial'", "degree", degree, COEFFICIENTS)
    coefficients = frozen_table(COEFFICIENTS[degree])
    scale, fraction_bits = log2_e_scale(source, 0, LOG2_E_FRAC_BITS)
    return PolynomialExp(
        name="exp",
        design="polynomial",
        source=source,
        target=target,
        cost=UnitCost(
            latency_cycles=2 + 2 * degree,
            table_bits=degree * stored_bits(coefficients),
            multipliers=1 + degree,
            adders=1 + degree,
        ),
        coefficients=coefficients,
        scale=scale,
        fraction_bits=fraction_bits,
        cast=final_cast(WORKING_BITS, target, Rounding.RND),
    )
