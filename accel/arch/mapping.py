"""`Schedule`: what an array does with one loop nest; the only source for cycles, order of addition and traffic."""

from __future__ import annotations

from dataclasses import dataclass

from accel.loopnest import AccumulationOrder


@dataclass(frozen=True)
class Schedule:
    """Counts in cycles without any wait for memory; fill + steady + drain = compute_cycles.

    folds: times the array is loaded with a new tile. fill: before operands enter at every edge (skew, weights loaded).
    steady: operands stream, folds times the streamed length. drain: after the last operand entered until the last
    result has left. result_cycles: from the first finished result to the last, inclusive; a unit can work behind the
    array in that time.
    mapping_efficiency: used PEs / PEs, averaged over folds by time, 0..1.
    first_fold: elements by operand ("input", "weight") that must be there before the array can start.
    sram_reads: element reads by operand ("input", "weight", "bias", "partial_sum"); sram_writes: ("partial_sum",
    "output").
    """

    dataflow: str
    timing: str
    folds: int
    fill_cycles: int
    steady_cycles: int
    drain_cycles: int
    result_cycles: int
    mapping_efficiency: float
    order: AccumulationOrder
    first_fold: dict[str, int]
    sram_reads: dict[str, int]
    sram_writes: dict[str, int]

    @property
    def compute_cycles(self) -> int:
        """First operand in to last result out, inclusive, no waits."""
        return self.fill_cycles + self.steady_cycles + self.drain_cycles
