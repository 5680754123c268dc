"""The constant that turns the sum of a pooling window into its average: sum * multiplier * 2^-shift, then one cast.

A window of 2^k values needs a rounding shift only. Any other count multiplies by its reciprocal, rounded to 18 bits
(one operand of a DSP slice): relative error at most 2^-18, so a 16-bit average moves by less than 1/8 lsb beside the
1/2 lsb of its cast. The surprise: the average of equal codes is still that code, because 1/8 never reaches 1/2.
"""

from __future__ import annotations

from accel.errors import ConfigError
from accel.units.cost import UnitCost

MULTIPLIER_BITS = 18


def average_steps(count: int) -> tuple[int, int]:
    """Return (multiplier, shift) for a window of `count` values. Raises ConfigError for an empty window."""
    if count < 1:
        raise ConfigError(f"the average of {count} values does not exist; a pooling window holds at least one")
    if _is_power_of_two(count):
        return 1, count.bit_length() - 1
    shift = MULTIPLIER_BITS - 1 + count.bit_length()  # 2^shift / count lies between 2^17 and 2^18
    return ((1 << shift) + count // 2) // count, shift


def average_cost(count: int) -> UnitCost:
    """Return what follows the window's sum. Stages: multiply (not for 2^k values); shift, round and saturate."""
    average_steps(count)
    if _is_power_of_two(count):
        return UnitCost(latency_cycles=1, adders=1)
    return UnitCost(latency_cycles=2, multipliers=1, adders=1)


def _is_power_of_two(count: int) -> bool:
    return count & (count - 1) == 0
