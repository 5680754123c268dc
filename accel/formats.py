"""In which format every tensor of a network travels: both joins (bits, cycles) read it from here."""

from __future__ import annotations

from accel.network.graph import INPUT, Network
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.plan import Numerics


def node_formats(network: Network, numerics: Numerics) -> dict[str, QFormat]:
    """Return the output format of INPUT and of every node.

    Max pooling picks one of its inputs and a change of shape touches nothing, so both keep the format they read;
    softmax has its own; everything else is cast to the node's output format.
    """
    formats = {INPUT: numerics.input.format}
    for node, nest in network.loop_nests():
        if nest.engine == "none" or (nest.engine, nest.function) == ("pooling", "max"):
            formats[node.name] = formats[node.inputs[0]]
        else:
            bits = numerics.at(node.name)
            formats[node.name] = (bits.softmax if nest.engine == "softmax" else bits.output).format
    return formats


def square_sum_format(source: QFormat, terms: int) -> QFormat:
    """Return the format of an exact sum of `terms` squares, which an L2 pooling takes the root of."""
    width = min(MAX_WIDTH, 2 * source.width + terms.bit_length())
    return QFormat(False, width, width - 2 * source.frac_bits)
