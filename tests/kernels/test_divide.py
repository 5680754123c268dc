"""Non-restoring division against Python's divmod."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.divide import divided
from tests.units.grid import rows


def test_every_division_of_small_numbers() -> None:
    """All dividends of up to 8 digits by all divisors that the quotient fits: quotient and remainder are divmod's."""
    for digits in range(9):
        for divisor in range(1, 12):
            for dividend in range(min(divisor, 6) << digits):
                high, low = dividend >> digits, dividend & ((1 << digits) - 1)
                assert divided(high, low, digits, divisor) == divmod(dividend, divisor)


@pytest.mark.parametrize("digits", [1, 21, 62])
def test_divisors_of_62_bits(digits: int) -> None:
    """Partial remainders stay within an int64 up to the largest divisor and quotient."""
    rng = np.random.default_rng(digits)
    divisors = np.append(np.exp2(rng.uniform(0, 61.9, rows(300))).astype(np.int64), [1, (1 << 62) - 1])
    for divisor in divisors.tolist():
        high, low = int(rng.integers(divisor)), int(rng.integers(1 << digits))
        for first in (high, divisor - 1, 0):
            assert divided(first, low, digits, divisor) == divmod((first << digits) + low, divisor)
