"""Zhang FPGA'15: the printed cycles of half an AlexNet, and the times that the board took for both halves.

C. Zhang et al., "Optimizing FPGA-based Accelerator Design for Deep Convolutional Neural Networks", FPGA 2015.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from accel.accelerator import Accelerator
from accel.estimator import estimate
from accel.layers.conv import Conv2d
from accel.network.graph import chain
from accel.published.comparison import ALL, MEASURED, PRINTED, Comparison
from accel.published.figures import Published

_TABLE = "layers"


class Prediction(NamedTuple):
    """Cycles without and with waits, and MACs, of one half of a layer."""

    compute_cycles: int
    total_cycles: int
    macs: int


def compare(published: Published, machine: Accelerator) -> tuple[Comparison, ...]:
    """Return the cycles and the time of every layer, their sums, and the rate in all."""
    figures = published.tables
    rows = figures["layers"]
    found = [predict(row, machine) for row in rows]
    halves_per_ms = 1000 * figures["halves"] / machine.architecture.clock_hz
    made = [
        Comparison(_TABLE, row["name"], "cycles", "", ours.compute_cycles, row["cycles"], PRINTED)
        for row, ours in zip(rows, found, strict=True)
    ]
    printed = sum(row["cycles"] for row in rows)
    made.append(Comparison(_TABLE, ALL, "cycles", "", sum(ours.compute_cycles for ours in found), printed, PRINTED))
    for row, ours in zip(rows, found, strict=True):
        time_ms = halves_per_ms * ours.total_cycles
        made.append(Comparison(_TABLE, row["name"], "time", "ms", time_ms, row["recalled_ms"], MEASURED, True))
    all_ms = halves_per_ms * sum(ours.total_cycles for ours in found)
    operations = 2 * figures["halves"] * sum(ours.macs for ours in found)
    made.append(Comparison(_TABLE, ALL, "time", "ms", all_ms, figures["total_ms"], MEASURED))
    made.append(Comparison("", "", "rate", "GFLOPS", operations / all_ms / 1e6, figures["gflops"], MEASURED))
    return tuple(made)


def predict(row: Mapping[str, Any], machine: Accelerator) -> Prediction:
    """Return what an estimate says of a layer of the paper's table, without its bias."""
    channels, filters = row["maps"]
    extent = (row["size"] - 1) * row["stride"] + row["kernel"] - 2 * row["padding"]
    layer = Conv2d(filters, row["kernel"], row["stride"], row["padding"], bias=False)
    (report,) = estimate(chain(row["name"], (channels, extent, extent), {row["name"]: layer}), machine).layers
    return Prediction(report.cycles.compute, report.cycles.total, report.macs)
