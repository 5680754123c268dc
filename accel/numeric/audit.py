"""`Detail` for the ledger: what a cast that has just been made did to its values; called by a detailed run only.

Each function takes what the cast took and runs after it: the cast has refused NaN and proved the widths. The surprise:
a unit's insides are not a cast, so of a unit only the first value out of range can be told, and it is found with
nothing but the unit's own count.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel.numeric.array import for_kernels
from accel.numeric.cast import holds, lane_draws
from accel.numeric.format import QFormat
from accel.numeric.ledger import Detail
from accel.numeric.quantizer import Quantizer
from accel.units.unit import RowUnit, UnaryUnit
from kernels.modes import Overflow

Codes = NDArray[Any]


def audit_cast(
    codes: Codes,
    source: QFormat,
    target: Quantizer,
    draws: NDArray[np.int64] | None = None,
    first_input: int = 0,
) -> Detail:
    """Return what `cast_codes` with the same arguments did.

    codes: any shape, the first axis counts inputs from `first_input` · draws: as for `cast_codes`.
    """
    from kernels.audit import audit  # compiled code only when something is audited

    if holds(target, source):
        return Detail()
    flat = for_kernels(codes, np.int64).reshape(-1)
    bits = np.empty(0, np.int64) if draws is None else for_kernels(draws, np.int64).reshape(-1)
    rq = target.lower(source)
    # The cast proved that no code leaves 63 bits, so beyond a left shift of 62 there are only zeros.
    counts = audit(flat, rq._replace(shift=max(rq.shift, -62)), bits)
    return Detail(
        rounded=int(counts.rounded),
        dropped_bits=int(counts.dropped_bits),
        largest_excess_lsb=int(counts.largest_excess),
        first_index=_index(int(counts.first), np.shape(codes), first_input),
    )


def audit_encode(values: ArrayLike, target: Quantizer, first_row: int = 0, first_input: int = 0) -> Detail:
    """Return what `encode` with the same arguments did, exactly, however large or tiny the values.

    values: any shape, float64, the first axis counts inputs from `first_input`. Infinities are out of range but not by
    a number of lsb, so beside them the largest excess is None.
    """
    from kernels.audit import audit_values  # compiled code only when something is audited

    x = for_kernels(np.asarray(values), np.float64)
    flat = x.reshape(-1)
    peaks = (int(flat.argmax()), int(flat.argmin())) if flat.size else ()
    # From 2^62 lsb on a value is out of range of every format and a whole number of lsb.
    exponent = 62 - target.format.frac_bits
    reach = math.ldexp(1.0, exponent) if exponent < 1024 else math.inf
    far = np.abs(flat) >= reach if any(abs(flat[i]) >= reach for i in peaks) else np.zeros(0, np.bool_)
    infinite = np.isinf(flat) if far.size else far
    bits = (np.where(far, 0.0, flat) if far.size else flat).view(np.int64)
    near = audit_values(
        bits, target.format.frac_bits, target.lower(target.format), lane_draws(target, x.shape, first_row)
    )
    excess = int(near.largest_excess)
    for i in peaks if far.size else ():
        if far[i] and not infinite[i]:
            code = int(Fraction(float(flat[i])) * Fraction(2) ** target.format.frac_bits)
            excess = max(excess, code - target.format.max_code, _lowest_code(target) - code)
    candidates = [int(np.flatnonzero(far)[0])] if far.any() else []
    if near.first >= 0:
        candidates.append(int(near.first))
    return Detail(
        rounded=int(near.rounded),
        dropped_bits=int(near.dropped_bits),
        largest_excess_lsb=None if infinite.any() else excess,
        first_index=_index(min(candidates, default=-1), x.shape, first_input),
    )


def first_overflow(unit: UnaryUnit | RowUnit, codes: Codes) -> tuple[int, ...] | None:
    """Return the index of the first code for which the unit counts an overflow, None if it counts none.

    codes: any shape; a unit of rows works on whole ones, so its index names a row. Halves are counted, so the unit
    works on about as many codes as there are.
    """
    by_rows = isinstance(unit, RowUnit)
    line, shape = (codes, codes.shape[:1]) if by_rows else (codes.reshape(-1), codes.shape)
    low, high = 0, len(line)
    while high - low > 1:
        middle = (low + high) // 2
        if unit(line[low:middle])[1]:
            high = middle
        else:
            low = middle
    return _index(low, shape, 0) if high > low and unit(line[low:high])[1] else None


def _lowest_code(target: Quantizer) -> int:
    """Return the smallest code that the target leaves as it is."""
    lowest = -target.format.max_code if target.overflow == Overflow.SAT_SYM else target.format.min_code
    return max(lowest, target.format.min_code)


def _index(first: int, shape: tuple[int, ...], first_input: int) -> tuple[int, ...] | None:
    """Return a flat index as one of that shape, counted from `first_input` along the first axis; None below 0."""
    if first < 0:
        return None
    position = [int(axis) for axis in np.unravel_index(first, shape)]
    if position:
        position[0] += first_input
    return tuple(position)
