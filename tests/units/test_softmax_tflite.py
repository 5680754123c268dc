"""TensorFlow Lite's 16-bit softmax: published table entries, bits against its C steps, the floor of its exp table."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ConfigError, DataError
from accel.numeric.format import QFormat
from accel.units.measure import measure_softmax
from accel.units.softmax_tflite import quantized_multiplier, tflite_s16
from accel.units.unit import Choice
from tests.units import model, model_softmax
from tests.units.grid import rows
from tests.units.logits import figures, mixed_rows

SOURCE, TARGET = QFormat.parse("Q6.10"), QFormat.parse("UQ0.16")


def test_tables_have_the_published_entries() -> None:
    """As in the tables that CMSIS-NN ships for the same operator: 27 twos first, the ends, a few in between."""
    unit = tflite_s16(SOURCE, TARGET)
    exp, inverse = unit.exp_table.tolist(), unit.inverse_table.tolist()
    assert exp[:28] == [2] * 27 + [3]
    assert exp[128] == 18
    assert exp[-17:-13] == [23973, 24445, 24928, 25419]
    assert exp[-3:] == [31512, 32133, 32767]
    assert inverse[:8] == [32767, 32704, 32640, 32578, 32514, 32451, 32388, 32326]
    assert inverse[-1] == 16384


def test_tables_are_those_of_the_rule() -> None:
    """All 513 entries of both, 16 bits each."""
    unit = tflite_s16(SOURCE, TARGET)
    assert unit.exp_table.tolist() == model_softmax.tflite_table("exp")
    assert unit.inverse_table.tolist() == model_softmax.tflite_table("inverse")
    assert unit.cost.table_bits == 2 * 513 * 16


@pytest.mark.parametrize(
    ("source", "target", "k"),
    [
        ("Q6.10", "UQ0.16", 10),
        ("Q6.10", "Q1.15", 1),
        ("Q6.10", "Q1.15", 100),
        ("Q1.15", "Q1.15", 5),
        ("Q17.-1", "Q1.15", 5),
        ("Q5.3", "UQ0.16", 10),
        ("UQ5.10", "UQ0.8", 10),
        ("Q-10.26", "Q1.15", 3),
    ],
)
def test_bits_are_those_of_the_library(source: str, target: str, k: int) -> None:
    """Every output equals the library's integer steps, cast once where the target is not Q1.15."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = mixed_rows(rows(60), k, source, seed=9)
    tables = model_softmax.tflite_table("exp"), model_softmax.tflite_table("inverse")
    made, overflowed = tflite_s16(x, y)(codes)
    exact = []
    for row in codes.tolist():
        shares = model_softmax.tflite(row, x.frac_bits, *tables)
        exact.append([model.half_even(share * model.Fraction(2) ** (y.frac_bits - 15)) for share in shares])
    clipped = [[model.clip(code, y.signed, y.width) for code in row] for row in exact]
    assert made.tolist() == clipped
    assert overflowed == int((np.array(exact) != np.array(clipped)).sum())


@figures
@pytest.mark.parametrize(("scale", "bound"), [(1.0, 1e-4), (4.0, 6e-4), (8.0, 6e-4)])
def test_ten_classes(scale: float, bound: float) -> None:
    """5e-5 to 6e-4, no flips."""
    error = measure_softmax(tflite_s16(SOURCE, TARGET), 10, scale, 2000, seed=1)
    assert 2e-5 <= error.max_error <= bound
    assert error.argmax_flips == 0


def test_the_floor_adds_up() -> None:
    """1000 classes of wide logits: 999 times 2 lsb of 2^-15 take 5.7e-2 away from a winner that should have it all."""
    logits = np.full((1, 1000), SOURCE.min_code)
    logits[0, 17] = SOURCE.max_code
    made = tflite_s16(SOURCE, TARGET)(logits)[0] / 65536
    assert 1 - made[0, 17] == pytest.approx(5.7e-2, abs=5e-4)


@figures
def test_the_floor_on_random_logits() -> None:
    """Spread 8 and 1000 classes: some winner loses as much."""
    error = measure_softmax(tflite_s16(SOURCE, TARGET), 1000, 8.0, 200, seed=1)
    assert error.max_error == pytest.approx(5.7e-2, abs=1e-3)


def test_multiplier_of_31_bits() -> None:
    """factor = multiplier * 2^(shift - 31), its mantissa rounded; one that rounds up to 1 is written one shift on."""
    assert quantized_multiplier(6.5) == (round(6.5 / 8 * 2**31), 3)
    assert quantized_multiplier(0.5) == (1 << 30, 0)
    assert quantized_multiplier(1 - 2.0**-40) == (1 << 30, 1)


def test_what_does_not_fit_16_bits_is_refused() -> None:
    """Wide or coarse sources, parts and endless rows are named errors with a way out."""
    for source in ("Q8.12", "UQ6.10", "Q18.-2"):
        with pytest.raises(ConfigError, match="takes 16-bit integers with at least -1 fraction bits"):
            tflite_s16(QFormat.parse(source), TARGET)
    with pytest.raises(ConfigError, match="has its own reciprocal"):
        tflite_s16(SOURCE, TARGET, None, Choice("lut-newton"))
    with pytest.raises(DataError, match="rows of at most 65536"):
        tflite_s16(SOURCE, TARGET)(np.zeros((1, 65537), np.int64))
