"""The ledger of a run: what did not fit and what was cut off, per node and tensor kind.

Counts of values out of range are always kept, because the casts count them anyway; `Detail` costs a second look at
every value and is kept only by a detailed ledger. One `Ledger` belongs to one batch on one thread; ledgers are merged
in the order of the batches, so what is reported does not depend on threads. It is the only record of a run that grows.
The surprise: an index that was not looked for and an index that does not exist are both absent, so `Detail` itself is
None unless somebody looked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KINDS = ("input", "weight", "bias", "product", "accumulator", "output")
"""What a node handles, in this order: the network's input, parameters, products, sums, results."""


@dataclass(frozen=True)
class Detail:
    """What happened to the values themselves; None for a figure that a unit whose insides are no cast cannot tell.

    rounded: values that lost bits that were not zero, whichever way they were rounded.
    dropped_bits: the most fraction bits that a value lost: how far below the lsb its lowest set bit stood.
    largest_excess_lsb: how far beyond the nearer limit the worst rounded value was, before overflow was handled.
    first_index: (input, position...) of the first value out of range, for parameters its index in the tensor.
    """

    rounded: int | None = 0
    dropped_bits: int | None = 0
    largest_excess_lsb: int | None = 0
    first_index: tuple[int, ...] | None = None

    def __add__(self, other: Detail) -> Detail:
        """Return the detail of both: sums, maxima and the smaller index; what one of them cannot tell, both cannot."""
        return Detail(
            None if self.rounded is None or other.rounded is None else self.rounded + other.rounded,
            _larger(self.dropped_bits, other.dropped_bits),
            _larger(self.largest_excess_lsb, other.largest_excess_lsb),
            min((index for index in (self.first_index, other.first_index) if index is not None), default=None),
        )


def _larger(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else max(a, b)


@dataclass(frozen=True)
class Events:
    """Counts for one tensor kind of one node.

    total: values made. saturated: those out of range that became a limit (or 0: SAT_ZERO). wrapped: those out of range
    that kept their low bits. low, high: the smallest and largest code seen, and 0. detail: None if nobody looked.
    at_risk: sums that no certificate cleared, so that they were stepped through (accumulators only).
    """

    total: int = 0
    saturated: int = 0
    wrapped: int = 0
    low: int = 0
    high: int = 0
    detail: Detail | None = None
    at_risk: int = 0

    @classmethod
    def made(cls, total: int, overflowed: int, wraps: bool, detail: Detail | None = None) -> Events:
        """Return the events of a cast that tells how many values overflowed; wraps: what it does with them."""
        return cls(total, 0 if wraps else overflowed, overflowed if wraps else 0, detail=detail)

    def __add__(self, other: Events) -> Events:
        """Return the counts of both; detail that covers only some of the values is dropped."""
        return Events(
            self.total + other.total,
            self.saturated + other.saturated,
            self.wrapped + other.wrapped,
            min(self.low, other.low),
            max(self.high, other.high),
            _joined(self, other),
            self.at_risk + other.at_risk,
        )

    @property
    def overflowed(self) -> int:
        """Values out of range, whatever became of them."""
        return self.saturated + self.wrapped

    @property
    def fraction(self) -> float:
        """Share of values that were out of range, 0 when nothing was made."""
        return self.overflowed / self.total if self.total else 0.0

    @property
    def observed_bits(self) -> int:
        """Signed bits that the codes seen would have needed."""
        return max(self.high.bit_length(), (-self.low - 1).bit_length() if self.low < 0 else 0) + 1


def _joined(a: Events, b: Events) -> Detail | None:
    """Return the detail of both, None if values of one of them were made without anybody looking."""
    if a.detail is not None and b.detail is not None:
        return a.detail + b.detail
    if a.detail is None and a.total == 0:
        return b.detail
    return a.detail if b.total == 0 else None


@dataclass
class Ledger:
    """Events by (node, kind), kinds as in `KINDS`; detailed: whoever records also looks at the values (`Detail`)."""

    detailed: bool = False
    events: dict[tuple[str, str], Events] = field(default_factory=dict)

    def record(self, node: str, kind: str, events: Events) -> None:
        """Add events of one tensor."""
        assert kind in KINDS, kind
        self.events[node, kind] = self.at(node, kind) + events

    def at(self, node: str, kind: str) -> Events:
        """Return what was recorded for one tensor kind of one node."""
        return self.events.get((node, kind), Events())

    def merge(self, other: Ledger) -> None:
        """Add everything that `other` holds."""
        for (node, kind), events in other.events.items():
            self.record(node, kind, events)

    def to_dict(self, node: str) -> dict[str, dict[str, Any]]:
        """Return what was recorded for one node as {kind: figures} for JSON, kinds in the order of `KINDS`.

        A detailed ledger adds the figures of `Detail`, null where nobody could tell; others leave those keys out.
        """
        return {kind: _figures(self.events[node, kind], self.detailed) for kind in KINDS if (node, kind) in self.events}


def _figures(events: Events, detailed: bool) -> dict[str, Any]:
    counts: dict[str, Any] = {"values": events.total, "saturated": events.saturated, "wrapped": events.wrapped}
    if not detailed:
        return counts
    detail = events.detail or Detail(None, None, None, None)
    index = None if detail.first_index is None else list(detail.first_index)
    return counts | {
        "rounded": detail.rounded,
        "dropped_bits": detail.dropped_bits,
        "largest_excess_lsb": detail.largest_excess_lsb,
        "first_index": index,
    }
