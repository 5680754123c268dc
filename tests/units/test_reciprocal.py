"""Reciprocals: good bits over a whole octave, bits against an integer model, zero, odd formats."""

from __future__ import annotations

import math

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.measure import measure
from accel.units.reciprocal import lut_newton
from tests.units import model
from tests.units.grid import THIN, codes_of, rows

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
    unit = lut_newton(OCTAVE, FINE, seeds, steps)
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


def test_zero_saturates() -> None:
    """1/0 and every reciprocal beyond the target give its largest code and are counted."""
    codes, overflowed = lut_newton(QFormat.parse("UQ6.10"), QFormat.parse("Q1.15"))(np.array([0, 1, 1023, 1025, 2048]))
    assert codes.tolist()[:3] == [32767] * 3
    assert 0 <= (1 << 14) - codes.tolist()[4] <= 2
    assert overflowed == 3


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
    rng = np.random.default_rng(5)
    codes = np.unique(np.minimum(np.exp2(rng.uniform(0, x.width, rows(400))), x.max_code).astype(np.int64))
    codes = np.append(codes, x.max_code)
    made, overflowed = lut_newton(x, y, seeds, steps)(codes)
    exact = [model.reciprocal(int(d), x.frac_bits, y.frac_bits, seeds, steps) for d in codes]
    assert made.tolist() == [model.clip(code, y.signed, y.width) for code in exact]
    assert overflowed == sum(code > y.max_code for code in exact)


def test_one_step_never_lands_above() -> None:
    """A Newton-Raphson step ends at or below 1/m, up to the working precision's own rounding."""
    d = np.arange(1 << 16, 1 << 17, THIN)
    values = np.ldexp(lut_newton(OCTAVE, FINE)(d)[0].astype(float), -31)
    assert (values - 65536 / d <= 2.0**-20).all()


def test_what_cannot_be_built_is_refused() -> None:
    """Signed sources, other tables and too many steps are ConfigErrors that say what to use."""
    with pytest.raises(ConfigError, match=r"use UQ6\.10"):
        lut_newton(QFormat.parse("Q6.10"), FINE)
    with pytest.raises(
        ConfigError, match=r"32 seeds and 1 steps is not offered; use 16, 64, 256 seeds and 0\.\.3 steps"
    ):
        lut_newton(OCTAVE, FINE, 32)
    with pytest.raises(ConfigError, match="64 seeds and 4 steps"):
        lut_newton(OCTAVE, FINE, 64, 4)
