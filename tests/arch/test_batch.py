"""Many machines at once: equal to one machine at a time where both model the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.arch import dataflows
from accel.arch.batch import CHUNK, Machines, cycles_of_many
from accel.arch.hardware import Array
from accel.errors import ConfigError
from accel.estimator import estimate
from accel.loopnest import LoopNest
from accel.network.zoo import build
from tests.arch.demands import nests
from tests.machines import machine

VECTORISED = [
    (name, timing)
    for name, dataflow in dataflows.DATAFLOWS.items()
    for timing in dataflow.timings
    if name != "row-stationary"
]


@pytest.mark.parametrize(("dataflow", "timing"), VECTORISED)
@given(
    layers=st.lists(nests(40), min_size=1, max_size=3),
    sizes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=9),
)
def test_cycles_are_those_of_the_schedule(dataflow, timing, layers, sizes):
    """For every dataflow, timing, layer and size, to the cycle; without a channel nothing waits."""
    rows, columns = zip(*sizes, strict=True)
    found = cycles_of_many(layers, Machines(dataflow, rows, columns, timing=timing))
    expected = [
        [dataflows.schedule(nest, Array(dataflow, r, c, timing)).compute_cycles for r, c in sizes] for nest in layers
    ]
    assert found.compute.tolist() == expected
    assert (found.stall == 0).all()


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
def test_totals_are_those_of_an_estimate_without_a_channel(dataflow):
    """Layer by layer, on AlexNet, over many sizes."""
    network = build("alexnet")
    layers = {node.name: nest for node, nest in network.loop_nests() if nest.engine == "array"}
    rows, columns = [8, 16, 13, 28], [8, 4, 57, 28]
    found = cycles_of_many(list(layers.values()), Machines(dataflow, rows, columns)).total
    for index, sizes in enumerate(zip(rows, columns, strict=True)):
        report = estimate(network, machine(dataflow, *sizes, dram_bytes_per_cycle=None))
        totals = {layer.name: layer.cycles.total for layer in report.layers}
        assert found[:, index].tolist() == [totals[name] for name in layers]


@pytest.mark.parametrize("network", ["mlp", "lenet5", "alexnet"])
def test_the_channel_is_a_bound_of_the_estimate(network):
    """Summed over layers, it is never above the interval of the walk that knows tiles, latencies and units."""
    structure = build(network)
    bandwidths = [0.3, 2.0, 20.0, 500.0]
    reports = [estimate(structure, machine("os", 12, 12, dram_bytes_per_cycle=each)) for each in bandwidths]
    layers = {node.name: nest for node, nest in structure.loop_nests() if nest.engine == "array"}
    moved = [sum(layer.byte_counts["dram"].values()) for layer in reports[0].layers if layer.name in layers]
    found = cycles_of_many(list(layers.values()), Machines("os", 12, 12, bandwidths), moved)
    for index, report in enumerate(reports):
        for nest_index, (name, size) in enumerate(zip(layers, moved, strict=True)):
            compute = next(layer.cycles.compute for layer in report.layers if layer.name == name)
            assert found.total[nest_index, index] == max(compute, math.ceil(size / bandwidths[index]))
        assert max(found.compute[:, index].sum(), sum(moved) / bandwidths[index]) <= report.interval_cycles + len(moved)


def test_chunks_change_nothing():
    """More machines than a chunk has, with numbers for all and arrays mixed."""
    nest = LoopNest("array", K=7, C=5, P=3, Q=3, R=2, S=2, height=4, width=4)
    rows = np.arange(1, CHUNK + 40) % 50 + 1
    found = cycles_of_many([nest], Machines("ws", rows, 3, 0.5), [100])
    assert found.total.shape == (1, rows.size)
    for size in (1, 17, 50):
        one = cycles_of_many([nest], Machines("ws", size, 3, 0.5), [100])
        assert (found.total[0][rows == size] == one.total[0, 0]).all()


@pytest.mark.parametrize(
    ("machines", "message"),
    [
        (Machines("rows", 4, 4), "'rows' is not a dataflow"),
        (Machines("os", 4, 4, timing="exact"), "timing 'exact'"),
        (Machines("row-stationary", 12, 14), "searched|search"),
        (Machines("os", [4, 0], 4), "rows must be"),
        (Machines("os", 4, 2.5), "columns must be"),
        (Machines("os", [4, 5], [1, 2, 3]), "do not go together"),
        (Machines("os", 4, 4, [1.0, 0.0]), "a bandwidth of 0 moves nothing"),
    ],
)
def test_what_is_refused(machines, message):
    """Names, sizes and bandwidths that cannot be."""
    with pytest.raises(ConfigError, match=message):
        cycles_of_many([LoopNest("array", K=2, C=2)], machines)


def test_units_have_no_closed_form_here():
    """Softmax and its like are priced one by one."""
    with pytest.raises(ConfigError, match="only layers of the array"):
        cycles_of_many([LoopNest("softmax", "softmax", K=2)], Machines("os", 4, 4))


@pytest.mark.parametrize(("size", "bandwidth", "moved"), [(10**9, None, 0), (4, 1e-9, 10**12)])
def test_cycles_that_64_bits_do_not_hold_are_refused(size, bandwidth, moved):
    """Never a number that has wrapped: 10^27 products, or 10^21 cycles of transfer."""
    nest = LoopNest("array", N=size, K=size, C=size)
    with pytest.raises(ConfigError, match="more cycles than 64 bits hold"):
        cycles_of_many([nest], Machines("os", 4, 4, bandwidth), moved)
