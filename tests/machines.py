"""A small machine to vary in tests: 4 x 4 output-stationary, 16-bit data, wide memory."""

from __future__ import annotations

from typing import Any

from accel.accelerator import Accelerator
from accel.arch.hardware import Architecture, Array, Memory, UnitChoice
from accel.numeric.accumulator import Accumulator
from accel.numeric.format import QFormat
from accel.numeric.plan import LayerNumerics, Numerics
from accel.numeric.quantizer import Quantizer

UNITS = {
    "sigmoid": UnitChoice("lut-linear", 4),
    "tanh": UnitChoice("lut-linear", 4),
    "relu": UnitChoice("relu", 4),
    "identity": UnitChoice("identity", 4),
    "softmax": UnitChoice("reference", 1),
    "pooling": UnitChoice("window", 4),
    "elementwise": UnitChoice("adder", 4),
    "normalisation": UnitChoice("two-pass", 4),
}


def quantizer(text: str) -> Quantizer:
    """A quantizer with the default modes."""
    return Quantizer(QFormat.parse(text))


def layer_numerics(output: str = "Q6.10") -> LayerNumerics:
    """12-bit weights, 20-bit biases, a 40-bit accumulator, and this output."""
    return LayerNumerics(
        weight=quantizer("Q2.10"),
        bias=quantizer("Q8.12"),
        accumulator=Accumulator(width=40),
        output=quantizer(output),
        softmax=quantizer("UQ0.16"),
    )


def machine(
    dataflow: str = "os",
    rows: int = 4,
    columns: int = 4,
    timing: str = "pipelined",
    units: dict[str, UnitChoice] = UNITS,
    overrides: dict[str, LayerNumerics] | None = None,
    clock_hz: float = 1e8,
    **memory: Any,
) -> Accelerator:
    """A machine with 8-bit inputs and 16-bit activations; `memory` overrides fields of `Memory`."""
    channel = {
        "input_bytes": 1 << 20,
        "weight_bytes": 1 << 20,
        "output_bytes": 1 << 20,
        "dram_bytes_per_cycle": 1e6,
        "dram_latency_cycles": 10,
    }
    return Accelerator(
        name="test",
        numerics=Numerics(quantizer("Q1.7"), layer_numerics(), overrides or {}),
        architecture=Architecture(
            Array(dataflow, rows, columns, timing), units, Memory(**{**channel, **memory}), clock_hz
        ),
    )
