"""`Case`: one thing that was held against something, and how it went."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """name: "min-accuracy" or "codes of C3". detail: what was measured, and against what."""

    name: str
    passed: bool
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)
