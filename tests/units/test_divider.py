"""Reciprocals by non-restoring division: the exact truncated quotient, held against Python's //."""

from __future__ import annotations

import numpy as np
import pytest

from accel.numeric.format import QFormat
from accel.units.divider import non_restoring
from tests.units.grid import codes_of, magnitudes


def quotient(d: int, dividend_bits: int, largest: int) -> int:
    """floor(2^dividend_bits / d) with Python integers, saturated; d = 0 saturates."""
    if d == 0:
        return largest
    return min((1 << dividend_bits) // d if dividend_bits >= 0 else 0, largest)


@pytest.mark.parametrize("target", ["UQ1.15", "Q6.10", "UQ11.5", "Q1.1", "UQ10.-9"])
def test_every_code_gives_the_exact_quotient(target: str) -> None:
    """All 2^16 divisors of UQ6.10, 0 among them, give the truncated quotient; what does not fit saturates."""
    x, y = QFormat.parse("UQ6.10"), QFormat.parse(target)
    codes = codes_of("UQ6.10")
    made, overflowed = non_restoring(x, y)(codes)
    bits = x.frac_bits + y.frac_bits
    assert made.tolist() == [quotient(int(d), bits, y.max_code) for d in codes]
    assert overflowed == sum(d == 0 or (bits >= 0 and (1 << bits) // int(d) > y.max_code) for d in codes)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("UQ1.31", "UQ1.31"),
        ("UQ32.0", "UQ-15.47"),
        ("UQ1.31", "UQ-45.47"),
        ("UQ1.31", "Q-30.47"),
        ("UQ48.-16", "UQ32.0"),
        ("UQ48.-16", "UQ-10.42"),
        ("UQ1.1", "UQ2.0"),
    ],
)
def test_far_formats(source: str, target: str) -> None:
    """Dividends of up to 79 bits, or of none, are exact too."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = magnitudes(x)
    made, _ = non_restoring(x, y)(codes)
    assert made.tolist() == [quotient(int(d), x.frac_bits + y.frac_bits, y.max_code) for d in codes]


def test_mantissas_are_exact() -> None:
    """The mantissa of any divisor up to 62 bits is floor(2^(20 + size) / d)."""
    codes = np.append(magnitudes(QFormat.parse("UQ62.0")), [1, 2, 3, 1 << 61, (1 << 62) - 1])
    y, size = non_restoring(QFormat.parse("UQ6.10"), QFormat.parse("UQ1.15")).mantissa(codes)
    assert size.tolist() == [int(d).bit_length() - 1 for d in codes]
    assert y.tolist() == [(1 << (19 + int(d).bit_length())) // int(d) for d in codes]


def test_time_is_one_cycle_per_quotient_bit() -> None:
    """16 bits and one cycle to load and compare; neither table nor multiplier."""
    cost = non_restoring(QFormat.parse("UQ6.10"), QFormat.parse("UQ1.15")).cost
    assert (cost.latency_cycles, cost.interval_cycles, cost.table_bits, cost.multipliers) == (17, 17, 0, 0)
    assert non_restoring(QFormat.parse("UQ6.10"), QFormat.parse("Q1.15")).cost.latency_cycles == 16
    assert non_restoring(QFormat.parse("UQ32.0"), QFormat.parse("UQ28.4")).cost.latency_cycles == 6
