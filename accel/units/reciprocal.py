"""1/d of a number that is never negative: an index of the designs. d = 0 gives the largest code.

All but the divider work on a mantissa in [1, 2), found by a leading-zero count, and shift its reciprocal back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accel.units.divider import non_restoring
from accel.units.reciprocal_linear import lut_linear
from accel.units.reciprocal_newton import lut_newton
from accel.units.reciprocal_unit import WORKING_BITS, ReciprocalUnit

__all__ = ["RECIPROCAL", "WORKING_BITS", "ReciprocalUnit"]

RECIPROCAL: Mapping[str, Callable[..., ReciprocalUnit]] = {
    "lut-newton": lut_newton,
    "lut-linear": lut_linear,
    "non-restoring": non_restoring,
}
"""Builders (source, target, **options) by design; the first is the default."""
