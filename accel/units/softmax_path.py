"""How a row travels through a softmax: streams of values, stages in between, trees that join lanes.

A stream sends the k values of a row through, `lanes` per beat; the next one starts when its last value has left. Units
that work once per row (the reciprocal of the sum) stand between streams and are never repeated.
"""

from __future__ import annotations

from dataclasses import dataclass

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.unit import Memories, SoftmaxUnit

DEFAULT_TARGET = QFormat(False, 16, 0)

MAXIMUM = UnitCost(latency_cycles=1, adders=1)
SUBTRACT = UnitCost(latency_cycles=1, adders=1)
ACCUMULATE = UnitCost(latency_cycles=1, adders=1)
PRODUCT = UnitCost(latency_cycles=1, multipliers=1)


@dataclass(frozen=True)
class RowPath:
    """lane: what every lane repeats, all stages in series. row: what a row needs once.

    streams: for each stream, the cycles between its beats. trees: how many reductions (maximum, sum) join the lanes,
    each by ceil(log2(lanes)) levels. passes: how often a row is read from outside; further streams read the
    exponentials, which the unit keeps in a buffer of k words.
    """

    lane: UnitCost
    row: UnitCost
    streams: tuple[int, ...]
    trees: int = 2
    passes: int = 2

    @property
    def cost(self) -> UnitCost:
        """One lane; the latency is the depth of all stages."""
        whole = self.lane + self.row
        return UnitCost(
            whole.latency_cycles,
            max(self.streams),
            self.passes,
            whole.table_bits,
            whole.multipliers,
            whole.adders,
        )

    def row_cost(self, k: int, lanes: int = 1) -> UnitCost:
        """Rows of k values, `lanes` values per beat; rows follow each other without overlap.

        A stream of n beats, c cycles apart, through d stages takes d + c (n - 1) cycles.
        """
        if k < 1 or lanes < 1:
            raise ConfigError(f"softmax of {k} values in {lanes} lanes does not exist; both are at least 1")
        beats = -(-k // lanes)
        levels = (lanes - 1).bit_length()
        latency = self.cost.latency_cycles + self.trees * levels + sum(self.streams) * (beats - 1)
        return UnitCost(
            latency_cycles=latency,
            interval_cycles=latency,
            passes=self.passes,
            table_bits=lanes * self.lane.table_bits + self.row.table_bits,
            multipliers=lanes * self.lane.multipliers + self.row.multipliers,
            adders=lanes * self.lane.adders + self.row.adders,
        )


@dataclass(frozen=True, eq=False)
class StreamedSoftmax(SoftmaxUnit):
    """A softmax whose time follows from its path."""

    path: RowPath

    def row_cost(self, k: int, lanes: int = 1) -> UnitCost:
        """Return the cost of rows of k values. Raises ConfigError for no values or no lanes."""
        return self.path.row_cost(k, lanes)


def parts_memories(**parts: Memories) -> Memories:
    """Return the tables of several parts, each under "part.table"."""
    return {f"{part}.{name}": memory for part, tables in parts.items() for name, memory in tables.items()}
