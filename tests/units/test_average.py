"""Average pooling constants: exact for 2^k, within the stated bound otherwise."""

from __future__ import annotations

from fractions import Fraction

import pytest

from accel.errors import ConfigError
from accel.units.average import average_cost, average_steps


def test_constant_is_the_nearest_of_18_bits() -> None:
    """multiplier * 2^-shift is 1/count exactly for 2^k, else the nearest 18-bit constant, off by at most 2^-18."""
    for count in (*range(1, 1025), 4095, 4096, 50176):
        multiplier, shift = average_steps(count)
        error = abs(Fraction(multiplier * count, 1 << shift) - 1)
        if count & (count - 1):
            assert 1 << 17 <= multiplier < 1 << 18
            assert error <= Fraction(1, 1 << 18)
            assert multiplier == round(Fraction(1 << shift, count))
        else:
            assert (multiplier, error) == (1, 0)


@pytest.mark.parametrize("count", [3, 5, 6, 7, 9, 25, 36, 49, 169])
def test_a_16_bit_average_moves_by_less_than_an_eighth(count: int) -> None:
    """Before its cast the average of any window of 16-bit codes is within 1/8 lsb; equal codes give that code back."""
    multiplier, shift = average_steps(count)
    for code in (-32768, -32767, -12345, -1, 0, 1, 21845, 32767):
        for total in (code * count, code * count + count // 2 if code < 32767 else code * count):
            average = Fraction(total * multiplier, 1 << shift)
            assert abs(average - Fraction(total, count)) <= Fraction(1, 8)
        assert round(Fraction(code * count * multiplier, 1 << shift)) == code


def test_cost_and_empty_windows() -> None:
    """A window of 2^k needs no multiplier and one stage; an empty one is a ConfigError."""
    assert (average_cost(4).latency_cycles, average_cost(4).multipliers) == (1, 0)
    assert (average_cost(9).latency_cycles, average_cost(9).multipliers) == (2, 1)
    for function in (average_steps, average_cost):
        with pytest.raises(ConfigError, match="at least one"):
            function(0)
