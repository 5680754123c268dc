"""When tiles move and when they are computed: a causal recurrence over the steps of a program, on one DRAM channel.

A program is a sequence of steps. A step brings tiles in, computes on them, and leaves tiles to be taken away. Buffers
are double, so a transfer waits for the slot of two steps ago and for the channel:

    load t     starts when the channel is free and step t - 2 is computed
    store t-2  follows load t on the channel, because what is computed next matters more than what is finished
    compute t  starts when step t - 1 is computed, load t has arrived (`latency` after its last byte) and store t - 2 is
               through, whose slot it takes

All times are whole ticks of `Channel`, so that nothing is rounded on the way. Programs are run-length encoded: `count`
times the same body. The state between two bodies is seen relative to the end of the last computation; when a relative
state comes back, so will everything after it, and whole periods are skipped at once. So the work grows with the number
of different tiles and not with the number of tiles, and the result is that of stepping through all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from accel.arch.hardware import Memory

_RESOLUTION = 1024
"""Ticks that are left, beyond those in which bits are whole, for parts of a computation that do not divide evenly."""


class Step(NamedTuple):
    """Ticks of one step: to load its tiles, to compute on them, and to store what it leaves behind."""

    load: int
    compute: int
    store: int


Program: TypeAlias = "tuple[tuple[int, Step | Program], ...]"
"""(count, body) one after another; a body is a step or again a program."""


class State(NamedTuple):
    """Between two steps: when the channel is free, when the last and the second last step are computed, what they owe.

    owed, owed_before: ticks of the stores that the last and the second last step have left to be done.
    """

    channel: int
    last: int
    before: int
    owed: int = 0
    owed_before: int = 0

    @property
    def relative(self) -> State:
        """The state as seen from the end of the last computation."""
        return self.shifted(-self.last)

    @property
    def pattern(self) -> State:
        """The same for what follows within a layer, where nothing is transferred before `before`: equal patterns have
        equal futures.
        """
        return self._replace(channel=max(self.channel, self.before)).relative

    def shifted(self, ticks: int) -> State:
        """Return the same state at another time."""
        return State(self.channel + ticks, self.last + ticks, self.before + ticks, self.owed, self.owed_before)

    def delayed(self, ticks: int) -> State:
        """Return the state when the last computation is followed by something that moves no tiles."""
        return self._replace(last=self.last + ticks)


@dataclass(frozen=True)
class Channel:
    """The DRAM channel in ticks, of which a cycle and the transfer of a bit take whole numbers."""

    cycle: int
    bit: int
    latency: int

    @classmethod
    def of(cls, memory: Memory) -> Channel:
        """Return the channel of a memory; the bandwidth is taken as it is written, 48.57 as 4857/100.

        A channel that is not modelled takes no time.
        """
        if memory.dram_bytes_per_cycle is None:
            return cls(_RESOLUTION, 0, 0)
        bytes_per_cycle = Fraction(str(memory.dram_bytes_per_cycle))
        cycle = 8 * _RESOLUTION * bytes_per_cycle.numerator
        return cls(cycle, _RESOLUTION * bytes_per_cycle.denominator, memory.dram_latency_cycles * cycle)

    def start(self) -> State:
        """Return the state in which the first tiles of all have just arrived, at tick 0."""
        return State(-self.latency, -self.latency, -self.latency)

    def cycles(self, ticks: int) -> int:
        """Return the cycles that have begun by a tick."""
        return -(-ticks // self.cycle)


class Ahead(Enum):
    """What the first tiles of a layer wait for, besides the channel: the room that they need in the buffers."""

    ROOM = "nothing: they fit beside all that the layer before holds"
    SLOT = "its second last step: they fit beside its last tiles"
    EMPTY = "its last step"


def first_fill(state: State, ahead: int, behind: int, until: Ahead, latency: int) -> tuple[State, int]:
    """Load the first tiles of a layer while the layer before it works -> the state, and the tick of their arrival.

    ahead: ticks of tiles that were in DRAM all along. behind: of tiles that an earlier layer stored, so that every
    store comes first.
    """
    channel, last, before, owed, owed_before = state
    arrival = last
    if ahead:
        gate = {Ahead.ROOM: channel, Ahead.SLOT: before, Ahead.EMPTY: last}[until]
        channel = max(channel, gate) + ahead
        arrival = channel + latency
    if behind:
        if owed_before:
            channel = max(channel, before) + owed_before
        channel = max(channel, last) + owed + behind
        owed = owed_before = 0
        arrival = channel + latency
    return State(channel, last, before, owed, owed_before), arrival


def step(state: State, item: Step, latency: int, arrival: int = 0) -> State:
    """Do one step. arrival: when tiles that were loaded before are there."""
    channel, last, before, owed, owed_before = state
    ready = max(last, arrival)
    if item.load:
        channel = max(channel, before) + item.load
        ready = max(ready, channel + latency)
    if owed_before:
        channel = max(channel, before) + owed_before
        ready = max(ready, channel)
    return State(channel, ready + item.compute, last, item.store, owed)


def run(state: State, program: Program, latency: int) -> State:
    """Do a whole program."""
    for count, body in program:
        state = _repeat(state, count, body, latency)
    return state


def _repeat(state: State, count: int, body: Step | Program, latency: int) -> State:
    """Do a body `count` times, skipping whole periods once a pattern has come back."""
    seen: dict[State, tuple[int, State]] = {}
    done = 0
    while done < count:
        pattern = state.pattern
        if pattern in seen:
            number, then = seen[pattern]
            periods = (count - done) // (done - number)
            later = state.shifted(periods * (state.last - then.last))
            # A channel that nobody used in a period is still free since when it was.
            state = later if state.channel != then.channel else later._replace(channel=state.channel)
            done += periods * (done - number)
            seen.clear()
            if done == count:
                break
        else:
            seen[pattern] = done, state
        state = step(state, body, latency) if isinstance(body, Step) else run(state, body, latency)
        done += 1
    return state
