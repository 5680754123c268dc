"""What would help a layer: every claim is estimated once more."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from accel.arch.hardware import UnitChoice
from accel.arch.result import Remedies
from accel.errors import ConfigError
from accel.estimator import estimate
from accel.estimator.advice import AT_WORK, BANDWIDTHS, BATCHES, remedies
from accel.layers import Activation, Conv2d, Dense, Flatten
from accel.network.graph import chain
from accel.network.zoo import build
from tests.machines import UNITS, machine


def layers(network, accelerator, batch=1):
    """Reports by node."""
    return {layer.name: layer for layer in estimate(network, accelerator, batch).layers}


def with_memory(accelerator, **memory):
    """The same machine with another memory."""
    architecture = accelerator.architecture
    return replace(accelerator, architecture=replace(architecture, memory=replace(architecture.memory, **memory)))


@pytest.mark.parametrize("name", ["lenet5", "mlp"])
@pytest.mark.parametrize("bandwidth", [1.0, 6.0])
def test_claims_hold_when_they_are_estimated(name, bandwidth):
    """A layer works at the bandwidth and the batch that are named, and waits at those tried before them."""
    network, accelerator = build(name), machine("os", 12, 12, dram_bytes_per_cycle=bandwidth)
    found, now = remedies(partial(estimate, network), accelerator), layers(network, accelerator)
    assert found.keys() == {layer for layer, report in now.items() if report.cycles.total}
    told = 0
    for layer, helps in found.items():
        if helps.bytes_per_cycle is not None:
            told += 1
            assert now[layer].bound not in AT_WORK
            wider = with_memory(accelerator, dram_bytes_per_cycle=helps.bytes_per_cycle)
            assert layers(network, wider)[layer].bound in AT_WORK
            before = [each * bandwidth for each in (1, *BANDWIDTHS) if each * bandwidth < helps.bytes_per_cycle]
            narrower = with_memory(accelerator, dram_bytes_per_cycle=before[-1])
            assert layers(network, narrower)[layer].bound not in AT_WORK
        if helps.batch is not None:
            assert now[layer].bound == "weights"
            assert layers(network, accelerator, helps.batch)[layer].bound in AT_WORK
            assert layers(network, accelerator, helps.batch // 2)[layer].bound not in AT_WORK
    assert told


def test_changes_are_tried_one_by_one():
    """Cycles after a change are those of the changed machine, and only savings are told."""
    network = build("lenet5")
    accelerator = machine("ws", 8, 8, dram_bytes_per_cycle=0.5, dram_latency_cycles=200, weight_bytes=4000)
    now, memory = layers(network, accelerator), accelerator.architecture.memory
    units = {kind: replace(unit, lanes=2 * unit.lanes) for kind, unit in UNITS.items()}
    twice = {f"{buffer}_bytes": 2 * getattr(memory, f"{buffer}_bytes") for buffer in ("input", "weight", "output")}
    changed = {
        "twice the bandwidth": with_memory(accelerator, dram_bytes_per_cycle=1.0),
        "buffers of twice the size": with_memory(accelerator, **twice),
        "no DRAM latency": with_memory(accelerator, dram_latency_cycles=0),
        "twice the lanes": replace(accelerator, architecture=replace(accelerator.architecture, units=units)),
    }
    later = {change: layers(network, each) for change, each in changed.items()}
    found = remedies(partial(estimate, network), accelerator)
    for layer, helps in found.items():
        before = now[layer].cycles.total
        expected = {change: reports[layer].cycles.total for change, reports in later.items()}
        assert helps.cycles == {change: cycles for change, cycles in expected.items() if cycles <= 0.99 * before}
    assert any("no DRAM latency" in helps.cycles for helps in found.values())


def test_without_a_channel_only_lanes_are_tried():
    """Nothing waits; a unit that lags is helped by lanes."""
    network = chain("lags", (1, 8, 8), {"conv": Conv2d(4, 1), "tanh": Activation("tanh")})
    one_lane = UNITS | {"tanh": UnitChoice("lut-linear", 1)}
    accelerator = machine("os", 8, 4, units=one_lane, dram_bytes_per_cycle=None)
    found = remedies(partial(estimate, network), accelerator)
    assert found["conv"] == Remedies({})
    assert found["tanh"].cycles.keys() == {"twice the lanes"}


def test_what_cannot_be_is_left_out():
    """A batch that is refused helps nobody; a machine that is refused as it is has no advice."""
    network = chain("dense", (64,), {"flatten": Flatten(), "dense": Dense(256)})

    def one_at_a_time(accelerator, batch):
        if batch > 1:
            raise ConfigError("one at a time")
        return estimate(network, accelerator, batch)

    slow = machine("os", 8, 8, dram_bytes_per_cycle=8.0)
    alone, together = remedies(one_at_a_time, slow), remedies(partial(estimate, network), slow)
    assert alone["dense"].batch is None
    assert together["dense"].batch in BATCHES
    assert alone["dense"].bytes_per_cycle == together["dense"].bytes_per_cycle
    with pytest.raises(ConfigError, match="one at a time"):
        remedies(one_at_a_time, slow, 2)
