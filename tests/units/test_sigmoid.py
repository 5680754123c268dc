"""sigmoid and tanh: errors over all inputs, exact symmetry, bits against an integer model, odd formats."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.measure import measure
from accel.units.sigmoid import SymmetricLutLinear, sigmoid, tanh
from tests.units import model
from tests.units.grid import codes_of, rows

SOURCE = QFormat.parse("Q6.10")


def build(function: str, source: str, target: str) -> SymmetricLutLinear:
    return {"sigmoid": sigmoid, "tanh": tanh}[function](QFormat.parse(source), QFormat.parse(target))


@pytest.mark.parametrize(
    ("function", "target", "published", "ours"),
    [
        ("sigmoid", "UQ1.15", 1.02, 0.71),
        ("sigmoid", "Q1.15", 1.02, 0.71),
        ("sigmoid", "UQ0.16", 1.02, 0.91),
        ("tanh", "Q1.15", 1.48, 0.91),
        ("tanh", "Q2.15", 1.48, 0.91),
        ("tanh", "Q2.14", 1.48, 0.71),
    ],
)
def test_error_over_all_inputs(function: str, target: str, published: float, ours: float) -> None:
    """No input of Q6.10 is off by more than the measured figure, below the specification's; no dip, no asymmetry."""
    assert ours < published
    error = measure(build(function, "Q6.10", target), codes_of("Q6.10"))
    assert error.max_ulp <= ours
    assert error.mean_ulp <= 0.11
    assert error.monotonic
    assert error.symmetric


@pytest.mark.parametrize(("function", "one"), [("sigmoid", 1 << 15), ("tanh", 0)])
def test_symmetry_is_exact(function: str, one: int) -> None:
    """f(x) + f(-x) is the code of 1 (sigmoid) or 0 (tanh) for every code that has a negative, without tolerance."""
    unit = build(function, "Q6.10", "Q2.15")
    x = codes_of("Q6.10")
    x = x[x > -(1 << 15)]
    assert (unit(x)[0].astype(np.int64) + unit(-x)[0] == one).all()


def test_zero_and_far_ends() -> None:
    """sigmoid(0) = 1/2 and tanh(0) = 0 exactly; far out both stand at their limits, saturated where 1 has no code."""
    ends = np.array([SOURCE.min_code, 0, SOURCE.max_code])
    assert build("sigmoid", "Q6.10", "UQ1.15")(ends)[0].tolist() == [0, 1 << 14, 1 << 15]
    codes, overflowed = build("sigmoid", "Q6.10", "UQ0.16")(ends)
    assert (codes.tolist(), overflowed) == ([0, 1 << 15, 65535], 1)
    codes, overflowed = build("tanh", "Q6.10", "Q1.15")(ends)
    assert (codes.tolist(), overflowed) == ([-32768, 0, 32767], 1)


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("Q6.10", "Q1.15"),
        ("Q3.5", "Q1.7"),
        ("Q12.-4", "Q2.14"),
        ("Q18.-16", "Q1.15"),
        ("Q1.31", "Q1.31"),
        ("Q8.24", "Q2.22"),
        ("UQ5.11", "Q1.15"),
        ("Q1.1", "Q1.1"),
        ("Q2.0", "Q6.-4"),
        ("Q-5.31", "Q-15.47"),
    ],
)
def test_bits_are_those_of_the_model(function: str, source: str, target: str) -> None:
    """Every output equals the model in Fractions, bit by bit, over segment ends, far ends and random codes."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    rng = np.random.default_rng(11)
    near = np.rint(np.ldexp(np.array([1, 2, 3.999, 4, 8, 15.99, 16, 16.01]), x.frac_bits))
    codes = np.concatenate(
        [
            np.linspace(x.min_code, x.max_code, 41),
            near,
            -near,
            rng.normal(0, 2.0 ** (x.frac_bits + 1), rows(300)),
        ]
    )
    codes = np.unique(np.clip(codes, x.min_code, x.max_code).astype(np.int64))
    made, overflowed = build(function, source, target)(codes)
    exact = [model.symmetric(function, int(code), x.frac_bits, y.frac_bits) for code in codes]
    clipped = [model.clip(code, y.signed, y.width) for code in exact]
    assert made.tolist() == clipped
    assert overflowed == sum(a != b for a, b in zip(exact, clipped, strict=True))


def test_what_cannot_be_built_is_refused() -> None:
    """tanh into an unsigned format and formats out of reach are ConfigErrors that say what to use."""
    with pytest.raises(ConfigError, match=r"use a signed format such as Q1\.15"):
        build("tanh", "Q6.10", "UQ0.16")
    with pytest.raises(ConfigError, match=r"source format Q10\.30"):
        build("sigmoid", "Q10.30", "UQ0.16")
    with pytest.raises(ConfigError, match=r"target format Q-40\.50"):
        build("sigmoid", "Q6.10", "Q-40.50")
