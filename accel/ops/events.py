"""`Observer`: tells the ledger what happened at one node; it looks at codes and never changes one.

Counting costs nothing, because casts and units count what overflows anyway. A detailed ledger has every cast looked at
a second time (`accel.numeric.audit`), and a unit, whose insides are no cast, only for its first overflow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.loopnest import Shape
from accel.numeric.audit import audit_cast, first_overflow
from accel.numeric.format import QFormat
from accel.numeric.ledger import Detail, Events, Ledger
from accel.numeric.quantizer import Quantizer
from accel.numeric.sums import Engine, SumPlan
from accel.ops.sums import Held, Made
from accel.units.unit import RowUnit, UnaryUnit
from kernels.modes import Overflow


@dataclass(frozen=True)
class Observer:
    """What a ledger hears of one node. first_input: index of the batch's first input within the run.

    rows: extents of the rows within one input, where what is seen are rows: then `first_input` counts rows.
    """

    ledger: Ledger
    node: str
    first_input: int
    rows: Shape = ()

    @property
    def is_detailed(self) -> bool:
        """Whether the ledger wants more than counts."""
        return self.ledger.detailed

    def saw_sums(self, held: Held, plan: SumPlan) -> None:
        """Note what the accumulators did: every addition that overflowed, or every output, if it only wraps."""
        codes = held.codes
        low, high = (int(codes.min()), int(codes.max())) if codes.size else (0, 0)
        events = Events.made(codes.size, held.overflowed, plan.rule.overflow == Overflow.WRAP, self._steps(held))
        self.ledger.record(self.node, "accumulator", replace(events, low=low, high=high, at_risk=held.at_risk))
        if self.is_detailed and plan.engine is Engine.STEPWISE and held.events is not None:
            rounded = Detail(held.events.rounded_products, -plan.shift if held.events.rounded_products else 0)
            products = codes.size * int(np.count_nonzero(plan.sequence >= 0))
            self.ledger.record(self.node, "product", Events(products, detail=rounded))

    def saw_made(self, made: Made, plan: SumPlan, target: Quantizer) -> None:
        """Note sums that no accumulator could overflow, and their cast; not for a detailed ledger."""
        sums = Events.made(made.codes.size, 0, plan.rule.overflow == Overflow.WRAP, None)
        self.ledger.record(self.node, "accumulator", replace(sums, low=made.low, high=made.high))
        self._saw_output(made.codes.size, made.overflowed, target, None)

    def saw_cast(
        self,
        codes: NDArray[Any],
        source: QFormat,
        target: Quantizer,
        draws: NDArray[np.int64] | None,
        overflowed: int,
        channels: NDArray[np.intp] | None,
    ) -> None:
        """Note the cast of codes (N, K, ...) to the node's output; channels: which ones axis 1 holds, None for all."""
        detail = None
        if self.is_detailed:
            detail = audit_cast(codes, source, target, draws, self.first_input)
            if channels is not None and detail.first_index is not None:
                image, channel, *pixel = detail.first_index
                detail = replace(detail, first_index=(image, int(channels[channel]), *pixel))
            detail = replace(detail, first_index=self._placed(detail.first_index))
        self._saw_output(codes.size, overflowed, target, detail)

    def saw_unit(self, unit: UnaryUnit | RowUnit, codes: NDArray[Any], overflowed: int) -> None:
        """Note what came out of a unit, which always saturates."""
        detail = None
        if self.is_detailed:
            first = first_overflow(unit, codes) if overflowed else None
            place = None if first is None else (first[0] + self.first_input, *first[1:])
            detail = Detail(None, None, None if overflowed else 0, self._placed(place))
        self.ledger.record(self.node, "output", Events.made(codes.size, overflowed, False, detail))

    def _saw_output(self, count: int, overflowed: int, target: Quantizer, detail: Detail | None) -> None:
        wraps = target.overflow in (Overflow.WRAP, Overflow.WRAP_SM)
        self.ledger.record(self.node, "output", Events.made(count, overflowed, wraps, detail))

    def _steps(self, held: Held) -> Detail | None:
        """Return what single additions did: (input, position...) of the first output in which one overflowed."""
        if not self.is_detailed:
            return None
        if held.events is None:
            return Detail(largest_excess_lsb=None if held.overflowed else 0)
        first = held.events.first_output
        if first < 0:
            return Detail()
        image, *place = (int(i) for i in np.unravel_index(first, held.codes.shape))
        return Detail(0, 0, held.events.largest_excess, self._placed((image + self.first_input, *place)))

    def _placed(self, index: tuple[int, ...] | None) -> tuple[int, ...] | None:
        """Return an index whose first axis counts rows as one of an input and its axes."""
        if index is None:
            return None
        row, *position = index
        axes: list[int] = []
        for extent in reversed(self.rows):
            row, place = divmod(row, extent)
            axes.insert(0, place)
        return (row, *axes, *position)
