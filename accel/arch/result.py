"""`LayerReport` and `NetworkReport`: what an estimate says; reports iterate over these fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
    utilization: MACs / (PEs * total cycles), 0 for layers without MACs. bound: the named reason for the total.
    byte_counts: bytes moved, by level ("dram", "sram") and operand ("input", "weight", "output").
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


@dataclass(frozen=True)
class NetworkReport:
    """A network on a machine. latency: one input, first in to last out. interval: cycles between inputs when busy.

    schedule: how layers follow each other ("layer by layer").
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

    @property
    def inputs_per_second(self) -> float:
        """Steady-state throughput: batch * clock / interval."""
        return self.batch * self.clock_hz / self.interval_cycles
