"""What a function unit costs in time and hardware (a leaf, so that estimates need nothing else of a unit)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UnitCost:
    """Latency: cycles from first input to first output. Interval: cycles between inputs of one lane.

    passes: how often a row is read (a two-pass softmax reads it twice).
    """

    latency_cycles: int
    interval_cycles: int = 1
    passes: int = 1
    table_bits: int = 0
    multipliers: int = 0
    adders: int = 0

    def __add__(self, other: UnitCost) -> UnitCost:
        """Return the cost of two units in series."""
        return UnitCost(
            self.latency_cycles + other.latency_cycles,
            max(self.interval_cycles, other.interval_cycles),
            max(self.passes, other.passes),
            self.table_bits + other.table_bits,
            self.multipliers + other.multipliers,
            self.adders + other.adders,
        )
