"""Softmax without the maximum: bits against the model, agreement while logits are small, and how it breaks."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.measure import measure_softmax
from accel.units.softmax_unshifted import unshifted
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
        ("Q1.31", "UQ0.32", 5),
        ("Q18.-16", "UQ1.7", 4),
        ("UQ4.4", "UQ1.7", 6),
    ],
)
def test_bits_are_those_of_the_model(source: str, target: str, k: int) -> None:
    """Every output, and the count of outputs that saturated or came from a saturated exponential."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = mixed_rows(rows(60), k, source, seed=7)
    made, overflowed = unshifted(x, y)(codes)
    expected, count = [], 0
    for row in codes.tolist():
        powers = [model_softmax.exp_signed(value, x.frac_bits) for value in row]
        total = max(sum(powers), 1)
        mantissa, size = model.reciprocal_mantissa(total, steps=2)
        exact = model_softmax.shared(powers, mantissa * model.Fraction(2) ** (-20 - size), y.frac_bits)
        expected.append([model.clip(code, y.signed, y.width) for code in exact])
        ends = zip(powers, exact, expected[-1], strict=True)
        count += sum(power == 2**32 - 1 or code != kept for power, code, kept in ends)
    assert made.tolist() == expected
    assert overflowed == count


def test_small_logits_do_no_harm() -> None:
    """Spread 1: as good as the reference."""
    error = measure_softmax(unshifted(SOURCE, TARGET), 10, 1.0, rows(2000), seed=1)
    assert error.max_error < 2e-5
    assert error.argmax_flips == 0


def test_large_logits_tie() -> None:
    """Spread 8: a good part of the rows has logits beyond 8.32, which tie; the winner is no longer told apart."""
    error = measure_softmax(unshifted(SOURCE, TARGET), 10, 8.0, rows(2000), seed=1)
    assert error.max_error > 0.5
    assert error.ties > 0.3
    assert error.reversals == 0
    made, overflowed = unshifted(SOURCE, TARGET)(np.array([[9 * 1024, 30 * 1024, 0]]))
    assert made[0, 0] == made[0, 1]
    assert overflowed == 2


def test_very_negative_logits_get_nothing() -> None:
    """All below -14.56: every exponential is 0, the row sums to 0."""
    made, overflowed = unshifted(SOURCE, TARGET)(np.full((1, 4), -15 * 1024))
    assert made.tolist() == [[0, 0, 0, 0]]
    assert overflowed == 0


def test_a_row_is_read_once() -> None:
    """Exponentials and products are two streams; there is no maximum to wait for."""
    cost = unshifted(SOURCE, TARGET).row_cost(10)
    assert (cost.passes, cost.latency_cycles) == (1, 5 + 1 + 7 + 1 + 2 * 9)


def test_parts() -> None:
    """The reciprocal can be chosen; exp units for distances cannot serve both signs."""
    coarse = unshifted(SOURCE, TARGET, None, Choice("lut-newton", (("entries", 16), ("steps", 0))))
    assert coarse.cost.latency_cycles == 10
    with pytest.raises(ConfigError, match="exp of both signs"):
        unshifted(SOURCE, TARGET, Choice("pow2-linear"))
