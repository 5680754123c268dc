"""The ledger of a run: how often values did not fit, per node and tensor kind.

One `Ledger` belongs to one batch on one thread; ledgers are merged in the order of the batches, so what is reported
does not depend on threads. It is the only record of a run that grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Events:
    """Counts for one tensor kind of one node: values made, values out of range, smallest and largest code seen."""

    total: int = 0
    overflowed: int = 0
    low: int = 0
    high: int = 0

    def __add__(self, other: Events) -> Events:
        """Return the counts of both."""
        return Events(
            self.total + other.total,
            self.overflowed + other.overflowed,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    @property
    def fraction(self) -> float:
        """Share of values that were out of range, 0 when nothing was made."""
        return self.overflowed / self.total if self.total else 0.0

    @property
    def observed_bits(self) -> int:
        """Signed bits that the codes seen would have needed."""
        return max(self.high.bit_length(), (-self.low - 1).bit_length() if self.low < 0 else 0) + 1


@dataclass
class Ledger:
    """Events by (node, kind); kinds: "input", "weight", "bias", "accumulator", "output"."""

    events: dict[tuple[str, str], Events] = field(default_factory=dict)

    def record(self, node: str, kind: str, events: Events) -> None:
        """Add events of one tensor."""
        self.events[node, kind] = self.at(node, kind) + events

    def at(self, node: str, kind: str) -> Events:
        """Return what was recorded for one tensor kind of one node."""
        return self.events.get((node, kind), Events())

    def merge(self, other: Ledger) -> None:
        """Add everything that `other` holds."""
        for (node, kind), events in other.events.items():
            self.record(node, kind, events)
