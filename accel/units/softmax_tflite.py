"""TensorFlow Lite's 16-bit softmax, bit by bit.

Source: github.com/tensorflow/tensorflow, lite/kernels/internal/reference/softmax.h (SoftmaxInt16), internal/common.h
(table rule, look-up) and kernels/activations.cc (ranges, rescaling), as of 2.3 to 2.5. The surprise: the midpoint
correction lifts the last entry of the exp table, exp(-10) = 1.5 lsb, to 2 lsb, and every logit further than 10 below
the largest stays there: 1000 classes of wide logits take 6 % away from the winner.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError, DataError
from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.softmax_hls4ml import refuse_parts
from accel.units.softmax_path import ACCUMULATE, DEFAULT_TARGET, MAXIMUM, PRODUCT, SUBTRACT, RowPath, StreamedSoftmax
from accel.units.unit import Choice, Codes, Memories, check_formats, final_cast, frozen_table
from kernels.modes import Requant

SEGMENTS = 512
ENTRY_BITS = 16
PROBABILITY_FRAC_BITS = 15
REACH = 10.0
"""Distances beyond are treated as this one."""

LONGEST_ROW = 1 << 16
"""65536 exponentials of up to 32767 sum to less than 2^31: beyond, the tool's 32-bit sum would overflow."""

FEWEST_FRAC_BITS = -1
"""With fewer, the rescaling's left shift of a 17-bit distance leaves 32 bits, which the tool leaves undefined."""

RESCALE = UnitCost(latency_cycles=1, multipliers=1, adders=1)
NORMALISE = UnitCost(latency_cycles=1, adders=1)


@dataclass(frozen=True, eq=False)
class TfliteSoftmax(StreamedSoftmax):
    """Maximum, distance, rescaling, exp table with lines, sum, 1 / (1 + x) table with lines, product.

    Table rule, over [a, b] in 512 steps, f in lsb of 2^-15, every rounding half away from zero: entry i = round(f(x))
    minus half the amount, rounded, by which the middle of the chord lies above the curve; entry 512 = round(f(b));
    saturated to 16 bits. exp over [-10, 0], 1 / (1 + x) over [0, 1]. 16 bits per entry, 513 entries each.
    Probabilities have 15 fraction bits, 32767 at most; they are cast to the target once.
    Measured on Q6.10, ten classes of normal logits: errors up to 7e-5 (spread 1) and 5.8e-4 (spread 4 and 8); 1000
    classes: 2e-5, 5.4e-2 and 5.7e-2 for the three spreads.
    Depth (12): maximum 1, distance 1, rescaling 1, table and line 3, sum 1, normalise 1, table and line 3, product 1.
    """

    exp_table: NDArray[np.int64]
    inverse_table: NDArray[np.int64]
    multiplier: int
    left_shift: int
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (rows, k) logits -> (rows, k) probabilities. Raises DataError for rows of more than 65536 values."""
        from kernels.softmax_tflite import Rescale, softmax_tflite

        if codes.shape[1] > LONGEST_ROW:
            raise DataError(
                f"softmax 'tflite-s16' sums in 32 bits, which {codes.shape[1]} values can exceed; "
                f"use rows of at most {LONGEST_ROW} or the design 'reference'"
            )
        out = np.empty_like(codes)
        scale = Rescale(self.multiplier, self.left_shift)
        return out, int(softmax_tflite(codes, self.exp_table, self.inverse_table, scale, self.cast, out))

    def memories(self) -> Memories:
        """Return both tables."""
        return {"exp.table": (self.exp_table, ENTRY_BITS), "inverse.table": (self.inverse_table, ENTRY_BITS)}


def tflite_s16(
    source: QFormat,
    target: QFormat = DEFAULT_TARGET,
    exp: Choice | None = None,
    reciprocal: Choice | None = None,
) -> TfliteSoftmax:
    """Build the unit.

    Raises ConfigError for formats out of reach, sources that 16 bits cannot hold, fewer than -1 fraction bits, and
    parts, which it does not take.
    """
    refuse_parts("tflite-s16", exp, reciprocal)
    check_formats("softmax", source, target)
    if source.width > ENTRY_BITS - (not source.signed) or source.frac_bits < FEWEST_FRAC_BITS:
        raise ConfigError(
            f"softmax 'tflite-s16' takes 16-bit integers with at least {FEWEST_FRAC_BITS} fraction bits, not {source}; "
            "use a narrower output format for the layer before it, such as Q6.10, or the design 'reference'"
        )
    multiplier, left_shift = quantized_multiplier(math.ldexp(1.0, -source.frac_bits) / (REACH / 65535))
    table_bits = (SEGMENTS + 1) * ENTRY_BITS
    line = UnitCost(latency_cycles=3, table_bits=table_bits, multipliers=1, adders=2)
    path = RowPath(
        lane=MAXIMUM + SUBTRACT + RESCALE + line + ACCUMULATE + PRODUCT,
        row=NORMALISE + line,
        streams=(1, 1, 1),
    )
    return TfliteSoftmax(
        design="tflite-s16",
        source=source,
        target=target,
        cost=path.cost,
        path=path,
        exp_table=_table(math.exp, -REACH, 0.0),
        inverse_table=_table(lambda x: 1 / (1 + x), 0.0, 1.0),
        multiplier=multiplier,
        left_shift=left_shift,
        cast=final_cast(PROBABILITY_FRAC_BITS, target),
    )


def quantized_multiplier(factor: float) -> tuple[int, int]:
    """Return (multiplier, left_shift): factor, rounded, = multiplier * 2^(left_shift - 31), multiplier of 31 bits."""
    mantissa, left_shift = math.frexp(factor)
    multiplier = _nearest(math.ldexp(mantissa, 31))
    if multiplier == 1 << 31:
        return 1 << 30, left_shift + 1
    return multiplier, left_shift


def _table(f: Callable[[float], float], start: float, end: float) -> NDArray[np.int64]:
    """Return the table of f over [start, end] by the tool's rule."""
    step = (end - start) / SEGMENTS
    one = 1 << PROBABILITY_FRAC_BITS
    entries = []
    for i in range(SEGMENTS):
        here = _nearest(f(start + i * step) * one)
        chord = _nearest((f(start + (i + 1) * step) * one + here) / 2)
        curve = _nearest(f(start + i * step + step / 2) * one)
        entries.append(here - _nearest((chord - curve) / 2))
    entries.append(_nearest(f(end) * one))
    return frozen_table(min(max(entry, -one), one - 1) for entry in entries)


def _nearest(value: float) -> int:
    """Round half away from zero, as C does."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))
