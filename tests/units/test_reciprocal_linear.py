"""Reciprocals by one line: good bits over a whole octave, bits against a model in Fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.reciprocal_linear import lut_linear
from tests.units import model
from tests.units.grid import codes_of, magnitudes

OCTAVE, FINE = QFormat.parse("UQ1.16"), QFormat.parse("UQ1.31")


def expected(d: int, source_frac_bits: int, frac_bits: int, entries: int) -> int:
    """Code of 1/d, d > 0, before saturation: chord of 1/m moved down by half of its largest error."""
    size = len(bin(d)) - 3
    m = Fraction((Fraction(d) * Fraction(2) ** (20 - size)).__floor__(), 2**20)
    segment = ((m - 1) * entries).__floor__()
    ends = []
    for i in (segment, segment + 1):
        start = 1 + Fraction(i, entries)
        ends.append(model.half_up((1 / start - Fraction(2) / start**3 / entries**2 / 16) * 2**20))
    line = ends[0] + (ends[1] - ends[0]) * ((m - 1) * entries - segment)
    return model.half_even(model.half_up(line) * Fraction(2) ** (frac_bits + source_frac_bits - 20 - size))


@pytest.mark.parametrize(
    ("entries", "published", "bits"), [(16, 10.1, 10.99), (32, 12, 12.99), (64, 14, 14.98), (128, 16, 16.89)]
)
def test_good_bits_over_all_of_one_octave(entries: int, published: float, bits: float) -> None:
    """For all 2^16 mantissas of [1, 2) the relative error stays below 2^-bits, almost a bit below the published one."""
    assert bits > published
    d = (1 << 16) + codes_of("UQ6.10")
    values = np.ldexp(lut_linear(OCTAVE, FINE, entries=entries)(d)[0].astype(float), -31)
    assert -math.log2(np.abs(values * d / 65536 - 1).max()) >= bits


@pytest.mark.parametrize("entries", [16, 128])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("UQ6.10", "UQ1.15"),
        ("UQ1.31", "UQ1.31"),
        ("UQ32.0", "UQ-15.47"),
        ("UQ1.1", "UQ2.0"),
        ("UQ48.-16", "UQ-10.42"),
        ("UQ1.31", "Q18.-16"),
    ],
)
def test_bits_are_those_of_the_model(source: str, target: str, entries: int) -> None:
    """Every output equals the model in Fractions, bit by bit, at all magnitudes of the source."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = magnitudes(x)
    made, overflowed = lut_linear(x, y, entries=entries)(codes)
    exact = [expected(int(d), x.frac_bits, y.frac_bits, entries) for d in codes]
    assert made.tolist() == [model.clip(code, y.signed, y.width) for code in exact]
    assert overflowed == sum(code > y.max_code for code in exact)


def test_other_tables_are_refused() -> None:
    """A table that is not offered is a ConfigError that says what is."""
    with pytest.raises(ConfigError, match=r"entries = 256 is not offered; use one of 16, 32, 64, 128"):
        lut_linear(OCTAVE, FINE, entries=256)
