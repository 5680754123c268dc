"""Networks that are fixed point in part: what every layer adds, what it inherits, and what reaches the output.

All of one batch comes from two tapes, golden G and fixed F. A layer's own noise is the layer in fixed point against
float64 on the same inputs, which are G's rounded to the formats that the layer reads; what it inherits is the layer in
float64 on F's inputs against G. So what rounding its inputs costs belongs to whoever made them, and no noise is told
twice. The surprise: a graph has no "before" and "after" but the order of its nodes, and a network is cut there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.explain.noise import Array, Noise
from accel.network.graph import INPUT, Node
from accel.numeric.array import FxArray
from accel.numeric.cast import encode
from accel.numeric.ledger import Ledger
from accel.numeric.quantizer import Quantizer
from accel.ops.fixed import FixedArithmetic
from accel.ops.golden import GoldenArithmetic
from accel.runner.execute import run_fixed
from accel.runner.program import Program
from accel.walk import forward, forward_from

Classes = NDArray[np.intp]
GOLDEN = GoldenArithmetic()


@dataclass(frozen=True)
class Output:
    """What reaches the network's output: its noise, and how many of the inputs keep golden's class."""

    noise: Noise
    agreeing: int
    inputs: int

    @classmethod
    def of(cls, golden: Array, made: Array) -> Output:
        """Compare outputs (N, ...)."""
        agreeing = int(np.count_nonzero(classes(made) == classes(golden)))
        return cls(Noise.of(golden, made - golden), agreeing, len(golden))

    def __add__(self, other: Output) -> Output:
        """Return the comparison over both batches."""
        return Output(self.noise + other.noise, self.agreeing + other.agreeing, self.inputs + other.inputs)

    @property
    def agreement(self) -> float:
        """Share of inputs that keep golden's class."""
        return self.agreeing / self.inputs

    def to_dict(self) -> dict[str, float | None]:
        """Return plain values."""
        return {"sqnr_db": self.noise.sqnr_db, "agreement": self.agreement}


@dataclass(frozen=True)
class LayerTrace:
    """One layer: noise at its own output (total, own, inherited), and three hybrids at the network's output.

    fixed_from: float64 before the layer, fixed point from it on. fixed_until: fixed point up to it and with it. only:
    nothing but the layer in fixed point.
    """

    total: Noise
    own: Noise
    inherited: Noise
    fixed_from: Output
    fixed_until: Output
    only: Output

    def __add__(self, other: LayerTrace) -> LayerTrace:
        """Return the trace over both batches."""
        return LayerTrace(
            self.total + other.total,
            self.own + other.own,
            self.inherited + other.inherited,
            self.fixed_from + other.fixed_from,
            self.fixed_until + other.fixed_until,
            self.only + other.only,
        )


@dataclass(frozen=True)
class Departure:
    """An input whose class changes, and the first node at which the network leaves golden's class (or INPUT)."""

    index: int
    golden: int
    fixed: int
    left_at: str


@dataclass(frozen=True)
class Tapes:
    """One batch both ways. encoded: golden values of every node as codes of its format, the inputs as the machine's."""

    golden: Mapping[str, Array]
    fixed: Mapping[str, FxArray]
    encoded: Mapping[str, FxArray]
    first_input: int


def classes(outputs: Array) -> Classes:
    """outputs: (N, ...) -> (N,) index of the largest."""
    named: Classes = np.argmax(outputs.reshape(len(outputs), -1), axis=1)
    return named


def record(program: Program, images: Array, first_input: int) -> Tapes:
    """Run one batch (N, *input_shape) golden and fixed."""
    network = program.model.network
    golden = forward(network, program.model.parameters, GOLDEN, images)
    fixed = run_fixed(program, images, Ledger(), first_input)
    encoded = {name: encode(golden[name], Quantizer(fixed[name].format))[0] for name in network.shapes}
    return Tapes(golden, fixed, {**encoded, INPUT: fixed[INPUT]}, first_input)


def trace(program: Program, tapes: Tapes) -> tuple[dict[str, LayerTrace], list[Departure]]:
    """Return every layer's part in the noise, and the inputs that change their class."""
    network, golden = program.model.network, tapes.golden
    arithmetic = FixedArithmetic(program.nodes, Ledger(), tapes.first_input)
    values = {name: tensor.to_float() for name, tensor in tapes.fixed.items()}
    wanted = golden[network.output.name]
    layers: dict[str, LayerTrace] = {}
    untouched: dict[str, Array] = {INPUT: golden[INPUT]}
    rounded: dict[str, FxArray] = {INPUT: tapes.encoded[INPUT]}
    computed: dict[str, Array] = {INPUT: values[INPUT]}
    stages = {INPUT: classes(_golden_rest(program, computed))}
    for node in network.nodes:
        own = _fixed(node, program, arithmetic, tapes.encoded).to_float()
        inputs = {name: tensor.to_float() for name, tensor in tapes.encoded.items() if name in node.inputs}
        rest = forward_from(network, program.parameters, arithmetic, rounded)[network.output.name].to_float()
        computed[node.name] = values[node.name]
        until = _golden_rest(program, computed)
        stages[node.name] = classes(until)
        layers[node.name] = LayerTrace(
            total=Noise.of(golden[node.name], values[node.name] - golden[node.name]),
            own=Noise.of(golden[node.name], own - _golden(node, program, inputs)),
            inherited=Noise.of(golden[node.name], _golden(node, program, values) - golden[node.name]),
            fixed_from=Output.of(wanted, rest),
            fixed_until=Output.of(wanted, until),
            only=Output.of(wanted, _golden_rest(program, {**untouched, node.name: own})),
        )
        untouched[node.name] = golden[node.name]
        rounded[node.name] = tapes.encoded[node.name]
    return layers, _departures(classes(wanted), stages, tapes.first_input)


def _departures(wanted: Classes, stages: Mapping[str, Classes], first_input: int) -> list[Departure]:
    """Return the inputs that end in another class; stages: classes of fixed_until, cut after every node in turn."""
    *_, final = stages.values()
    return [
        Departure(
            first_input + index,
            int(wanted[index]),
            int(final[index]),
            next(name for name, named in stages.items() if named[index] != wanted[index]),
        )
        for index in np.flatnonzero(final != wanted).tolist()
    ]


def _golden_rest(program: Program, tape: Mapping[str, Array]) -> Array:
    """Return the network's output with every node that `tape` lacks in float64."""
    network = program.model.network
    return forward_from(network, program.model.parameters, GOLDEN, tape)[network.output.name]


def _golden(node: Node, program: Program, tape: Mapping[str, Array]) -> Array:
    inputs = (tape[name] for name in node.inputs)
    return node.layer.forward(GOLDEN.at(node.name), program.model.parameters.get(node.name, {}), *inputs)


def _fixed(node: Node, program: Program, arithmetic: FixedArithmetic, tape: Mapping[str, FxArray]) -> FxArray:
    inputs = (tape[name] for name in node.inputs)
    return node.layer.forward(arithmetic.at(node.name), program.nodes[node.name].parameters, *inputs)
