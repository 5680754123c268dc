"""`Accelerator`: one machine, its bits and its hardware, as read from one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from accel.arch.hardware import Architecture
from accel.numeric.plan import Numerics
from accel.numeric.training import TrainingNumerics


@dataclass(frozen=True)
class Accelerator:
    """One description that decides the bits (`numerics`) and the cycles (`architecture`).

    source: what is cited and what is assumed. document: the file's contents after overrides, as plain values, kept for
    provenance. digest: SHA-256 of that document. training: the bits of training; None: only inference is described.
    """

    name: str
    numerics: Numerics
    architecture: Architecture
    source: str = ""
    document: Mapping[str, object] = field(default_factory=dict)
    digest: str = ""
    training: TrainingNumerics | None = None
