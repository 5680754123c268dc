"""Bounds of many machines: those of `accel.arch.batch` one by one, never above an estimate's cycles of the layers."""

from __future__ import annotations

import math

import pytest

from accel import estimate, load_accelerator
from tests.sweep.examples import here, spec, table

WIDE = {
    "sweep": {"networks": ["lenet5", "mlp"], "model": "bound"},
    "objectives": {"latency_cycles": "min", "pes": "min"},
    "axes": {
        "array.dataflow": ["os", "ws"],
        "array.rows": [3, 28],
        "array.columns": [7, 16],
        "memory.dram_bytes_per_cycle": [0.5, 77.0, "none"],
        "clock_hz": [1e8],
    },
}


def test_are_bounds(tmp_path):
    """A bound is at most the estimate's interval, and without a channel exactly the cycles of the array layers."""
    rows = table(here(spec(WIDE), tmp_path))
    assert len(rows) == 48
    for row in rows:
        settings = [f"{axis}={row[axis]}" for axis in WIDE["axes"]]
        machine = load_accelerator("gupta2015", settings)
        report = estimate(row["network"], machine)
        arrays = [layer for layer in report.layers if layer.macs]
        if row["memory.dram_bytes_per_cycle"] == "none":
            assert row["latency_cycles"] == sum(layer.cycles.compute for layer in arrays)
        assert row["latency_us"] == row["latency_cycles"] / 100
        macs = sum(layer.macs for layer in arrays)
        assert math.isclose(row["utilization"], macs / row["pes"] / row["latency_cycles"])


def test_the_channel_bounds_a_layer(tmp_path):
    """On a channel of one byte in two cycles every layer takes at least two cycles for each of its bytes."""
    wanted = {**WIDE, "axes": {"array.rows": [28], "memory.dram_bytes_per_cycle": [0.5, "none"]}}
    slow, free = table(here(spec({**wanted, "sweep": {"networks": ["mlp"], "model": "bound"}}), tmp_path))
    weights = 784 * 100 + 100 * 10
    assert slow["latency_cycles"] >= 2 * 2 * weights > free["latency_cycles"]


@pytest.mark.parametrize("dataflow", ["row-stationary", "ws"])
def test_what_has_no_closed_form_is_a_failed_row(tmp_path, dataflow):
    """A dataflow that is mapped by a search, or a timing that it does not have, is told in every row."""
    wanted = {**WIDE, "axes": {"array.dataflow": [dataflow], "array.timing": ["scalesim", "pipelined"]}}
    rows = table(here(spec(wanted), tmp_path))
    statuses = [row["status"] for row in rows]
    assert statuses == (["failed"] * 4 if dataflow == "row-stationary" else ["done"] * 4)
    assert all(bool(row["error"]) == (row["status"] == "failed") for row in rows)


def test_goes_on_where_it_was(tmp_path):
    """Known points are not priced again, and the table is the same."""
    first = here(spec(WIDE), tmp_path)
    again = here(spec(WIDE), tmp_path)
    assert (first.measured, again.measured) == (48, 0)
    assert first.document == again.document
