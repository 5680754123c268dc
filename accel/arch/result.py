"""`LayerReport` and `NetworkReport`: what an estimate says; reports iterate over these fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # reports are read without what estimates them
    from accel.arch.area import Area
    from accel.arch.energy import Energy
    from accel.arch.technology import Technology

PJ_PER_J = 1e12


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


class Busy(NamedTuple):
    """Rows and columns of an array that are at work, averaged over tiles, and how many there are."""

    rows: float
    columns: float
    of_rows: int
    of_columns: int


class Held(NamedTuple):
    """Bytes of a buffer that are taken at most, and how many it has."""

    held_bytes: int
    of_bytes: int


@dataclass(frozen=True)
class LayerReport:
    """One layer on one machine, for one input (times batch).

    cycles: what the layer ADDS to the latency; hidden_cycles ran behind the layer before it.
    utilization: MACs / (PEs * total cycles), 0 for layers without MACs. bound: the named reason for the total;
    next_bound: what would bound it without that, and next_cycles: how long it would take then, at least.
    byte_counts: bytes moved, by level ("dram", "sram") and operand ("input", "weight", "bias", "partial_sum",
    "output"). tiling: what lies on the chip at a time, and what passes it (see `accel.arch.tiling`); None for units.
    energy: an estimate (see `accel.arch.energy`); None on a machine that names no technology.
    needed_bytes_per_cycle: what crosses DRAM for the layer and the units behind it / their cycles of work, the least
    bandwidth at which they need not wait; None where nothing crosses. busy: None for units. buffers: what the layer
    holds of "input", "weight" and "output", with all that stays there meanwhile; None for what streams behind another.
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
    needed_bytes_per_cycle: float | None = None
    busy: Busy | None = None
    buffers: Mapping[str, Held] | None = None

    def buffers_dict(self) -> dict[str, dict[str, int]] | None:
        """Return the buffers as plain values, None for what has none of its own."""
        return None if self.buffers is None else {name: held._asdict() for name, held in self.buffers.items()}

    @property
    def energy_pj(self) -> float | None:
        """The estimated energy in picojoules; None if the machine names no technology that has any."""
        return self.energy.total_pj if self.energy else None


@dataclass(frozen=True)
class Remedies:
    """What was found to help one layer, by trying it (see `accel.estimator.advice`).

    cycles: what it would take after a change, by name of the change, where that is fewer. bytes_per_cycle, batch: of
    the bandwidths and of the batches tried, the smallest at which waiting no longer bounds it; None if it does not now,
    or does at every one of them. Batches are tried for layers that wait for weights.
    """

    cycles: Mapping[str, int]
    bytes_per_cycle: float | None = None
    batch: int | None = None


@dataclass(frozen=True)
class NetworkReport:
    """A network on a machine. latency: one input, first in to last out. interval: cycles between inputs when busy.

    All three of latency, interval and throughput are of `batch` inputs at once. pes: of all cores.
    schedule: how layers follow each other ("layer by layer" or "layer pipelined"). cores: copies of the array.
    stages: the layers of every core, when layers are pipelined. dram_bytes_per_cycle: None if not modelled.
    technology: what energy and area were estimated with; None on a machine that names none, which has neither.
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
    technology: Technology | None = None
    area: Area | None = None

    @property
    def inputs_per_second(self) -> float:
        """Steady-state throughput: batch * clock / interval."""
        return self.batch * self.clock_hz / self.interval_cycles

    @cached_property
    def energy(self) -> Energy | None:
        """All layers together, for `batch` inputs."""
        from accel.arch.energy import total_energy

        found = [layer.energy for layer in self.layers if layer.energy is not None]
        return total_energy(found) if found else None

    @property
    def energy_pj_per_input(self) -> float | None:
        """The energy of one input in picojoules; None if the machine names no technology that has any."""
        total_pj = self.energy.total_pj if self.energy else None
        return None if total_pj is None else total_pj / self.batch

    @property
    def average_power_w(self) -> float | None:
        """Watts while inputs follow each other at the interval: energy * clock / interval."""
        total_pj = self.energy.total_pj if self.energy else None
        if total_pj is None or not self.interval_cycles:
            return None
        return total_pj / PJ_PER_J * self.clock_hz / self.interval_cycles
