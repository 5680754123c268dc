"""Zhang FPGA'15: the printed cycles exactly, from the paper's formula as well, and times beside the board's."""

from __future__ import annotations

import math

import pytest

import accel
from accel.layers import Conv2d
from accel.network.graph import chain

# input maps, output maps, output rows, kernel rows, printed cycles (FPGA 2015, <Tm, Tn> = <64, 7>)
LAYERS = {
    "layer 1": (3, 48, 55, 11, 366025),
    "layer 2": (48, 128, 27, 5, 255430),
    "layer 3": (256, 192, 13, 3, 171051),
    "layer 4": (192, 192, 13, 3, 129444),
    "layer 5": (192, 128, 13, 3, 86296),
}
RECALLED_MS = dict(zip(LAYERS, (7.67, 5.35, 3.79, 2.88, 1.93), strict=True))


@pytest.mark.parametrize("layer", LAYERS)
def test_cycles_are_exact(compare, layer):
    """Predicted = printed = ceil(M / 64) ceil(N / 7) (R R K K + P), P = 20 but for a single pair of tiles."""
    maps, filters, rows, kernel, printed = LAYERS[layer]
    pairs = math.ceil(filters / 64) * math.ceil(maps / 7)
    one = compare("zhang2015")["cycles", layer]
    assert one.predicted == one.published == printed == pairs * (rows**2 * kernel**2 + 20 * (pairs > 1))
    assert (one.error, one.origin) == (0, "printed")


def test_total_is_exact(compare):
    """1 008 246 cycles."""
    one = compare("zhang2015")["cycles", "all"]
    assert one.predicted == one.published == 1_008_246


@pytest.mark.parametrize("layer", LAYERS)
def test_times_are_those_of_an_estimate(compare, layer):
    """Both halves at 100 MHz, waits included, of which there are next to none; the published time is from memory."""
    maps, filters, rows, kernel, cycles = LAYERS[layer]
    extent = {11: 227, 5: 27, 3: 13}[kernel]
    stride, padding = {11: (4, 0), 5: (1, 2), 3: (1, 1)}[kernel]
    convolution = Conv2d(filters, kernel, stride, padding, bias=False)
    (report,) = accel.estimate(chain(layer, (maps, extent, extent), {layer: convolution}), "zhang2015").layers
    assert report.macs == maps * filters * rows**2 * kernel**2
    one = compare("zhang2015")["time", layer]
    assert one.predicted == pytest.approx(2 * report.cycles.total / 100e3, rel=1e-12)
    assert cycles <= report.cycles.total < 1.01 * cycles
    assert (one.published, one.is_recalled) == (RECALLED_MS[layer], True)
    assert -0.11 < one.error < -0.04


def test_time_and_rate_in_all(compare):
    """21.61 ms and 61.62 GFLOPS, which is two operations a MAC of both halves; the prediction is 6 to 7 % faster."""
    found = compare("zhang2015")
    total, rate = found["time", "all"], found["rate", ""]
    assert total.predicted == pytest.approx(sum(found["time", layer].predicted for layer in LAYERS), rel=1e-12)
    assert (total.published, total.is_recalled, rate.published) == (21.61, False, 61.62)
    macs = sum(n * m * r * r * k * k for n, m, r, k, _ in LAYERS.values())
    assert 2 * 2 * macs / 21.61e-3 == pytest.approx(61.62e9, rel=1e-4)
    assert rate.predicted == pytest.approx(2 * 2 * macs / total.predicted / 1e6, rel=1e-12)
    assert -0.07 < total.error < -0.06
    assert 0.06 < rate.error < 0.075
    assert sum(RECALLED_MS.values()) == pytest.approx(21.61, abs=0.02)


@pytest.mark.parametrize("override", ["array.rows=8", "array.columns=48", "array.timing=pipelined"])
def test_constants_move_predictions(compare, override):
    """Another engine has other cycles."""
    assert compare("zhang2015", override)["cycles", "all"].predicted != 1_008_246
