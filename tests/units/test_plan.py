"""PLAN: its published error and its step down, exact symmetry, bits against the four lines in Fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.measure import measure
from accel.units.plan import PlanUnit, sigmoid_plan, tanh_plan
from tests.units import model
from tests.units.grid import codes_of, rows


def build(function: str, source: str, target: str) -> PlanUnit:
    return {"sigmoid": sigmoid_plan, "tanh": tanh_plan}[function](QFormat.parse(source), QFormat.parse(target))


def line(x: Fraction) -> Fraction:
    """The published lines of sigmoid."""
    size = abs(x)
    if size >= 5:
        y = Fraction(1)
    elif size >= Fraction("2.375"):
        y = size / 32 + Fraction("0.84375")
    elif size >= 1:
        y = size / 8 + Fraction("0.625")
    else:
        y = size / 4 + Fraction("0.5")
    return 1 - y if x < 0 else y


@pytest.mark.parametrize(("function", "target", "bound"), [("sigmoid", "UQ1.15", 1.9e-2), ("tanh", "Q1.15", 3.8e-2)])
def test_error_over_all_inputs(function: str, target: str, bound: float) -> None:
    """sigmoid is off by less than the published 1.9e-2 anywhere, tanh by twice that; symmetric to the bit."""
    unit = build(function, "Q6.10", target)
    error = measure(unit, codes_of("Q6.10"))
    assert error.max_ulp * 2.0**-15 < bound
    assert error.symmetric


@pytest.mark.parametrize(("function", "at", "fall"), [("sigmoid", 2432, 128 - 4), ("tanh", 1216, 256 - 16)])
def test_the_curve_falls_where_the_third_line_starts(function: str, at: int, fall: int) -> None:
    """At |x| = 2.375 (1.1875) the code drops by 2^-8 (2^-7) less one step of the line: PLAN is not monotonic."""
    unit = build(function, "Q6.10", "Q2.15")
    codes = np.array([at - 1, at])
    before, after = unit(codes)[0].tolist()
    assert before - after == fall
    assert not measure(unit, np.arange(at - 9, at + 9)).monotonic


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
def test_bits_are_those_of_the_lines(function: str, source: str, target: str) -> None:
    """Every output equals the lines in Fractions, rounded once, at their ends, far out and at random codes."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    rng = np.random.default_rng(3)
    ends = np.rint(np.ldexp(np.array([0.5, 0.999, 1, 1.1875, 1.5, 2.374, 2.375, 2.5, 4.999, 5, 9]), x.frac_bits))
    spread = rng.normal(0, 2.0 ** (x.frac_bits + 1), rows(300))
    codes = np.concatenate([np.linspace(x.min_code, x.max_code, 41), ends, -ends, spread])
    codes = np.unique(np.clip(codes, x.min_code, x.max_code).astype(np.int64))
    made, overflowed = build(function, source, target)(codes)
    values = [Fraction(int(code)) / Fraction(2) ** x.frac_bits for code in codes]
    curve = [line(v) if function == "sigmoid" else 2 * line(2 * v) - 1 for v in values]
    exact = [model.half_even(v * Fraction(2) ** y.frac_bits) for v in curve]
    clipped = [model.clip(code, y.signed, y.width) for code in exact]
    assert made.tolist() == clipped
    assert overflowed == sum(a != b for a, b in zip(exact, clipped, strict=True))


def test_it_needs_no_table_and_one_stage() -> None:
    """Shifts and additions only."""
    cost = build("tanh", "Q6.10", "Q1.15").cost
    assert (cost.latency_cycles, cost.table_bits, cost.multipliers) == (1, 0, 0)
    assert build("tanh", "Q6.10", "Q1.15").memories() == {}


def test_what_cannot_be_built_is_refused() -> None:
    """tanh into an unsigned format and formats out of reach are ConfigErrors that say what to use."""
    with pytest.raises(ConfigError, match=r"use a signed format such as Q1\.15"):
        build("tanh", "Q6.10", "UQ0.16")
    with pytest.raises(ConfigError, match=r"source format Q10\.30"):
        build("sigmoid", "Q10.30", "UQ0.16")
