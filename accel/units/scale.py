"""The constant that multiplies every element: x * multiplier * 2^-shift, then one cast.

A power of two is a shift and exact. Any other factor is rounded to 18 bits (one operand of a DSP slice), relative error
at most 2^-18, as an average's reciprocal is (`accel.units.average`).
"""

from __future__ import annotations

from fractions import Fraction

from accel.errors import ConfigError
from accel.units.average import MULTIPLIER_BITS


def scale_steps(factor: float) -> tuple[int, int]:
    """Return (multiplier, shift) of a positive factor, the multiplier odd. Raises ConfigError for any other."""
    if not 0 < factor < float("inf"):
        raise ConfigError(f"scaling by {factor} is not built; use a positive factor")
    exact = Fraction(factor)
    shift = MULTIPLIER_BITS - _bits(exact)
    multiplier = round(exact * Fraction(2) ** shift)  # 2^17 to 2^18
    zeros = (multiplier & -multiplier).bit_length() - 1
    return multiplier >> zeros, shift - zeros


def _bits(value: Fraction) -> int:
    """Return e with 2^(e - 1) <= value < 2^e."""
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    return guess + (value >= Fraction(2) ** guess)
