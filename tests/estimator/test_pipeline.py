"""Layers in a pipeline, and what more cores are worth."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.arch.hardware import Cores
from accel.errors import ConfigError
from accel.estimator import estimate, scaling
from accel.estimator.pipeline import _cut, staged
from accel.estimator.plan import plan
from accel.network.zoo import build
from tests.machines import machine


def pipelined(network, number=None, batch=1, **memory):
    """A report of a pipeline on the small machine."""
    accelerator = machine("os", 8, 8, **memory)
    cores = Cores(number, schedule="layer pipelined")
    return estimate(network, replace(accelerator, architecture=replace(accelerator.architecture, cores=cores)), batch)


def test_every_layer_of_the_array_has_a_core():
    """LeNet-5 has five; the units behind a layer, and the softmax, are on its core. All arrays count as PEs."""
    report = pipelined("lenet5")
    assert report.stages == (
        ("C1", "C1.tanh", "S2"),
        ("C3", "C3.tanh", "S4"),
        ("C5", "C5.tanh"),
        ("F6", "F6.tanh"),
        ("output", "softmax"),
    )
    assert (report.cores, report.pes, report.schedule) == (5, 5 * 64, "layer pipelined")


def test_interval_is_the_slowest_core():
    """Without a channel: latency is the sum of all stages, the interval the longest of them."""
    report = pipelined("lenet5", dram_bytes_per_cycle=None)
    totals = {layer.name: layer.cycles.total for layer in report.layers}
    stages = [sum(totals[name] for name in stage) for stage in report.stages]
    assert report.interval_cycles == max(stages)
    assert report.latency_cycles == sum(stages)
    assert report.inputs_per_second == 1e8 / max(stages)
    alone = estimate("lenet5", machine("os", 8, 8, dram_bytes_per_cycle=None))
    assert report.latency_cycles == alone.latency_cycles


def test_interval_is_at_least_that_of_the_channel():
    """All cores share one channel: what an input moves takes its time, weights that stay aside."""
    report = pipelined("alexnet", dram_bytes_per_cycle=4.0)
    moved = sum(sum(layer.byte_counts["dram"].values()) for layer in report.layers)
    assert report.interval_cycles >= moved / 4.0 - 1
    assert report.interval_cycles < report.latency_cycles


def test_weights_that_fit_their_core_stay():
    """C1's 300 bytes and C5's 96 kB: a buffer of 60 kB keeps the first and streams the second."""
    names = {layer.name: layer.byte_counts["dram"] for layer in pipelined("lenet5", weight_bytes=60_000).layers}
    assert "weight" not in names["C1"]
    assert "bias" not in names["C1"]
    assert names["C5"]["weight"] == 72_000


@given(st.lists(st.integers(0, 50), min_size=1, max_size=9), st.integers(1, 9))
def test_stages_are_cut_as_evenly_as_can_be(times, cores):
    """No other way to cut a sequence has a shorter longest part (all ways are tried)."""
    limit = min(
        max(sum(times[begin:end]) for begin, end in pairwise((0, *cut, len(times))))
        for number in range(min(cores, len(times)))
        for cut in combinations(range(1, len(times)), number)
    )
    ends = _cut(times, limit)
    assert len(ends) <= cores
    assert all(sum(times[begin:end]) <= limit for begin, end in pairwise((0, *ends)))


def test_fewer_cores_take_turns():
    """Two cores: the better of all ways to cut the chains in two; one core is one layer after another."""
    chains = plan(build("lenet5"), machine("os", 8, 8), 1).chains
    times = [chain.compute_cycles for chain in chains]
    best = min(max(sum(times[:at]), sum(times[at:])) for at in range(1, len(times)))
    two = staged(chains, 2)
    assert max(sum(chain.compute_cycles for chain in stage.chains) for stage in two) == best
    one = pipelined("lenet5", 1, dram_bytes_per_cycle=None)
    assert one.latency_cycles == one.interval_cycles
    assert len(one.stages) == 1


@pytest.mark.parametrize("partition", ["batch", "output channel", "pixel"])
def test_speed_up_has_its_ideal(partition):
    """One core is the measure; without a channel nobody beats the ideal, and more cores are never slower."""
    accelerator = machine("os", 4, 4, dram_bytes_per_cycle=None)
    cores = Cores(None, partition)
    accelerator = replace(accelerator, architecture=replace(accelerator.architecture, cores=cores))
    points = scaling("lenet5", accelerator, (1, 2, 4, 8), batch=8)
    assert [point.cores for point in points] == [1, 2, 4, 8]
    assert (points[0].speedup, points[0].efficiency, points[0].latency_speedup) == (1.0, 1.0, 1.0)
    for fewer, more in pairwise(points):
        assert more.latency_cycles <= fewer.latency_cycles
        assert more.speedup <= more.cores * (1 + 1e-12)
        assert more.inputs_per_second >= fewer.inputs_per_second
    assert points[-1].efficiency > (0.6 if partition == "batch" else 0.2)


def test_a_shared_channel_ends_the_scaling():
    """Behind a thin channel eight cores are hardly better than one: they move the same bytes."""
    accelerator = machine("os", 8, 8, dram_bytes_per_cycle=1.0)
    points = scaling("mlp", accelerator, (1, 8))
    assert 0.8 < points[1].speedup < 1.2


def test_scaling_refuses_what_estimates_refuse():
    """No cores at all; networks and machines may be names."""
    with pytest.raises(ConfigError, match=r"cores\.number = 0"):
        scaling("lenet5", machine(), (1, 0))
    (point,) = scaling("lenet5", "gupta2015", (2,))
    assert point.speedup > 1
