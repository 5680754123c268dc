"""Speed-up, efficiency and the knee on curves whose answer is known."""

from __future__ import annotations

from accel.sweep.scaling import knee, scaling_of

AXES = [
    {"name": "network", "keys": [], "values": ["n"]},
    {"name": "array.rows", "keys": ["array.rows"], "values": [1, 2, 4, 8]},
    {"name": "array.dataflow", "keys": ["array.dataflow"], "values": ["os", "ws"]},
    {"name": "numerics.rounding", "keys": ["numerics.rounding"], "values": ["RND", "TRN"]},
]
COLUMNS = ["hash", "status", "network", "array.rows", "array.dataflow", "numerics.rounding", "pes", "latency_cycles"]


def rows(latency):
    """A row for every combination; latency: from rows and dataflow."""
    return [
        ["h", "done", "n", size, flow, mode, size, latency(size, flow)]
        for size in (1, 2, 4, 8)
        for flow in ("os", "ws")
        for mode in ("RND", "TRN")
    ]


def test_amdahl():
    """With a serial share of 1/9 of the time, speed-up is that of Amdahl; the knee is where p (1 + 8/p)^2 is least."""
    curves = scaling_of(AXES, COLUMNS, rows(lambda p, flow: 80 + 640 // p if flow == "os" else 720 // p))
    assert [curve["labels"] for curve in curves] == [{"array.dataflow": "os"}, {"array.dataflow": "ws"}]
    serial, ideal = curves
    assert [point["speedup"] for point in serial["points"]] == [720 / (80 + 640 / p) for p in (1, 2, 4, 8)]
    assert serial["points"][serial["knee"]]["pes"] == 8
    assert [point["efficiency"] for point in ideal["points"]] == [1, 1, 1, 1]
    assert ideal["knee"] == 3


def test_the_knee_is_where_doubling_stops_paying():
    """Doublings that gain 1.9, 1.8, 1.2 and 1.1: the knee is before the 1.2; of equals the smallest is taken."""
    speedups = [1.0]
    for gain in (1.9, 1.8, 1.2, 1.1):
        speedups.append(speedups[-1] * gain)
    points = [{"speedup": s, "efficiency": s / 2**n} for n, s in enumerate(speedups)]
    assert knee(points) == 2
    assert knee([{"speedup": 1.0, "efficiency": 1.0}] * 3) == 0


def test_what_makes_no_curve():
    """Without an axis of sizes, or with fewer than three of them, there is nothing to say; failed rows do not count."""
    assert scaling_of(AXES[:1], COLUMNS, rows(lambda p, flow: 1)) == []
    assert scaling_of(AXES, COLUMNS, [row for row in rows(lambda p, flow: 9) if row[3] < 4]) == []
    failed = [[row[0], "failed", *row[2:]] for row in rows(lambda p, flow: 9)]
    assert scaling_of(AXES, COLUMNS, failed) == []
