"""SCALE-Sim's percentages against figures that its own report prints."""

import pytest

from accel.arch.scalesim import scalesim_percentages
from accel.errors import ConfigError
from accel.loopnest import Gemm

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
