"""`Architecture`: the hardware half of an accelerator file; knows no number formats and no networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Array:
    """A multiply-accumulate array: its dataflow (see `accel.arch.dataflows`), size, and timing model.

    timing: "pipelined" (causal, edge folds at real size, folds overlapped where the hardware can) or "scalesim"
        (the fold lengths of SCALE-Sim 3.0.0: full price for edge folds, no overlap, its total is one less).
    """

    dataflow: str
    rows: int
    columns: int
    timing: str = "pipelined"

    @property
    def pes(self) -> int:
        """Processing elements, one multiply-accumulate each."""
        return self.rows * self.columns


@dataclass(frozen=True)
class UnitChoice:
    """Which design of a function unit is built, and how many of it work side by side.

    options: what the design lets one choose ("entries" of a table, "steps", ...), as sorted (name, value) pairs.
    """

    design: str
    lanes: int = 1
    options: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Memory:
    """On-chip bytes and the off-chip channel; dram_bytes_per_cycle = 0: not modelled, never waits."""

    input_bytes: int
    weight_bytes: int
    output_bytes: int
    dram_bytes_per_cycle: float
    dram_latency_cycles: int = 0


@dataclass(frozen=True)
class Architecture:
    """One machine: array, function units by kind ("tanh", "relu", "softmax", "pooling", ...), memory, clock."""

    array: Array
    units: Mapping[str, UnitChoice]
    memory: Memory
    clock_hz: float
