"""Layers in a pipeline: every core has layers of its own and works on the next input while those behind it go on.

A core is a copy of the array, the units and the memories; all share the DRAM channel. Layers keep their order. Unless
the machine says how many cores there are, every layer of the array has one to itself, with the units that follow. With
fewer, neighbouring layers share a core in turn, cut so that the busiest core has least to do. Weights of a core's
layers stay in its weight buffer between inputs if all of them fit, and then cross the channel once and for all, not
once an input.

Latency is what one input takes through the empty machine; the interval is that of the slowest core, or of the channel,
which cannot carry more than it does in that time. What this leaves out: cores that want the channel at the same time
wait for each other only as far as that, and handing a tensor from core to core takes no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from accel.accelerator import Accelerator
from accel.arch.result import NetworkReport
from accel.estimator.plan import Chain, area, plan
from accel.estimator.shown import Estimate
from accel.estimator.walk import interval_ticks, timed, walk
from accel.network.graph import Network


@dataclass(frozen=True)
class Stage:
    """The chains of one core."""

    chains: tuple[Chain, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of its layers, units behind them included."""
        reports = (report for chain in self.chains for report in (chain.report, *chain.followers))
        return tuple(report.name for report in reports)

    @property
    def weight_bytes(self) -> int:
        """Bytes of all its weights and biases, whatever the tiles are."""
        return -(-sum(chain.price.parameter_bits for chain in self.chains) // 8)


def pipelined(network: Network, machine: Accelerator, batch: int) -> NetworkReport:
    """Return the report of a network whose layers work at the same time, on inputs that follow each other."""
    architecture = machine.architecture
    memory, pes = architecture.memory, architecture.array.pes
    draft = staged(plan(network, machine, batch).chains, architecture.cores.number)
    held = frozenset(name for stage in draft if stage.weight_bytes <= memory.weight_bytes for name in stage.layers)
    laid_out = plan(network, machine, batch, held=held)
    stages = staged(laid_out.chains, architecture.cores.number)
    channel = laid_out.prices.channel
    reports = dict(laid_out.unmoved)
    latency_cycles = 0
    intervals = [channel.bit * sum(chain.price.channel_bits for chain in laid_out.chains)]
    for stage in stages:
        states = walk(stage.chains, memory, channel)
        begin = 0
        for chain, state in zip(stage.chains, states, strict=True):
            end = channel.cycles(state.last)
            for layer in (timed(chain, end - begin, pes), *chain.followers):
                reports[layer.name] = layer
            begin = end
        latency_cycles += begin
        intervals.append(interval_ticks(stage.chains, states, memory, channel))
    return Estimate(
        network=network.name,
        accelerator=machine.name,
        batch=batch,
        clock_hz=architecture.clock_hz,
        pes=pes * len(stages),
        layers=tuple(reports[node.name] for node in network.nodes),
        latency_cycles=latency_cycles,
        interval_cycles=channel.cycles(max(intervals)),
        schedule="layer pipelined",
        cores=len(stages),
        stages=tuple(stage.layers for stage in stages),
        dram_bytes_per_cycle=memory.dram_bytes_per_cycle,
        technology=architecture.technology,
        area=area(machine, len(stages)),
    )


def staged(chains: Sequence[Chain], cores: int | None) -> tuple[Stage, ...]:
    """Cut chains into at most `cores` stages of which the longest is as short as can be; None: one an array layer."""
    if cores is None:
        starts = [index for index, chain in enumerate(chains) if chain.report.macs]
        ends = [*starts[1:], len(chains)]
    else:
        times = [chain.compute_cycles for chain in chains]
        low, high = max(times, default=0), sum(times)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if len(_cut(times, middle)) <= cores else (middle + 1, high)
        ends = _cut(times, low)
    return tuple(Stage(tuple(chains[begin:end])) for begin, end in pairwise([0, *ends]) if begin < end)


def _cut(times: Sequence[int], limit: int) -> list[int]:
    """Return where stages end that are filled one after another up to `limit`, which no single time exceeds."""
    ends, filled = [], 0
    for index, time in enumerate(times):
        if filled + time > limit:
            ends.append(index)
            filled = 0
        filled += time
    return [*ends, len(times)]
