"""Ratios and ranges against their definitions in exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.explain.noise import Noise, Span
from accel.numeric.format import QFormat

VALUES = st.floats(-1e6, 1e6, allow_subnormal=False)


def narrowest(low: float, high: float, form: QFormat) -> int:
    """Try integer bits from the narrowest format upwards until both ends are held, the last lsb forgiven."""
    signed = form.signed or low < -form.lsb / 2
    bits = 1 + signed - form.frac_bits if signed == form.signed else max(2 - form.frac_bits, form.int_bits + 1)
    while True:
        limit = Fraction(2) ** (bits - signed)
        if Fraction(high) <= limit and (not signed or Fraction(low) >= -limit):
            return bits
        bits += 1


@given(VALUES, VALUES, st.booleans(), st.integers(2, 24), st.integers(-4, 12))
def test_integer_bits_are_the_fewest_that_hold_both_ends(a, b, signed, width, int_bits):
    """They equal the result of trying one width after the other."""
    low, high = min(a, b, 0.0), max(a, b, 0.0)
    form = QFormat(signed, width, int_bits)
    assert Span(low, high).integer_bits(form) == narrowest(low, high, form)


@pytest.mark.parametrize(
    ("low", "high", "spelling", "bits"),
    [
        (0.0, 1.0, "UQ0.8", 0),  # 255/256 is the nearest: rounding, not range
        (0.0, 1.01, "UQ0.8", 1),
        (-1.0, 0.99, "Q1.7", 1),
        (-1.01, 0.0, "Q1.7", 2),
        (0.0, 0.0, "Q4.4", -2),  # the narrowest signed format with that lsb
        (-0.25, 0.5, "UQ1.4", 2),  # the sign is one bit more
        (-5.0, 0.5, "UQ1.4", 4),
        (-1e-9, 0.5, "UQ1.4", -1),  # rounds to zero, no sign wanted
    ],
)
def test_integer_bits_at_the_edges(low, high, spelling, bits):
    """Powers of two, signs and zero."""
    assert Span(low, high).integer_bits(QFormat.parse(spelling)) == bits


def test_spans_hold_their_values_and_zero(rng):
    """A span of an array, and of two, has the smallest and the largest value, and never leaves out 0."""
    values = rng.normal(3, 1, (4, 5))
    assert Span.of(np.abs(values)) == Span(0.0, np.abs(values).max())
    assert Span.of(values) | Span(-9.0, 0.5) == Span(-9.0, values.max())


def test_noise_adds_up_over_batches(rng):
    """Powers of two halves are the powers of the whole; nothing added is no ratio."""
    golden, added = rng.normal(size=(2, 8, 3))
    whole = Noise.of(golden, added)
    halves = Noise.of(golden[:4], added[:4]) + Noise.of(golden[4:], added[4:])
    assert halves.sqnr_db == pytest.approx(whole.sqnr_db)
    assert whole.sqnr_db == pytest.approx(10 * np.log10((golden**2).sum() / (added**2).sum()))
    assert Noise.of(golden, np.zeros_like(golden)).sqnr_db is None
    assert Noise.of(np.zeros(3), np.ones(3)).sqnr_db is None
