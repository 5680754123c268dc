"""Networks whose fixed-point values can be written down: wires that round, and one dense layer."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from accel.accelerator import Accelerator
from accel.layers import Activation, Add, Dense, Flatten
from accel.network.graph import INPUT, Model, Network, Node, chain
from tests.machines import layer_numerics, machine

WIRES = chain("wires", (1, 1, 4), {name: Activation("identity") for name in ("A", "B", "C")})
"""Three wires one behind the other: every value is only rounded, three times."""

SKIP = Network(
    "skip",
    (1, 1, 4),
    (
        Node("A", Activation("identity"), (INPUT,)),
        Node("B", Activation("identity"), ("A",)),
        Node("sum", Add(), ("A", "B")),
    ),
)
"""A wire, another behind it, and the sum of both."""


def wired(**formats: str) -> Accelerator:
    """A machine with 7 fraction bits for inputs and these formats for nodes."""
    return machine(overrides={node: layer_numerics(output) for node, output in formats.items()})


def grid(value: float, fraction_bits: int) -> float:
    """Round half to even to that many fraction bits, in exact fractions."""
    scaled = Fraction(value) * 2**fraction_bits
    return float(Fraction(round(scaled), 2**fraction_bits))


def rounded(values: np.ndarray, fraction_bits: int) -> np.ndarray:
    """Round every value."""
    return np.array([grid(value, fraction_bits) for value in values.ravel()]).reshape(values.shape)


def decibels(signal: np.ndarray, noise: np.ndarray) -> float:
    """Signal to noise ratio from its definition."""
    return 10 * np.log10((signal**2).sum() / (noise**2).sum())


def dense(weight: np.ndarray, bias: np.ndarray) -> Model:
    """One dense layer "D" over a flat input."""
    network = chain("dense", (1, 1, weight.shape[1]), {"flatten": Flatten(), "D": Dense(len(weight))})
    return Model(network, {"D": {"weight": weight, "bias": bias}}, {})
