"""Reciprocal root and layer normalisation once more, one number at a time, in Fractions and Decimals.

Nothing here is shared with `accel.units` or `kernels`: the seeds come from the decimal square root, the variance from
the definition with a mean, not from sums of squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, getcontext
from fractions import Fraction
from functools import cache

from tests.units.model import half_even, half_up

getcontext().prec = 60


def decimal(value: Fraction) -> Decimal:
    """Return a fraction with 60 digits."""
    return Decimal(value.numerator) / Decimal(value.denominator)


@cache
def seed(octave: int, index: int, entries: int) -> int:
    """1/sqrt of the middle of an interval of [1, 2) or [2, 4), with 20 fraction bits."""
    middle = (1 + (index + Fraction(1, 2)) / (entries // 2)) * 2**octave
    return half_up(Fraction(2**20 / decimal(middle).sqrt()))


def root_mantissa(v: int, entries: int = 64, steps: int = 2) -> tuple[int, int]:
    """(y, h): 1/sqrt(v) is about y * 2^-20 * 2^-h."""
    size = v.bit_length() - 1
    octave, half = size % 2, size // 2
    m = (Fraction(v) * Fraction(2) ** (20 - size)).__floor__()
    y = seed(octave, (m - 2**20) * (entries // 2) // 2**20, entries)
    fine = 2**20 * entries // 2
    for _ in range(steps):
        square = half_up(Fraction(y * y * fine, 2**40))
        residual = half_up((1 - Fraction(m * 2**octave * square, 2**20 * fine)) * fine)
        y += half_up(Fraction(y * residual, 2 * fine))
    return y, half


def inverse_root(v: int, source_frac_bits: int, frac_bits: int, entries: int = 64, steps: int = 2) -> int:
    """Code of 1/sqrt(v), v > 0, before saturation."""
    odd = source_frac_bits % 2
    y, half = root_mantissa(v << odd, entries, steps)
    return half_even(y * Fraction(2) ** (frac_bits + (source_frac_bits + odd) // 2 - 20 - half))


def layer_norm(
    row: Sequence[int],
    source_frac_bits: int,
    weight: Sequence[Fraction],
    bias: Sequence[Fraction],
    epsilon: float,
    frac_bits: int,
) -> list[int]:
    """Codes of one row, before saturation, with the root of the default."""
    count = len(row)
    mean = Fraction(sum(row), count)
    variance = sum((c - mean) ** 2 for c in row) / count
    offset = max(1, round(Fraction(epsilon) * count**2 * Fraction(4) ** source_frac_bits))
    y, half = root_mantissa(int(variance * count**2) + offset)
    normal = [Fraction(half_up(count * (c - mean) * y * Fraction(1, 2**half)), 2**20) for c in row]
    return [half_even((w * n + b) * Fraction(2) ** frac_bits) for w, n, b in zip(weight, normal, bias, strict=True)]
