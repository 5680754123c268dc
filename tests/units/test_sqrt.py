"""Square root: rounded exactly, held against inequalities of Python integers."""

from __future__ import annotations

from math import isqrt

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.sqrt import digit
from tests.units.grid import codes_of, rows


def nearest_root(code: int, source: QFormat, target: QFormat) -> int:
    """Return sqrt(code) in target codes, ties to even, before saturation, from squares of integers only."""
    up = max(2 * target.frac_bits - source.frac_bits, 0)
    down = max(
        source.frac_bits - 2 * target.frac_bits, 0
    )  # the root in target codes has the square code * 2^(up - down)
    root = isqrt(code << up >> down)
    square, middle = 4 * code << up, (2 * root + 1) ** 2 << down
    return root + (square > middle or (square == middle and root % 2 == 1))


@pytest.mark.parametrize("target", ["UQ6.10", "Q4.12", "Q9.-1", "UQ4.28"])
@pytest.mark.parametrize("source", ["UQ6.10", "UQ7.9"])
def test_every_code_is_rounded_exactly(source: str, target: str) -> None:
    """All 2^16 radicands give the nearest code, ties to even, saturated and counted beyond the target."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = codes_of(source)
    made, overflowed = digit(x, y)(codes)
    exact = [nearest_root(int(code), x, y) for code in codes]
    assert made.tolist() == [min(code, y.max_code) for code in exact]
    assert overflowed == sum(code > y.max_code for code in exact)


@pytest.mark.parametrize(
    ("source", "target"), [("UQ63.0", "UQ32.0"), ("UQ31.32", "UQ16.16"), ("UQ23.40", "Q12.20"), ("UQ2.61", "UQ1.31")]
)
def test_sums_of_squares_of_any_width(source: str, target: str) -> None:
    """Radicands of up to 63 bits are rounded exactly too: random ones, squares and their neighbours, the ends."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    rng = np.random.default_rng(3)
    codes = np.exp2(rng.uniform(0, 62.9, rows(500))).astype(np.int64)
    squares = rng.integers(0, 1 << 31, rows(500)) ** 2
    codes = np.concatenate([codes, squares, squares + 1, np.maximum(squares, 1) - 1, [0, 1, 2, x.max_code]])
    made, _ = digit(x, y)(codes)
    assert made.tolist() == [min(nearest_root(int(code), x, y), y.max_code) for code in codes]


def test_ties_go_to_even() -> None:
    """Roots half-way between two codes (0.5, 1.5, 2.5) go to the even one."""
    made, _ = digit(QFormat.parse("UQ4.4"), QFormat.parse("UQ4.0"))(np.array([4, 36, 100]))
    assert made.tolist() == [0, 2, 2]


def test_time_is_one_cycle_per_result_bit() -> None:
    """A 32-bit sum of squares of Q6.10 codes, rooted into Q6.10: 17 digits (16 and one to round by), one cycle more."""
    cost = digit(QFormat.parse("UQ12.20"), QFormat.parse("Q6.10")).cost
    assert (cost.latency_cycles, cost.interval_cycles, cost.multipliers, cost.table_bits) == (18, 17, 0, 0)


def test_what_cannot_be_built_is_refused() -> None:
    """A signed source and a root of too many digits are ConfigErrors that say what to use."""
    with pytest.raises(ConfigError, match=r"use UQ12\.20"):
        digit(QFormat.parse("Q12.20"), QFormat.parse("Q6.10"))
    with pytest.raises(ConfigError, match="fewer fraction bits"):
        digit(QFormat.parse("UQ63.0"), QFormat.parse("UQ0.32"))
