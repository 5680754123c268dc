"""Tables of tiles, bounds and cores."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from accel.report.choices import print_advice, print_choices, print_scaling

LAYER = {
    "name": "conv[1]",
    "bound": "weights",
    "next_bound": "compute",
    "next_cycles": 1234,
    "roofline": {"macs_per_byte": 0.5},
    "tiling": {
        "order": "weights outer",
        "tile": {"groups": 1, "images": 2, "rows": 3, "columns": 4, "filters": 5, "channels": 6},
        "steps": 70,
        "sums": "kept",
    },
}
UNIT = {"name": "relu", "bound": "unit", "next_bound": "none", "next_cycles": 0, "roofline": None, "tiling": None}
SOFTMAX = {**UNIT, "name": "softmax", "next_bound": "output bandwidth", "next_cycles": 9}


@pytest.fixture
def console():
    """A wide terminal that keeps what it is told."""
    return Console(file=StringIO(), width=200, highlight=False)


def told(console) -> str:
    """Return what was printed."""
    return console.file.getvalue()


def test_tiles_and_bounds(console):
    """A line a layer; names are not markup; units with nothing behind them are left out; the ridge below."""
    print_choices({"layers": [LAYER, UNIT, SOFTMAX], "ridge_macs_per_byte": 49.0}, console)
    lines = told(console).splitlines()
    (conv,) = [line for line in lines if "conv[1]" in line]
    assert conv.split() == ["conv[1]", "weights", "compute", "1,234", "0.500", "weights", "1×2×3×4×5×6", "70", "kept"]
    assert any("softmax" in line and "output bandwidth" in line for line in lines)
    assert not any("relu" in line for line in lines)
    assert "ridge 49.0 MACs/byte" in told(console)


def test_without_a_channel_there_is_no_ridge(console):
    """Nothing is said of a ridge that is not there."""
    print_choices({"layers": [LAYER], "ridge_macs_per_byte": None}, console)
    assert "ridge" not in told(console)


def test_a_line_a_layer_at_any_width():
    """Tiles go before bounds do, and what was left out is said."""
    narrow = Console(file=StringIO(), width=60, highlight=False)
    print_choices({"layers": [LAYER, UNIT, SOFTMAX], "ridge_macs_per_byte": None}, narrow)
    lines = told(narrow).splitlines()
    assert all(len(line) <= 60 for line in lines)
    (conv,) = [line for line in lines if "conv[1]" in line]
    assert conv.split()[:4] == ["conv[1]", "weights", "compute", "1,234"]
    assert any(line.startswith("left out at 60 columns: sums, steps, G×N×P×Q×K×C of a tile") for line in lines)


def test_sentences(console):
    """One a layer, neighbours with the same one together; without those of units that only add their depth."""
    cycles, depth = {"steady": 9}, {"steady": 0}
    layers = [
        {"name": "a", "macs": 5, "cycles": cycles, "advice": "computes"},
        {"name": "b[0]", "macs": 5, "cycles": cycles, "advice": "waits for weights"},
        {"name": "c", "macs": 5, "cycles": cycles, "advice": "waits for weights"},
        {"name": "relu", "macs": 0, "cycles": depth, "advice": "works behind"},
        {"name": "pool", "macs": 0, "cycles": cycles, "advice": "lags"},
        {"name": "flatten", "macs": 0, "cycles": depth, "advice": None},
    ]
    print_advice({"layers": layers}, console)
    rows = [line.split() for line in told(console).splitlines() if line.strip()][2:]
    assert rows == [
        ["a", "computes"],
        ["b[0]", "and", "1", "more", "waits", "for", "weights"],
        ["pool", "lags"],
    ]


def test_cores(console):
    """A line for every number of cores, with the ideal beside the speed-up."""
    point = {
        "cores": 4,
        "latency_cycles": 2000,
        "interval_cycles": 1000,
        "stall_cycles": 17,
        "inputs_per_second": 1e6,
        "speedup": 3.0,
        "latency_speedup": 2.5,
        "efficiency": 0.75,
    }
    print_scaling([point], 1e9, console)
    line = told(console).splitlines()[-2]
    assert line.split() == ["4", "2.00", "µs", "1.00", "µs", "17", "1,000,000", "3.00", "4", "75.0"]
