"""`Architecture`: the hardware half of an accelerator file; knows no number formats and no networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accel.arch.technology import Technology


@dataclass(frozen=True)
class Array:
    """A multiply-accumulate array: its dataflow (see `accel.arch.dataflows`), size, and timing model.

    timing: "pipelined" (causal, edge folds at real size, folds overlapped where the hardware can) or "scalesim"
        (the fold lengths of SCALE-Sim 3.0.0: full price for edge folds, no overlap, its total is one less).
    bias: "last" (added after all products) or "first" (accumulators start from it), which costs no cycles.
    """

    dataflow: str
    rows: int
    columns: int
    timing: str = "pipelined"
    bias: str = "last"

    @property
    def bias_first(self) -> bool:
        """Whether accumulators start from the bias."""
        return self.bias == "first"

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
    """On-chip bytes and the off-chip channel; dram_bytes_per_cycle = None: not modelled, never waits.

    dram_latency_cycles: from the cycle in which the last byte of a tile crosses the channel until it can be used.
    """

    input_bytes: int
    weight_bytes: int
    output_bytes: int
    dram_bytes_per_cycle: float | None = None
    dram_latency_cycles: int = 0


@dataclass(frozen=True)
class Cores:
    """Copies of the array and its units, and what they share out.

    number: how many; None: one, or one for every stage when layers are pipelined.
    partition: which axis of a layer is cut ("batch", "output channel", "pixel") when all cores work on one layer.
    schedule: "layer by layer" (all cores work on one layer after another) or "layer pipelined" (every core has layers
        of its own and works on the next input while the core behind it works on this one).
    """

    number: int | None = None
    partition: str = "output channel"
    schedule: str = "layer by layer"


@dataclass(frozen=True)
class Architecture:
    """One machine: array, function units by kind ("tanh", "relu", "softmax", "pooling", ...), memory, clock, cores."""

    array: Array
    units: Mapping[str, UnitChoice]
    memory: Memory
    clock_hz: float
    cores: Cores = Cores()
    technology: Technology | None = None
