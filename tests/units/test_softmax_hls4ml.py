"""hls4ml's stable softmax: bits against an integer model of its types, and the known-bad behaviour it is there for."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.measure import measure_softmax
from accel.units.softmax_hls4ml import hls4ml_stable
from accel.units.unit import Choice
from tests.units import model, model_softmax
from tests.units.grid import rows
from tests.units.logits import figures, mixed_rows, normal_rows

SOURCE, TARGET = QFormat.parse("ap_fixed<16,6>"), QFormat.parse("UQ0.16")


def test_a_wrapped_distance_wins_a_share() -> None:
    """Logits 20, -20, -1, -13, 0, 5, 0, ...: class 0 gets 0.80 and class 3, e^-33 away, 0.29; two distances wrapped."""
    logits = np.array([[20, -20, -1, -13, 0, 5, 0, 0, 0, 0]]) * 1024
    codes, overflowed = hls4ml_stable(SOURCE, TARGET)(logits)
    shares = codes[0] / 65536
    assert round(shares[0], 2) == 0.80
    assert round(shares[3], 2) == 0.29
    assert shares[[1, 2, 4, 5, 6, 7, 8, 9]].max() < 0.001
    assert overflowed == 2


@pytest.mark.parametrize(
    ("source", "target", "k"),
    [
        ("Q6.10", "UQ0.16", 10),
        ("Q6.10", "Q6.10", 3),
        ("Q6.10", "UQ1.16", 100),
        ("Q3.5", "UQ0.16", 5),
        ("UQ4.12", "Q1.15", 5),
        ("Q18.-16", "UQ1.7", 4),
        ("Q1.1", "Q1.1", 7),
        ("Q1.31", "UQ0.32", 5),
        ("Q6.10", "UQ0.16", 300),
    ],
)
def test_bits_are_those_of_the_model(source: str, target: str, k: int) -> None:
    """Every output, table entries, wraps and saturations included, and the count of both."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = mixed_rows(rows(60), k, source, seed=8)
    made, overflowed = hls4ml_stable(x, y)(codes)
    expected, least, most = [], 0, 0
    for row in codes.tolist():
        exact, wrapped = model_softmax.hls4ml(row, x.signed, x.width, x.frac_bits, y.frac_bits)
        expected.append([model.clip(code, y.signed, y.width) for code in exact])
        saturated = sum(a != b for a, b in zip(exact, expected[-1], strict=True))
        least += max(wrapped, saturated)
        most += wrapped + saturated
    assert made.tolist() == expected
    assert least <= overflowed <= most


def test_a_full_sum_saturates() -> None:
    """200 equal logits sum to 200, the sum's type ends at 128: each gets 1/127.75, the row 1.57."""
    made, _ = hls4ml_stable(SOURCE, QFormat.parse("UQ1.20"))(np.zeros((1, 200), int))
    assert (made == round(Fraction(1024 * 8, 1))).all()
    assert made.sum() / 2**20 == 200 * 8 / 1024


def test_tables_are_those_of_the_types() -> None:
    """exp of 5.5-bit distances, 1/s of s in steps of 1/4, 18 bits each; 1/0 saturates; negative sums have entries."""
    unit = hls4ml_stable(SOURCE, TARGET)
    tables = unit.memories()
    exponentials, bits = tables["exp.table"]
    assert (exponentials.size, bits, unit.norm) == (1024, 18, QFormat.parse("UQ5.10"))
    assert exponentials[[0, 32, 64, 1023]].tolist() == [1024, 377, 139, 0]
    inverses, bits = tables["inverse.table"]
    assert (inverses.size, bits) == (1024, 18)
    assert inverses[[0, 1, 4, 5, 6, 511]].tolist() == [131071, 4096, 1024, 819, 683, 8]
    assert inverses[[512, 1023]].tolist() == [-8, -4096]
    assert unit.cost.table_bits == 2 * 1024 * 18


@figures
@pytest.mark.parametrize(
    ("scale", "error", "flips"),
    [(1.0, (0.04, 0.36), (0.006, 0.05)), (2.0, (0.04, 0.36), (0.006, 0.05)), (4.0, (0.04, 0.36), (0.004, 0.05))],
)
def test_known_bad_figures(scale: float, error: tuple[float, float], flips: tuple[float, float]) -> None:
    """Ten classes: errors of 0.04 to 0.36, rows summing to as much as 1.25, 0.6 to 5 % of the winners lost to ties."""
    measured = measure_softmax(hls4ml_stable(SOURCE, TARGET), 10, scale, 4000, seed=2)
    assert error[0] <= measured.max_error <= error[1]
    assert flips[0] <= measured.argmax_flips <= flips[1]
    assert 1.15 < measured.row_sum_max <= 1.25
    assert measured.reversals == 0


@figures
def test_wide_logits_wrap() -> None:
    """Spread 8 and 100 classes: distances beyond 32 come back as small ones and shares are off by more than a half."""
    error = measure_softmax(hls4ml_stable(SOURCE, TARGET), 100, 8.0, 500, seed=2)
    assert error.max_error > 0.36


def test_unsigned_logits_never_wrap() -> None:
    """Their norm type keeps all bits: the count is that of saturated outputs alone."""
    unit = hls4ml_stable(QFormat.parse("UQ5.11"), QFormat.parse("UQ1.16"))
    assert unit(normal_rows(50, 10, 20.0, seed=3, source="UQ5.11"))[1] == 0


def test_parts_are_refused() -> None:
    """It is one piece."""
    with pytest.raises(ConfigError, match="has its own exp, 'lut' has no effect"):
        hls4ml_stable(SOURCE, TARGET, Choice("lut"))
