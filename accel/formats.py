"""In which format every tensor of a network travels: both joins (bits, cycles) read it from here."""

from __future__ import annotations

from accel.network.graph import INPUT, Network
from accel.numeric.format import QFormat
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
