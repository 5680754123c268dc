"""What the charts of "Where bits get lost" show is what the record says."""

from __future__ import annotations

import math

import pytest

from accel.report import waterfall
from tests.report.examples import explained_run
from tests.report.test_charts import boxes, words


@pytest.fixture
def layers():
    """The layers of an explanation."""
    return explained_run()["explain"]["layers"]


def test_bars_are_the_ratios(layers):
    """Bars are as long as the SQNR after each layer and the figure stands beside them."""
    chart = waterfall.waterfall(layers)
    totals = [layer["sqnr_db"]["total"] for layer in layers]
    bars = [box[2] for box in boxes(chart, "steady")]
    assert bars == pytest.approx([bars[0] / totals[0] * total for total in totals], abs=0.05)
    said = [word for word in words(chart) if word.endswith(" dB") and "." in word]
    assert said == [f"{total:.1f} dB" for total in totals]


def test_shares_are_those_of_the_power(layers):
    """Own and inherited noise fill 100 %, split by power; a layer without own noise has no part of it."""
    chart = waterfall.waterfall(layers)
    own, inherited = boxes(chart, "stall"), boxes(chart, "fill")
    full = own[0][2]  # C1 inherits nothing
    ratios = layers[1]["sqnr_db"]
    powers = [10 ** (-ratios[part] / 10) for part in ("own", "inherited")]
    assert own[1][2] == pytest.approx(full * powers[0] / sum(powers), abs=0.05)
    assert inherited[0][2] == pytest.approx(full * powers[1] / sum(powers), abs=0.05)
    assert len(own) == sum(layer["sqnr_db"]["own"] is not None for layer in layers)


def test_extreme_ratios(layers):
    """Noise far beyond any signal, far below any, or none at all draws without a word from the machine."""
    for ratio in (-4000.0, 4000.0, None):
        ratios = {"total": ratio, "own": ratio, "inherited": None}
        chart = waterfall.waterfall([{**layers[0], "sqnr_db": ratios}])
        assert chart is not None
        assert ("no noise" in words(chart)) == (ratio is None)


def test_hybrids_have_three_series(layers):
    """Every layer has a dot per series and panel where there is a figure, and the axis shows the lowest share."""
    chart = waterfall.hybrids(layers)
    ratios = [layer["output"][name]["sqnr_db"] for layer in layers for name in ("fixed_until", "fixed_from", "only")]
    present = sum(ratio is not None for ratio in ratios)
    assert chart.svg.count("<use ") == present + 3 * len(layers)
    assert [word for word in words(chart) if word.endswith(" %")] == ["80 %", "90 %", "100 %"]


@pytest.mark.parametrize(("lowest", "ticks"), [(99.0, [99, 99.5, 100]), (81.0, [80, 90, 100]), (0.0, [0, 50, 100])])
def test_share_ticks(lowest, ticks):
    """Ticks are round and reach down to the lowest share, not past the axis."""
    found = waterfall._share_ticks(lowest)
    assert found == ticks
    assert all(math.isfinite(tick) for tick in found)


def test_nothing_to_draw():
    """No layers, no charts."""
    assert waterfall.waterfall([]) is None
    assert waterfall.hybrids([]) is None
