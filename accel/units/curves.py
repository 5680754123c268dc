"""sigmoid and tanh as their tables need them, and the formats that they can be built between."""

from __future__ import annotations

import math

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.unit import check_formats


def sigmoid_curve(x: float) -> float:
    """1 / (1 + exp(-x)); tables reach a few tens at most, where nothing overflows."""
    return 1 / (1 + math.exp(-x))


def sigmoid_bend(x: float) -> float:
    """Second derivative of sigmoid."""
    s = sigmoid_curve(x)
    return s * (1 - s) * (1 - 2 * s)


def tanh_bend(x: float) -> float:
    """Second derivative of tanh."""
    t = math.tanh(x)
    return -2 * t * (1 - t * t)


def check_curve(function: str, source: QFormat, target: QFormat) -> None:
    """Raise ConfigError for formats out of reach and for tanh into an unsigned target, which loses half of it."""
    if function == "tanh" and not target.signed:
        raise ConfigError(
            f"tanh has negative values, {target} does not; use a signed format such as Q1.{target.width - 1}"
        )
    check_formats(function, source, target)
