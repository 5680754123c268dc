"""`model = "bound"`: cycles of very many machines at once from `accel.arch.batch`, instead of one estimate each.

What is simpler than an estimate: every operand of a layer of the array crosses the DRAM channel exactly once (no
tiles, nothing stays on the chip between layers), a layer takes max(its cycles, its bytes / bandwidth), layers follow
each other without fetching ahead, and function units, latencies and first fills cost nothing. So it serves to find
where to look, not to quote; `model = "estimate"` over the points of its front says what they do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from accel.arch import dataflows
from accel.arch.batch import Machines, cycles_of_many
from accel.arch.memory import packed_bytes
from accel.errors import ConfigError
from accel.formats import node_formats
from accel.network.zoo import build
from accel.sweep.measure import DONE, FAILED, OUTSIDE, Row
from accel.sweep.points import Point, machine_of
from accel.sweep.spec import Spec

AXES = frozenset(
    {"array.dataflow", "array.rows", "array.columns", "array.timing", "memory.dram_bytes_per_cycle", "clock_hz"}
)
"""Keys that a sweep of bounds may vary."""

CHUNK = 20_000
"""Points whose rows are handed over at a time."""


def bound_rows(spec: Spec, points: Sequence[Point]) -> Iterator[list[Row]]:
    """Yield the rows of all points, many at a time; those of one network, dataflow and timing are computed together."""
    groups: dict[tuple[Any, ...], list[tuple[Point, dict[str, Any]]]] = {}
    start = _start(spec.base)
    for point in points:
        machine = {**start, **dict(point.settings)}
        channel = machine["memory.dram_bytes_per_cycle"]
        is_modelled = channel is not None and channel != "none"
        key = (point.network, machine["array.dataflow"], machine["array.timing"], is_modelled)
        groups.setdefault(key, []).append((point, machine))
    for key, members in groups.items():
        for first in range(0, len(members), CHUNK):
            yield _group(spec, *key, members[first : first + CHUNK])


def _start(base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the base machine's values of the keys that may vary."""
    array = base["array"]
    return {
        "array.dataflow": array["dataflow"],
        "array.rows": array["rows"],
        "array.columns": array["columns"],
        "array.timing": array.get("timing", "pipelined"),
        "memory.dram_bytes_per_cycle": base["memory"].get("dram_bytes_per_cycle"),
        "clock_hz": base["clock_hz"],
    }


def _group(
    spec: Spec,
    network: str,
    dataflow: str,
    timing: str,
    is_modelled: bool,
    members: Sequence[tuple[Point, Mapping[str, Any]]],
) -> list[Row]:
    """Return the rows of machines of one dataflow."""
    rows, columns = (np.array([machine[f"array.{side}"] for _, machine in members]) for side in ("rows", "columns"))
    channel = np.array([machine["memory.dram_bytes_per_cycle"] for _, machine in members]) if is_modelled else None
    nests, moved = _layers(spec, network)
    if timing not in dataflows.DATAFLOWS[dataflow].timings:
        return [Row(point.hash, FAILED, {}, f"'{dataflow}' has no timing '{timing}'") for point, _ in members]
    try:
        found = cycles_of_many(nests, Machines(dataflow, rows, columns, channel, timing), moved)
    except ConfigError as error:
        return [Row(point.hash, FAILED, {}, str(error)) for point, _ in members]
    latency = found.total.sum(axis=0).tolist()
    macs = sum(nest.macs for nest in nests)
    pes = (rows * columns).tolist()
    clocks = [machine["clock_hz"] for _, machine in members]
    made = []
    for (point, _), cycles, elements, clock in zip(members, latency, pes, clocks, strict=True):
        figures = {
            "latency_cycles": cycles,
            "latency_us": cycles * 1e6 / clock,
            "utilization": macs / (elements * cycles),
            "pes": elements,
        }
        inside = all(constraint.holds(figures) for constraint in spec.constraints)
        made.append(Row(point.hash, DONE if inside else OUTSIDE, figures))
    return made


def _layers(spec: Spec, network: str) -> tuple[list[Any], list[int]]:
    """Return the layers of the array, and the bytes of all operands of each in the formats of the base machine."""
    structure, numerics = build(network), machine_of(spec.base, ()).numerics
    formats = node_formats(structure, numerics)
    nests, moved = [], []
    for node, nest in structure.loop_nests():
        if nest.engine != "array":
            continue
        whole = nest.batched(spec.sweep.batch)
        bits = numerics.at(node.name)
        weight = formats[node.inputs[-1]] if nest.is_product else bits.weight.format
        nests.append(whole)
        moved.append(
            packed_bytes(whole.inputs, formats[node.inputs[0]].width)
            + packed_bytes(whole.weights, weight.width)
            + packed_bytes(whole.biases, bits.bias.format.width)
            + packed_bytes(whole.outputs, formats[node.name].width)
        )
    return nests, moved
