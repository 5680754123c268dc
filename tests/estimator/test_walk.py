"""The walk: what layers wait for between each other, and inputs that follow each other."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest

from accel.arch.hardware import Cores, UnitChoice
from accel.estimator import estimate
from accel.estimator.plan import plan
from accel.estimator.walk import interval_ticks, walk
from accel.layers import Activation, Conv2d, Dense, Flatten, Pool2d
from accel.network.graph import chain
from accel.network.zoo import build
from tests.machines import UNITS, machine

TWO = chain("two", (1, 6, 6), {"conv": Conv2d(4, 3), "flatten": Flatten(), "dense": Dense(8)})


def layers(network, accelerator):
    """Reports by node."""
    return {layer.name: layer for layer in estimate(network, accelerator).layers}


@pytest.mark.parametrize("network", ["lenet5", "mlp", "resnet18"])
@pytest.mark.parametrize("bandwidth", [0.3, 2.0, 30.0, 400.0])
@pytest.mark.parametrize("latency", [0, 50])
def test_an_interval_is_what_many_inputs_take(network, bandwidth, latency):
    """Walking over the chains six times in a row takes an interval more every time."""
    accelerator = machine("os", 12, 12, dram_bytes_per_cycle=bandwidth, dram_latency_cycles=latency)
    laid_out = plan(build(network), accelerator, 1)
    channel, memory = laid_out.prices.channel, laid_out.prices.memory
    states = walk(laid_out.chains, memory, channel)
    ticks = interval_ticks(laid_out.chains, states, memory, channel)
    six = walk(6 * laid_out.chains, memory, channel)
    number = len(laid_out.chains)
    ends = [six[turn * number - 1].last for turn in range(1, 7)]
    assert ends[0] == states[-1].last
    assert ends[-1] - ends[-2] == ticks


def test_nothing_is_fetched_two_layers_ahead():
    """A long pooling, then layers of 65 cycles whose 96 bytes of weights come in 192 and are there 10 later.

    While it pools, the weights of the first dense layer come. Those of the second have no room beside them before the
    pooling has ended, nor have those of the third before the first dense layer has: then the channel sets the pace.
    """
    dense = {f"dense{number}": Dense(8, bias=False) for number in range(4)}
    network = chain("deep", (2, 30, 30), {"pool": Pool2d("max", 15), "flatten": Flatten(), **dense})
    units = UNITS | {"pooling": UnitChoice("window", 1)}
    memory = {"dram_bytes_per_cycle": 0.5, "dram_latency_cycles": 10, "weight_bytes": 2 * 96}
    pool, _, *after = layers(network, machine("vector", 1, 1, units=units, **memory)).values()
    assert pool.cycles.total > 3 * (192 + 10)
    assert [layer.cycles.compute for layer in after] == 4 * [65]
    assert [layer.cycles.stall for layer in after] == [0, 192 + 10 - 65, 192 - 65, 192 - 65]


def test_inputs_of_a_slow_channel_follow_each_other_as_fast_as_it_lets_them():
    """Two cores pool in half the time of one, and then wait for the channel: 1880 bytes an input, 22/7 a cycle.

    It falls behind by 38 cycles an input, and the cores only feel it when it is six inputs late.
    """
    network = chain("pool", (5, 8, 13), {"pool": Pool2d("max", 2, stride=1)})
    units = UNITS | {"pooling": UnitChoice("window", 3)}
    memory = {"dram_bytes_per_cycle": Fraction(22, 7), "dram_latency_cycles": 100, "input_bytes": 3940}
    accelerator = machine(units=units, **memory)
    accelerator = replace(accelerator, architecture=replace(accelerator.architecture, cores=Cores(2, "batch")))
    report = estimate(network, accelerator, 2)
    (pool,) = report.layers
    moved = sum(pool.byte_counts["dram"].values())
    assert (pool.cycles.total, moved) == (560, 1880)
    assert report.interval_cycles == math.ceil(moved / Fraction(22, 7))


@pytest.mark.parametrize(("latency", "bandwidth"), [(100, 0.25), (1000, 3.0), (10**6, 17.0), (0, 0.7)])
@pytest.mark.parametrize("dataflow", ["os", "ws", "vector"])
def test_intervals_are_averages_of_inputs_that_take_turns(dataflow, latency, bandwidth):
    """However many inputs it takes until they come evenly, or every other one waits: the average of the last of 200."""
    sizes = {"input_bytes": 1500, "weight_bytes": 500, "output_bytes": 1500}
    accelerator = machine(dataflow, 4, 3, dram_bytes_per_cycle=bandwidth, dram_latency_cycles=latency, **sizes)
    for network in (TWO, chain("one", (3, 9, 9), {"conv": Conv2d(5, 2), "relu": Activation("relu")})):
        laid_out = plan(network, accelerator, 1)
        channel, memory = laid_out.prices.channel, laid_out.prices.memory
        states = walk(laid_out.chains, memory, channel)
        many = walk(200 * laid_out.chains, memory, channel)
        begin, end = (many[turn * len(laid_out.chains) - 1].last for turn in (80, 200))
        found = interval_ticks(laid_out.chains, states, memory, channel)
        assert -(-(end - begin) // 120) == found


def test_weights_of_the_next_layer_come_while_this_one_works():
    """With time and room for it nothing is seen of the first fill; behind a slow channel all but a part is."""
    quick, slow = (layers(TWO, machine(dram_bytes_per_cycle=size))["dense"] for size in (1e3, 1.0))
    assert (quick.cycles.stall, quick.prefetch_cycles) == (0, 11)
    # 64 x 8 weights of 12 bits and 8 biases of 20 are 788 bytes, a few tiles; the convolution takes 72 cycles.
    assert slow.cycles.stall > 0
    assert slow.cycles.stall <= 788 + 10


def test_without_room_the_next_layer_waits_for_this_one_to_end():
    """A weight buffer that just holds each layer's tiles lets nothing come before the layer before is done."""
    dense_bytes = 2 * 4 * 64 * 12 // 8 + 20
    roomy, tight = (
        layers(TWO, machine(dram_bytes_per_cycle=64.0, dram_latency_cycles=0, weight_bytes=size))["dense"]
        for size in (1 << 20, dense_bytes)
    )
    assert roomy.cycles.stall <= tight.cycles.stall


