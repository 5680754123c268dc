"""Formats that may lack bits: how far each can be widened, and the machine with some of them widened.

The surprise: an accumulator whose binary point follows the products loses integer bits when operands gain fraction
bits. Widening an operand must not break its accumulator, so experiments let it grow by as many bits (`room`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from accel.accelerator import Accelerator
from accel.explain.kinds import Key, KindTrace, has_own_format, may_lose
from accel.formats import node_formats
from accel.network.graph import INPUT, Network
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.plan import Numerics
from accel.numeric.quantizer import Quantizer
from accel.ops.datapath import Datapath
from accel.runner.program import Program

WIDE = (24, 22, 20, 18, 16)
"""Bits of data and weights when they are wide: the first that can be computed.

24 by 24 bits leave room for sums of 2^14 products and a bias in the 63 bits that are computed, and 24 bits over the
range of the golden values (6 dB a bit) are far beyond any format that is doubted.
"""

WIDE_BIAS = 32
MAX_DATA_WIDTH = 32
MAX_FRAC_BITS = 31
"""The finest source that units with tables are built for."""


class Bits(NamedTuple):
    """Bits that a format gets more: before its binary point (sign included) and behind it."""

    integer: int = 0
    fraction: int = 0


@dataclass(frozen=True)
class Suspect:
    """A format that may lack bits. most: as wide as it is tried. signed: its values want a sign."""

    layer: str
    kind: str
    format: QFormat
    most: Bits
    signed: bool

    def widened(self, added: Bits) -> QFormat:
        """Return the format with bits added; the first integer bit of an unsigned one becomes the sign it lacks."""
        signed = self.format.signed or (self.signed and added.integer > 0)
        return QFormat(signed, self.format.width + sum(added), self.format.int_bits + added.integer)


Added = Mapping[Suspect, Bits]
"""By how much formats are widened."""


def suspects(program: Program, kinds: Mapping[Key, KindTrace], width: int) -> list[Suspect]:
    """Return every format that could be wider, in the order of the network, for data of up to `width` bits.

    Data and weights get the integer bits that their golden values want, and fraction bits until values of that range
    have `width` bits; biases have WIDE_BIAS. An accumulator gets what the proof asks for, which ends every overflow,
    and the fraction bits that it cuts off. What a layer reads is the output of another, or the network's input.
    """
    return [suspect for suspect in _suspects(program, kinds, width) if any(suspect.most)]


def widen(accelerator: Accelerator, network: Network, added: Added, room: bool) -> Accelerator:
    """Return the machine with formats widened; room: accumulators grow as the fraction bits of their products do.

    Raises ConfigError for formats that cannot be had.
    """
    numerics = accelerator.numerics
    softmaxes = {node.name for node, nest in network.loop_nests() if nest.engine == "softmax"}
    for suspect, bits in added.items():
        wider = suspect.widened(bits)
        if suspect.layer == INPUT:
            numerics = replace(numerics, input=replace(numerics.input, format=wider))
        elif suspect.kind == "accumulator":
            rule = numerics.at(suspect.layer).accumulator
            point = None if rule.frac_bits is None else wider.frac_bits
            numerics = numerics.changed(suspect.layer, accumulator=replace(rule, width=wider.width, frac_bits=point))
        else:
            field = "softmax" if suspect.layer in softmaxes else suspect.kind
            quantizer: Quantizer = getattr(numerics.at(suspect.layer), field)
            numerics = numerics.changed(suspect.layer, **{field: replace(quantizer, format=wider)})
    if room:
        numerics = _with_room(network, accelerator.numerics, numerics)
    return replace(accelerator, numerics=numerics)


def _suspects(program: Program, kinds: Mapping[Key, KindTrace], width: int) -> Iterator[Suspect]:
    yield _data(INPUT, "input", kinds[INPUT, "input"], width)
    for node, nest in program.model.network.loop_nests():
        for kind, most in (("weight", width), ("bias", WIDE_BIAS)):
            if (node.name, kind) in kinds:
                yield _data(node.name, kind, kinds[node.name, kind], most)
        if (node.name, "accumulator") in kinds:
            yield _sums(program.nodes[node.name])
        if has_own_format(nest):
            yield _data(node.name, "output", kinds[node.name, "output"], width)


def _data(layer: str, kind: str, trace: KindTrace, width: int) -> Suspect:
    held, needed = trace.format, trace.integer_bits
    integer = max(needed - held.int_bits, 0)
    frac_bits = min(width - needed, MAX_FRAC_BITS, MAX_DATA_WIDTH - held.int_bits - integer)
    signed = held.signed or trace.span.needs_sign(held)
    return Suspect(layer, kind, held, Bits(integer, max(frac_bits - held.frac_bits, 0)), signed)


def _sums(datapath: Datapath) -> Suspect:
    plan = datapath.sums
    assert plan is not None
    if plan.rule.mode is Mode.EXACT or not may_lose(plan, datapath):
        return Suspect(datapath.name, "accumulator", plan.accumulator, Bits(), True)
    integer = max(plan.needed_bits - plan.accumulator.width, 0)
    fraction = 0
    if plan.rule.frac_bits is not None:
        bias = datapath.parameters.get("bias")
        finest = plan.accumulator.frac_bits - plan.shift
        fraction = max(finest, bias.format.frac_bits if bias else finest) - plan.accumulator.frac_bits
    most = Bits(integer, min(max(fraction, 0), MAX_WIDTH - plan.accumulator.width - integer))
    return Suspect(datapath.name, "accumulator", plan.accumulator, most, True)


def _with_room(network: Network, before: Numerics, after: Numerics) -> Numerics:
    """Return `after` with every accumulator as much wider as its products have become finer than they were `before`."""
    was, now = node_formats(network, before), node_formats(network, after)
    for node, nest in network.loop_nests():
        if nest.engine != "array":
            continue
        old, new = before.at(node.name), after.at(node.name)
        finer = sum(now[source].frac_bits - was[source].frac_bits for source in node.inputs)
        if not nest.is_product:
            finer += new.weight.format.frac_bits - old.weight.format.frac_bits
        grown = _grown(new.accumulator, finer)
        if grown != new.accumulator:
            after = after.changed(node.name, accumulator=grown)
    return after


def _grown(rule: Accumulator, finer: int) -> Accumulator:
    if rule.mode is Mode.EXACT:  # cuts nothing off at any width, and must be as wide as the proof asks
        return replace(rule, width=MAX_WIDTH, frac_bits=None)
    if rule.frac_bits is not None:
        return rule
    return replace(rule, width=min(rule.width + finer, MAX_WIDTH))
