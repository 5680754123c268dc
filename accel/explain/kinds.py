"""Tensor kinds taken alone: the noise that each adds with everything else wide, and the range that it wants.

"Wide" is float64: a layer is computed from golden inputs and golden parameters, with one of them as the machine holds
it, so the rest adds nothing at all. Only the accumulator has no float64 twin, because it overflows and cuts addition by
addition in the machine's order: the machine's own sums, taken out before the cast to the output, stand against the
float64 sums of the very same codes. Each noise is measured at the layer's output, so kinds can be held against each
other. Layers without an array have one kind, the format of their output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accel.explain.hybrids import GOLDEN, Tapes
from accel.explain.noise import Array, Noise, Span
from accel.loopnest import LoopNest
from accel.network.graph import INPUT, Node
from accel.numeric.cast import encode
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.ledger import Ledger
from accel.numeric.quantizer import Quantizer
from accel.numeric.sums import SumPlan
from accel.ops.datapath import Datapath
from accel.ops.fixed import FixedArithmetic
from accel.runner.program import Program
from kernels.modes import Overflow

KINDS = ("input", "weight", "bias", "accumulator", "output")
"""What a layer on the array handles, in the order in which it does."""

Key = tuple[str, str]
"""A node and one of `KINDS`."""


@dataclass(frozen=True)
class KindTrace:
    """One tensor kind of one layer: its format, the noise it makes alone, the span of the golden values in it.

    An accumulator that wraps only has to hold finished sums; any other has to hold every partial sum, and its span is
    that of the positive and of the negative products on their own, which no order of addition leaves: a bound.
    """

    format: QFormat
    noise: Noise
    span: Span

    def __add__(self, other: KindTrace) -> KindTrace:
        """Return what both batches show."""
        return KindTrace(self.format, self.noise + other.noise, self.span | other.span)

    @property
    def integer_bits(self) -> int:
        """Integer bits that the golden values need; what adds no noise has enough, whatever a bound says."""
        needed = self.span.integer_bits(self.format)
        return needed if self.noise.power else min(needed, self.format.int_bits)

    def to_dict(self) -> dict[str, float | str | None]:
        """Return plain values."""
        return {
            "format": str(self.format),
            "sqnr_db": self.noise.sqnr_db,
            "integer_bits_needed": self.integer_bits,
            "integer_bits": self.format.int_bits,
        }


def has_own_format(nest: LoopNest) -> bool:
    """Tell whether what executes this nest casts its output; the others keep the format that they read."""
    return nest.engine != "none" and (nest.engine, nest.function) != ("pooling", "max")


def kinds_alone(program: Program, tapes: Tapes) -> dict[Key, KindTrace]:
    """Return every kind of every layer over one batch, by layer and kind; the network's input is (INPUT, "input")."""
    probes = {name: _probe(node, node.sums) for name, node in program.nodes.items() if node.sums is not None}
    arithmetic = FixedArithmetic(probes, Ledger(), tapes.first_input)
    images, inputs = tapes.golden[INPUT], tapes.fixed[INPUT]
    encoding = KindTrace(inputs.format, Noise.of(images, inputs.to_float() - images), Span.of(images))
    found: dict[Key, KindTrace] = {(INPUT, "input"): encoding}
    for node, nest in program.model.network.loop_nests():
        if node.name in probes:
            found |= {(node.name, kind): made for kind, made in _array(node, program, tapes, arithmetic).items()}
        elif has_own_format(nest):
            found[node.name, "output"] = _output(program.nodes[node.name], tapes)
    return found


