"""The unit of layer normalisation: bits against Fractions, a derived bound against float64, laws, costs, refusals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from accel.errors import ConfigError, DataError
from accel.golden.norm import layer_norm as golden
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat
from accel.units.machine import root_of
from accel.units.norm import layer_norm
from accel.units.unit import memory_bits
from tests.units import model_norm
from tests.units.grid import rows
from tests.units.model import clip

ROOT = root_of({})
EPSILON = 1e-5


def parameters(rng, features: int, weight: str = "Q2.14", bias: str = "Q6.10") -> tuple[FxArray, FxArray]:
    """Random weights and biases over the whole of their formats."""
    formats = QFormat.parse(weight), QFormat.parse(bias)
    scale, shift = (FxArray(rng.integers(q.min_code, q.max_code, features, endpoint=True), q) for q in formats)
    return scale, shift


def fractions(tensor: FxArray) -> list[Fraction]:
    """Values of a tensor, exactly."""
    return [Fraction(int(code)) * tensor.format.lsb for code in tensor.codes]


@pytest.mark.parametrize("features", [1, 2, 7, 64])
@pytest.mark.parametrize(
    ("source", "target", "weight", "bias"),
    [
        ("Q6.10", "Q6.10", "Q2.14", "Q6.10"),
        ("Q5.3", "Q5.3", "Q2.6", "Q5.3"),
        ("UQ0.16", "Q4.12", "UQ1.7", "Q4.28"),
        ("Q12.-4", "Q8.8", "Q8.0", "Q10.6"),
    ],
)
def test_bits_are_those_of_the_model(rng, features, source, target, weight, bias):
    """Every output equals the model, which takes mean and variance by their definitions in Fractions."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    scale, shift = parameters(rng, features, weight, bias)
    spread = rng.choice([1, 30, x.max_code], size=(6, 1))
    codes = rng.integers(np.maximum(x.min_code, -spread), np.minimum(x.max_code, spread), (6, features), endpoint=True)
    made, overflowed = layer_norm(x, y, scale, shift, EPSILON, ROOT)(codes)
    exact = [
        model_norm.layer_norm(row, x.frac_bits, fractions(scale), fractions(shift), EPSILON, y.frac_bits)
        for row in codes.tolist()
    ]
    assert made.tolist() == [[clip(code, y.signed, y.width) for code in row] for row in exact]
    assert overflowed == sum(clip(code, y.signed, y.width) != code for row in exact for code in row)


@pytest.mark.parametrize("spread", [0.01, 0.3, 5.0])
def test_near_golden_within_a_derived_bound(rng, spread):
    """|fixed - golden| <= half an lsb, the root's 2^-19.6 of |n| and the 2^-21 of rounding n, both times |weight|.

    epsilon is a whole number of D^2 lsb^2 of Q6.10 up to 2^-22 of itself, which is nothing beside these.
    """
    source = target = QFormat.parse("Q6.10")
    scale, shift = parameters(rng, 512, bias="Q2.14")
    x = np.clip(np.round(rng.normal(0.2, spread, (rows(200), 512)) * 1024), -32768, 32767).astype(np.int64)
    made, _ = layer_norm(source, target, scale, shift, EPSILON, ROOT)(x)
    exact = golden(x / 1024, scale.to_float(), shift.to_float(), EPSILON)
    normal = np.abs(exact - shift.to_float()) / np.maximum(np.abs(scale.to_float()), 1e-9)
    bound = 2.0**-11 + np.abs(scale.to_float()) * (normal * 2.0**-19.5 + 2.0**-20)
    inside = np.abs(exact) < target.max_value
    assert (np.abs(made / 1024 - exact) <= bound)[inside].all()


def test_moving_or_scaling_a_row_changes_nothing(rng):
    """A constant added to a row leaves every bit; so does doubling it, where epsilon is nothing beside the variance."""
    unit = layer_norm(QFormat.parse("Q6.10"), QFormat.parse("Q6.10"), *parameters(rng, 32), 1e-30, ROOT)
    codes = rng.integers(-2000, 2000, (8, 32))
    made, _ = unit(codes)
    assert np.array_equal(unit(codes + 12345)[0], made)
    assert np.array_equal(unit(4 * codes)[0], made)


def test_a_constant_row_gives_the_bias(rng):
    """Nothing is divided by zero."""
    scale, shift = parameters(rng, 16)
    made, _ = layer_norm(QFormat.parse("Q6.10"), QFormat.parse("Q6.10"), scale, shift, EPSILON, ROOT)(
        np.full((1, 16), -32768)
    )
    assert made[0].tolist() == shift.codes.tolist()


def test_row_cost_worked_by_hand(rng):
    """Depth 18: square, sums, 2 for the variance, 9 for the root, centre, 2, 2; two streams, one tree."""
    unit = layer_norm(QFormat.parse("Q6.10"), QFormat.parse("Q6.10"), *parameters(rng, 8), EPSILON, ROOT)
    assert unit.cost.latency_cycles == 18
    assert unit.row_cost(512).latency_cycles == 18 + 2 * 511
    assert unit.row_cost(512, 16).latency_cycles == 18 + 4 + 2 * 31
    assert (unit.cost.passes, unit.cost.table_bits) == (2, memory_bits(unit.memories()))
    assert unit.row_cost(512, 16).table_bits == unit.cost.table_bits  # one root a row, whatever the lanes


@pytest.mark.parametrize(
    ("source", "features", "weight", "message"),
    [
        ("Q16.16", 1 << 16, "Q2.14", "variance of 65536 values of Q16.16 needs 95 bits, 62 are the most"),
        ("Q6.10", 4, "Q42.-10", "4 normalised values times weights of Q42.-10 plus a bias of Q2.30 need 75 bits"),
        ("Q2.40", 4, "Q2.14", "normalisation cannot be built with the source format Q2.40"),
    ],
)
def test_what_needs_too_many_bits_is_refused(source, features, weight, message):
    """Rows too long, codes or parameters too wide: a ConfigError with the bits."""
    scale = FxArray(np.full(features, QFormat.parse(weight).max_code), weight)
    shift = FxArray(np.full(features, (1 << 31) - 1), "Q2.30")
    with pytest.raises(ConfigError, match=message):
        layer_norm(QFormat.parse(source), QFormat.parse("Q6.10"), scale, shift, EPSILON, ROOT)


def test_only_rows_are_taken(rng):
    """A vector without its row axis is a DataError."""
    unit = layer_norm(QFormat.parse("Q6.10"), QFormat.parse("Q6.10"), *parameters(rng, 8), EPSILON, ROOT)
    with pytest.raises(DataError, match=r"normalisation takes \(rows, values\)"):
        unit(np.zeros(8, dtype=np.int64))
