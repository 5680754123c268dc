"""`ACTIVATIONS`: the functions that a layer may ask for, by name (a leaf: no NumPy, no arithmetic).

Each arithmetic computes them its own way (`accel.golden.activation` in float64, `accel.units` in tables and integers).
The derivative is stated in the OUTPUT y, because that is what a datapath still holds when the error comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Function:
    """One activation: y = formula(x), dy/dx = derivative(y), and the range that y stays in."""

    formula: str
    derivative: str
    low: float
    high: float


ACTIVATIONS: Mapping[str, Function] = {
    "sigmoid": Function("1 / (1 + exp(-x))", "y (1 - y)", 0.0, 1.0),
    "tanh": Function("tanh(x)", "1 - y^2", -1.0, 1.0),
    "relu": Function("max(x, 0)", "1 where y > 0, else 0", 0.0, inf),
    "identity": Function("x", "1", -inf, inf),
}
