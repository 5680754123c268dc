"""`Program`: a network lowered onto one machine's arithmetic: encoded weights, sum plans, units, before any input.

Everything that can be refused is refused here, once, with the node's name; running it only computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accel.accelerator import Accelerator
from accel.errors import ConfigError
from accel.estimator import schedules
from accel.formats import node_formats
from accel.layers import LayerNorm, Scale
from accel.loopnest import AccumulationOrder, Shape
from accel.network.graph import Model, Network, Node
from accel.numeric.array import FxArray
from accel.numeric.audit import audit_encode
from accel.numeric.cast import encode
from accel.numeric.format import QFormat
from accel.numeric.ledger import Detail, Events, Ledger
from accel.numeric.plan import LayerNumerics
from accel.numeric.proof import addition_format, square_sum_format, window_sum_format
from accel.numeric.quantizer import Quantizer
from accel.numeric.sums import plan_sums
from accel.ops.datapath import Datapath
from accel.ops.memory import keep_blocks
from accel.units.average import average_steps
from accel.units.machine import Units, layer_norm_of
from accel.units.scale import scale_steps


@dataclass(frozen=True)
class Program:
    """All nodes of a network, ready to run; `ledger` holds what encoding the weights did to them."""

    model: Model
    input: Quantizer
    nodes: Mapping[str, Datapath]
    ledger: Ledger

    @property
    def parameters(self) -> dict[str, Mapping[str, FxArray]]:
        """Encoded parameters by node."""
        return {name: node.parameters for name, node in self.nodes.items()}


def lower(model: Model, accelerator: Accelerator, detailed: bool = False) -> Program:
    """Lower `model` onto `accelerator`. Raises ConfigError or ModelError naming every node that does not fit.

    detailed: the ledger also tells what encoding rounded off the weights.
    """
    keep_blocks()
    network, numerics = model.network, accelerator.numerics
    formats = node_formats(network, numerics)
    orders = {name: schedule.order for name, schedule in schedules(network, accelerator.architecture).items()}
    ledger = Ledger(detailed)
    nodes: dict[str, Datapath] = {}
    problems: list[str] = []
    for index, node in enumerate(network.nodes):
        try:
            nodes[node.name] = _lower_node(node, index, model, accelerator, formats, orders.get(node.name), ledger)
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return Program(model, _on_stream(numerics.input, len(nodes)), nodes, ledger)


def _lower_node(
    node: Node,
    index: int,
    model: Model,
    accelerator: Accelerator,
    formats: Mapping[str, QFormat],
    order: AccumulationOrder | None,
    ledger: Ledger,
) -> Datapath:
    numerics = accelerator.numerics.at(node.name)
    encoded = _encoded(node, model, numerics, ledger)
    sources = [formats[name] for name in node.inputs]
    target, units = formats[node.name], accelerator.architecture.units
    _prove_exact(node, model.network, sources, target, encoded, units)
    sums = weight = None
    if order is not None:
        nest = node.layer.loop_nest(*model.network.input_shapes(node))
        weight = _extreme(sources[-1], (nest.K, nest.C)) if nest.is_product else encoded["weight"]
        shifts = () if nest.is_product else _channel_shifts(node, numerics, len(weight))
        sums = plan_sums(node.name, sources[0], weight, encoded.get("bias"), numerics.accumulator, order, shifts)
    output = _on_stream(replace(numerics.output, format=target), index)
    return Datapath(node.name, sources[0], target, encoded, sums, output, units, weight)


def _extreme(source: QFormat, shape: Shape) -> FxArray:
    """Return a tensor of the code of largest magnitude: no sum of products with codes of that format passes its."""
    code = source.min_code if source.signed else source.max_code
    return FxArray(np.full(shape, code), source)


def _encoded(node: Node, model: Model, numerics: LayerNumerics, ledger: Ledger) -> dict[str, FxArray]:
    """Encode the parameters of a node; channel n of a weight is scaled by 2^weight_shifts[n], so that its codes mean
    that many more fraction bits."""
    encoded: dict[str, FxArray] = {}
    for tensor, values in model.parameters.get(node.name, {}).items():
        quantizer = numerics.bias if tensor == "bias" else numerics.weight
        if tensor == "weight" and numerics.weight_shifts:
            shifts = _channel_shifts(node, numerics, len(values))
            values = np.ldexp(values, np.reshape(shifts, (-1, *(1,) * (values.ndim - 1))))
        encoded[tensor], overflowed = encode(values, quantizer)
        detail = encoding_detail(values, quantizer) if ledger.detailed else None
        ledger.record(node.name, tensor, Events.made(np.size(values), overflowed, False, detail))
    return encoded


def encoding_detail(
    values: NDArray[np.float64], quantizer: Quantizer, first_row: int = 0, first_input: int = 0
) -> Detail:
    """Return what encoding did; how many bits of a float64 it cut off says nothing about hardware and is left out."""
    return replace(audit_encode(values, quantizer, first_row, first_input), dropped_bits=None)


def _channel_shifts(node: Node, numerics: LayerNumerics, channels: int) -> tuple[int, ...]:
    """Return the weight shifts. Raises ConfigError unless there is one per output channel."""
    shifts = numerics.weight_shifts
    if shifts and len(shifts) != channels:
        raise ConfigError(f"{node.name}: weight_shifts has {len(shifts)} entries, the layer {channels} output channels")
    return shifts


def _prove_exact(
    node: Node,
    network: Network,
    sources: Sequence[QFormat],
    target: QFormat,
    encoded: Mapping[str, FxArray],
    units: Units,
) -> None:
    """Raise ConfigError when what this node adds up without an array could leave 63 bits."""
    nest = node.layer.loop_nest(*network.input_shapes(node))
    terms = nest.R * nest.S
    try:
        if (nest.engine, nest.function) == ("pooling", "average"):
            window_sum_format(sources[0], terms, *average_steps(terms))
        elif (nest.engine, nest.function) == ("pooling", "l2"):
            square_sum_format(sources[0], terms)
        elif (nest.engine, nest.function) == ("elementwise", "add"):
            addition_format(sources[0], sources[1])
        elif isinstance(node.layer, Scale):
            window_sum_format(sources[0], 1, *scale_steps(node.layer.factor))
        elif isinstance(node.layer, LayerNorm):
            layer_norm_of(units, sources[0], target, encoded["weight"], encoded["bias"], node.layer.epsilon)
    except ConfigError as error:
        raise ConfigError(f"{node.name}: {error}") from None


def _on_stream(quantizer: Quantizer, index: int) -> Quantizer:
    """Give every node random bits of its own: stream + index."""
    if quantizer.random is None:
        return quantizer
    return replace(quantizer, random=replace(quantizer.random, stream=quantizer.random.stream + index))
