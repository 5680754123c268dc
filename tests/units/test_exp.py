"""exp(-u): errors over all inputs, bits against an integer model, formats far from the usual ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.exp import pow2_linear
from accel.units.measure import measure
from tests.units import model
from tests.units.grid import codes_of, rows

SOURCE, TARGET = QFormat.parse("UQ6.10"), QFormat.parse("UQ1.15")


@pytest.mark.parametrize(
    ("segments", "published", "ours"),
    [(4, 118, 113.4), (8, 32, 29.9), (16, 9.1, 7.8), (32, 3.0, 2.23), (64, 1.35, 0.91)],
)
def test_error_over_all_inputs(segments: int, published: float, ours: float) -> None:
    """No input of UQ6.10 is off by more than the measured figure, which beats the one the specification asks for."""
    assert ours < published
    error = measure(pow2_linear(SOURCE, TARGET, segments), codes_of("UQ6.10"))
    assert error.max_ulp <= ours
    assert error.mean_ulp <= ours / 16
    assert error.monotonic
    assert error.symmetric is None


@pytest.mark.parametrize("target", ["UQ1.15", "UQ1.20", "Q2.14", "UQ4.28", "UQ9.-1"])
def test_exp_of_zero_is_exactly_one(target: str) -> None:
    """exp(0) is the code of 1 wherever the target has one, to the last bit; below 1/2 lsb it rounds to 0."""
    form = QFormat.parse(target)
    codes, overflowed = pow2_linear(SOURCE, form)(np.zeros(1, np.int64))
    assert codes[0] == math.floor(2.0**form.frac_bits + 0.5)
    assert overflowed == 0


def test_one_saturates_where_it_does_not_fit() -> None:
    """UQ0.16 has no code for 1: exp(0) and what rounds up to it saturate and are counted."""
    codes, overflowed = pow2_linear(SOURCE, QFormat.parse("UQ0.16"))(np.array([[0, 1], [0, 1024]]))
    assert codes.tolist()[0][0] == codes.tolist()[1][0] == 65535
    assert abs(codes[1, 1] - math.exp(-1) * 65536) < 2
    assert overflowed == 2


@pytest.mark.parametrize(
    ("source", "target", "segments"),
    [
        ("UQ6.10", "UQ1.15", 64),
        ("UQ6.10", "UQ1.20", 64),
        ("UQ4.12", "Q2.14", 16),
        ("UQ16.-8", "UQ1.15", 64),
        ("UQ22.-14", "UQ1.7", 64),
        ("UQ1.31", "UQ1.31", 64),
        ("UQ24.8", "UQ4.8", 4),
        ("UQ1.1", "UQ1.1", 8),
        ("UQ10.-9", "Q1.1", 64),
        ("UQ-4.20", "UQ-15.47", 32),
    ],
)
def test_bits_are_those_of_the_model(source: str, target: str, segments: int) -> None:
    """Every output equals the model in Fractions, bit by bit, small u and large."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    rng = np.random.default_rng(7)
    codes = np.unique(
        np.concatenate(
            [
                np.linspace(0, x.max_code, 50).astype(np.int64),
                np.minimum(np.arange(200), x.max_code),
                (rng.random(rows(400)) ** 3 * x.max_code).astype(np.int64),
            ]
        )
    )
    made, overflowed = pow2_linear(x, y, segments)(codes)
    exact = [model.exp(int(u), x.frac_bits, y.frac_bits, segments) for u in codes]
    assert made.tolist() == [model.clip(code, y.signed, y.width) for code in exact]
    assert overflowed == sum(code > y.max_code for code in exact)


def test_what_cannot_be_built_is_refused() -> None:
    """A signed source, formats out of reach and other segment counts are ConfigErrors that say what to use."""
    with pytest.raises(ConfigError, match=r"use UQ6\.10"):
        pow2_linear(QFormat.parse("Q6.10"), TARGET)
    with pytest.raises(ConfigError, match="up to 32 bits"):
        pow2_linear(QFormat.parse("UQ30.10"), TARGET)
    with pytest.raises(ConfigError, match=r"-16\.\.31 fraction bits"):
        pow2_linear(QFormat.parse("UQ-20.40"), TARGET)
    with pytest.raises(ConfigError, match="12 segments is not offered; use one of 4, 8"):
        pow2_linear(SOURCE, TARGET, 12)
