"""The measuring instrument, on units whose faults are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.measure import FINE_EDGES, histogram, measure, measure_softmax, source_grid
from accel.units.unit import Codes, SoftmaxUnit, UnaryUnit

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


def test_histogram_bins() -> None:
    """Steps of 1/4 ulp up to 2, then powers of two up to the first beyond the largest; an edge belongs to its right."""
    assert histogram(np.array([0.0, 0.2, 0.25, 1.99, 1.75])).counts == (2, 1, 0, 0, 0, 0, 0, 2)
    assert histogram(np.array([0.5])).edges_ulp == FINE_EDGES == (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2)
    wide = histogram(np.array([2.0, 3.9, 4.0, 16.0]))
    assert wide.edges_ulp[8:] == (2, 4, 8, 16, 32)
    assert wide.counts == (0,) * 8 + (2, 1, 0, 1)


def test_histogram_counts_every_code() -> None:
    """One code off by 3 lsb stands in the bin of 2 to 4, all others in the first."""
    error = measure(faulty(40, -3))
    assert error.histogram.counts == (255, 0, 0, 0, 0, 0, 0, 0, 1)
    assert error.histogram.edges_ulp[-1] == 4


@dataclass(frozen=True, eq=False)
class Rigged(SoftmaxUnit):
    """A softmax of two values in Q4.4 that answers whatever it was told to, by the sign of their difference."""

    first_wins: tuple[int, int]
    second_wins: tuple[int, int]

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        return np.where((codes[:, 0] >= codes[:, 1])[:, None], self.first_wins, self.second_wins), 0

    def row_cost(self, k: int, lanes: int = 1) -> UnitCost:
        return self.cost


def rigged(first_wins: tuple[int, int], second_wins: tuple[int, int]) -> Rigged:
    return Rigged("rigged", Q8, QFormat.parse("UQ1.8"), UnitCost(1), first_wins, second_wins)


def test_softmax_ties_are_no_reversals() -> None:
    """Equal shares whatever the logits: every row with different ones ties, and flips when the second should win."""
    error = measure_softmax(rigged((128, 128), (128, 128)), 2, 2.0, 400)
    assert error.reversals == 0
    assert 0.9 < error.ties < 1  # a few rows have equal logits: their tie is right
    assert 0.4 < error.argmax_flips < 0.6
    assert (error.row_sum_min, error.row_sum_max) == (1, 1)


def test_softmax_reversals_are_flips() -> None:
    """The loser gets more: a flip and a reversal in every row of different logits, never a tie."""
    error = measure_softmax(rigged((100, 156), (156, 100)), 2, 2.0, 400)
    assert error.ties == 0
    assert error.reversals == error.argmax_flips > 0.9


def test_softmax_error_and_row_sums() -> None:
    """Logits so close that both should have half: a share of 0.75 is off by 0.25, rows sum to 0.75 or 1.25."""
    error = measure_softmax(rigged((192, 128), (0, 192)), 2, 1e-6, 50)
    assert (error.max_error, error.row_sum_min, error.row_sum_max) == (0.25, 1.25, 1.25)
    assert error.argmax_flips == 0


@dataclass(frozen=True, eq=False)
class OfTwo(Rigged):
    """2^x / sum 2^x in float64, rounded to the target."""

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        powers = 2.0 ** (codes / 16)
        return np.rint(powers / powers.sum(axis=1, keepdims=True) * 256).astype(np.int64), 0


def test_softmax_base() -> None:
    """Shares of base 2 are right to half an lsb against base 2 and far off against base e, the default."""
    unit = OfTwo("of-two", Q8, QFormat.parse("UQ1.8"), UnitCost(1), (0, 0), (0, 0))
    assert measure_softmax(unit, 5, 2.0, 200, base=2.0).max_error <= 2**-9
    assert measure_softmax(unit, 5, 2.0, 200).max_error > 0.1


def test_nothing_compared_is_refused() -> None:
    """No rows or no classes are no measurement."""
    for classes, rows in ((0, 10), (10, 0)):
        with pytest.raises(ConfigError, match="compare nothing"):
            measure_softmax(rigged((1, 1), (1, 1)), classes, 1.0, rows)
