"""Where every tensor of a network lives on a machine: handed straight on, kept on chip, or in DRAM.

Tensors are named by the node that makes them; a node that only changes the shape makes none. The rule is per tensor:
the network's input and output cross DRAM, a tensor between two layers does so if it does not fit its buffers. Not
sized here: the few rows of a map that a pooling keeps while it takes values as they come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from accel.arch.hardware import Memory
from accel.arch.memory import packed_bytes, stays_on_chip
from accel.estimator.units import unit_kind
from accel.loopnest import LoopNest
from accel.network.graph import INPUT, Network
from accel.numeric.format import QFormat

FOLLOWING = frozenset({"activation", "pooling"})
"""Engines that take values as they come from the layer before. Softmax does not: it needs the row's maximum first."""

FEEDING = frozenset({"array", "elementwise", *FOLLOWING})
"""Engines whose results come one after another while they work."""


@dataclass(frozen=True)
class Placement:
    """reads: the distinct tensors that a node reads. behind: the node that a unit streams behind.

    off_chip: tensors in DRAM. unstored: tensors whose readers all take them as they come, so no memory holds them.
    """

    reads: Mapping[str, tuple[str, ...]]
    behind: Mapping[str, str]
    off_chip: frozenset[str]
    unstored: frozenset[str]


def place(
    network: Network, nests: Mapping[str, LoopNest], formats: Mapping[str, QFormat], memory: Memory, batch: int
) -> Placement:
    """Place all tensors of a network that is computed layer by layer, `batch` inputs at once."""
    makers = {INPUT: INPUT}
    for node in network.nodes:
        makers[node.name] = makers[node.inputs[0]] if nests[node.name].engine == "none" else node.name
    reads = {
        node.name: tuple(dict.fromkeys(makers[name] for name in node.inputs))
        for node in network.nodes
        if nests[node.name].engine != "none"
    }
    behind = _followers(nests, reads)
    output = makers[network.output.name]
    readers: dict[str, list[str]] = {}
    for reader, tensors in reads.items():
        for tensor in tensors:
            readers.setdefault(tensor, []).append(reader)
    unstored = {
        tensor
        for tensor, followers in readers.items()
        if tensor != output and all(behind.get(name) == tensor for name in followers)
    }
    off_chip = {INPUT, output}
    for tensor in reads:
        size = packed_bytes(batch * prod(network.shapes[tensor]), formats[tensor].width)
        if tensor not in unstored and not stays_on_chip(size, memory):
            off_chip.add(tensor)
    return Placement(reads, behind, frozenset(off_chip), frozenset(unstored))


def _followers(nests: Mapping[str, LoopNest], reads: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return which unit streams behind which node: the node just before it, if that is all it reads.

    One unit cannot work twice at the same time, so a second node of the same kind in one chain waits.
    """
    behind: dict[str, str] = {}
    before, at_work = "", set[str]()
    for name, tensors in reads.items():
        kind = unit_kind(nests[name])
        is_fed = tensors == (before,) and nests[before].engine in FEEDING
        if is_fed and nests[name].engine in FOLLOWING and kind not in at_work:
            behind[name] = before
            at_work.add(kind)
        else:
            at_work = {kind}
        before = name
    return behind
