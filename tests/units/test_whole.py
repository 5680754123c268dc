"""A table of every result is the unit: same codes, same counts, in every container; wide sources never have one."""

import numpy as np
import pytest

from accel.numeric.format import QFormat
from accel.units.registry import build_unit
from accel.units.unit import MAX_TABLE_WIDTH, WholeFunction

UNITS = [
    ("tanh", "lut-linear", "Q6.10", "Q1.15"),  # saturates at the right end only
    ("sigmoid", "lut-linear", "Q6.10", "UQ0.8"),
    ("relu", "relu", "Q6.10", "Q2.6"),  # saturates over half its range
    ("identity", "identity", "Q4.4", "Q2.2"),  # at both ends
    ("sqrt", "digit", "UQ8.8", "UQ8.8"),  # codes of 16 bits in a container of 32
]


@pytest.mark.parametrize(("function", "design", "source", "target"), UNITS, ids=lambda word: word)
def test_the_table_is_the_unit(function, design, source, target, rng):
    """Codes looked up, few or many, equal codes evaluated, and so does how many saturated."""
    unit = build_unit(function, design, QFormat.parse(source), QFormat.parse(target))
    whole = WholeFunction.of(unit)
    low, high = unit.source.min_code, unit.source.max_code
    for codes in (np.arange(low, high + 1), rng.integers(low, high + 1, 500), np.array([low, high]), np.array([], int)):
        held = codes.astype(unit.source.dtype)
        made, saturated = whole.look_up(held)
        expected, count = unit.evaluate(codes.astype(np.int64))
        assert np.array_equal(made, expected)
        assert (made.dtype, saturated) == (unit.target.dtype, count)


def test_when_there_is_one():
    """It is made by the first call with as many codes as there are, serves small ones from then on, shape kept."""
    unit = build_unit("tanh", "lut-linear", QFormat.parse("Q3.5"), QFormat.parse("Q1.7"))
    for kept in ("_whole", "_come"):  # built units are shared
        vars(unit).pop(kept, None)
    few, many = np.zeros((2, 3), dtype=np.int8), np.zeros((4, 8, 8), dtype=np.int8)
    unit(few)
    assert "_whole" not in vars(unit)
    assert unit(many)[0].shape == many.shape
    assert "_whole" in vars(unit)
    assert unit(few)[0].shape == few.shape
    read_only = np.broadcast_to(np.int8(3), (5, 2))
    assert unit(read_only)[0].tolist() == unit(np.full((5, 2), 3))[0].tolist()


def test_small_calls_make_one_together():
    """Training asks for few results at a time, again and again: together they are as many as there are codes."""
    unit = build_unit("sigmoid", "lut-linear", QFormat.parse("Q3.5"), QFormat.parse("Q1.7"))
    for kept in ("_whole", "_come"):
        vars(unit).pop(kept, None)
    codes = np.arange(-128, 128).reshape(8, 32)
    made = [unit(part)[0] for part in codes[:7]]
    assert "_whole" not in vars(unit)
    made.append(unit(codes[7])[0])
    assert "_whole" in vars(unit)
    assert np.array_equal(np.stack(made), unit(codes)[0])


def test_wide_sources_have_none():
    """A source beyond 16 bits is evaluated, however many codes come."""
    unit = build_unit("relu", "relu", QFormat(True, MAX_TABLE_WIDTH + 1, 6), QFormat.parse("Q6.10"))
    unit(np.zeros(1 << 17, dtype=np.int32))
    assert "_whole" not in vars(unit)
