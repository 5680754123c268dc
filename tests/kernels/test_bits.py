"""Are the random bits those of the register that hardware builds, one step at a time?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from accel.numeric import exact
from accel.numeric.random import REGISTERS, Lfsr


def serial_draws(lfsr: Lfsr, rows: int, column: int) -> list[int]:
    """The draws of one lane, walked bit by bit from the seed."""
    register = REGISTERS[lfsr.width]
    skipped = (column * register.lane_phase + lfsr.stream * register.stream_phase) % (2**lfsr.width - 1)
    bits = exact.lfsr_bits(lfsr.width, lfsr.seed, skipped + rows * lfsr.bits)[skipped:]
    draws = [bits[first : first + lfsr.bits] for first in range(0, len(bits), lfsr.bits)]
    return [int("".join(map(str, draw)), 2) for draw in draws]


@pytest.mark.parametrize("width", [8, 12, 16])
@pytest.mark.parametrize("stream", [0, 5])
def test_against_the_serial_register(width, stream):
    """Every lane's draws are the bits of a register that is stepped one bit at a time from the seed."""
    for bits in (1, width // 2 + 1, width):
        lfsr = Lfsr(width, seed=0x5A, bits=bits, stream=stream)
        drawn = lfsr.draws(6, 3)
        for column in range(3):
            assert drawn[:, column].tolist() == serial_draws(lfsr, 6, column)


def test_the_wide_register():
    """Lane 0 of the 32-stage register is stepped bit by bit; lane 1, too far to walk to, is lane 0 in other rows."""
    lfsr = Lfsr(32, seed=0x12345678, bits=32)
    assert lfsr.draws(50, 1)[:, 0].tolist() == serial_draws(lfsr, 50, 0)
    # Lane 1 stands `phase` steps ahead, which is as many rows of 32 steps modulo the (odd) period.
    period = 2**32 - 1
    rows = REGISTERS[32].lane_phase * pow(32, -1, period) % period
    assert lfsr.draws(5, 2)[:, 1].tolist() == lfsr.draws(5, 1, first_row=rows)[:, 0].tolist()


@pytest.mark.parametrize("width", [8, 12, 16])
def test_the_period_is_maximal(width):
    """Bit by bit, the register passes through every state but zero before it returns to its seed."""
    period = 2**width - 1
    bits = exact.lfsr_bits(width, 1, period + width)
    states = {tuple(bits[i : i + width]) for i in range(period)}
    assert len(states) == period
    assert (0,) * width not in states
    assert bits[period:] == bits[:width]


@pytest.mark.parametrize("width", [8, 12, 16, 32])
def test_the_period_of_draws(width):
    """A lane's draws repeat after period / gcd(period, bits) rows and not before a proper divisor of that."""
    period = 2**width - 1
    for bits in (1, 3, width // 2, width):
        lfsr = Lfsr(width, seed=7, bits=bits)
        rows = period // math.gcd(period, bits)
        start = lfsr.draws(40, 4)
        assert np.array_equal(lfsr.draws(40, 4, first_row=rows), start)
        for prime in (3, 5, 7, 13, 17, 257, 65537):
            if rows % prime == 0:
                assert not np.array_equal(lfsr.draws(40, 4, first_row=rows // prime), start)


@pytest.mark.parametrize("width", [8, 12, 16, 32])
def test_phases_follow_their_rule(width):
    """Phases are next to the golden section and to sqrt(3) - 1 of the period and share no factor with it."""
    period = 2**width - 1
    register = REGISTERS[width]
    for phase, ratio in ((register.lane_phase, (math.sqrt(5) - 1) / 2), (register.stream_phase, math.sqrt(3) - 1)):
        assert math.gcd(phase, period) == 1
        nearer = abs(phase - period * ratio)
        around = range(round(period * ratio) - 20, round(period * ratio) + 21)
        assert all(math.gcd(other, period) > 1 for other in around if abs(other - period * ratio) < nearer)


def test_taps_are_those_of_the_specification():
    """The polynomials are the four that are named."""
    assert {width: register.taps for width, register in REGISTERS.items()} == {
        8: (8, 6, 5, 4),
        12: (12, 6, 4, 1),
        16: (16, 15, 13, 4),
        32: (32, 22, 2, 1),
    }
