"""What limits a layer, in a sentence."""

from __future__ import annotations

import pytest

from accel.report.advice import advice


def layer(**fields):
    """A layer of the array that only computes, with other fields."""
    base = {
        "macs": 1000,
        "cycles": {"total": 100, "compute": 100, "fill": 0, "steady": 100, "drain": 0, "stall": 0},
        "hidden_cycles": 0,
        "utilization": 1.0,
        "bound": "compute",
        "needed_bytes_per_cycle": None,
        "busy": {"rows": 5.0, "columns": 2.0, "of_rows": 5, "of_columns": 2},
        "lost": {"edges": 0.0, "pace": 0.0, "filling": 0.0, "waiting": 0.0},
        "remedies": None,
    }
    return base | fields


STALLED = {"total": 400, "compute": 100, "fill": 0, "steady": 100, "drain": 0, "stall": 300}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "computes, at 100 % of the peak"),
        ({"needed_bytes_per_cycle": 1.5}, "computes, at 100 % of the peak; needs 1.50 of 8.00 bytes/cycle"),
        (
            {
                "utilization": 0.21,
                "busy": {"rows": 28.0, "columns": 5.5, "of_rows": 28, "of_columns": 28},
                "lost": {"edges": 0.6, "pace": 0.0, "filling": 0.15, "waiting": 0.04},
            },
            "computes, at 21.0 % of the peak; lost to edges (5.50 of 28 columns busy) 60.0 %, fill and drain 15.0 %, "
            "waiting 4.00 %",
        ),
        (
            {"utilization": 0.5, "lost": {"edges": 0.5, "pace": 0.0, "filling": 0.0, "waiting": 0.0}},
            "computes, at 50.0 % of the peak; lost to idle cores and edges 50.0 %",
        ),
        (
            {"bound": "fill/drain", "utilization": 0.1, "lost": {"edges": 0, "pace": 0, "filling": 0.9, "waiting": 0}},
            "fills and drains for longer than it computes, at 10.0 % of the peak; lost to fill and drain 90.0 %",
        ),
        (
            {"bound": "activations", "utilization": 0.4, "lost": {"edges": 0, "pace": 0.6, "filling": 0, "waiting": 0}},
            "the way of its inputs into and out of the array sets its pace, at 40.0 % of the peak; lost to a narrower "
            "bus 60.0 %",
        ),
        # Something else bounds it, but it waits for long enough to tell what would help.
        (
            {
                "utilization": 0.7,
                "lost": {"edges": 0.0, "pace": 0.0, "filling": 0.0, "waiting": 0.3},
                "remedies": {"cycles": {"no DRAM latency": 71}, "bytes_per_cycle": None, "batch": None},
            },
            "computes, at 70.0 % of the peak; lost to waiting 30.0 %; no DRAM latency would make it 71 cycles",
        ),
        ({"bound": "weights", "cycles": STALLED}, "waits for weights 75.0 % of its cycles"),
        (
            {
                "bound": "weights",
                "cycles": STALLED,
                "needed_bytes_per_cycle": 15.0,
                "remedies": {"cycles": {"twice the bandwidth": 200}, "bytes_per_cycle": 20.0, "batch": 4},
            },
            "waits for weights 75.0 % of its cycles; 2.5x the bandwidth (20.0 bytes/cycle) or batch 4 would make it "
            "compute-bound",
        ),
        (
            {
                "bound": "activations",
                "cycles": STALLED,
                "needed_bytes_per_cycle": 4.0,
                "remedies": {"cycles": {"twice the bandwidth": 390, "no DRAM latency": 101}, "batch": None},
            },
            "waits for inputs 75.0 % of its cycles; needs 4.00 of 8.00 bytes/cycle; no DRAM latency would make it 101 "
            "cycles",
        ),
        (
            {
                "bound": "output bandwidth",
                "macs": 0,
                "lost": None,
                "cycles": STALLED,
                "remedies": {"cycles": {}, "bytes_per_cycle": 10.0, "batch": None},
            },
            "waits for outputs to leave 75.0 % of its cycles; 1.25x the bandwidth (10.0 bytes/cycle) would make it "
            "bound by the unit",
        ),
        (
            {"bound": "unit", "macs": 0, "remedies": {"cycles": {"twice the lanes": 1}, "batch": None}},
            "the unit's own pace; twice the lanes would make it 1 cycle",
        ),
        (
            {"bound": "unit", "macs": 0, "hidden_cycles": 7},
            "adds 100 cycles, for 100 of them it lags behind what feeds it",
        ),
        (
            {"bound": "unit", "macs": 0, "hidden_cycles": 7, "cycles": {"total": 4, "steady": 0, "stall": 0}},
            "works behind what feeds it and adds its depth, 4 cycles",
        ),
        ({"cycles": {"total": 0, "steady": 0, "stall": 0}, "bound": "none"}, ""),
    ],
)
def test_sentences(fields, words):
    """Bound, losses, needs and what helps, each where there is something to tell."""
    assert advice(layer(**fields), 8.0) == words


def test_without_a_channel_nothing_is_needed_of_it():
    """A machine whose bandwidth is not modelled is not compared with one."""
    assert advice(layer(needed_bytes_per_cycle=3.0), None) == "computes, at 100 % of the peak"
