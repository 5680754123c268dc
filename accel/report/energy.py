"""Energy and area of a run or an estimate in words and tables: amounts, totals, groups, what has no figure.

The contract: pure functions of the document; one without energies (a machine without a technology, an older run) has
no words. A technology that has ratios only tells energies in multiply-accumulates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from accel.report import humane
from accel.report.humane import label

Document = Mapping[str, Any]
Energy = Mapping[str, Any]

ARITHMETIC, IN_ARRAY, ON_CHIP, DRAM = "arithmetic", "inside the array", "on-chip memories", "DRAM"

GROUPS: Mapping[str, str] = {
    "mac": ARITHMETIC,
    "multiply": ARITHMETIC,
    "add": ARITHMETIC,
    "unit multiply": ARITHMETIC,
    "unit add": ARITHMETIC,
    "register file": IN_ARRAY,
    "network": IN_ARRAY,
    "input buffer": ON_CHIP,
    "weight buffer": ON_CHIP,
    "output buffer": ON_CHIP,
    "refill": ON_CHIP,
    "unit tables": ON_CHIP,
    "dram": DRAM,
}
"""What a component belongs to, in the order of every table; one that is not here counts as an on-chip memory."""


class Component(NamedTuple):
    """What one kind of operation or access took: energy and share of the whole; None: it has no figure."""

    name: str
    energy: float | None
    share: float | None


class Table(NamedTuple):
    """The energies of a run: components, then a row (layer, energy by group, total) and the sums of the rows."""

    unit: str
    components: Sequence[Component]
    groups: Sequence[str]
    rows: Sequence[tuple[str, Sequence[float | None], float | None]]
    sums: Sequence[float]
    total: float


def amount(value: float | None, unit: str) -> str:
    """Write an energy; in ratios to one multiply-accumulate as a plain number with a prefix."""
    return humane.energy(value) if unit == "pJ" else humane.prefixed(value)


def unit_of(document: Document) -> str:
    """Return the unit of all energies of a document, "" if it has none."""
    energy = document.get("energy")
    return energy["unit"] if energy else ""


def heading(unit: str) -> str:
    """Name a column of energies."""
    return "energy" if unit == "pJ" else f"energy in {label(unit)}s"


def totals(document: Document) -> list[tuple[str, str, str]]:
    """Return (name, amount, remark) of energy, power and area."""
    energy, area, power = document.get("energy"), _area(document), document.get("average_power_w")
    if not energy:
        return []
    low, total, high = (_per_input(document, energy[key]) for key in ("low", "total", "high"))
    rows = [("energy", f"{total} per input", f"{low} to {high}" if low != high else "")]
    if power is not None:
        rows.append(("power", humane.power(power), "on average"))
    if area is not None:
        rows.append(("area", f"{humane.significant(area['total'])} mm²", ""))
    return rows


def caveat(document: Document) -> str:
    """Say that these are estimates, and what they lack; "" for a document without any."""
    energy, area = document.get("energy"), _area(document)
    if not energy:
        return ""
    what = "energy is an estimate" if area is None else "energy and area are estimates"
    parts = [("energy", energy), *([("area", area)] if area else [])]
    words = [f"{what} by {label(energy['technology'])}"]
    if energy["low"] != energy["high"]:
        words.append("the range is that of DRAM")
    words += [f"{name} lacks {_listed(found['unpriced'])}" for name, found in parts if found["unpriced"]]
    if document.get("area") and area is None:
        words.append("area has no figure there")
    return "; ".join(words)


def by_group(energy: Energy) -> dict[str, float]:
    """Return a layer's energy by group, in the order in which a chart stacks them."""
    found = dict.fromkeys((ARITHMETIC, IN_ARRAY, ON_CHIP, DRAM), 0.0)
    for name, cost in energy["components"].items():
        found[GROUPS.get(name, ON_CHIP)] += cost
    return found


def table(document: Document) -> Table | None:
    """Return all energies of a document, None if it has none."""
    whole = document.get("energy")
    if not whole:
        return None
    found = whole["components"]
    names = [*(name for name in GROUPS if name in found), *(name for name in found if name not in GROUPS)]
    components = [Component(name, found[name], found[name] / (whole["total"] or 1)) for name in names]
    components += [Component(name, None, None) for name in whole["unpriced"] if name not in found]
    sums = {group: cost for group, cost in by_group(whole).items() if cost}
    rows = [_row(layer, list(sums)) for layer in document["layers"]]
    return Table(whole["unit"], components, list(sums), rows, list(sums.values()), whole["total"])


def _row(layer: Mapping[str, Any], groups: Sequence[str]) -> tuple[str, Sequence[float | None], float | None]:
    energy = layer.get("energy")
    if not energy:
        return layer["name"], [None] * len(groups), None
    costs = by_group(energy)
    return layer["name"], [costs[group] or None for group in groups], energy["total"]


def _per_input(document: Document, energy: float) -> str:
    """Write the energy of a document for one input; the document of a run is of one, that of an estimate of a batch."""
    unit = unit_of(document)
    words = amount(energy / document.get("batch", 1), unit)
    return words if unit == "pJ" else f"that of {words} {label(unit)}s"


def _area(document: Document) -> Mapping[str, Any] | None:
    """Return the area of a document, None if it has none or no figure for any of it."""
    area = document.get("area")
    return area if area and area["total"] is not None else None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(label(name) for name in names)
