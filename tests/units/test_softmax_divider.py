"""The dividing softmax: every share is the correctly rounded quotient of its exponentials; time of the divider."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.measure import measure_softmax
from accel.units.softmax_divider import divider
from accel.units.unit import Choice
from tests.units import model, model_softmax
from tests.units.grid import rows
from tests.units.logits import mixed_rows

SOURCE, TARGET = QFormat.parse("Q6.10"), QFormat.parse("UQ0.16")


@pytest.mark.parametrize(
    ("source", "target", "k"),
    [
        ("Q6.10", "UQ0.16", 10),
        ("Q6.10", "Q1.15", 3),
        ("Q6.10", "UQ0.16", 100),
        ("Q1.31", "UQ0.32", 5),
        ("Q18.-16", "UQ1.7", 4),
        ("UQ4.4", "UQ-15.47", 6),
        ("Q1.1", "Q1.1", 7),
        ("Q2.14", "Q6.-4", 2),
    ],
)
def test_shares_are_rounded_quotients(source: str, target: str, k: int) -> None:
    """Every output is exp / sum of exps in Fractions, rounded half to even once, and so is what saturated."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = mixed_rows(rows(60), k, source, seed=5)
    made, overflowed = divider(x, y)(codes)
    exact = []
    for row in codes.tolist():
        powers = [model.exp(max(row) - value, x.frac_bits, 20) for value in row]
        exact.append(model_softmax.quotients(powers, y.frac_bits))
    clipped = [[model.clip(code, y.signed, y.width) for code in row] for row in exact]
    assert made.tolist() == clipped
    assert overflowed == int((np.array(exact) != np.array(clipped)).sum())


@pytest.mark.parametrize(("k", "bound"), [(10, 1.6e-5), (100, 1.7e-5), (1000, 4.5e-5)])
@pytest.mark.parametrize("scale", [1.0, 4.0, 8.0])
def test_error_against_float64(k: int, bound: float, scale: float) -> None:
    """What the exp unit and the rounding of UQ0.16 leave, no flips and no ties of the winner."""
    error = measure_softmax(divider(SOURCE, TARGET), k, scale, rows(20000 // k), seed=1)
    assert error.max_error <= bound
    assert (error.argmax_flips, error.reversals) == (0, 0)


def test_a_single_value_is_one() -> None:
    """k = 1: the quotient's whole bit is set and nothing is left over."""
    assert divider(SOURCE, QFormat.parse("UQ1.15"))(np.array([[-5], [7]]))[0].tolist() == [[1 << 15]] * 2


def test_a_lane_gives_a_share_every_18_cycles() -> None:
    """16 fraction bits, a whole one and one to round by take 18 steps, one more mends; earlier stages are shorter."""
    unit = divider(SOURCE, TARGET)
    assert (unit.cost.latency_cycles, unit.cost.interval_cycles) == (1 + 1 + 5 + 1 + 19, 18)
    assert unit.row_cost(10).latency_cycles == 27 + 9 * (1 + 1 + 18)
    assert unit.row_cost(10, 10).latency_cycles == 27 + 2 * 4
    assert unit.row_cost(10, 10).adders == 10 * unit.cost.adders


def test_parts() -> None:
    """Another exp changes the bits; a reciprocal has no place here."""
    codes = mixed_rows(4, 10, "Q6.10", seed=6)
    coarse = divider(SOURCE, TARGET, Choice("pow2-linear", (("entries", 4),)))
    assert (coarse(codes)[0] != divider(SOURCE, TARGET)(codes)[0]).any()
    assert coarse.cost.table_bits < divider(SOURCE, TARGET).cost.table_bits
    with pytest.raises(ConfigError, match="a reciprocal 'lut-newton' has no effect"):
        divider(SOURCE, TARGET, None, Choice("lut-newton"))
