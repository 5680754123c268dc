"""Where the binary point of a format goes, its word length given: from extremes, a percentile, or the least error.

A format reaches as far as it is off by no more than an lsb: a value one lsb beyond the last code is better clipped than
served by the next format, whose rounding is worth as much and befalls every value. Formats that wrap reach no farther
than their codes. A value is called clipped when its format does not reach it.

    max         the finest format that reaches every value
    percentile  the finest that reaches so many percent of the values
    mse         the least sum of squared errors (rounding and clipping together) among the format of "max" and those up
                to `DEPTH` bits finer
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from accel.calibrate.observe import Observed, Values
from accel.calibrate.slots import Assignment, Range, Slot, Tensor
from accel.numeric.cast import encode
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from kernels.modes import Overflow, Rounding

DEPTH = 8
"""How many bits finer than the range asks for a format may be placed; a clipped value is then up to 256 ranges off."""

MAX_FRAC_BITS = 31
"""The finest binary point that is placed: function units take no finer one (`accel.units.unit.SOURCE_FRAC_BITS`)."""

_SATURATING = (Overflow.SAT, Overflow.SAT_SYM)


def reach(target: QFormat, overflow: Overflow, is_strict: bool = False) -> Range:
    """Return the values that the format writes with an error of at most one lsb; is_strict: those among its codes."""
    slack = 0 if is_strict or overflow not in _SATURATING else 1
    lowest = -target.max_code if overflow == Overflow.SAT_SYM and target.signed else target.min_code
    return Range(math.ldexp(lowest - slack, -target.frac_bits), math.ldexp(target.max_code + slack, -target.frac_bits))


def covering(before: Quantizer, width: int, span: Range, is_strict: bool = False) -> QFormat:
    """Return the finest format of that width that reaches all of `span`; unsigned ones get a sign if they need it.

    A span of zeros alone asks for nothing: the binary point stays as many bits below the top as before.
    """
    signed = before.format.signed or span.low < 0
    magnitude = max(-span.low, span.high)
    if magnitude == 0.0:
        return QFormat(signed, width, before.format.int_bits)
    # magnitude < 2^e: with a sign, e + 1 integer bits reach it for sure, and fewer than e - 1 never do.
    int_bits = max(math.frexp(magnitude)[1] - 2 + signed, width - MAX_FRAC_BITS)
    while True:
        chosen = QFormat(signed, width, int_bits)
        limits = reach(chosen, before.overflow, is_strict)
        if limits.low <= span.low and span.high <= limits.high:
            return chosen
        int_bits += 1


def placed(
    observed: Observed, before: Quantizer, width: int, method: str, percentile: float
) -> tuple[QFormat, tuple[int, ...]]:
    """Return the format of a slot and, for each row of its values, how many fraction bits more that row may have.

    The format is that of the row with the largest values, so no row has fewer.
    """
    widest = covering(before, width, observed.range)
    finest = min(DEPTH, MAX_FRAC_BITS - widest.frac_bits)
    candidates = [replace(widest, int_bits=widest.int_bits - step) for step in range(finest + 1)]
    rows = observed.rows
    if method == "mse":
        steps = np.argmin([squared_errors(rows, before, candidate) for candidate in candidates], axis=0)
    else:
        allowed = 0.0 if method == "max" else 1.0 - percentile / 100.0
        extremes = np.array([[observed.range.low, observed.range.high]])
        spread = extremes if method == "max" and len(rows) == 1 else rows
        within = np.array([clipped(spread, before, candidate) <= allowed + 1e-12 for candidate in candidates])
        # The format of "max" reaches every value; finer ones reach fewer and fewer.
        steps = np.maximum(within.sum(axis=0) - 1, 0)
    used = np.abs(rows).max(axis=1) > 0
    if not used.any():
        return widest, (0,) * len(rows)
    base = int(steps[used].min())
    shifts = np.where(used, steps - base, 0)
    return candidates[base], tuple(int(shift) for shift in shifts)


def clipped(rows: Values, before: Quantizer, target: QFormat) -> Values:
    """Return the share of every row that the format does not reach."""
    limits = reach(target, before.overflow)
    share: Values = np.mean((rows < limits.low) | (rows > limits.high), axis=1)
    return share


def squared_errors(rows: Values, before: Quantizer, target: QFormat) -> Values:
    """Return the sum of squared errors of every row in that format; STOCHASTIC is taken as rounding to nearest."""
    difference = written(rows, before, target) - rows
    errors: Values = (difference * difference).sum(axis=1)
    return errors


def written(values: Values, before: Quantizer, target: QFormat) -> NDArray[np.float64]:
    """Return what the values become in that format."""
    rounding = Rounding.RND_CONV if before.rounding == Rounding.STOCHASTIC else before.rounding
    return encode(values, Quantizer(target, rounding, before.overflow, before.saturation_bits))[0].to_float()


@dataclass(frozen=True, eq=False)
class DataPlacer:
    """Places formats for what was observed; every slot for itself, so that one format never asks for another."""

    tensors: Mapping[Slot, Tensor]
    observed: Mapping[Slot, Observed]
    method: str
    percentile: float
    _known: dict[tuple[Slot, int], tuple[QFormat, tuple[int, ...]]] = field(default_factory=dict)

    def place(self, widths: Mapping[Slot, int]) -> Assignment:
        """Return the formats for these word lengths."""
        formats: dict[Slot, QFormat] = {}
        shifts: dict[str, tuple[int, ...]] = {}
        for slot, tensor in self.tensors.items():
            key = (slot, widths[slot])
            if key not in self._known:
                seen = self.observed[slot]
                self._known[key] = placed(seen, tensor.before, widths[slot], self.method, self.percentile)
            formats[slot], finer = self._known[key]
            if any(finer):
                shifts[slot.node] = finer
        return Assignment(formats, {slot: seen.range for slot, seen in self.observed.items()}, shifts)
