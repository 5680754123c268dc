"""Where every tensor of a network lives on a machine: handed straight on, kept on chip, or in DRAM.

Tensors are named by the node that makes them; a node that only changes the shape makes none. The network's input and
output cross DRAM. A tensor between two layers stays on the chip if it fits the output buffer, where it is made, beside
the sums of its layer, and the input buffer, where it is read. There it has company: several tensors of one reader, and
tensors that wait for a later reader. They are admitted in the order in which they are made, as long as those before
them and the smallest tiles of what does not lie there find room. Not sized here: the few rows of a map that a pooling
keeps while it takes values as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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

Least = Callable[[str, str], int]
"""(node, "input" or "output") -> bytes that its smallest tile takes of that buffer."""


@dataclass(frozen=True)
class Placement:
    """reads: the distinct tensors that a node reads. behind: the node that a unit streams behind.

    off_chip: tensors in DRAM. unstored: tensors whose readers all take them as they come, so no memory holds them.
    sizes: bytes of every tensor. waiting: bytes of the input buffer that tensors take which the node does not read.
    """

    reads: Mapping[str, tuple[str, ...]]
    behind: Mapping[str, str]
    off_chip: frozenset[str]
    unstored: frozenset[str]
    sizes: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)

    def head(self, node: str) -> str:
        """Return the node at the head of the chain of units that `node` belongs to (itself if it is in none)."""
        while node in self.behind:
            node = self.behind[node]
        return node


def place(
    network: Network,
    nests: Mapping[str, LoopNest],
    formats: Mapping[str, QFormat],
    memory: Memory,
    batch: int,
    least: Least = lambda node, buffer: 0,
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
    shapes = network.shapes
    sizes = {tensor: packed_bytes(batch * prod(shapes[tensor]), formats[tensor].width) for tensor in (INPUT, *reads)}
    empty = Placement(reads, behind, frozenset(), frozenset(unstored), sizes)
    stored = {tensor: readers.get(tensor, []) for tensor in reads if tensor not in unstored and tensor != output}
    kept, waiting = _kept(empty, stored, memory, least)
    off_chip = frozenset({INPUT, *reads}) - unstored - kept
    return Placement(reads, behind, off_chip, frozenset(unstored), sizes, waiting)


def _kept(
    placement: Placement, readers: Mapping[str, list[str]], memory: Memory, least: Least
) -> tuple[set[str], dict[str, int]]:
    """Return the tensors that stay on the chip, and the bytes that others wait in while a node works."""
    order = {node: index for index, node in enumerate(placement.reads)}
    nodes = list(placement.reads)
    taken = dict.fromkeys(nodes, 0)
    made = dict.fromkeys(nodes, 0)
    waiting: dict[str, int] = {}
    kept = set()
    for tensor, of_tensor in readers.items():
        size = placement.sizes[tensor]
        if not stays_on_chip(size, memory):
            continue
        head = placement.head(tensor)
        if made[head] + size + least(head, "output") > memory.output_bytes:
            continue
        life = nodes[order[tensor] + 1 : order[of_tensor[-1]] + 1] if of_tensor else []
        if all(_admits(placement, tensor, node, taken, memory, least) for node in life):
            kept.add(tensor)
            made[head] += size
            for node in life:
                taken[node] += size
                if tensor not in placement.reads[node]:
                    waiting[node] = waiting.get(node, 0) + size
    return kept, waiting


def _admits(
    placement: Placement, tensor: str, node: str, taken: Mapping[str, int], memory: Memory, least: Least
) -> bool:
    """Tell whether a tensor finds room in the input buffer while a node works."""
    is_alone = placement.reads[node] == (tensor,)
    return taken[node] + placement.sizes[tensor] + (0 if is_alone else least(node, "input")) <= memory.input_bytes


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
