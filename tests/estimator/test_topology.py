"""Estimates of topology files: the same layers as in a network, one by one, with their input and output in DRAM."""

from dataclasses import replace

import pytest

from accel.arch.hardware import Cores
from accel.errors import ConfigError, ModelError
from accel.estimator import estimate
from accel.estimator.topology import _Bare, estimate_topology
from accel.layers.conv import Conv2d
from accel.layers.dense import Dense
from accel.loopnest import LoopNest
from accel.network.graph import chain
from accel.network.scalesim import parse_topology
from tests.machines import layer_numerics, machine

CONV = "Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
SMALL = parse_topology(f"{CONV}a,8,8,3,3,2,6,1,\nb,9,9,3,3,2,6,2,\ninput,1,1,1,1,40,10,1,\n", "small.csv")


@pytest.mark.parametrize("dataflow", ["os", "ws", "is", "adder-tree"])
@pytest.mark.parametrize("batch", [1, 3])
def test_layers_cost_what_they_cost_in_a_network(dataflow, batch):
    """A row is the network of that one layer."""
    accelerator = machine(dataflow, 4, 5, dram_bytes_per_cycle=1.0)
    alike = [
        chain("one", (2, 8, 8), {"a": Conv2d(6, 3, bias=False)}),
        chain("one", (2, 9, 9), {"b": Conv2d(6, 3, stride=2, bias=False)}),
        chain("one", (40,), {"x": Dense(10, bias=False)}),
    ]
    report = estimate_topology(SMALL, accelerator, batch)
    alone = [estimate(network, accelerator, batch) for network in alike]
    expected = [each.layers[0] for each in alone]
    assert [replace(layer, kind="") for layer in report.layers] == [
        replace(layer, kind="", name=name) for layer, name in zip(expected, ("a", "b", "input"), strict=True)
    ]
    assert {layer.kind for layer in report.layers} == {"conv"}
    assert report.latency_cycles == sum(layer.cycles.total for layer in report.layers)
    assert report.interval_cycles == sum(each.interval_cycles for each in alone)
    moved = sum(sum(layer.byte_counts["dram"].values()) for layer in report.layers)
    assert report.interval_cycles * accelerator.architecture.memory.dram_bytes_per_cycle >= moved - 9
    assert (report.network, report.batch, report.pes) == ("small", batch, 20)
    assert report.dram_bytes_per_cycle == 1.0


def test_cores_and_channel_are_those_of_the_machine():
    """Three cores are three times the elements; without a channel nothing waits and both numbers agree."""
    accelerator = machine(dram_bytes_per_cycle=None)
    accelerator = replace(accelerator, architecture=replace(accelerator.architecture, cores=Cores(3)))
    report = estimate_topology(SMALL, accelerator)
    assert (report.pes, report.cores, report.dram_bytes_per_cycle) == (3 * 16, 3, None)
    assert report.latency_cycles == report.interval_cycles


def test_every_layer_reads_and_writes_dram():
    """Even in unlimited buffers a row's input and output cross the channel, every word once."""
    report = estimate_topology(SMALL, machine())
    assert report.layers[0].byte_counts["dram"] == {
        "weight": 6 * 2 * 9 * 12 // 8,
        "input": 2 * 8 * 8,
        "output": 6 * 6 * 6 * 2,
    }


def test_matrix_products():
    """A product's MACs and kind."""
    (layer,) = estimate_topology(parse_topology("L,M,N,K\ng,7,5,3\n", "g.csv"), machine()).layers
    assert (layer.name, layer.kind, layer.macs) == ("g", "gemm", 105)


def test_a_layer_with_bits_of_its_own():
    """Overrides are by name: of two equal rows one has wider outputs."""
    twins = parse_topology(f"{CONV}a,8,8,3,3,2,6,1,\nb,8,8,3,3,2,6,1,\n", "twins.csv")
    a, b = estimate_topology(twins, machine(overrides={"b": layer_numerics("Q6.26")})).layers
    assert b.byte_counts["dram"]["output"] == 2 * a.byte_counts["dram"]["output"]


def test_what_a_machine_cannot_do():
    """Layers that are not in the file, and all that is wrong with the machine, once each."""
    broken = machine("rows", rows=0, overrides={"bb": layer_numerics()})
    with pytest.raises(ConfigError) as error:
        estimate_topology(SMALL, broken)
    layer, *others = error.value.problems
    assert layer == "test [numerics.layers.bb]: small has no layer 'bb'. Did you mean 'b'?"
    assert len(others) == len(set(others)) == 2


def test_sizes_have_no_values():
    """Computing with a bare layer is refused in words."""
    layer = _Bare(LoopNest("array"))
    with pytest.raises(ModelError, match="sizes and no values"):
        layer.forward(None, {})
    with pytest.raises(ModelError, match="sizes and no values"):
        layer.backward(None, {}, (), None, None)
    assert layer.parameters() == {}
