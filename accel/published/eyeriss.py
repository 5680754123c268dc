"""Eyeriss: AlexNet's convolutions one by one, as `accel.estimate` has them, beside the chip's own measurements.

Y.-H. Chen et al., IEEE JSSC 52(1), 2017. Every layer is a network of its own that reads its input from DRAM and leaves
its output there, as on the chip. Cycles are told without waits, the latency with them; neither has the first fill from
DRAM. The surprise: DRAM bytes are told twice, as the estimate tiles a layer and as the row-stationary mapping alone
would move them, because the second are far fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import fsum
from typing import Any, NamedTuple

from accel.accelerator import Accelerator
from accel.arch.dataflows.row_mapping import best_mapping, words
from accel.estimator import estimate, schedules
from accel.layers.conv import Conv2d
from accel.network.graph import chain
from accel.network.zoo import build
from accel.published.comparison import ALL, MEASURED, Comparison
from accel.published.figures import Published

NETWORK = "alexnet"

_WORD_BYTES = 2
_CHIP, _MEMORY = "on the chip", "with its DRAM"


class Prediction(NamedTuple):
    """What an estimate says of one layer, in cycles, PEs and bytes; mapped: of the row-stationary mapping alone."""

    compute_cycles: int
    total_cycles: int
    active_pes: int
    buffer_bytes: int
    dram_bytes: int
    mapped_dram_bytes: int


class Quantity(NamedTuple):
    """A column of the chip's table. adds: whether the layers' figures have a sum."""

    table: str
    name: str
    unit: str
    predicted: Callable[[Prediction], float]
    measured: Callable[[Mapping[str, Any]], float]
    adds: bool = True


def compare(published: Published, machine: Accelerator) -> tuple[Comparison, ...]:
    """Return every figure of the chip's table for each layer, and the sums over the layers."""
    rows = published.tables["layers"]
    found = [predict(row["name"], machine, published.tables["batch"]) for row in rows]
    made: list[Comparison] = []
    for quantity in _quantities(published, machine.architecture.clock_hz):
        predicted = [quantity.predicted(layer) for layer in found]
        measured = [quantity.measured(row) for row in rows]
        names = [row["name"] for row in rows]
        if quantity.adds:
            names, predicted, measured = [*names, ALL], [*predicted, _sum(predicted)], [*measured, _sum(measured)]
        for row, ours, theirs in zip(names, predicted, measured, strict=True):
            made.append(Comparison(quantity.table, row, quantity.name, quantity.unit, ours, theirs, MEASURED))
    return tuple(made)


def predict(layer: str, machine: Accelerator, batch: int) -> Prediction:
    """Return what an estimate says of one convolution of AlexNet, without its bias."""
    network = build(NETWORK)
    node = next(node for node in network.nodes if node.name == layer)
    assert isinstance(node.layer, Conv2d)
    (shape,) = network.input_shapes(node)
    alone = chain(layer, shape, {layer: replace(node.layer, bias=False)}, network.source)
    (report,) = estimate(alone, machine, batch).layers
    array = machine.architecture.array
    nest = alone.nodes[0].layer.loop_nest(shape).batched(batch)
    return Prediction(
        report.cycles.compute,
        report.cycles.total,
        schedules(alone, machine.architecture, batch)[layer].parallel,
        sum(report.byte_counts["sram"].values()),
        sum(report.byte_counts["dram"].values()),
        _WORD_BYTES * int(words(nest, best_mapping(nest, array.rows, array.columns)).dram),
    )


def _quantities(published: Published, own_hz: float) -> tuple[Quantity, ...]:
    """Return the columns; own_hz: the clock of the preset, which need not be the one that the chip was measured at."""
    chip_hz, megabyte = published.tables["clock_hz"], published.tables["assumptions"]["bytes_per_mb"]
    return (
        Quantity(_CHIP, "cycles", "", lambda ours: ours.compute_cycles, lambda row: _cycles(row, chip_hz)),
        Quantity(_CHIP, "active PEs", "", lambda ours: ours.active_pes, lambda row: row["active_pes"], adds=False),
        Quantity(_CHIP, "buffer", "MB", lambda ours: ours.buffer_bytes / megabyte, lambda row: row["buffer_mb"]),
        Quantity(_MEMORY, "latency", "ms", lambda ours: 1000 * ours.total_cycles / own_hz, lambda row: row["total_ms"]),
        Quantity(_MEMORY, "DRAM", "MB", lambda ours: ours.dram_bytes / megabyte, lambda row: row["dram_mb"]),
        Quantity(
            _MEMORY,
            "DRAM of the mapping",
            "MB",
            lambda ours: ours.mapped_dram_bytes / megabyte,
            lambda row: row["dram_mb"],
        ),
    )


def _cycles(row: Mapping[str, Any], chip_hz: float) -> int:
    milliseconds: float = row["processing_ms"]
    return round(milliseconds * chip_hz / 1000)


def _sum(values: list[float]) -> float:
    """Add up counts as counts, other figures without a rounding of every step."""
    return sum(values) if all(isinstance(value, int) for value in values) else fsum(values)
