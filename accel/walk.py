"""The only walks over a network's graph: forward to every output, backward to every gradient.

Both run in any arithmetic. Backpropagation is BP1-BP4 of Nielsen, "Neural Networks and Deep Learning", 2015, ch. 2,
with one rule for graphs: what several nodes read gets the sum of their errors (chain rule over all paths).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

from accel.errors import DataError, ModelError, suggestion
from accel.network.graph import INPUT, Network
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)

Values = Mapping[str, Mapping[str, T]]
"""Tensors by node and by their name in the node: values["C1"]["weight"]."""


class Arithmetic(Protocol[T]):
    """Gives every node its primitives; formats and units differ from node to node."""

    def at(self, node: str) -> ForwardOps[T]:
        """Return the primitives of `node`."""
        ...


class TrainingArithmetic(Protocol[T]):
    """An arithmetic that can also go backward."""

    def at(self, node: str) -> Ops[T]:
        """Return the primitives of `node`."""
        ...


def forward(network: Network, parameters: Values[T], arithmetic: Arithmetic[T], x: T) -> dict[str, T]:
    """Return the output of every node, and the input under INPUT: the tape that `backward` reads.

    x: (N, *network.input_shape). Raises DataError for another shape, ModelError for missing parameters.
    """
    if x.shape[1:] != network.input_shape:
        wanted = ", ".join(map(str, network.input_shape))
        raise DataError(f"{network.name} reads inputs of shape (N, {wanted}), not {x.shape}; reshape or fit them first")
    _check_present(network, parameters)
    return forward_from(network, parameters, arithmetic, {INPUT: x})


def forward_from(
    network: Network, parameters: Values[T], arithmetic: Arithmetic[T], tape: Mapping[str, T]
) -> dict[str, T]:
    """Return `tape` (INPUT and any nodes already computed) with every missing node computed; inputs as in `forward`."""
    computed = dict(tape)
    for node in network.nodes:
        if node.name not in computed:
            inputs = (computed[name] for name in node.inputs)
            computed[node.name] = node.layer.forward(arithmetic.at(node.name), parameters.get(node.name, {}), *inputs)
    return computed


def backward(
    network: Network,
    parameters: Values[T],
    arithmetic: TrainingArithmetic[T],
    tape: Mapping[str, T],
    delta: T,
    start: str | None = None,
) -> dict[str, dict[str, T]]:
    """Return the loss derivative at every parameter that the output of `start` depends on, summed over the batch.

    tape: what `forward` returned. delta: the loss derivative at the output of `start` (None: the last node); a loss
    that folds softmax into itself starts at the node before it. Raises ModelError for an unknown `start`.
    """
    last = network.output.name if start is None else start
    if last not in network.shapes or last == INPUT:
        names = [node.name for node in network.nodes]
        raise ModelError(f"{network.name} has no node '{last}' to start from.{suggestion(last, names)}")
    deltas = {last: delta}
    gradients: dict[str, dict[str, T]] = {}
    for node in reversed(network.nodes):
        if node.name not in deltas:  # nothing on the way to `start` reads it
            continue
        inputs = tuple(tape[name] for name in node.inputs)
        errors, gradient = node.layer.backward(
            arithmetic.at(node.name),
            parameters.get(node.name, {}),
            inputs,
            tape[node.name],
            deltas.pop(node.name),
        )
        if gradient:
            gradients[node.name] = gradient
        for name, error in zip(node.inputs, errors, strict=True):
            if name == INPUT:
                continue
            deltas[name] = arithmetic.at(name).add(deltas[name], error) if name in deltas else error
    return gradients


def _check_present(network: Network, parameters: Values[T]) -> None:
    missing = [
        f"{node}.{tensor}"
        for node, specs in network.parameter_specs().items()
        for tensor in specs
        if tensor not in parameters.get(node, {})
    ]
    if missing:
        raise ModelError(f"{network.name} has no values for {', '.join(missing)}; load or initialise its weights first")