def _array(node: Node, program: Program, tapes: Tapes, arithmetic: FixedArithmetic) -> dict[str, KindTrace]:
    """Return the five kinds of a layer on the array (four without a bias, three for a product of two activations)."""
    datapath, golden = program.nodes[node.name], tapes.golden[node.name]
    plan = datapath.sums
    assert plan is not None
    exact, held = program.model.parameters.get(node.name, {}), _held(datapath, plan)
    x, codes = [tapes.golden[name] for name in node.inputs], [tapes.encoded[name] for name in node.inputs]
    xq = [tensor.to_float() for tensor in codes]

    def sums(tensors: Mapping[str, Array], inputs: Sequence[Array]) -> Array:
        return node.layer.forward(GOLDEN.at(node.name), tensors, *inputs)

    found = {"input": KindTrace(codes[0].format, Noise.of(golden, sums(exact, xq) - golden), Span.of(x[0]))}
    for tensor, values in exact.items():
        noise = Noise.of(golden, sums({**exact, tensor: held[tensor]}, x) - golden)
        span = _span(values, plan, 0) if tensor == "weight" else Span.of(values)
        found[tensor] = KindTrace(datapath.parameters[tensor].format, noise, span)
    added = np.zeros_like(golden)
    if may_lose(plan, datapath):
        stepped = node.layer.forward(arithmetic.at(node.name), datapath.parameters, *codes).to_float()
        added = stepped - sums(held, xq)
    channels = 2 if golden.ndim == 3 else 1  # rows have their features last
    span = _span(golden, plan, channels)
    if plan.rule.overflow != Overflow.WRAP:
        mass = sums({tensor: np.abs(values) for tensor, values in exact.items()}, [np.abs(values) for values in x])
        span |= _span((golden - mass) / 2, plan, channels) | _span((golden + mass) / 2, plan, channels)
    found["accumulator"] = KindTrace(plan.accumulator, Noise.of(golden, added), span)
    return {**found, "output": _output(datapath, tapes)}


def may_lose(plan: SumPlan, datapath: Datapath) -> bool:
    """Tell whether an accumulator could add any noise: by overflow, or by cutting products or the bias."""
    bias = datapath.parameters.get("bias")
    coarsest = plan.accumulator.frac_bits + min((0, *plan.weight_shifts))
    return plan.may_overflow or plan.shift < 0 or (bias is not None and bias.format.frac_bits > coarsest)


def _held(datapath: Datapath, plan: SumPlan) -> dict[str, Array]:
    """Return the parameters as the machine holds them."""
    held = {tensor: codes.to_float() for tensor, codes in datapath.parameters.items()}
    if plan.weight_shifts:
        weight = held["weight"]
        held["weight"] = np.ldexp(weight, -np.reshape(plan.weight_shifts, (-1, *(1,) * (weight.ndim - 1))))
    return held


def _span(values: Array, plan: SumPlan, axis: int) -> Span:
    """Return the span of values whose channels stand along `axis`, each scaled to the point of the layer's format."""
    others = tuple(other for other in range(values.ndim) if other != axis)
    ends = np.stack([values.min(axis=others), values.max(axis=others)])
    return Span.of(np.ldexp(ends, np.array(plan.weight_shifts)) if plan.weight_shifts else ends)


def _output(datapath: Datapath, tapes: Tapes) -> KindTrace:
    """Return what casting golden values to the node's output does, with its own rounding and overflow."""
    golden = tapes.golden[datapath.name]
    rows_per_input = golden[0].size // golden.shape[-1]
    made, _ = encode(golden, datapath.output, tapes.first_input * rows_per_input)
    return KindTrace(datapath.target, Noise.of(golden, made.to_float() - golden), Span.of(golden))


def _probe(datapath: Datapath, plan: SumPlan) -> Datapath:
    """Return the node with its accumulator as its output: the cast to a format that holds all of it changes nothing."""
    frac_bits = plan.accumulator.frac_bits + max((0, *plan.weight_shifts))
    int_bits = plan.accumulator.int_bits - min((0, *plan.weight_shifts))
    held = QFormat(True, min(int_bits + frac_bits, MAX_WIDTH), int_bits)
    return replace(datapath, target=held, output=Quantizer(held))
