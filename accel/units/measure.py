"""How good a unit is: every source code, or rows of random logits, against float64 (nothing shared with the tables).

ulp = one lsb of the target. The reference is clipped to the target's range, because saturation is the format's doing,
not the unit's. Sources of more than 20 bits are sampled: up to 2^20 codes at an odd stride, both ends included. The
surprise: a softmax can name another winner without any share being out of order, when two of them tie.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError, suggestion
from accel.golden.softmax import softmax
from accel.numeric.array import FxArray
from accel.numeric.cast import encode
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.units.unit import SoftmaxUnit, UnaryUnit

Values = NDArray[np.float64]

MAX_CODES = 1 << 20

FINE_EDGES = tuple(i / 4 for i in range(9))
"""Histogram edges up to 2 ulp; powers of two follow."""


@dataclass(frozen=True)
class Histogram:
    """How many inputs have |error| in [edges_ulp[i], edges_ulp[i + 1]): steps of 1/4 ulp up to 2, then 4, 8, 16, ...

    The last edge is the first one beyond the largest error.
    """

    edges_ulp: tuple[float, ...]
    counts: tuple[int, ...]


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
    histogram: Histogram


@dataclass(frozen=True)
class SoftmaxError:
    """max_error: largest |share - float64| as a probability. row_sum_min, row_sum_max: of the rows' shares.

    Shares of rows: argmax_flips, the first largest output is another class than the first largest logit; ties, classes
    of different logits share the largest output; reversals, the winning logit got less than another one.
    """

    max_error: float
    row_sum_min: float
    row_sum_max: float
    argmax_flips: float
    ties: float
    reversals: float


def _reciprocal(x: Values) -> Values:
    with np.errstate(divide="ignore"):
        return np.asarray(1 / x)


def _inverse_root(x: Values) -> Values:
    return _reciprocal(np.sqrt(x))


REFERENCES: Mapping[str, Callable[[Values], Values]] = {
    "sigmoid": lambda x: 0.5 + 0.5 * np.tanh(0.5 * x),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "identity": lambda x: x,
    "sqrt": np.sqrt,
    "rsqrt": _inverse_root,
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
        histogram=histogram(error),
    )


def histogram(error: Values) -> Histogram:
    """error: (n,) |error| in ulp, finite."""
    edges = list(FINE_EDGES)
    while edges[-1] <= error.max(initial=0.0):
        edges.append(2 * edges[-1])
    counts, _ = np.histogram(error, edges)  # the last bin includes its right edge, which nothing reaches
    return Histogram(tuple(edges), tuple(int(count) for count in counts))


def measure_softmax(
    unit: SoftmaxUnit, classes: int, scale: float, rows: int = 1000, seed: int = 0, base: float = math.e
) -> SoftmaxError:
    """Compare the unit with float64 on `rows` rows of normal logits of that spread, in codes of its source format.

    base: that of the powers which shares are compared with. The same seed, classes and scale give the same logits to
    every unit of one source format. Raises ConfigError unless there is a row with a value in it.
    """
    if classes < 1 or rows < 1:
        raise ConfigError(f"{rows} rows of {classes} classes compare nothing; use at least one of each")
    values = np.random.default_rng([seed, classes, round(1000 * scale)]).normal(0.0, scale, (rows, classes))
    logits, _ = encode(values, Quantizer(unit.source))
    made = unit(logits.codes)[0].astype(np.int64)
    shares = FxArray(made, unit.target).to_float()
    exact = softmax(logits.to_float() * math.log(base))
    winner = logits.codes.argmax(axis=1)[:, None]
    of_winner = np.take_along_axis(made, winner, axis=1)
    largest = made.max(axis=1, keepdims=True)
    first = made.argmax(axis=1)[:, None]
    tied = np.where(made == largest, logits.codes, np.take_along_axis(logits.codes, first, axis=1))
    sums = shares.sum(axis=1)
    return SoftmaxError(
        max_error=float(np.abs(shares - exact).max()),
        row_sum_min=float(sums.min()),
        row_sum_max=float(sums.max()),
        argmax_flips=float((first != winner).mean()),
        ties=float((tied.max(axis=1) != tied.min(axis=1)).mean()),
        reversals=float((of_winner < largest).mean()),
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
