"""Cycles of one layer before any wait for memory: an array by its schedule, a unit alone or behind a layer.

A unit of d stages takes a value in cycle t and has its result in cycle t + d - 1, so n values through one lane take
(n - 1) interval + d cycles. Behind another layer it takes values the cycle after they leave that; then its depth and
what it lags behind are added, the rest is hidden. What this leaves out: results are taken to come evenly between the
first and the last; a burst that overruns the lanes waits in a buffer that is not sized here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Step:
    """What a layer adds (`cycles`), works behind another (`hidden_cycles`), and from its first result to its last."""

    cycles: Cycles
    hidden_cycles: int
    result_cycles: int


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
        return Step(cycles, 0, self.entering_cycles)

    def behind(self, result_cycles: int) -> Step:
        """It takes the results of a layer as they come, within `result_cycles`."""
        lag_cycles = max(0, self.entering_cycles - result_cycles)
        cycles = Cycles(fill=0, steady=lag_cycles, drain=self.latency_cycles, stall=0)
        return Step(cycles, self.entering_cycles - lag_cycles, result_cycles + lag_cycles)


def array_step(schedule: Schedule) -> Step:
    """Return what a schedule adds."""
    cycles = Cycles(schedule.fill_cycles, schedule.steady_cycles, schedule.drain_cycles, stall=0)
    return Step(cycles, 0, schedule.result_cycles)


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


def row_work(rows: int, cost: UnitCost) -> UnitWork:
    """Return the work of whole rows one after another; `cost` is that of a row, first value in to last value out."""
    return UnitWork((rows - 1) * cost.interval_cycles + cost.latency_cycles, 1, cost.passes)
