"""How good a unit is: every source code against float64 (NumPy only, nothing shared with the units' tables).

ulp = one lsb of the target. The reference is clipped to the target's range, because saturation is the format's doing,
not the unit's. Sources of more than 20 bits are sampled: up to 2^20 codes at an odd stride, both ends included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError, suggestion
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat
from accel.units.unit import UnaryUnit

Values = NDArray[np.float64]

MAX_CODES = 1 << 20


@dataclass(frozen=True)
class UnitError:
    """codes: how many inputs were compared. max_ulp, mean_ulp: |output - float64|, the error before rounding included.

    monotonic: never a step in the wrong direction. symmetric: f(-x) mirrors f(x) to the bit (saturation of the target
    apart); None for functions without a symmetry and for unsigned sources.
    """

    codes: int
    max_ulp: float
    mean_ulp: float
    monotonic: bool
    symmetric: bool | None


def _reciprocal(x: Values) -> Values:
    with np.errstate(divide="ignore"):
        return np.asarray(1 / x)


REFERENCES: Mapping[str, Callable[[Values], Values]] = {
    "sigmoid": lambda x: 0.5 + 0.5 * np.tanh(0.5 * x),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "identity": lambda x: x,
    "sqrt": np.sqrt,
    "exp": lambda u: np.exp(-u),
    "reciprocal": _reciprocal,
}

MIRRORS: Mapping[str, int] = {"sigmoid": 1, "tanh": 0, "identity": 0}
"""f(x) + f(-x) of the functions that have a symmetry."""


def source_grid(source: QFormat) -> NDArray[np.int64]:
    """Return all codes of the format in rising order, or up to 2^20 + 1 of them, at an odd stride, with both ends."""
    span = source.max_code - source.min_code
    if span < MAX_CODES:
        return np.arange(source.min_code, source.max_code + 1, dtype=np.int64)
    stride = -(-span // MAX_CODES) | 1
    grid = np.arange(source.min_code, source.max_code, stride, dtype=np.int64)
    return np.append(grid, source.max_code)


def measure(unit: UnaryUnit, codes: NDArray[np.int64] | None = None) -> UnitError:
    """Compare the unit with float64 over all codes of its source, or over `codes` (rising).

    Raises ConfigError for a function without a reference.
    """
    if unit.name not in REFERENCES:
        raise ConfigError(f"there is no float64 reference for '{unit.name}'.{suggestion(unit.name, REFERENCES)}")
    x = source_grid(unit.source) if codes is None else codes
    y = unit(x)[0].astype(np.int64)
    exact = np.ldexp(REFERENCES[unit.name](FxArray(x, unit.source).to_float()), unit.target.frac_bits)
    error = np.abs(y - np.clip(exact, unit.target.min_code, unit.target.max_code))
    steps = np.diff(y)
    return UnitError(
        codes=int(x.size),
        max_ulp=float(error.max()),
        mean_ulp=float(error.mean()),
        monotonic=bool((steps >= 0).all() or (steps <= 0).all()),
        symmetric=_symmetric(unit, x, y),
    )


def _symmetric(unit: UnaryUnit, x: NDArray[np.int64], y: NDArray[np.int64]) -> bool | None:
    """Tell whether f(x) is the target's nearest code to mirror - f(-x), for every x > 0 that has a -x."""
    if unit.name not in MIRRORS or not unit.source.signed:
        return None
    positive = x > 0
    mirrored = -unit(-x[positive])[0].astype(np.int64)
    if MIRRORS[unit.name]:
        mirrored += round(np.ldexp(MIRRORS[unit.name], unit.target.frac_bits))
    return bool((y[positive] == np.clip(mirrored, unit.target.min_code, unit.target.max_code)).all())
