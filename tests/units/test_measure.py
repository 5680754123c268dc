"""The measuring instrument, on units whose faults are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.measure import measure, source_grid
from accel.units.unit import Codes, UnaryUnit

Q8 = QFormat.parse("Q4.4")


@dataclass(frozen=True, eq=False)
class Faulty(UnaryUnit):
    """The identity, but for `shift` added to the output of one code."""

    at: int
    shift: int

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        return codes + self.shift * (codes == self.at), 0


def faulty(at: int, shift: int, name: str = "identity") -> Faulty:
    return Faulty(name, "faulty", Q8, Q8, UnitCost(1), at, shift)


def test_a_perfect_unit_has_no_error() -> None:
    """No fault: no error, monotonic, symmetric, all 256 codes compared."""
    error = measure(faulty(0, 0))
    assert (error.codes, error.max_ulp, error.mean_ulp, error.monotonic, error.symmetric) == (256, 0, 0, True, True)


def test_one_wrong_code_is_found() -> None:
    """One code off by 3 lsb: that is the largest error, its 256th the mean; order and symmetry are lost."""
    error = measure(faulty(40, -3))
    assert (error.max_ulp, error.mean_ulp) == (3, 3 / 256)
    assert not error.monotonic
    assert error.symmetric is False


def test_a_step_in_the_right_direction_keeps_the_order() -> None:
    """The last code but one raised to the last: still monotonic, no longer symmetric."""
    error = measure(faulty(126, 1))
    assert error.monotonic
    assert error.symmetric is False


def test_values_not_codes_are_compared() -> None:
    """The error counts in lsb of the target and before rounding: halving the resolution leaves 1/2 at odd codes."""
    from accel.units.relu import identity

    error = measure(identity(Q8, QFormat.parse("Q5.3")))
    assert (error.max_ulp, error.mean_ulp) == (0.5, 0.25)


def test_wide_sources_are_sampled_with_both_ends() -> None:
    """A 32-bit source gives up to 2^20 rising codes and the highest, the lowest and odd and even ones among them."""
    grid = source_grid(QFormat.parse("Q8.24"))
    assert 1 << 19 < grid.size <= (1 << 20) + 1
    assert (grid[0], grid[-1]) == (-(1 << 31), (1 << 31) - 1)
    assert (np.diff(grid) > 0).all()
    assert {int(low) for low in grid[:8] % 2} == {0, 1}


def test_a_function_without_a_reference_is_refused() -> None:
    """Nothing is reported as measured that was not compared."""
    with pytest.raises(ConfigError, match=r"no float64 reference for 'sigmoide'\. Did you mean 'sigmoid'"):
        measure(faulty(0, 0, "sigmoide"))
