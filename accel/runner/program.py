"""`Program`: a network lowered onto one machine's arithmetic: encoded weights, sum plans, units, before any input.

Everything that can be refused is refused here, once, with the node's name; running it only computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accel.accelerator import Accelerator
from accel.errors import ConfigError
from accel.estimator import schedules
from accel.formats import node_formats
from accel.loopnest import AccumulationOrder
from accel.network.graph import Model, Network, Node
from accel.numeric.array import FxArray
from accel.numeric.cast import encode
from accel.numeric.format import QFormat
from accel.numeric.ledger import Events, Ledger
from accel.numeric.proof import addition_format, square_sum_format, window_sum_format
from accel.numeric.quantizer import Quantizer
from accel.numeric.sums import plan_sums
from accel.ops.datapath import Datapath
from accel.units.average import average_steps


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


def lower(model: Model, accelerator: Accelerator) -> Program:
    """Lower `model` onto `accelerator`. Raises ConfigError or ModelError naming every node that does not fit."""
    network, numerics = model.network, accelerator.numerics
    formats = node_formats(network, numerics)
    orders = {name: schedule.order for name, schedule in schedules(network, accelerator.architecture).items()}
    ledger = Ledger()
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
    encoded: dict[str, FxArray] = {}
    for tensor, values in model.parameters.get(node.name, {}).items():
        quantizer = numerics.bias if tensor == "bias" else numerics.weight
        encoded[tensor], overflowed = encode(values, quantizer)
        ledger.record(node.name, tensor, Events(np.size(values), overflowed))
    sources = [formats[name] for name in node.inputs]
    _prove_exact(node, model.network, sources)
    sums = None
    if order is not None:
        sums = plan_sums(node.name, sources[0], encoded["weight"], encoded.get("bias"), numerics.accumulator, order)
    output = _on_stream(replace(numerics.output, format=formats[node.name]), index)
    return Datapath(node.name, sources[0], formats[node.name], encoded, sums, output, accelerator.architecture.units)


def _prove_exact(node: Node, network: Network, sources: Sequence[QFormat]) -> None:
    """Raise ConfigError when what this node adds up without an array could leave 63 bits."""
    nest = node.layer.loop_nest(*network.input_shapes(node))
    terms = nest.R * nest.S
    try:
        if (nest.engine, nest.function) == ("pooling", "average"):
            window_sum_format(sources[0], terms, *average_steps(terms))
        elif (nest.engine, nest.function) == ("pooling", "l2"):
            square_sum_format(sources[0], terms)
        elif nest.engine == "elementwise":
            addition_format(sources[0], sources[1])
    except ConfigError as error:
        raise ConfigError(f"{node.name}: {error}") from None


def _on_stream(quantizer: Quantizer, index: int) -> Quantizer:
    """Give every node random bits of its own: stream + index."""
    if quantizer.random is None:
        return quantizer
    return replace(quantizer, random=replace(quantizer.random, stream=quantizer.random.stream + index))
