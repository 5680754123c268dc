"""exp(-u) as a product of two tables: bits against a model in Fractions, which bits of u are read."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from accel.numeric.format import QFormat
from accel.units.exp_two_table import two_table
from tests.units import model, model_exp
from tests.units.grid import codes_of, spread

SOURCE, TARGET = QFormat.parse("UQ6.10"), QFormat.parse("UQ1.15")


@pytest.mark.parametrize(
    ("source", "target", "step"),
    [
        ("UQ6.10", "UQ1.15", Fraction(1, 1 << 10)),
        ("UQ4.12", "UQ0.16", Fraction(1, 1 << 12)),
        ("UQ8.8", "UQ1.20", Fraction(1, 1 << 8)),
        ("UQ16.16", "UQ1.15", Fraction(1, 1 << 12)),  # exp(-16) is nothing of a 15-bit fraction
        ("UQ16.16", "UQ1.7", Fraction(1, 1 << 13)),
        ("UQ1.31", "UQ1.31", Fraction(1, 1 << 15)),
        ("UQ-4.20", "UQ-15.47", Fraction(1, 1 << 20)),
        ("UQ48.-16", "UQ1.15", Fraction(1 << 16)),
        ("UQ8.0", "Q18.-16", Fraction(1)),
    ],
)
def test_bits_are_those_of_the_model(source: str, target: str, step: Fraction) -> None:
    """Every output equals the model in Fractions with the step that the formats call for."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = spread(x)
    made, overflowed = two_table(x, y)(codes)
    exact = [model_exp.two_table(int(u), x.frac_bits, y.frac_bits, step) for u in codes]
    assert made.tolist() == [model.clip(code, y.signed, y.width) for code in exact]
    assert overflowed == sum(code > y.max_code for code in exact)


def test_both_operands_fit_an_18_bit_multiplier() -> None:
    """The spec's one 18x18 multiplier: 256 entries each, at most 18 bits, and exp(0) is exactly 1."""
    unit = two_table(SOURCE, TARGET)
    assert {name: (table.size, bits) for name, (table, bits) in unit.memories().items()} == {
        "high": (256, 18),
        "fall": (256, 16),
    }
    assert unit(np.zeros(1, np.int64))[0][0] == 32768
    assert unit.cost.multipliers == 1


def test_what_cannot_matter_is_not_read() -> None:
    """A source twice as wide, with 16 bits more at either end, gives the same codes within the bits it drops."""
    narrow, wide = two_table(SOURCE, TARGET), two_table(QFormat.parse("UQ22.10"), TARGET)
    u = codes_of("UQ6.10")
    assert (narrow(u)[0] == wide(u)[0]).all()
    assert not wide(np.array([1 << 20, 1 << 31, (1 << 32) - 1]))[0].any()
