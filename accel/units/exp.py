"""exp of a number that is never positive, the form a max-shifted softmax needs: exp(-u), u >= 0.

exp(-u) = 2^-y with y = u * log2(e), and 2^-(n + f) = 2^-f >> n: what computes 2^-f for f in [0, 1) serves every
magnitude. Four of the designs split so (`exp_pow2`, `polynomial`, `cordic`); two look u itself up (`exp_lut`,
`exp_two_table`). The source format is that of u, hence unsigned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accel.units.cordic import cordic
from accel.units.exp_lut import lut
from accel.units.exp_pow2 import pow2_linear, pow2_lut
from accel.units.exp_two_table import two_table
from accel.units.polynomial import polynomial
from accel.units.unit import UnaryUnit

EXP: Mapping[str, Callable[..., UnaryUnit]] = {
    "pow2-linear": pow2_linear,
    "pow2-lut": pow2_lut,
    "lut": lut,
    "two-table": two_table,
    "cordic": cordic,
    "polynomial": polynomial,
}
"""Builders (source, target, **options) by design; the first is the default."""
