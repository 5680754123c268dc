"""exp(-u) by CORDIC: bits against a model in Python integers, its rotations, its time."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.cordic import cordic, rotations
from tests.units import model, model_exp
from tests.units.grid import codes_of, spread

SOURCE, TARGET = QFormat.parse("UQ6.10"), QFormat.parse("UQ1.15")


@pytest.mark.parametrize(
    ("source", "target", "iterations", "guard_bits"),
    [
        ("UQ6.10", "UQ1.15", 18, 5),
        ("UQ6.10", "UQ0.16", 14, 3),
        ("UQ4.12", "Q2.14", 8, 0),
        ("UQ1.31", "UQ1.31", 24, 8),
        ("UQ48.-16", "UQ1.15", 16, 5),
        ("UQ-4.20", "UQ-15.47", 24, 3),
        ("UQ24.8", "UQ4.8", 12, 2),
        ("UQ1.1", "UQ18.-16", 18, 5),
    ],
)
def test_bits_are_those_of_the_model(source: str, target: str, iterations: int, guard_bits: int) -> None:
    """Every output equals the model, register by register, small u and large."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = spread(x)
    made, overflowed = cordic(x, y, iterations=iterations, guard_bits=guard_bits)(codes)
    exact = [model_exp.cordic(int(u), x.frac_bits, y.frac_bits, iterations, guard_bits) for u in codes]
    assert made.tolist() == [model.clip(code, y.signed, y.width) for code in exact]
    assert overflowed == sum(code > y.max_code for code in exact)


def test_rotations_4_and_13_are_done_twice() -> None:
    """Without the repetitions the angles that remain could not reach every fraction of an octave."""
    assert rotations(18) == (1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 13, 14, 15, 16)


def test_every_rotation_but_the_repeated_halves_the_error() -> None:
    """The last angle is the error: 2^-last relative, and with it goes the worst output, floors and rounding apart."""
    u = codes_of("UQ6.10")
    for iterations in range(8, 19):
        made, _ = cordic(SOURCE, TARGET, iterations=iterations, guard_bits=8)(u)
        worst = np.abs(made - np.exp(-u / 1024) * 32768).max()
        assert worst <= 32768 * 2.0 ** -rotations(iterations)[-1] + 0.5 + iterations / 256


def test_time_is_one_cycle_per_rotation() -> None:
    """18 rotations, and three cycles around them; the next input waits for the registers."""
    cost = cordic(SOURCE, TARGET).cost
    assert (cost.latency_cycles, cost.interval_cycles, cost.multipliers, cost.table_bits) == (21, 18, 1, 18 * 20)


def test_other_numbers_are_refused() -> None:
    """Too few or too many rotations and guard bits are ConfigErrors that say the range."""
    with pytest.raises(ConfigError, match=r"iterations = 40 is not offered; use 8\.\.24"):
        cordic(SOURCE, TARGET, iterations=40)
    with pytest.raises(ConfigError, match=r"guard_bits = -1 is not offered; use 0\.\.8"):
        cordic(SOURCE, TARGET, guard_bits=-1)
