"""Laws of conservation, for every array and every kind of layer: products, bytes, and parts that add up."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from accel.arch.cores import PARTITIONS
from accel.arch.dataflows import DATAFLOWS
from accel.arch.hardware import Cores, UnitChoice
from accel.arch.result import LayerReport, NetworkReport
from accel.arch.roofline import OPERANDS
from accel.estimator import estimate
from accel.formats import node_formats
from accel.layers import (
    Activation,
    Add,
    Conv2d,
    Dense,
    Flatten,
    LayerNorm,
    MatMul,
    Pool2d,
    Scale,
    Softmax,
    SplitHeads,
)
from accel.network.graph import INPUT, Network, Node, chain
from tests.machines import UNITS, machine

ALL_UNITS = {**UNITS, "normalisation": UnitChoice("two-pass", 2)}

KINDS = {
    "conv": chain("conv", (3, 9, 8), {"layer": Conv2d(10, 3, stride=2, padding=1)}),
    "grouped": chain("grouped", (4, 7, 7), {"layer": Conv2d(6, 3, groups=2)}),
    "depthwise": chain("depthwise", (5, 8, 8), {"layer": Conv2d(5, 3, groups=5, padding=1)}),
    "pointwise": chain("pointwise", (7, 5, 5), {"layer": Conv2d(9, 1, bias=False)}),
    "strided": chain("strided", (3, 9, 9), {"layer": Conv2d(4, 1, stride=2)}),
    "dense": chain("dense", (37,), {"layer": Dense(11)}),
    "rows": chain("rows", (6, 10), {"layer": Dense(7), "norm": LayerNorm(), "softmax": Softmax(rows=True)}),
    "attention": Network(
        "attention",
        (6, 8),
        (
            Node("query", Dense(8), (INPUT,)),
            Node("key", Dense(8), (INPUT,)),
            Node("query.heads", SplitHeads(2), ("query",)),
            Node("key.heads", SplitHeads(2), ("key",)),
            Node("scores", MatMul(transposed=True), ("query.heads", "key.heads")),
            Node("scaled", Scale(0.3), ("scores",)),
            Node("shares", Softmax(rows=True), ("scaled",)),
        ),
    ),
    "units": chain(
        "units",
        (3, 8, 8),
        {
            "relu": Activation("relu"),
            "max": Pool2d("max", 2),
            "average": Pool2d("average", 3, stride=1),
            "tanh": Activation("tanh"),
            "flatten": Flatten(),
            "softmax": Softmax(),
        },
    ),
    "chain": chain(
        "chain",
        (2, 10, 10),
        {
            "first": Conv2d(6, 3),
            "relu": Activation("relu"),
            "pool": Pool2d("max", 2),
            "second": Conv2d(8, 3),
            "flatten": Flatten(),
            "out": Dense(5),
            "softmax": Softmax(),
        },
    ),
    "residual": Network(
        "residual",
        (4, 6, 6),
        (
            Node("stem", Conv2d(4, 1), (INPUT,)),
            Node("first", Conv2d(4, 3, padding=1), ("stem",)),
            Node("relu", Activation("relu"), ("first",)),
            Node("second", Conv2d(4, 3, padding=1), ("relu",)),
            Node("sum", Add(), ("second", "stem")),
            Node("last", Conv2d(3, 1), ("sum",)),
        ),
    ),
}
"""Networks that have every kind of layer between them."""

ROOMS = ({}, {"input_bytes": 420, "weight_bytes": 600, "output_bytes": 900})
"""Buffers that hold everything, and such that hold little more than the smallest tiles."""

CORES = (Cores(), *(Cores(3, partition) for partition in PARTITIONS), Cores(None, schedule="layer pipelined"))


def estimated(network: Network, dataflow: str, batch: int, cores: Cores = CORES[0], **memory) -> NetworkReport:
    """An estimate on 4 x 5 elements (eyeriss' own size for row-stationary)."""
    rows, columns = (12, 14) if dataflow == "row-stationary" else (4, 5)
    accelerator = machine(dataflow, rows, columns, units=ALL_UNITS, **memory)
    architecture = replace(accelerator.architecture, cores=cores)
    return estimate(network, replace(accelerator, architecture=architecture), batch)


def dram(report: NetworkReport) -> dict[str, int]:
    """Bytes across DRAM by operand."""
    totals: dict[str, int] = {}
    for layer in report.layers:
        for operand, size in layer.byte_counts["dram"].items():
            totals[operand] = totals.get(operand, 0) + size
    return totals


def named(layer: LayerReport) -> set[str]:
    """What may bound a layer: its own work, what crosses DRAM for it, outputs (its followers' or those before it)."""
    work = {"array": {"compute", "fill/drain"}, "none": {"none"}}.get(layer.engine, {"unit"})
    moved = {OPERANDS[operand] for operand in layer.byte_counts["dram"]}
    buses = {"activations", "output bandwidth"} if layer.engine == "array" else set()
    return work | buses | (moved | {"output bandwidth"} if layer.cycles.stall else set())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("batch", [1, 3])
def test_products_and_parts(kind, dataflow, batch):
    """MACs are the network's, parts add up to totals, totals to the latency, and nothing beats the array's peak."""
    network = KINDS[kind]
    nests = {node.name: nest.batched(batch) for node, nest in network.loop_nests()}
    for cores in CORES:
        for bandwidth in (None, 0.7, 1000.0):
            report = estimated(network, dataflow, batch, cores, dram_bytes_per_cycle=bandwidth)
            assert report.latency_cycles == sum(layer.cycles.total for layer in report.layers)
            for layer in report.layers:
                cycles = layer.cycles
                assert layer.macs == nests[layer.name].macs
                assert cycles.total == cycles.fill + cycles.steady + cycles.drain + cycles.stall
                assert min(cycles.fill, cycles.steady, cycles.drain, cycles.stall, layer.prefetch_cycles) >= 0
                assert layer.utilization <= layer.mapping_efficiency * (1 + 1e-12) <= 1 + 2e-12
                assert layer.next_cycles <= cycles.total
                assert layer.bound in named(layer)
                assert bandwidth is not None or (cycles.stall, layer.prefetch_cycles) == (0, 0)
            macs = sum(layer.macs for layer in report.layers)
            assert macs <= report.pes * report.interval_cycles
            moved = sum(dram(report).values())
            part_bytes = sum(len(layer.byte_counts["dram"]) for layer in report.layers)  # each operand's last one
            assert bandwidth is None or moved - part_bytes <= bandwidth * report.interval_cycles


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("batch", [1, 2])
def test_compulsory_traffic(kind, dataflow, batch):
    """Every distinct operand crosses DRAM at least once where it lives there, exactly once where there is room."""
    network = KINDS[kind]
    formats = node_formats(network, machine().numerics)
    nests = {node.name: nest.batched(batch) for node, nest in network.loop_nests()}
    for rooms in ROOMS:
        report = estimated(network, dataflow, batch, **rooms)
        for node, layer in zip(network.nodes, report.layers, strict=True):
            nest, moved = nests[layer.name], layer.byte_counts["dram"]
            bits = {"bias": 20 * nest.biases}
            if not nest.is_product:
                bits["weight"] = 12 * nest.weights
            if INPUT in node.inputs:
                bits["input"] = 8 * nest.inputs // nest.operands
            if node is network.output:
                bits["output"] = formats[node.name].width * nest.outputs
            once = {operand: math.ceil(count / 8) for operand, count in bits.items() if count}
            if nest.engine == "none":
                assert moved == {}
            elif rooms:
                assert all(moved[operand] >= size for operand, size in once.items())
            else:
                assert moved == once


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_buffers_and_bandwidth_move_the_numbers(kind, dataflow):
    """Larger buffers never move more bytes of a layer by itself; a wider channel never takes longer."""
    network = KINDS[kind]
    if len(network.nodes) == 1:
        sizes = [
            sum(dram(estimated(network, dataflow, 1, input_bytes=n, weight_bytes=n, output_bytes=n)).values())
            for n in (900, 1200, 2000, 1 << 16)
        ]
        assert sizes == sorted(sizes, reverse=True)
    for rooms in ROOMS:
        reports = [
            estimated(network, dataflow, 1, dram_bytes_per_cycle=bandwidth, **rooms)
            for bandwidth in (0.1, 0.5, 2.0, 50.0, None)
        ]
        latencies = [report.latency_cycles for report in reports]
        intervals = [report.interval_cycles for report in reports]
        assert latencies == sorted(latencies, reverse=True)
        assert intervals == sorted(intervals, reverse=True)
        assert reports[0].interval_cycles > reports[-1].interval_cycles == latencies[-1]


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_cores_move_what_one_core_does(dataflow, partition):
    """With room for everything, cores that share a layer bring every operand once; pixels read rows between twice."""
    for network in KINDS.values():
        one, three = (dram(estimated(network, dataflow, 3, cores)) for cores in (Cores(), Cores(3, partition)))
        assert three.keys() == one.keys()
        for operand in one:
            if operand == "input" and partition == "pixel":
                assert three[operand] >= one[operand]
            else:
                assert three[operand] == one[operand]