def test_what_was_written_to_dram_is_waited_for():
    """A tensor that does not stay is stored to the end before the next layer reads it: a round trip more."""
    roomy = layers(TWO, machine(dram_bytes_per_cycle=4.0, dram_latency_cycles=25))
    tight = layers(TWO, machine(dram_bytes_per_cycle=4.0, dram_latency_cycles=25, input_bytes=127))
    assert "input" not in roomy["dense"].byte_counts["dram"]
    assert tight["dense"].byte_counts["dram"]["input"] == 4 * 4 * 4 * 2
    stored_and_read = 2 * 128 / 4
    assert tight["dense"].cycles.stall >= 25
    assert tight["dense"].cycles.stall <= roomy["dense"].cycles.stall + stored_and_read + 25 + 1


def test_the_first_fill_is_not_in_the_latency():
    """One layer by itself starts with its tiles there; the interval has what the latency leaves out."""
    network = chain("one", (64,), {"dense": Dense(4)})
    report = estimate(network, machine(dram_bytes_per_cycle=1.0))
    (dense,) = report.layers
    assert (dense.cycles.stall, dense.prefetch_cycles) == (0, 10 + 64 + 4 * 64 * 12 // 8 + 10)
    assert report.interval_cycles >= 64 + 384 + 10 + 8
    assert report.latency_cycles == dense.cycles.compute


def test_a_plan_is_made_once():
    """The same network on the same machine is laid out once; an equal machine is priced once."""
    accelerator = machine()
    assert plan(TWO, accelerator, 1) is plan(TWO, accelerator, 1)
    equal = machine()
    assert plan(TWO, equal, 1) is not plan(TWO, accelerator, 1)
    assert plan(TWO, equal, 1).prices is plan(TWO, accelerator, 1).prices
    assert estimate(TWO, equal) == estimate(TWO, accelerator)


def test_cores_share_a_layer():
    """16 filters on four columns: four folds wide, two, one; beyond that a column drains a little sooner, no more."""
    network = chain("wide", (4, 6, 6), {"conv": Conv2d(16, 3)})
    accelerator = machine(dram_bytes_per_cycle=None)

    def cycles(cores: Cores) -> int:
        architecture = replace(accelerator.architecture, cores=cores)
        return estimate(network, replace(accelerator, architecture=architecture)).latency_cycles

    one, two, four, many = (cycles(Cores(number)) for number in (1, 2, 4, 16))
    assert one > two > four
    assert two < 0.6 * one
    assert 0 <= four - many <= 3
