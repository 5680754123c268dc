"""1/d by a non-restoring divider: one bit per cycle, the exact truncated quotient, neither table nor multiplier.

Algorithm in `kernels.divide` (Parhami, "Computer Arithmetic", 2nd ed., section 13.4). The surprise: the quotient is
cut, not rounded, so every error is in (-1, 0] lsb and its mean is half an lsb, where a rounded table has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.reciprocal_unit import WORKING_BITS, ReciprocalUnit
from accel.units.unit import Codes, check_formats, require_unsigned


@dataclass(frozen=True, eq=False)
class NonRestoring(ReciprocalUnit):
    """code = floor(2^k / d), k = fraction bits of target and source, saturated.

    Steps: the dividend's bits above the `digits` last ones are loaded as the first remainder R; R >= d tells that the
    quotient has more digits than the target: it saturates, as for d = 0. Then per bit: negative = R < 0;
    R = 2 R + bit; R = negative ? R + d : R - d; quotient bit = R >= 0. No table.
    digits: the target's bits without sign, or k + 1 if that is less.
    Time: one cycle to load and compare, `digits` cycles; the next divisor enters after that.
    """

    digits: int
    dividend_bits: int

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) d -> (n,) 1/d."""
        from kernels.divide import reciprocals

        out = np.empty_like(codes)
        return out, int(reciprocals(codes, self.dividend_bits, self.digits, self.target.max_code, out))

    def mantissa(self, codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """codes: (n,) d >= 1 -> (n,) y = floor(2^(20 + size) / d), (n,) size."""
        from kernels.divide import quotient_mantissas

        y, size = np.empty_like(codes), np.empty_like(codes)
        quotient_mantissas(codes, WORKING_BITS, y, size)
        return y, size


def non_restoring(source: QFormat, target: QFormat) -> NonRestoring:
    """Build the unit. Raises ConfigError for a signed source and for formats out of reach."""
    check_formats("reciprocal", source, target)
    require_unsigned("reciprocal", source)
    dividend_bits = target.frac_bits + source.frac_bits
    digits = min(target.width - target.signed, max(dividend_bits + 1, 1))
    return NonRestoring(
        name="reciprocal",
        design="non-restoring",
        source=source,
        target=target,
        cost=UnitCost(latency_cycles=digits + 1, interval_cycles=digits + 1, adders=1),
        digits=digits,
        dividend_bits=dividend_bits,
    )
