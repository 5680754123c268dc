"""The constant of a scale: powers of two exact, all others within 2^-18, the multiplier never even."""

from __future__ import annotations

from fractions import Fraction

import pytest

from accel.errors import ConfigError
from accel.units.scale import scale_steps


@pytest.mark.parametrize("exponent", [-40, -3, 0, 5])
def test_powers_of_two_are_shifts(exponent):
    """The multiplier is 1."""
    assert scale_steps(2.0**exponent) == (1, -exponent)


@pytest.mark.parametrize("factor", [1 / 3, 0.1, 128**-0.5, 7.0, 1e-9, 1e9, 1 - 2**-30])
def test_other_factors_are_off_by_less_than_2_to_the_minus_18(factor):
    """18 bits or fewer, odd, and as near as that."""
    multiplier, shift = scale_steps(factor)
    assert multiplier % 2 == 1
    assert multiplier.bit_length() <= 18
    assert abs(multiplier * Fraction(2) ** -shift / Fraction(factor) - 1) <= Fraction(1, 1 << 18)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf"), float("nan")])
def test_what_is_no_positive_factor_is_refused(factor):
    """There is no unit for it."""
    with pytest.raises(ConfigError, match="use a positive factor"):
        scale_steps(factor)
