"""Cycles of one layer before any wait for memory: an array by its schedule, a unit alone or behind a layer.

A unit of d stages takes a value in cycle t and has its result in cycle t + d - 1, so n values through one lane take
(n - 1) interval + d cycles. Behind another layer it takes values the cycle after they leave that; then its depth and
what it lags behind are added, the rest is hidden. Results come tile by tile, so a unit that keeps pace with a layer on
average may still lag behind its last tile. What this leaves out: the buffer in which a burst of results waits that
overruns the lanes is not sized here, and the last tile is taken to be as large a part of every unit's work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from accel.arch.mapping import Schedule
from accel.arch.result import Cycles
from accel.units.cost import UnitCost

POOLING: Mapping[str, UnitCost] = {
    "max": UnitCost(latency_cycles=1, adders=1),
    "average": UnitCost(latency_cycles=1, adders=1),
    "l2": UnitCost(latency_cycles=2, multipliers=1, adders=1),
}
"""What gathers the values of a window, one a cycle: a comparator, an adder, a multiplier and an adder."""

ELEMENTWISE: Mapping[str, UnitCost] = {
    "add": UnitCost(latency_cycles=1, adders=1),
    "shift": UnitCost(latency_cycles=1, adders=1),
    "scale": UnitCost(latency_cycles=2, multipliers=1, adders=1),
}
"""What works element by element, all operands of an element at once: a sum, a constant factor that is a power of two
(rounded and saturated at once), any other (in a stage after the product)."""


class Results(NamedTuple):
    """How results leave: from the first to the last in `cycles`, of which the last ones are a `last_share` of all.

    These come within last_cycles, with no pause between them.
    """

    cycles: int
    last_share: Fraction
    last_cycles: int


ALL_THERE = Results(0, Fraction(1), 0)
"""Results that have all left before."""


@dataclass(frozen=True)
class Step:
    """What a layer adds (`cycles`), works behind another (`hidden_cycles`), and how its results leave."""

    cycles: Cycles
    hidden_cycles: int
    results: Results


@dataclass(frozen=True)
class UnitWork:
    """One layer on one kind of unit.

    entering_cycles: from the first value taken in to the last, inclusive. latency_cycles: from the last value taken in
    until its result is there, inclusive (at least 1). passes: how often the values are read.
    """

    entering_cycles: int
    latency_cycles: int
    passes: int = 1

    def alone(self) -> Step:
        """Everything that it reads is there before it starts."""
        cycles = Cycles(fill=0, steady=self.entering_cycles, drain=self.latency_cycles - 1, stall=0)
        return Step(cycles, 0, Results(self.entering_cycles, Fraction(1), self.entering_cycles))

    def behind(self, results: Results) -> Step:
        """It takes the results of a layer as they come.

        Every tile of results is a burst of last_share, last_cycles long. With u cycles of work on each of n bursts,
        begun i cycles apart, the unit ends max(n u - (n - 1) i, u) after the last one began: behind all of them or
        behind the last.
        """
        last = ceil(self.entering_cycles * results.last_share)
        lag_cycles = max(0, self.entering_cycles - results.cycles, last - results.last_cycles)
        cycles = Cycles(fill=0, steady=lag_cycles, drain=self.latency_cycles, stall=0)
        later = Results(results.cycles + lag_cycles, results.last_share, results.last_cycles + lag_cycles)
        return Step(cycles, self.entering_cycles - lag_cycles, later)


def array_step(schedule: Schedule) -> Step:
    """Return what a schedule adds."""
    cycles = Cycles(schedule.fill_cycles, schedule.steady_cycles, schedule.drain_cycles, stall=0)
    last_share = Fraction(schedule.last_results, schedule.sram_writes["output"])
    last_cycles = min(schedule.last_result_cycles, schedule.result_cycles)
    return Step(cycles, 0, Results(schedule.result_cycles, last_share, last_cycles))


def element_work(elements: int, lanes: int, cost: UnitCost) -> UnitWork:
    """Return the work of `elements` values, each taken in once by one of `lanes` lanes."""
    per_lane = -(-elements // lanes)
    return UnitWork((per_lane - 1) * cost.interval_cycles + 1, cost.latency_cycles)


def window_work(windows: int, values: int, lanes: int, gather: UnitCost, finish: UnitCost) -> UnitWork:
    """Return the work of pooling: a window enters a lane value by value, then `finish` makes one number of them."""
    per_lane = -(-windows // lanes)
    window_cycles = (values - 1) * gather.interval_cycles + 1
    interval_cycles = max(window_cycles, finish.interval_cycles)
    return UnitWork((per_lane - 1) * interval_cycles + window_cycles, gather.latency_cycles + finish.latency_cycles)


def row_work(rows: int, lanes: int, cost: Callable[[int], UnitCost]) -> UnitWork:
    """Return the work of whole rows that are dealt to lanes, as many rows at once as are soonest done.

    cost(n): that of a row on n lanes, first value in to last value out. `at_once` rows have lanes // at_once lanes each
    and begin a cycle apart, so that what works once a row (a reciprocal, a root) takes one after the other. What this
    leaves out: that a part which takes a row less often than every cycle keeps some of them waiting.
    """
    found = []
    for at_once in range(1, min(rows, lanes) + 1):
        one = cost(lanes // at_once)
        turns = -(-rows // at_once)
        found.append(((turns - 1) * one.interval_cycles + one.latency_cycles + rows - turns, one.passes))
    cycles, passes = min(found)
    return UnitWork(cycles, 1, passes)
