"""Does the ledger's detail tell of a cast what exact fractions say, and of a unit where it first overflowed?"""

from __future__ import annotations

import math
from fractions import Fraction

import numba
import numpy as np
import pytest

from accel.numeric import exact
from accel.numeric.audit import audit_cast, audit_encode, first_overflow
from accel.numeric.cast import cast_codes, encode, lane_draws, quantizer
from accel.numeric.format import QFormat
from accel.numeric.ledger import Detail
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import Lfsr
from accel.units.registry import build_softmax, build_unit
from kernels.modes import Overflow, Rounding

COUNT = 12 if numba.config.DISABLE_JIT else 60
ROUNDINGS = pytest.mark.parametrize("rounding", Rounding, ids=lambda mode: mode.name)


def told(values: list[Fraction], shape: tuple[int, ...], target: Quantizer, draws: np.ndarray) -> tuple[Detail, int]:
    """Detail and overflows of casting finite values, counted in lsb of the target, one at a time."""
    fractions = [value.denominator.bit_length() - 1 for value in values]
    symmetric = target.overflow == Overflow.SAT_SYM and target.format.signed
    low = -target.format.max_code if symmetric else target.format.min_code
    drawn = draws.tolist() or [0] * len(values)
    rounded = [exact.round_fraction(value, target, draw) for value, draw in zip(values, drawn, strict=True)]
    beyond = [max(u - target.format.max_code, low - u, 0) for u in rounded]
    places = [place for place, excess in zip(np.ndindex(*shape), beyond, strict=True) if excess]
    lost = sum(bits > 0 for bits in fractions)
    return Detail(lost, max(fractions), max(beyond), min(places, default=None)), len(places)


