"""`TrainingProgram`: a network lowered onto one machine for training: datapaths of both directions, proofs, no values.

Everything that can be refused is refused here, before the first example: formats whose exact sums no accumulator or
64-bit word holds, layers without a backward pass, and learning rates that no update would survive (`accel.train.rule`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from accel.accelerator import Accelerator
from accel.errors import ConfigError, ModelError
from accel.formats import node_formats
from accel.loopnest import LoopNest
from accel.network.graph import Network, Node
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.training import Kind, TrainingNumerics, on_stream
from accel.ops.datapath import Datapath
from accel.ops.fixed_training import GUARD_BITS, NO_NORM
from accel.ops.memory import keep_blocks
from accel.train.losses import Loss, loss_named
from accel.units.average import average_steps


@dataclass(frozen=True)
class Slot:
    """One trainable tensor: where it belongs, its shape, and its number among all, which gives it random streams."""

    node: str
    tensor: str
    shape: tuple[int, ...]
    number: int


@dataclass(frozen=True)
class TrainingProgram:
    """A network ready to train on a machine.

    forward, backward: datapaths by node, whose outputs are activations and errors. unneeded: nodes below which nothing
    is trained. start: the node at whose output the loss gives its delta.
    """

    network: Network
    numbers: TrainingNumerics
    loss: Loss
    start: str
    input: Quantizer
    forward: Mapping[str, Datapath]
    backward: Mapping[str, Datapath]
    unneeded: frozenset[str]
    slots: tuple[Slot, ...]


def lower_training(network: Network, machine: Accelerator, loss: str, batch: int) -> TrainingProgram:
    """Lower `network` onto `machine` for steps of up to `batch` examples.

    Raises ConfigError naming every node whose sums do not fit, ModelError for a network that cannot be trained so.
    """
    keep_blocks()
    numbers = machine.training
    if numbers is None:
        raise ConfigError(f"{machine.name} has no bits of training; load it from a file with [training]")
    cost = loss_named(loss)
    start = cost.start(network)
    slots = tuple(_slots(network))
    if not slots:
        raise ModelError(f"{network.name} has no trainable tensors; there is nothing to train")
    formats = node_formats(network, numbers.forward)
    forward: dict[str, Datapath] = {}
    backward: dict[str, Datapath] = {}
    problems: list[str] = []
    for index, (node, nest) in enumerate(network.loop_nests()):
        bits = numbers.forward.at(node.name)
        output = bits.softmax if nest.engine == "softmax" else bits.output
        target = formats[node.name]
        output = on_stream(replace(output, format=target), index, Kind.ERROR)  # forward streams are those of errors,
        error = on_stream(numbers.error, index + len(network.nodes), Kind.ERROR)  # a network's length further
        source, units = formats[node.inputs[0]], machine.architecture.units
        forward[node.name] = Datapath(node.name, source, target, {}, None, output, units, None)
        backward[node.name] = Datapath(node.name, error.format, error.format, {}, None, error, units, None)
        problems += _problems(node, nest, network, numbers, formats, batch)
    if problems:
        raise ConfigError([f"{network.name}: {problem}" for problem in problems])
    return TrainingProgram(
        network, numbers, cost, start, numbers.forward.input, forward, backward, _unneeded(network), slots
    )


def _slots(network: Network) -> Iterator[Slot]:
    number = 2 * len(network.nodes)  # streams of the nodes come first
    for node, tensors in network.parameter_specs().items():
        for tensor, spec in tensors.items():
            yield Slot(node, tensor, spec.shape, number)
            number += 1


def _unneeded(network: Network) -> frozenset[str]:
    """Return the nodes that read nothing that depends on a parameter."""
    trained = set(network.parameter_specs())
    carries: set[str] = set()
    for node in network.nodes:
        if any(name in carries or name in trained for name in node.inputs):
            carries.add(node.name)
    return frozenset(node.name for node in network.nodes if node.name not in carries)


def _problems(
    node: Node,
    nest: LoopNest,
    network: Network,
    numbers: TrainingNumerics,
    formats: Mapping[str, QFormat],
    batch: int,
) -> Iterator[str]:
    """Say what of a node does not fit."""
    error, target = numbers.error.format, formats[node.name]
    sources = [formats[name] for name in node.inputs]
    widest = max(sources, key=lambda source: source.width)
    if nest.engine == "normalisation":
        yield f"{node.name}: {NO_NORM}"
    elif nest.engine == "array":
        weight = sources[-1] if nest.is_product else numbers.working("weight").format
        yield from _sums(node.name, nest, widest, weight, numbers, batch)
        point, bias = widest.frac_bits + weight.frac_bits, numbers.working("bias").format
        if nest.has_bias and bias.frac_bits > point:
            yield f"{node.name}: bias {bias} is finer than the products, 2^-{point}; make training.bias coarser"
    elif nest.engine in ("activation", "softmax"):
        bits = error.width + 2 * target.width + (nest.K.bit_length() if nest.engine == "softmax" else 0)
        if nest.function not in ("relu", "identity") and bits > MAX_WIDTH:
            yield _too_wide(node.name, "its error times a derivative", bits, "training.error or training.activation")
    elif nest.engine == "pooling" and nest.function != "max":
        overlap = (nest.R * nest.S).bit_length()
        root = GUARD_BITS + widest.width if nest.function == "l2" else average_steps(nest.R * nest.S)[0].bit_length()
        if error.width + root + overlap > MAX_WIDTH:
            yield _too_wide(
                node.name, "an error spread over its windows", error.width + root + overlap, "training.error"
            )


def _sums(
    name: str, nest: LoopNest, x: QFormat, weight: QFormat, numbers: TrainingNumerics, batch: int
) -> Iterator[str]:
    """Prove the sums of all three products of a layer from the formats alone, because weights change."""
    error = numbers.error.format
    accumulator = numbers.forward.at(name).accumulator
    sums = {
        "forward": (_sum_bits(x, weight, nest.C * nest.R * nest.S + 1), x.frac_bits + weight.frac_bits),
        "error": (_sum_bits(error, weight, nest.K * nest.R * nest.S), error.frac_bits + weight.frac_bits),
        "gradient": (_sum_bits(error, x, batch * nest.P * nest.Q), error.frac_bits + x.frac_bits),
    }
    for phase, (bits, point) in sums.items():
        held = accumulator.resolve(point)
        if held.frac_bits < point:
            yield (
                f"{name}: {phase} sums have {point} fraction bits, the accumulator {held} cuts them; training adds "
                "exactly, so leave out frac_bits and format of numerics.accumulator"
            )
        elif bits + held.frac_bits - point > held.width:
            yield (
                f"{name}: {phase} sums need up to {bits} bits at batch {batch}, the accumulator has {held.width}; "
                f"set numerics.accumulator.width to {bits}, or use narrower training formats"
            )


def _sum_bits(x: QFormat, y: QFormat, terms: int) -> int:
    """Return the signed width of any sum of so many products."""
    largest = terms * max(-x.min_code, x.max_code) * max(-y.min_code, y.max_code)
    return largest.bit_length() + 1


def _too_wide(name: str, what: str, bits: int, keys: str) -> str:
    return f"{name}: {what} needs {bits} bits, {MAX_WIDTH} are the most that is computed; narrow {keys}"
