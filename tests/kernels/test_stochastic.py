"""Is stochastic rounding as unbiased, and as biased, as it is said to be?"""

from __future__ import annotations

import math
from fractions import Fraction

import numba
import numpy as np
import pytest

from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import Lfsr, NumpyRandom
from kernels.modes import Rounding
from kernels.quantize import requantize

INTERPRETED = bool(numba.config.DISABLE_JIT)


def ups(target: Quantizer, shift: int, draws: np.ndarray) -> Fraction:
    """How often, over all fractions of `shift` bits and all draws, a cast rounds up."""
    source = QFormat(True, 16, 16 - shift)
    rq = target.lower(source)
    count = 0
    for fraction in range(1 << shift):
        out = np.empty(draws.size, np.int16)
        requantize(np.full(draws.size, fraction, np.int64), rq, draws, out)
        count += int(out.sum())
    return Fraction(count, draws.size << shift)


@pytest.mark.parametrize("centred", [False, True], ids=["plain", "centred"])
@pytest.mark.parametrize(("bits", "shift"), [(4, 4), (4, 6), (8, 6), (1, 3), (2, 5)])
def test_the_bias_is_exactly_as_stated(bits, shift, centred):
    """Over a period, completed by the zero state, rounding errs by -(2^-n - 2^-s)/2, by 2^-s/2 when centred."""
    lfsr = Lfsr(8, seed=1, bits=bits, centred=centred)
    assert math.gcd(bits, 255) == 1  # so that a lane passes through every state
    whole = np.append(lfsr.draws(255, 1), 0)
    target = Quantizer(QFormat(True, 16, 16), Rounding.STOCHASTIC, random=lfsr)
    mean_fraction = Fraction((1 << shift) - 1, 2 << shift)
    error = ups(target, shift, whole) - mean_fraction
    short = bits < shift
    plain = -(Fraction(1, 1 << bits) - Fraction(1, 1 << shift)) / 2 if short else 0
    assert error == (Fraction(1, 2 << shift) if short and centred else plain)


FRACTIONS = [1, 128, 255] if INTERPRETED else [1, 77, 128, 200, 255]


def zeros_cast(fraction: int, draws: np.ndarray, target: Quantizer) -> int:
    """How often -1 + fraction / 256 is cast up to 0, and not down to -1."""
    out = np.empty(draws.size, np.int16)
    requantize(np.full(draws.size, -256 + fraction, np.int64), target.lower(QFormat(True, 16, 8)), draws, out)
    assert set(out.tolist()) <= {-1, 0}
    return int(np.count_nonzero(out == 0))


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_a_period_of_the_register_rounds_in_proportion(fraction):
    """Over a period of 16-bit draws, every one of 1..65535 once, x = -1 + p goes up exactly 65536 p times."""
    lfsr = Lfsr(16, seed=99, bits=16)
    target = Quantizer(QFormat(True, 16, 16), Rounding.STOCHASTIC, random=lfsr)
    assert zeros_cast(fraction, lfsr.draws(65535, 1).reshape(-1), target) == fraction * 256


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_the_mean_of_stochastic_rounding(fraction):
    """Of many roundings of x = -1 + p, a share within five standard deviations, 5 sqrt(p (1 - p) / count), goes up."""
    random = NumpyRandom(4, 16)
    draws = random.draws(64 if INTERPRETED else 1000, 64).reshape(-1)
    target = Quantizer(QFormat(True, 16, 16), Rounding.STOCHASTIC, random=random)
    p = fraction / 256
    assert abs(zeros_cast(fraction, draws, target) / draws.size - p) < 5 * math.sqrt(p * (1 - p) / draws.size)
