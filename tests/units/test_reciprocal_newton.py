"""Reciprocals by Newton-Raphson steps: good bits over a whole octave, bits against an integer model, odd formats."""

from __future__ import annotations

import math

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.measure import measure
from accel.units.reciprocal_newton import lut_newton
from tests.units import model
from tests.units.grid import THIN, codes_of, magnitudes

OCTAVE = QFormat.parse("UQ1.16")
FINE = QFormat.parse("UQ1.31")


@pytest.mark.parametrize(
    ("seeds", "steps", "bits"),
    [
        (16, 0, 5),
        (16, 1, 10),
        (16, 2, 17),
        (64, 0, 7),
        (64, 1, 14),
        (64, 2, 17),
        (256, 0, 9),
        (256, 1, 17),
        (256, 2, 18),
    ],
)
def test_good_bits_over_all_of_one_octave(seeds: int, steps: int, bits: int) -> None:
    """For all 2^16 mantissas of [1, 2) the relative error stays below 2^-bits of the specification's table."""
    unit = lut_newton(OCTAVE, FINE, entries=seeds, steps=steps)
    d = (1 << 16) + codes_of("UQ6.10")
    values = np.ldexp(unit(d)[0].astype(float), -31)
    worst = np.abs(values * d / 65536 - 1).max()
    assert -math.log2(worst) >= bits


def test_error_over_all_inputs() -> None:
    """All of UQ6.10, from 2^-10 to 64 and 0 (which saturates): one step is off by at most 2^-14 of a result up to 2."""
    unit = lut_newton(QFormat.parse("UQ6.10"), QFormat.parse("UQ1.15"))
    error = measure(unit, codes_of("UQ6.10"))
    assert error.max_ulp <= 2 * 2**15 * 2**-14 + 0.5
    assert error.mean_ulp <= 0.5
    assert error.monotonic


@pytest.mark.parametrize(("seeds", "steps"), [(64, 1), (16, 0), (256, 2)])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("UQ6.10", "UQ1.15"),
        ("UQ1.31", "UQ1.31"),
        ("UQ32.0", "UQ-15.47"),
        ("UQ1.1", "UQ2.0"),
        ("UQ1.31", "UQ32.0"),
        ("UQ48.-16", "UQ-10.42"),
        ("UQ1.31", "Q18.-16"),
    ],
)
def test_bits_are_those_of_the_model(source: str, target: str, seeds: int, steps: int) -> None:
    """Every output equals the model in Fractions, bit by bit, at all magnitudes of the source."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = magnitudes(x)
    made, overflowed = lut_newton(x, y, entries=seeds, steps=steps)(codes)
    exact = [model.reciprocal(int(d), x.frac_bits, y.frac_bits, seeds, steps) for d in codes]
    assert made.tolist() == [model.clip(code, y.signed, y.width) for code in exact]
    assert overflowed == sum(code > y.max_code for code in exact)


def test_one_step_never_lands_above() -> None:
    """A Newton-Raphson step ends at or below 1/m, up to the working precision's own rounding."""
    d = np.arange(1 << 16, 1 << 17, THIN)
    values = np.ldexp(lut_newton(OCTAVE, FINE)(d)[0].astype(float), -31)
    assert (values - 65536 / d <= 2.0**-20).all()


def test_other_tables_and_steps_are_refused() -> None:
    """Other tables and too many steps are ConfigErrors that say what to use."""
    with pytest.raises(ConfigError, match=r"entries = 32 is not offered; use one of 16, 64, 256"):
        lut_newton(OCTAVE, FINE, entries=32)
    with pytest.raises(ConfigError, match=r"entries = 48 .* power of two; the nearest offered: 16 and 64"):
        lut_newton(OCTAVE, FINE, entries=48)
    with pytest.raises(ConfigError, match=r"steps = 4 is not offered; use 0\.\.3"):
        lut_newton(OCTAVE, FINE, entries=64, steps=4)
