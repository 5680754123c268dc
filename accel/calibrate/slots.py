"""`Slot`: a place of a network that has a number format of its own; `Assignment`: formats for all of them.

A slot is called as an accelerator file calls it: [numerics] input, and activation, weight, bias, softmax of
[numerics.layers.NODE]. Max pooling and changes of shape keep the format they read and have no slot.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple, Protocol

from accel.network.graph import INPUT, Network
from accel.numeric.format import QFormat
from accel.numeric.plan import Numerics
from accel.numeric.quantizer import Quantizer

_FIELDS = {"weight": "weight", "bias": "bias", "activation": "output", "softmax": "softmax"}
"""What `LayerNumerics` calls the kinds of an accelerator file."""


class Slot(NamedTuple):
    """The node (or INPUT) and the kind of tensor: "input", "weight", "bias", "activation" or "softmax"."""

    node: str
    kind: str

    def __str__(self) -> str:
        return self.node if self.kind == "input" else f"{self.node} {self.kind}"


@dataclass(frozen=True)
class Tensor:
    """What stands in a slot: how the machine writes it, and how many values it has (of one input, or parameters)."""

    before: Quantizer
    values: int


@dataclass(frozen=True)
class Range:
    """What the values of a slot lie within."""

    low: float
    high: float


@dataclass(frozen=True)
class Assignment:
    """A format for every slot, the range it was placed for, and the weights' shifts by node (none: no entry).

    Shift n of a node says how many fraction bits its output channel n has more than the format of its weights.
    """

    formats: Mapping[Slot, QFormat]
    ranges: Mapping[Slot, Range]
    shifts: Mapping[str, tuple[int, ...]]

    def numerics(self, base: Numerics) -> Numerics:
        """Return `base` computing in these formats. Raises ConfigError when one does not go with its overflow mode."""
        numerics = base
        for slot, chosen in self.formats.items():
            if slot.kind == "input":
                numerics = replace(numerics, input=replace(numerics.input, format=chosen))
                continue
            field = _FIELDS[slot.kind]
            changes: dict[str, Any] = {field: replace(getattr(base.at(slot.node), field), format=chosen)}
            if slot.kind == "weight":
                changes["weight_shifts"] = self.shifts.get(slot.node, ())
            numerics = numerics.changed(slot.node, **changes)
        return numerics

    def document(self, base: Mapping[str, Any]) -> dict[str, Any]:
        """Return the accelerator document `base` with these formats written into it."""
        document = copy.deepcopy(dict(base))
        numerics = document["numerics"]
        layers = numerics.setdefault("layers", {})
        for slot, chosen in self.formats.items():
            if slot.kind == "input":
                numerics["input"] = str(chosen)
                continue
            table = layers.setdefault(slot.node, {})
            table[slot.kind] = str(chosen)
            if slot.kind == "weight":
                table.pop("weight_shifts", None)
                if slot.node in self.shifts:
                    table["weight_shifts"] = list(self.shifts[slot.node])
        return document


class Placer(Protocol):
    """A way to place binary points when word lengths are given."""

    def place(self, widths: Mapping[Slot, int]) -> Assignment:
        """Return the formats for these word lengths."""
        ...


def slots(network: Network, numerics: Numerics) -> dict[Slot, Tensor]:
    """Return every slot of `network`, in the order of its nodes, with what the machine makes of it."""
    found = {Slot(INPUT, "input"): Tensor(numerics.input, prod(network.input_shape))}
    for node, nest in network.loop_nests():
        bits = numerics.at(node.name)
        for tensor, spec in node.layer.parameters(*network.input_shapes(node)).items():
            found[Slot(node.name, tensor)] = Tensor(getattr(bits, _FIELDS[tensor]), prod(spec.shape))
        if nest.engine == "none" or (nest.engine, nest.function) == ("pooling", "max"):
            continue
        kind = "softmax" if nest.engine == "softmax" else "activation"
        found[Slot(node.name, kind)] = Tensor(getattr(bits, _FIELDS[kind]), prod(network.shapes[node.name]))
    return found
