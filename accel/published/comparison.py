"""`Comparison`: one published figure beside the prediction of the same thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MEASURED, PRINTED = "measured", "printed"
"""How a published figure came about: on the machine, or from the authors' own formula or data sheet."""

ALL = "all"
"""The row that sums up the others of its table."""


@dataclass(frozen=True)
class Comparison:
    """One figure.

    table, row: where it stands ("layers", "conv1"); row = "": a figure of the whole machine. quantity: what it is, with
    `unit` ("" for counts). predicted: None where no prediction is made. origin: MEASURED or PRINTED. is_recalled: the
    published figure is from memory.
    """

    table: str
    row: str
    quantity: str
    unit: str
    predicted: float | None
    published: float
    origin: str
    is_recalled: bool = False

    @property
    def error(self) -> float | None:
        """Predicted over published, less 1: above 0 the prediction is too high."""
        return None if self.predicted is None else self.predicted / self.published - 1

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "table": self.table,
            "row": self.row,
            "quantity": self.quantity,
            "unit": self.unit,
            "predicted": self.predicted,
            "published": self.published,
            "error": self.error,
            "origin": self.origin,
            "recalled": self.is_recalled,
        }
