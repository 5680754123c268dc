"""Energy of a layer: what was counted times what a technology file says. Every figure here is an estimate.

Counts come from the schedule, costs from the file. Not in it: what `NEVER_COUNTED` and `unpriced` name. Rules of
interpolation beside `accel.arch.technology.Curve`:

- A multiplication of a by b bits costs what one of sqrt(a b) by sqrt(a b) does: an array multiplier has a b cells.
- A word read or written costs in proportion to its bits; a write costs what a read does.
- What crosses DRAM is also written to, or read from, its on-chip buffer once ("refill"); the counts of a schedule have
  only what passes between buffers and array.
- DRAM costs the mean of its least and its most, which `Energy` keeps as `low` and `high`.

Counts may be arrays over many machines, element by element; `Energy` is for one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from types import MappingProxyType
from typing import Any, NamedTuple

from accel.arch.technology import Technology

Count = Any
"""A number of operations or bits, or an array over many machines."""

NEVER_COUNTED = ("clocks", "control", "leakage", "the cast of finished sums")


class Access(NamedTuple):
    """Bits moved into and out of one on-chip memory of so many bytes."""

    capacity_bytes: Count
    bits: Count


class Widths(NamedTuple):
    """Bits of the operands: of a multiplication in the array, of its accumulator, of a function unit's arithmetic."""

    activation: int
    weight: int
    accumulator: int
    unit: int


class Counts(NamedTuple):
    """What one layer did.

    macs: multiplications in the array, an addition behind each. multiplies, adds: those of function units. lookups:
    bits read from the units' tables, by the bytes of the table. memories: traffic of on-chip buffers by name. refill:
    what the same buffers exchange with DRAM. register_bits, network_bits: into and out of register files of processing
    elements; from a buffer or an element to an element.
    """

    macs: Count = 0
    multiplies: Count = 0
    adds: Count = 0
    lookups: tuple[Access, ...] = ()
    memories: Mapping[str, Access] = MappingProxyType({})
    refill: tuple[Access, ...] = ()
    register_bits: Count = 0
    network_bits: Count = 0
    dram_bits: Count = 0


@dataclass(frozen=True)
class Energy:
    """An estimate in `unit` of a technology, by component; their sum is the total.

    low, high: the total with the least and the most that DRAM costs. unpriced: what took place and has no figure in the
    technology file, so that the total lacks it.
    """

    technology: str
    unit: str
    components: Mapping[str, float]
    low: float
    high: float
    unpriced: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """All components together."""
        return math.fsum(self.components.values())

    @property
    def total_pj(self) -> float | None:
        """The total in picojoules, None where the technology has ratios only."""
        return self.total if self.unit == "pJ" else None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "technology": self.technology,
            "unit": self.unit,
            "total": self.total,
            "components": dict(self.components),
            "low": self.low,
            "high": self.high,
            "unpriced": list(self.unpriced),
        }

    def __add__(self, other: Energy) -> Energy:
        """Return the energy of two layers, estimated with one technology."""
        assert (self.technology, self.unit) == (other.technology, other.unit), "energies of two technologies"
        names = dict.fromkeys((*self.components, *other.components))
        return Energy(
            self.technology,
            self.unit,
            {name: self.components.get(name, 0.0) + other.components.get(name, 0.0) for name in names},
            self.low + other.low,
            self.high + other.high,
            tuple(dict.fromkeys(self.unpriced + other.unpriced)),
        )


def total_energy(energies: Iterable[Energy]) -> Energy:
    """Return the energy of all layers; there is at least one."""
    return reduce(add, energies)


def estimated(counts: Counts, widths: Widths, technology: Technology) -> Energy:
    """Return the energy of one layer with its range and with what it lacks."""
    components = layer_energy(counts, widths, technology)
    total = math.fsum(components.values())
    words = counts.dram_bits / technology.word_bits
    least, most = technology.dram or (0.0, 0.0)
    aside = (most - least) / 2 * words
    return Energy(
        technology.name, technology.unit, components, total - aside, total + aside, unpriced(counts, technology)
    )


def layer_energy(counts: Counts, widths: Widths, technology: Technology) -> dict[str, Any]:
    """Return the energy of one layer by component, in the technology's unit; only what took place and has a figure."""
    found: dict[str, Any] = {}
    tech, bits = technology, technology.word_bits
    if _some(counts.macs):
        if tech.mac:
            found["mac"] = counts.macs * tech.mac.at(_side(widths.activation, widths.weight))
        if tech.multiply:
            found["multiply"] = counts.macs * tech.multiply.at(_side(widths.activation, widths.weight))
        if tech.add:
            found["add"] = counts.macs * tech.add.at(widths.accumulator)
    if tech.register_file is not None and _some(counts.register_bits):
        found["register file"] = counts.register_bits / bits * tech.register_file
    if tech.network is not None and _some(counts.network_bits):
        found["network"] = counts.network_bits / bits * tech.network
    if tech.sram:
        found |= {name: _words(access, tech) for name, access in counts.memories.items() if _some(access.bits)}
        if counts.refill:
            found["refill"] = sum(_words(access, tech) for access in counts.refill)
        if counts.lookups:
            found["unit tables"] = sum(_words(access, tech) for access in counts.lookups)
    if tech.multiply and _some(counts.multiplies):
        found["unit multiply"] = counts.multiplies * tech.multiply.at(widths.unit)
    if tech.add and _some(counts.adds):
        found["unit add"] = counts.adds * tech.add.at(widths.unit)
    if tech.dram and _some(counts.dram_bits):
        found["dram"] = counts.dram_bits / bits * (sum(tech.dram) / 2)
    return found


def unpriced(counts: Counts, technology: Technology) -> tuple[str, ...]:
    """Return what took place and has no figure; where there are multiplications in an array, words move inside it."""
    on_chip = (*counts.memories.values(), *counts.refill, *counts.lookups)
    missing = []
    if technology.register_file is None and _some(counts.macs):
        missing.append("register file")
    if technology.network is None and _some(counts.macs):
        missing.append("network")
    if technology.sram is None and any(_some(access.bits) for access in on_chip):
        missing.append("sram")
    if technology.multiply is None and _some(counts.multiplies):
        missing.append("unit multiply")
    if technology.add is None and _some(counts.adds):
        missing.append("unit add")
    if technology.dram is None and _some(counts.dram_bits):
        missing.append("dram")
    return tuple(missing)


def _words(access: Access, technology: Technology) -> Any:
    assert technology.sram is not None
    return access.bits / technology.word_bits * technology.sram.at(access.capacity_bytes)


def _side(a: int, b: int) -> float:
    """Return the operand width of the square multiplier with as many cells; exact where both are equal."""
    return a if a == b else math.sqrt(a * b)


def _some(count: Count) -> bool:
    """Tell whether anything was counted, on any machine."""
    return count > 0 if isinstance(count, (int, float)) else bool(count.any())
