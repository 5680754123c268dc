"""`Calibration`: the formats that were chosen, what they do, and the accelerator file that has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accel.accelerator import Accelerator
from accel.calibrate.evaluate import Figures, Target
from accel.config.dump import dump
from accel.numeric.format import QFormat

SCHEMA = "bitcycle-calibrate-1"


@dataclass(frozen=True)
class Row:
    """One slot. low, high: the range that was observed (or proved); clipped: share of its observed values that the
    new format does not reach; sqnr_db: of these values, in this format alone (None: no error, or no signal).
    """

    layer: str
    kind: str
    before: QFormat
    after: QFormat
    low: float
    high: float
    clipped: float
    sqnr_db: float | None
    weight_shifts: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "layer": self.layer,
            "kind": self.kind,
            "before": str(self.before),
            "after": str(self.after),
            "low": self.low,
            "high": self.high,
            "clipped": self.clipped,
            "sqnr_db": self.sqnr_db,
            "weight_shifts": list(self.weight_shifts),
        }


@dataclass(frozen=True)
class Comparison:
    """The same inputs on the machine before and after."""

    before: Figures
    after: Figures

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"before": self.before.to_dict(), "after": self.after.to_dict()}


@dataclass(frozen=True)
class Calibration:
    """What `calibrate` found out.

    accelerator: the machine of the new document. base: name of the machine it was made from. bits: the word length
    that was asked for. held_out: figures on inputs that no format was chosen by. bits_before, bits_after: of all
    parameters, and of inputs and activations of one input. taken, given_back: bits that the search took from all word
    lengths, and how many of these the held-out inputs asked back. evaluations: sets of formats that it measured.
    """

    accelerator: Accelerator
    network: str
    base: str
    method: str
    percentile: float | None
    bits: int | None
    per_channel: bool
    target: Target | None
    rows: tuple[Row, ...]
    calibration: Comparison
    held_out: Comparison | None
    bits_before: int
    bits_after: int
    taken: int
    given_back: int
    evaluations: int

    def to_toml(self, command: str = "") -> str:
        """Return the accelerator file; `command` is what wrote it."""
        head = f"# Written by: {command}\n\n" if command else ""
        return head + dump(self.accelerator.document)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: what `accel calibrate --json` prints."""
        target = self.target
        return {
            "schema": SCHEMA,
            "network": self.network,
            "base": self.base,
            "accelerator": self.accelerator.name,
            "method": self.method,
            "percentile": self.percentile,
            "bits": self.bits,
            "per_channel": self.per_channel,
            "keep": None if target is None else {"metric": target.metric, "least": target.least},
            "slots": [row.to_dict() for row in self.rows],
            "figures": {
                "calibration": self.calibration.to_dict(),
                "held_out": None if self.held_out is None else self.held_out.to_dict(),
            },
            "total_bits": {"before": self.bits_before, "after": self.bits_after},
            "search": {"taken": self.taken, "given_back": self.given_back, "evaluations": self.evaluations},
            "accelerator_document": dict(self.accelerator.document),
        }
