"""Softermax: bits against a model of its one pass, base 2, the order of values, time slice by slice."""

from __future__ import annotations

import math

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.measure import measure_softmax
from accel.units.softmax_softermax import SLICE, softermax
from accel.units.unit import Choice
from tests.units import model, model_softmax
from tests.units.grid import rows
from tests.units.logits import figures, mixed_rows

SOURCE, TARGET = QFormat.parse("Q6.10"), QFormat.parse("UQ0.16")


@pytest.mark.parametrize(
    ("source", "target", "k"),
    [
        ("Q6.2", "UQ1.7", 10),
        ("Q6.10", "UQ0.16", 10),
        ("Q6.10", "UQ0.16", 100),
        ("Q6.10", "Q1.15", 16),
        ("Q6.10", "Q1.15", 17),
        ("Q1.31", "UQ0.32", 5),
        ("Q18.-16", "UQ1.7", 40),
        ("UQ4.4", "UQ-15.47", 33),
        ("Q1.1", "Q1.1", 7),
        ("Q2.0", "UQ0.8", 1100),
    ],
)
def test_bits_are_those_of_the_model(source: str, target: str, k: int) -> None:
    """Every output equals the model in Fractions, rising maxima, dropped bits and a full sum included."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = mixed_rows(rows(600 // k + 2), k, source, seed=10, uniform=2)
    made, overflowed = softermax(x, y)(codes)
    exact = [model_softmax.softermax(row, x.frac_bits, y.frac_bits) for row in codes.tolist()]
    clipped = [[model.clip(code, y.signed, y.width) for code in row] for row in exact]
    assert made.tolist() == clipped
    assert overflowed == int((np.array(exact) != np.array(clipped)).sum())


def test_base_is_two() -> None:
    """A logit one higher gets twice the share; against base 2 ten classes are good to 3 %, the reciprocal's 7 bits."""
    made = softermax(SOURCE, TARGET)(np.array([[1024, 0, -1024]]))[0]
    assert made[0, 0] == pytest.approx(2 * made[0, 1], abs=2) == pytest.approx(4 * made[0, 2], abs=4)
    for scale in (1.0, 4.0, 8.0):
        error = measure_softmax(softermax(SOURCE, TARGET), 10, scale, rows(1000), seed=1, base=2.0)
        assert error.max_error < 0.03
        assert error.argmax_flips == 0


@figures
def test_against_base_e_the_distribution_is_softer() -> None:
    """Without networks tuned to it: off by up to 0.2, though the winner stays."""
    error = measure_softmax(softermax(SOURCE, TARGET), 10, 1.0, 1000, seed=1)
    assert 0.15 < error.max_error < 0.3
    assert error.argmax_flips == 0


def test_a_full_sum_saturates() -> None:
    """1100 equal logits sum to 1100, the sum ends at 1024: each gets the share of 1024, as in the model."""
    row = [1024] * 1100
    made = softermax(SOURCE, QFormat.parse("UQ1.20"))(np.array([row]))[0]
    assert (made == 1 << 10).all()
    assert made[0].tolist() == model_softmax.softermax(row, 10, 20)


def test_order_of_the_values_matters() -> None:
    """512 logits of -12 ahead of a 0 sum to 512 and are shifted down to 1/8; behind it each 16 of them round to 0."""
    row = np.array([-12 * 1024] * SLICE * 32 + [0])
    rising, falling = softermax(SOURCE, TARGET)(np.array([row, row[::-1]]))[0]
    assert rising[-1] == pytest.approx(65536 / 1.125, rel=2**-6)
    assert falling[0] == 65535


def cycles(k: int, lanes: int) -> int:
    """Walk a row through the stages, beat by beat."""
    lanes = min(lanes, SLICE)
    levels = math.ceil(math.log2(lanes))
    beats = [math.ceil(min(SLICE, k - start) / lanes) for start in range(0, k, SLICE)]
    read, ready = 0, 0
    for count in beats:
        read += count
        maximum = read - 1 + 2 + levels  # the beat that completes the slice, two stages, the tree
        ready = max(maximum + beat + 1 + 3 + 1 + levels for beat in range(count))
    return ready + 3 + max(beat + 1 for beat in range(sum(beats)))


@pytest.mark.parametrize("lanes", [1, 3, 4, 16, 32])
@pytest.mark.parametrize("k", [1, 10, 16, 17, 32, 100, 1000])
def test_row_cost_is_the_walk(k: int, lanes: int) -> None:
    """Read once; the last slice streams once more, the products once; more than 16 lanes do not help."""
    unit = softermax(SOURCE, TARGET)
    assert unit.row_cost(k, lanes).latency_cycles == cycles(k, lanes)
    assert unit.row_cost(k, lanes).passes == 1
    assert unit.row_cost(k, 32) == unit.row_cost(k, 16)


def test_lanes_repeat_all_but_the_reciprocal() -> None:
    """Four lanes carry four tables of powers and one of inverses."""
    unit = softermax(SOURCE, TARGET)
    inverse = sum(table.size * bits for name, (table, bits) in unit.memories().items() if name.startswith("inverse"))
    assert unit.row_cost(10, 4).table_bits == 4 * (unit.cost.table_bits - inverse) + inverse


def test_parts_are_refused() -> None:
    """It is one piece."""
    with pytest.raises(ConfigError, match="has its own exp"):
        softermax(SOURCE, TARGET, Choice("lut"))
