"""`Trace`: what every register of an array held at the end of every cycle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from kernels.step_registers import EMPTY as EMPTY  # what a trace holds where there is nothing

MAX_VALUES = 1 << 22
"""Registers times cycles that a trace may have: 32 MiB."""


class Kind(StrEnum):
    """What a register holds, which decides its bits."""

    INPUT = "input"
    WEIGHT = "weight"
    PRODUCT = "product"  # at the accumulator's point, or a sum of such within a tree
    SUM = "sum"
    FLAG = "flag"


@dataclass(frozen=True)
class Field:
    """One group of rows x columns registers in a recording.

    twins: there are two of each, which take turns: one moves in even cycles and one in odd ones. They become the
    signals `name`, what moves in this cycle, and `name_between`, what waits for the next.
    """

    name: str
    kind: Kind
    rows: int
    columns: int
    twins: bool = False

    @property
    def size(self) -> int:
        """Registers."""
        return self.rows * self.columns * (2 if self.twins else 1)


@dataclass(frozen=True)
class Signal:
    """One group of registers over time, `bits` wide.

    codes: (cycles, rows, columns) int64, EMPTY where a register held nothing.
    """

    kind: Kind
    bits: int
    codes: NDArray[np.int64]


@dataclass(frozen=True)
class Trace:
    """All signals of a run by name, in the order in which operands pass them."""

    cycles: int
    signals: Mapping[str, Signal]


def trace_of(
    recordings: NDArray[np.int64], fields: Iterable[Field], bits: Mapping[Kind, int], low: int, high: int
) -> Trace:
    """Cut recordings (cycles, cells) into signals.

    low, high: limits of the accumulator; a code beyond them marks a late-saturating one whose flag stands, and what it
    takes next is the limit.
    """
    signals: dict[str, Signal] = {}
    first = 0
    for field in fields:
        codes = recordings[:, first : first + field.size].reshape(len(recordings), -1, field.rows, field.columns)
        first += field.size
        if field.kind is Kind.SUM:
            codes = np.where(codes == EMPTY, codes, codes.clip(low, high))
        if not field.twins:
            signals[field.name] = Signal(field.kind, bits[field.kind], codes[:, 0])
            continue
        moves = np.arange(len(recordings)) % 2
        signals[field.name] = Signal(field.kind, bits[field.kind], codes[range(len(codes)), moves])
        signals[f"{field.name}_between"] = Signal(field.kind, bits[field.kind], codes[range(len(codes)), 1 - moves])
    return Trace(len(recordings), signals)
