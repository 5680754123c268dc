"""`Datapath`: what one node of a network is on one machine: formats, codes, sums, units; no inputs yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from accel.arch.hardware import UnitChoice
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.sums import SumPlan
from accel.ops.packing import Packing


@dataclass(frozen=True)
class Datapath:
    """One node made ready to compute.

    name: the node's. source: format of its (first) input. target: format of its output. parameters: encoded, by tensor
    name. sums: how products add up (array layers only). output: the one cast at its end. units: the designs built.
    weight: what the array multiplies by, (K, ...): the encoded weights, or, where that is another layer's output, the
    largest codes of its format. packing: what the kernels made of its weights so far.
    """

    name: str
    source: QFormat
    target: QFormat
    parameters: Mapping[str, FxArray]
    sums: SumPlan | None
    output: Quantizer
    units: Mapping[str, UnitChoice]
    weight: FxArray | None
    packing: Packing = field(default_factory=Packing, compare=False, repr=False)
