"""`Network`: pure structure, a chain or graph of named layers; no values, no bits, no hardware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from accel.errors import ModelError
from accel.layers.base import Layer, ParameterSpec
from accel.loopnest import LoopNest, Shape

INPUT = "input"
"""The name by which a node refers to the network's own input."""

Parameters = Mapping[str, Mapping[str, NDArray[np.float64]]]
"""Values by node and tensor name: parameters["C1"]["weight"]."""


@dataclass(frozen=True)
class Node:
    """One layer in its place: a unique name and the names of the nodes (or INPUT) that it reads."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """Nodes in an order in which every input stands before its reader; the last node is the output.

    Raises ModelError on duplicate or unknown names and on shapes that do not fit, naming the node.
    """

    name: str
    input_shape: Shape
    nodes: tuple[Node, ...]
    source: str = ""

    def __post_init__(self) -> None:
        seen = {INPUT}
        for node in self.nodes:
            if node.name in seen:
                raise ModelError(f"{self.name}: two nodes are called '{node.name}'; give each its own name")
            for name in node.inputs:
                if name not in seen:
                    raise ModelError(f"{self.name}: node '{node.name}' reads '{name}', which no earlier node makes")
            seen.add(node.name)
        if not self.nodes:
            raise ModelError(f"{self.name}: a network needs at least one layer")
        _ = self.shapes  # shapes are checked where the network is made, not where it is used

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Output shape of every node, and of INPUT."""
        shapes: dict[str, Shape] = {INPUT: self.input_shape}
        for node in self.nodes:
            try:
                shapes[node.name] = node.layer.output_shape(*(shapes[name] for name in node.inputs))
            except ModelError as error:
                raise ModelError(f"{self.name}: {node.name}: {error}") from None
        return shapes

    @property
    def output(self) -> Node:
        """The last node."""
        return self.nodes[-1]

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        """Shapes that `node` reads."""
        return tuple(self.shapes[name] for name in node.inputs)

    def loop_nests(self) -> Iterator[tuple[Node, LoopNest]]:
        """Every node with its loops, in order."""
        return zip(self.nodes, self._nests, strict=True)

    @cached_property
    def _nests(self) -> tuple[LoopNest, ...]:
        return tuple(node.layer.loop_nest(*self.input_shapes(node)) for node in self.nodes)

    def parameter_specs(self) -> dict[str, dict[str, ParameterSpec]]:
        """Trainable tensors by node; nodes without any are left out."""
        specs = {node.name: node.layer.parameters(*self.input_shapes(node)) for node in self.nodes}
        return {name: spec for name, spec in specs.items() if spec}


@dataclass(frozen=True)
class Model:
    """A network with values laid over it, and where the values came from (command, seed, accuracy)."""

    network: Network
    parameters: Parameters
    provenance: Mapping[str, object]


def chain(name: str, input_shape: Shape, layers: Mapping[str, Layer], source: str = "") -> Network:
    """Build the network in which every layer reads the one before it."""
    return Network(name, input_shape, chained(INPUT, layers), source)


def chained(first: str, layers: Mapping[str, Layer]) -> tuple[Node, ...]:
    """Return nodes of which each reads the one before it, the first one `first`: a branch of a larger network."""
    sources = (first, *layers)
    return tuple(Node(name, layer, (source,)) for (name, layer), source in zip(layers.items(), sources, strict=False))
