"""The walk over a plan: chain after chain on one DRAM channel, each fetching ahead while the one before it works."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from accel.arch.hardware import Memory
from accel.arch.result import LayerReport
from accel.arch.roofline import bounds
from accel.arch.transfer import Ahead, Channel, State, first_fill, run, step
from accel.estimator.plan import Chain
from accel.estimator.pricing import Price

PASSES = 8
"""Inputs after which an interval is taken as steady, if it has not come back to itself before."""


def walk(chains: Iterable[Chain], memory: Memory, channel: Channel) -> list[State]:
    """Return the state after every chain; tick 0 is when the first operand enters."""
    states: list[State] = []
    before: Chain | None = None
    for chain in chains:
        states.append(_after(chain, before, states[-1] if before else channel.start(), memory, channel))
        before = chain
    return states


def interval_ticks(chains: Sequence[Chain], states: Sequence[State], memory: Memory, channel: Channel) -> int:
    """Return the ticks between inputs that follow each other as closely as they can, after the walk of the first.

    Inputs may take turns (every other one waits longer): then it is the average, rounded up. It is never less than what
    all chains have the channel for.
    """
    if not chains:
        return 0
    before, earlier = chains[-1], list(states)
    least = channel.bit * sum(chain.price.channel_bits for chain in chains)
    ends: dict[State, tuple[int, int]] = {earlier[-1].relative: (0, earlier[-1].last)}
    ticks = 0
    for number in range(1, PASSES + 1):
        state, later = earlier[-1], []
        begin = state.last
        for chain, at_last in zip(chains, earlier, strict=True):
            state = _after(chain, before, state, memory, channel)
            before = chain
            if state.relative == at_last.relative:  # from here on it goes as it went before
                return max(least, state.last - begin + earlier[-1].last - at_last.last)
            later.append(state)
        ticks, earlier = state.last - begin, later
        if state.relative in ends:  # from here on it goes as it went since then
            passes, end = ends[state.relative]
            return max(least, -(-(state.last - end) // (number - passes)))
        ends[state.relative] = number, state.last
    return max(least, ticks)


@lru_cache(maxsize=1 << 14)
def timed(chain: Chain, total_cycles: int, pes: int) -> LayerReport:
    """Return the report of a chain's layer if the chain takes `total_cycles`: all waiting is the layer's."""
    report = chain.report
    cycles = replace(report.cycles, stall=total_cycles - chain.compute_cycles)
    bound = bounds(chain.price.work, chain.price.transfers, cycles, chain.price.first_transfers)
    return replace(
        report,
        cycles=cycles,
        utilization=report.macs / (pes * max(1, cycles.total)),
        bound=bound.bound,
        next_bound=bound.next_bound,
        next_cycles=bound.next_cycles,
        needed_bytes_per_cycle=chain.needed_bytes_per_cycle,
    )


def _after(chain: Chain, before: Chain | None, state: State, memory: Memory, channel: Channel) -> State:
    """Return the state after a chain. before: the chain whose last tiles still lie in the buffers; None: the first."""
    until = None if before is None else _until(chain, before.price, memory)
    after = _passed(chain.price, channel, state.relative, until, chain.waits)
    return after.shifted(state.last).delayed(chain.follower_cycles * channel.cycle)


def _until(chain: Chain, before: Price, memory: Memory) -> Ahead:
    """Return what the first tiles of a chain have to wait for."""
    fill = chain.price.program.fill
    inputs = 0 if chain.waits else fill.input_bits

    def fits(weights: int, others: int) -> bool:
        return fill.weight_bits + weights <= 8 * memory.weight_bytes and inputs + others <= 8 * memory.input_bytes

    if fits(before.weight_bits, before.input_bits):
        return Ahead.ROOM
    return Ahead.SLOT if fits(before.last_weight_bits, before.last_input_bits) else Ahead.EMPTY


@lru_cache(maxsize=1 << 16)
def _passed(price: Price, channel: Channel, state: State, until: Ahead | None, waits: bool) -> State:
    """Return the state after one layer that is entered at `state`; until = None: its first tiles are just there.

    What comes after it is fetched when the layer before it has ended, at the earliest: until then that has the room.
    """
    fill, first, rest = price.program
    end_before = state.last
    inputs, weights = fill.input_bits * channel.bit, fill.weight_bits * channel.bit
    arrival = state.last + channel.latency
    if until is not None or waits:
        ahead, behind = (weights, inputs) if waits else (weights + inputs, 0)
        state, arrival = first_fill(state, ahead if until else 0, behind, until or Ahead.ROOM, channel.latency)
    state = run(step(state, first, channel.latency, arrival), rest, channel.latency)
    return state._replace(channel=max(state.channel, end_before))
