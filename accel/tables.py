"""The tables inside a machine's function units, at the formats that a network's nodes use, as memory images.

What a unit computes with is what is written: `UnaryUnit.memories` and `SoftmaxUnit.memories`. Square root and average
have no tables, pooling and sums neither. File format: `$readmemh` (IEEE 1364-2005, 17.2.9), one hexadecimal entry a
line, two's complement where any entry is negative, comments before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accel.accelerator import Accelerator
from accel.formats import node_formats
from accel.network.graph import Network
from accel.units.machine import activation_of, root_of, softmax_of
from accel.units.unit import SoftmaxUnit, UnaryUnit


@dataclass(frozen=True, eq=False)
class UnitTable:
    """One table. unit: its function; name: which of the unit's tables; nodes: the nodes that go through this unit.

    entries: (n,) int64. bits: of one entry as it is stored. lanes: units side by side, each with a copy of its own
    (but of what a softmax needs once a row, one copy). options: of the design, as the machine's file chooses them.
    """

    unit: str
    design: str
    options: tuple[tuple[str, int], ...]
    source: str
    target: str
    name: str
    entries: NDArray[np.int64]
    bits: int
    lanes: int
    nodes: tuple[str, ...]

    @property
    def file(self) -> str:
        """Return the file's name, which no other table of the same machine and network has."""
        return f"{self.unit}-{self.design}-{self.source}-{self.target}-{self.name}.mem"

    @property
    def signed(self) -> bool:
        """Whether entries are two's complement."""
        return bool((self.entries < 0).any())

    def to_dict(self) -> dict[str, object]:
        """Return everything but the entries."""
        return {
            "file": self.file,
            "unit": self.unit,
            "design": self.design,
            "options": dict(self.options),
            "source": self.source,
            "target": self.target,
            "table": self.name,
            "entries": len(self.entries),
            "entry_bits": self.bits,
            "signed": self.signed,
            "lanes": self.lanes,
            "nodes": list(self.nodes),
        }

    def mem(self) -> str:
        """Return the text of the file: what it is, then entry by entry from address 0."""
        chosen = "".join(f", {name} = {value}" for name, value in self.options)
        kind = "two's complement" if self.signed else "unsigned"
        digits = -(-self.bits // 4)
        mask = (1 << self.bits) - 1
        head = (
            f"// {self.unit} {self.design}{chosen}: {self.source} -> {self.target}, {self.name}",
            f"// {len(self.entries)} entries x {self.bits} bits, {kind}",
            f"// used by {', '.join(self.nodes)}; lanes: {self.lanes}",
        )
        return "\n".join([*head, *(f"{int(entry) & mask:0{digits}x}" for entry in self.entries)]) + "\n"


def unit_tables(network: Network, machine: Accelerator) -> tuple[UnitTable, ...]:
    """Return every table once, in the order of the nodes. Raises ConfigError naming each node without such a unit."""
    from accel.estimator import estimate

    estimate(network, machine)  # refuses, with the nodes' names, whatever cannot be built
    found: dict[str, UnitTable] = {}
    for node, unit, lanes, options in _units(network, machine):
        for name, (entries, bits) in unit.memories().items():
            ends = (str(unit.source), str(unit.target))
            table = UnitTable(unit.name, unit.design, options, *ends, name, entries, bits, lanes, (node,))
            earlier = found.get(table.file)
            found[table.file] = table if earlier is None else replace(earlier, nodes=(*earlier.nodes, node))
    return tuple(found.values())


Built = tuple[str, UnaryUnit | SoftmaxUnit, int, tuple[tuple[str, int], ...]]
"""A node, its unit, the lanes and the options that the machine's file gives it."""


def _units(network: Network, machine: Accelerator) -> Iterator[Built]:
    formats, units = node_formats(network, machine.numerics), machine.architecture.units
    for node, nest in network.loop_nests():
        source, target = formats[node.inputs[0]], formats[node.name]
        if nest.engine == "activation":
            choice = units[nest.function]
            yield node.name, activation_of(units, nest.function, source, target), choice.lanes, choice.options
        elif nest.engine == "softmax":
            parts = tuple(
                (f"{part}.{name}", value)
                for part in ("exp", "reciprocal")
                if part in units
                for name, value in units[part].options
            )
            yield node.name, softmax_of(units, source, target), units["softmax"].lanes, parts
        elif nest.engine == "normalisation":
            chosen = units["rsqrt"].options if "rsqrt" in units else ()
            yield node.name, root_of(units), 1, chosen  # once a row, whatever the lanes
