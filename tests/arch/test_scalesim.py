"""SCALE-Sim's percentages against figures that its own report prints."""

from fractions import Fraction

import pytest

from accel.arch import scalesim
from accel.arch.dataflows import schedule
from accel.arch.hardware import Array, Memory
from accel.arch.scalesim import compute_line, scalesim_percentages
from accel.errors import ConfigError
from accel.loopnest import Gemm, LoopNest

CONV1 = Gemm(1, 3025, 363, 96)


def test_alexnet_conv1():
    """AlexNet conv1, weight-stationary, 32 x 32: the digits of its COMPUTE_REPORT."""
    percentages = scalesim_percentages("ws", CONV1, 32, 32, 112283)
    assert percentages.overall_util == 91.68309650614964
    assert percentages.mapping_efficiency == 94.53125
    assert percentages.compute_util == pytest.approx(90.78000992063485, rel=1e-15)


def test_axes_of_the_other_dataflows():
    """Worked by hand: M 6, K 5, N 3 on 4 x 2. os: 4 folds, T/D = 5/9; is: 6 folds, T/D = 3/12."""
    gemm = Gemm(1, 6, 5, 3)
    output = scalesim_percentages("os", gemm, 4, 2, 35)
    assert output == pytest.approx((100 * 90 / (35 * 8), 100 * 18 / 32, 100 * 18 / 32 * 5 / 9))
    held_inputs = scalesim_percentages("is", gemm, 4, 2, 65)
    assert held_inputs == pytest.approx((100 * 90 / (65 * 8), 100 * 30 / 48, 100 * 30 / 48 * 3 / 12))


def test_unknown_dataflow():
    """A dataflow that SCALE-Sim does not have is refused."""
    with pytest.raises(ConfigError, match="no dataflow 'rs'"):
        scalesim_percentages("rs", CONV1, 32, 32, 112283)


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
def test_means_over_more_folds_than_anyone_sums(dataflow, monkeypatch):
    """Beyond a limit the means come from a closed form; both ways agree where both can be taken."""
    gemm = Gemm(1, 70, 33, 95)
    summed = scalesim_percentages(dataflow, gemm, 3, 7, 10**4)
    monkeypatch.setattr(scalesim, "_LONGEST_SUM", 0)
    assert scalesim_percentages(dataflow, gemm, 3, 7, 10**4) == pytest.approx(summed, rel=1e-13)
    monkeypatch.undo()
    huge = scalesim_percentages(dataflow, Gemm(1, 2**31, 2**31, 2**31), 1, 1, 2**93)
    assert huge == pytest.approx((100, 100, 100), rel=1e-8)


def test_means_are_unweighted_means_over_folds():
    """Fold by fold in exact fractions: used PEs / PEs, and that times T / D."""
    gemm, rows, columns = Gemm(1, 23, 17, 31), 5, 6
    used = [
        Fraction(min(rows, 17 - i) * min(columns, 31 - j), rows * columns)
        for i in range(0, 17, rows)
        for j in range(0, 31, columns)
    ]
    mapping = 100 * sum(used) / len(used)
    found = scalesim_percentages("ws", gemm, rows, columns, 1000)
    assert found.mapping_efficiency == pytest.approx(float(mapping), rel=1e-14)
    assert found.compute_util == pytest.approx(
        float(mapping * Fraction(23, 2 * rows + 2 * columns + 23 - 3)), rel=1e-14
    )


def test_totals_are_those_of_the_timing_model():
    """A line's cycles are the schedule's with timing "scalesim", and no stalls."""
    memory = Memory(10**5, 10**5, 10**5, 0)
    for dataflow in ("os", "ws", "is"):
        array = Array(dataflow, 3, 4, "scalesim")
        nest = LoopNest("array", K=9, C=8, P=7, height=7)
        line = compute_line(nest, array, memory)
        assert (line.total_cycles, line.stall_cycles) == (schedule(nest, array).compute_cycles, 0)
        assert line.prefetched_cycles > line.total_cycles
