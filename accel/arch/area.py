"""Area of a machine: what is built times what a technology file says. Every figure here is an estimate.

Counted are arithmetic and memory: multipliers and adders of the array and of the function units, buffers, tables. Not
in it: registers, wires, control, clocks, pads and the DRAM. So it is a floor, of use to compare two machines of one
technology. A multiplier of a by b bits is as large as one of sqrt(a b) by sqrt(a b).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from accel.arch.technology import Technology

NEVER_COUNTED = ("registers", "wires", "control", "clocks", "pads")


class Block(NamedTuple):
    """Arithmetic and storage of one part of a machine; left_bits x right_bits: the operands of its multipliers."""

    multipliers: int = 0
    left_bits: int = 0
    right_bits: int = 0
    adders: int = 0
    adder_bits: int = 0
    memory_bits: int = 0


@dataclass(frozen=True)
class Area:
    """An estimate in mm2, by component; their sum is the total. unpriced: what is there and has no figure."""

    technology: str
    components: Mapping[str, float]
    unpriced: tuple[str, ...] = ()

    @property
    def total_mm2(self) -> float:
        """All components together."""
        return math.fsum(self.components.values())

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values; the total is None where the technology has no figure for any of it."""
        return {
            "technology": self.technology,
            "unit": "mm2",
            "total": self.total_mm2 if self.components else None,
            "components": dict(self.components),
            "unpriced": list(self.unpriced),
        }


def machine_area(blocks: Mapping[str, Block], technology: Technology) -> Area:
    """Return the area of all blocks; the components are named "array multipliers", "weight buffer memory", ..."""
    components: dict[str, float] = {}
    unpriced: dict[str, None] = {}
    for name, block in blocks.items():
        for part, (number, area) in _parts(block, technology).items():
            if number and area is None:
                unpriced[part] = None
            elif number and area is not None:
                components[f"{name} {part}"] = number * area / 1e6
    return Area(technology.name, components, (*unpriced, *NEVER_COUNTED))


def _parts(block: Block, technology: Technology) -> dict[str, tuple[int, float | None]]:
    """Return how many there are of each part, and the um2 of one, None where the technology has no figure."""
    side = math.sqrt(block.left_bits * block.right_bits)
    multiply, add = technology.multiply_area, technology.add_area
    return {
        "multipliers": (block.multipliers, multiply.at(side) if multiply and block.multipliers else None),
        "adders": (block.adders, add.at(block.adder_bits) if add and block.adders else None),
        "memory": (block.memory_bits, technology.bit_area),
    }
