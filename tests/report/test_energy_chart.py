"""What the chart of energies shows is what the run says."""

from __future__ import annotations

import pytest

from accel.report.energy import by_group
from accel.report.energy_chart import energies
from tests.report.examples import with_energy
from tests.report.test_charts import boxes, words

SERIES = {"arithmetic": "fill", "inside the array": "steady", "on-chip memories": "drain", "DRAM": "stall"}
HALFWAY = 384 * 0.7


def test_bars_are_as_long_as_the_energies(run):
    """Every part of every bar has a length in proportion to its energy, and beside it to its share."""
    layers = with_energy(run)["layers"]
    chart = energies(layers)
    groups = [by_group(layer["energy"]) for layer in layers]
    largest = max(range(len(layers)), key=lambda row: groups[row]["DRAM"])
    drawn = {name: boxes(chart, series) for name, series in SERIES.items()}
    left = {name: [box for box in found if box[0] < HALFWAY] for name, found in drawn.items()}
    right = {name: [box for box in found if box[0] >= HALFWAY] for name, found in drawn.items()}
    scale = max(box[2] for box in left["DRAM"]) / groups[largest]["DRAM"]
    for name in ("arithmetic", "on-chip memories", "DRAM"):
        expected = [row[name] for row in groups if row[name]]
        assert [box[2] for box in left[name]] == pytest.approx([scale * cost for cost in expected], abs=0.03)
        shares = [row[name] / sum(row.values()) for row in groups if row[name]]
        full = right["DRAM"][0][2] / (groups[0]["DRAM"] / sum(groups[0].values()))
        assert [box[2] for box in right[name]] == pytest.approx([full * share for share in shares], abs=0.1)
    assert drawn["inside the array"] == []
    assert [series for series, _ in chart.legend] == ["fill", "drain", "stall"]


def test_what_is_in_no_bar_is_said(run):
    """Components without a figure are named below the chart; with ratios the amounts are plain numbers."""
    assert "Not in it, for want of a figure: register file, network." in energies(with_energy(run)["layers"]).note
    chart = energies(with_energy(run, "MAC")["layers"])
    assert not any("J" in word for word in words(chart))
    assert any(word.endswith(" k") for word in words(chart))


def test_layers_without_energy_are_left_out(run):
    """A change of shape takes none; a run without a technology has no chart."""
    assert energies(run["layers"]) is None
    assert energies([]) is None
    layers = with_energy(run)["layers"]
    layers[1]["energy"] |= {"total": 0.0, "components": {}}
    names = [word for word in words(energies(layers)) if word in {layer["name"] for layer in layers}]
    assert names == [layer["name"] for layer in layers if layer["name"] != layers[1]["name"]]
