"""`LayerReport` and `NetworkReport`: what an estimate says; reports iterate over these fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accel.arch.energy import Energy  # reports are read without what estimates them


@dataclass(frozen=True)
class Cycles:
    """fill + steady + drain + stall = total; compute = total - stall."""

    fill: int
    steady: int
    drain: int
    stall: int

    @property
    def compute(self) -> int:
        """Cycles without waits for memory."""
        return self.fill + self.steady + self.drain

    @property
    def total(self) -> int:
        """First operand in to last result out, inclusive, waits included, first DRAM fill excluded."""
        return self.compute + self.stall


@dataclass(frozen=True)
class LayerReport:
    """One layer on one machine, for one input (times batch).

    cycles: what the layer ADDS to the latency; hidden_cycles ran behind the layer before it.
    utilization: MACs / (PEs * total cycles), 0 for layers without MACs. bound: the named reason for the total;
    next_bound: what would bound it without that, and next_cycles: how long it would take then, at least.
    byte_counts: bytes moved, by level ("dram", "sram") and operand ("input", "weight", "bias", "partial_sum",
    "output"). tiling: what lies on the chip at a time, and what passes it (see `accel.arch.tiling`); None for units.
    energy: an estimate (see `accel.arch.energy`); None on a machine that names no technology.
    """

    name: str
    kind: str
    engine: str
    macs: int
    cycles: Cycles
    hidden_cycles: int
    prefetch_cycles: int
    folds: int
    utilization: float
    mapping_efficiency: float
    byte_counts: Mapping[str, Mapping[str, int]]
    bound: str
    next_bound: str = "none"
    next_cycles: int = 0
    tiling: Mapping[str, Any] | None = None
    energy: Energy | None = None

    @property
    def energy_pj(self) -> float | None:
        """The estimated energy in picojoules; None if the machine names no technology that has any."""
        return self.energy.total_pj if self.energy else None


@dataclass(frozen=True)
class NetworkReport:
    """A network on a machine. latency: one input, first in to last out. interval: cycles between inputs when busy.

    All three of latency, interval and throughput are of `batch` inputs at once. pes: of all cores.
    schedule: how layers follow each other ("layer by layer" or "layer pipelined"). cores: copies of the array.
    stages: the layers of every core, when layers are pipelined. dram_bytes_per_cycle: None if not modelled.
    """

    network: str
    accelerator: str
    batch: int
    clock_hz: float
    pes: int
    layers: tuple[LayerReport, ...]
    latency_cycles: int
    interval_cycles: int
    schedule: str = "layer by layer"
    cores: int = 1
    stages: tuple[tuple[str, ...], ...] = ()
    dram_bytes_per_cycle: float | None = None

    @property
    def inputs_per_second(self) -> float:
        """Steady-state throughput: batch * clock / interval."""
        return self.batch * self.clock_hz / self.interval_cycles
