"""TPUv1: peak, ridge and roofs by their formulas, rates by an estimate, all beside the published ones."""

from __future__ import annotations

import pytest

import accel
from accel.layers import Dense
from accel.network.graph import chain

# MACs per byte of weights, roof and measured rate in TOPS (ISCA 2017)
APPLICATIONS = {
    "MLP0": (200, 13.6, 12.3),
    "MLP1": (168, 11.4, 9.7),
    "LSTM0": (64, 4.35, 3.7),
    "LSTM1": (96, 6.5, 2.8),
    "CNN0": (2888, 92, 86.0),
    "CNN1": (1750, 92, 14.1),
}
RATE_ERRORS = {"MLP0": 7.93, "MLP1": 15.40, "LSTM0": 16.71, "LSTM1": 130.44}


def test_peak_and_ridge(compare):
    """65 536 MACs a cycle at 700 MHz; as many MACs per byte as the weights' 34 GB/s can feed."""
    found = compare("tpuv1")
    assert found["peak", ""].predicted == pytest.approx(2 * 65536 * 700e6 / 1e12, rel=1e-12)
    assert found["ridge", ""].predicted == pytest.approx(65536 * 700e6 / 34e9, rel=1e-4)
    assert (found["peak", ""].published, found["ridge", ""].published) == (92, 1350)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_roofs(compare, name):
    """The lower of peak and bandwidth times intensity; within half a percent of the printed roof."""
    intensity, roof, measured = APPLICATIONS[name]
    found = compare("tpuv1")
    one = found["roof", name]
    assert one.predicted == pytest.approx(min(65536 * 700e6, intensity * 34e9) * 2e-12, rel=1e-4)
    assert one.published == roof
    assert one.predicted == pytest.approx(roof, rel=5e-3)
    assert found["rate", name].published == measured


@pytest.mark.parametrize("name", RATE_ERRORS)
def test_rates_are_those_of_an_estimate(compare, name):
    """Eight dense layers of 2 048 with a batch of the application's intensity: just below the roof."""
    found = compare("tpuv1")
    batch = APPLICATIONS[name][0]
    layers = {f"dense {index}": Dense(2048, bias=False) for index in range(8)}
    report = accel.estimate(chain("products", (2048,), layers), "tpuv1", batch=batch)
    rate = 2 * 8 * 2048**2 * batch * 700e6 / report.interval_cycles / 1e12
    assert found["rate", name].predicted == pytest.approx(rate, rel=1e-12)
    assert 0.95 < found["rate", name].predicted / found["roof", name].predicted <= 1
    assert round(100 * found["rate", name].error, 2) == RATE_ERRORS[name]


def test_convolutions_are_not_predicted(compare):
    """Nothing is said about the rate of what has no stand-in."""
    found = compare("tpuv1")
    for name in ("CNN0", "CNN1"):
        assert (found["rate", name].predicted, found["rate", name].error) == (None, None)


@pytest.mark.parametrize(
    ("override", "moved"),
    [
        ("array.rows=128", {"peak", "ridge", "roof"}),
        ("memory.dram_bytes_per_cycle=30", {"ridge", "roof", "rate"}),
        ("clock_hz=350e6", {"peak", "roof", "rate"}),
        ("array.timing=scalesim", {"rate"}),
    ],
)
def test_constants_move_predictions(compare, override, moved):
    """Another machine has another roof; rates that weights bound stay with the weights."""
    before, after = compare("tpuv1"), compare("tpuv1", override)
    assert {name for (name, row), one in before.items() if one.predicted != after[name, row].predicted} == moved