@ROUNDINGS
@pytest.mark.parametrize("overflow", ["SAT", "SAT_SYM", "WRAP"])
def test_casts(rounding, overflow, rng):
    """Random maps of codes: detail as the oracle sees it, overflows as the cast counts them."""
    source = QFormat.parse("Q6.10")
    for text in ("Q2.6", "UQ3.4", "Q4.14", "Q12.-2"):
        target = quantizer(text, rounding, overflow, random=Lfsr(bits=5))
        codes = rng.integers(source.min_code, source.max_code + 1, (2, 3, COUNT // 6, 1)) >> rng.integers(0, 12)
        draws = lane_draws(target, codes.shape)
        values = [code * source.lsb / target.format.lsb for code in codes.reshape(-1).tolist()]
        want, overflowed = told(values, codes.shape, target, draws)
        assert audit_cast(codes, source, target, draws) == want, target
        assert cast_codes(codes, source, target, draws)[1] == overflowed


@ROUNDINGS
@pytest.mark.parametrize("text", ["Q1.7", "UQ4.4", "Q9.-3", "Q1.60"])
def test_values(rounding, text, rng):
    """Random values between tiny and huge: detail as exact fractions tell it, overflows as `encode` counts them."""
    for overflow in (Overflow.SAT, Overflow.SAT_SYM, Overflow.WRAP):
        target = quantizer(text, rounding, overflow, random=Lfsr(bits=7))
        x = rng.normal(size=(COUNT // 4, 4)) * 2.0 ** rng.integers(-70, 70, (COUNT // 4, 4))
        values = [Fraction(v) / target.format.lsb for v in x.reshape(-1).tolist()]
        want, overflowed = told(values, x.shape, target, lane_draws(target, x.shape, 3))
        assert audit_encode(x, target, first_row=3) == want, target
        assert encode(x, target, first_row=3)[1] == overflowed


def test_values_at_the_ends_of_float64():
    """The smallest and the largest value: 1073 bits below an lsb of 1/2, and an excess of 308 decimal digits."""
    tiny, huge = math.ulp(0.0), 1.7976931348623157e308
    target = quantizer("Q7.1")
    assert audit_encode([tiny], target) == Detail(1, 1073, 0, None)
    assert audit_encode([0.0, huge, tiny], target) == Detail(1, 1073, int(huge) * 2 - 127, (1,))
    assert audit_encode([0.0, -huge], target) == Detail(0, 0, int(huge) * 2 - 128, (1,))
    assert audit_encode([-huge], quantizer("Q7.1", overflow="SAT_SYM")).largest_excess_lsb == int(huge) * 2 - 127
    assert audit_encode([-huge], quantizer("UQ7.1", overflow="SAT_SYM")).largest_excess_lsb == int(huge) * 2


def test_far_formats():
    """Binary points far from 1 change nothing: only bits below the lsb are lost, only codes beyond the range excess."""
    assert audit_encode([2.0**999, 3 * 2.0**990], quantizer("Q1000.-992")) == Detail(1, 2, 1, (0,))
    last = np.nextafter(2.0**1023, np.inf)  # 2^971 beyond 2^1023, 21 bits below the lsb
    assert audit_encode([last], quantizer("Q1000.-992")) == Detail(1, 21, 2**31 - 127, (0,))
    assert audit_encode([2.0**-999, 3 * 2.0**-1008], quantizer("Q-999.1007")) == Detail(1, 1, 129, (0,))


def test_infinities():
    """An infinity is out of range but not by a number of lsb; it loses no bits and may be the first."""
    assert audit_encode([0.0, -np.inf, 9.0], quantizer("Q2.2")) == Detail(0, 0, None, (1,))
    assert audit_encode([9.0, np.inf, 0.1], quantizer("Q2.2")) == Detail(1, 53, None, (0,))


def test_indices_count_from_the_batchs_first_input():
    """Only the first axis is an input; what fits has no index; a lone number has the empty one."""
    q, target = QFormat.parse("Q8.0"), quantizer("Q4.0")
    codes = np.zeros((3, 2, 2), np.int64)
    assert audit_cast(codes, q, target, first_input=40) == Detail()
    codes[1, 0, 1] = codes[2, 1, 1] = 100
    assert audit_cast(codes, q, target).first_index == (1, 0, 1)
    assert audit_cast(codes, q, target, first_input=40).first_index == (41, 0, 1)
    assert audit_encode(codes.astype(float), target, first_input=40).first_index == (41, 0, 1)
    assert audit_cast(np.array(100), q, target).first_index == audit_encode(100.0, target).first_index == ()


@pytest.mark.parametrize("shape", [(0,), (0, 3, 5), (2, 0)])
def test_nothing_to_audit(shape):
    """No values, no events."""
    target = quantizer("Q1.7")
    assert audit_encode(np.empty(shape), target) == Detail()
    assert audit_cast(np.empty(shape, np.int64), target.format, target) == Detail()


def test_zeros_move_to_any_binary_point():
    """Zeros, which alone can be cast 90 bits to the left, are told as the cast makes them."""
    source, target = QFormat(True, 8, 8), quantizer("Q-80.90")
    zeros = np.zeros(3, np.int8)
    assert cast_codes(zeros, source, target)[1] == 0
    assert audit_cast(zeros, source, target) == Detail()


@pytest.mark.parametrize("beyond", [[], [0], [59], [31, 40], list(range(60))])
def test_the_first_overflow_of_a_unit(beyond):
    """Of a unit that only counts, the first code that saturates is found wherever it stands."""
    unit = build_unit("identity", "identity", QFormat.parse("Q8.0"), QFormat.parse("Q4.0"))
    codes = np.zeros(60, np.int8)
    codes[beyond] = 100
    place = (beyond[0] // 20, beyond[0] // 5 % 4, beyond[0] % 5) if beyond else None
    assert first_overflow(unit, codes.reshape(3, 4, 5)) == place
    assert first_overflow(unit, codes) == ((beyond[0],) if beyond else None)
    assert first_overflow(unit, codes[:0]) is None


def test_the_first_overflow_of_a_softmax():
    """A softmax works on whole rows: the index names the row. A sure class is 1.0, which UQ0.16 lacks by one lsb."""
    unit = build_softmax("reference", QFormat.parse("Q8.8"), QFormat.parse("UQ0.16"))
    codes = np.zeros((7, 3), np.int16)
    assert first_overflow(unit, codes) is None
    codes[[4, 6], 1] = 30000
    assert unit(codes)[1] == 2
    assert first_overflow(unit, codes) == (4,)
