"""What a sweep can measure of a point: names with units at their ends, the better direction, and what it takes.

A measure of kind "bits" wants the network computed bit by bit; one of kind "cycles" wants an estimate only, and one of
kind "bound" is also known to the closed forms over many machines (`accel.sweep.bounds`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MAX, MIN = "max", "min"


@dataclass(frozen=True)
class Measure:
    """One figure of a point. better: MAX or MIN. kind: "bits", "cycles" or "bound". meaning: what a page says of it."""

    name: str
    better: str
    kind: str
    meaning: str

    @property
    def of_bits(self) -> bool:
        """Whether the network has to be computed for it."""
        return self.kind == "bits"


_ALL = (
    Measure("accuracy", MAX, "bits", "share of inputs that fixed point classifies as labelled"),
    Measure("agreement", MAX, "bits", "share of inputs for which fixed point and float64 name one class"),
    Measure("sqnr_db", MAX, "bits", "signal to quantization noise at the network's output"),
    Measure("needed_bits", MIN, "bits", "bits that the worst sum of any layer needs, proved from the weights"),
    Measure("accumulator_bits", MIN, "cycles", "bits of the widest accumulator that the machine has"),
    Measure("latency_cycles", MIN, "bound", "cycles from the first operand of one input to its last result"),
    Measure("latency_us", MIN, "bound", "the latency as a time"),
    Measure("interval_cycles", MIN, "cycles", "cycles between inputs when the machine is kept busy"),
    Measure("interval_us", MIN, "cycles", "the interval as a time"),
    Measure("inputs_per_second", MAX, "cycles", "steady throughput"),
    Measure("utilization", MAX, "bound", "MACs of one input over what the array could do in its latency"),
    Measure("pes", MIN, "bound", "processing elements of all cores"),
    Measure("dram_bytes", MIN, "cycles", "bytes moved between DRAM and chip for one input"),
    Measure("energy_pj", MIN, "cycles", "estimated energy of one input"),
    Measure("area_mm2", MIN, "cycles", "estimated area of arithmetic and memory"),
)

MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _ALL}

OF_TECHNOLOGY = ("energy_pj", "area_mm2")
"""Measures that a machine has only if it names a technology."""
