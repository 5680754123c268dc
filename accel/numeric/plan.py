"""`Numerics`: which formats every node of a network computes in (defaults and overrides by node name)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from accel.numeric.accumulator import Accumulator
from accel.numeric.quantizer import Quantizer


@dataclass(frozen=True)
class LayerNumerics:
    """The bits of one node: how its parameters are encoded, how it sums, how its output is cast.

    weight_shifts: for every output channel, how many fraction bits its weights have more than `weight` says (same
    width); empty: none.
    """

    weight: Quantizer
    bias: Quantizer
    accumulator: Accumulator
    output: Quantizer
    softmax: Quantizer
    weight_shifts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Numerics:
    """Bits laid over any network: how inputs are encoded, defaults for every node, overrides by node name."""

    input: Quantizer
    defaults: LayerNumerics
    overrides: Mapping[str, LayerNumerics] = field(default_factory=dict)

    def at(self, node: str) -> LayerNumerics:
        """Return the bits of that node."""
        return self.overrides.get(node, self.defaults)

    def changed(self, node: str, **changes: Any) -> Numerics:
        """Return these bits with some of one node's replaced: changed("C1", weight=Quantizer(...))."""
        return replace(self, overrides={**self.overrides, node: replace(self.at(node), **changes)})
