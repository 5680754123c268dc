"""Do values in vectors tell what is not finite, wherever it stands, and are the instructions what the plain lines mean?

That their codes are those of exact integers is tested beside the other casts, in `test_vector_cast`.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest

from accel.numeric import cast, exact
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from kernels.modes import Overflow, Rounding
from kernels.tile import VECTOR
from kernels.vector_encode import bounds_and_thresholds, encode, encode_run, is_vector_encode

INTERPRETED = bool(numba.config.DISABLE_JIT)
MODES = [mode for mode in Rounding if mode != Rounding.STOCHASTIC]
every_mode = pytest.mark.parametrize("rounding", MODES, ids=lambda mode: mode.name)


def cast_of(target: Quantizer):
    """Return the cast of values to that target."""
    return target.lower(target.format)._replace(source_width=64)


@every_mode
@pytest.mark.parametrize("text", ["Q4.4", "UQ4.4", "Q3.13", "Q10.20"])
@pytest.mark.parametrize("overflow", [Overflow.SAT, Overflow.SAT_SYM, Overflow.WRAP])
def test_codes_are_exact(rng, rounding, overflow, text):
    """Values near codes, near the middles between them, and near the ends of the range, as fractions are rounded."""
    target = Quantizer(QFormat.parse(text), rounding, overflow)
    q = target.format
    near = [q.min_code - 1, q.min_code, q.min_code + 1, -2, -1, 0, 1, 2, q.max_code - 1, q.max_code, q.max_code + 1]
    near += rng.integers(q.min_code, q.max_code + 1, 4).tolist()
    near += [5 * q.max_code + 3, -7 * q.max_code - 2, 1 << 40, -(1 << 45) - 1]
    points = [(code + part) * float(q.lsb) for code in near for part in (0, 0.25, 0.5, 0.75)]
    values = np.array([v for point in points for v in (point, math.nextafter(point, 1e9), math.nextafter(point, -1e9))])
    codes = np.empty(values.size, q.dtype)
    clipped, is_finite = encode(values, float(1 << q.frac_bits), cast_of(target), codes)
    assert codes.tolist() == [exact.cast_value(v, target) for v in values.tolist()]
    unbounded = Quantizer(QFormat(True, 60, 60 - q.frac_bits), rounding)
    outside = [exact.cast_value(v, unbounded) for v in values.tolist()]
    assert clipped == sum(a != b for a, b in zip(codes.tolist(), outside, strict=True))
    assert is_finite


@every_mode
@pytest.mark.parametrize("size", [1, VECTOR - 1, VECTOR, 2 * VECTOR + 3])
def test_what_is_not_finite_is_told(rounding, size):
    """One infinity or NaN anywhere, also in the last and not full vector; huge values are finite, scaled or not."""
    rq = cast_of(Quantizer(QFormat(True, 12, 4), rounding))
    codes = np.empty(size, np.int16)
    for held in (0.0, 1e308, -1e308, 5e-324):
        assert encode(np.full(size, held), 256.0, rq, codes)[1] == 1
    for place in {0, size // 2, size - 1}:
        for odd in (np.inf, -np.inf, np.nan, -np.nan):
            values = np.ones(size)
            values[place] = odd
            assert encode(values, 256.0, rq, codes)[1] == 0
            if not np.isnan(odd):
                assert codes[place] == (2047 if odd > 0 else -2048)
            assert (np.delete(codes, place) == 256).all()
    assert encode(np.empty(0), 256.0, rq, np.empty(0, np.int16)) == (0, 1)


@every_mode
@pytest.mark.parametrize("container", [np.int8, np.int16, np.int32])
@pytest.mark.skipif(INTERPRETED, reason="there are no compiled vectors to compare")
def test_compiled_runs_equal_their_plain_meaning(rng, rounding, container):
    """Codes, counts and what is told of infinities and NaN, in every container."""
    values = np.concatenate([rng.normal(0, 40, 70), rng.integers(-300, 300, 30) / 4, [np.inf, np.nan, -np.inf]])
    rq = cast_of(Quantizer(QFormat(True, 8, 7), rounding, Overflow.SAT))
    how, is_to_even = bounds_and_thresholds.py_func(rq), rounding == Rounding.RND_CONV
    for size in (values.size, 100, 17):
        plain, together = (np.empty(size, container) for _ in range(2))
        expected = encode_run(values[:size], 2.0, how, is_to_even, 0, 1, plain)
        assert encode(values[:size].copy(), 2.0, rq, together) == expected
        assert np.array_equal(plain, together)


@every_mode
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("container", [np.int8, np.int16, np.int32])
@pytest.mark.skipif(INTERPRETED, reason="there are no compiled vectors to compare")
def test_compiled_wrapping_equals_its_plain_meaning(rng, rounding, signed, container):
    """Codes and counts; what is not below 2^62 once scaled is told, and its neighbours are right all the same."""
    rq = cast_of(Quantizer(QFormat(signed, 7, 6), rounding, Overflow.WRAP))
    assert is_vector_encode(rq, 1)
    how, is_to_even = bounds_and_thresholds.py_func(rq), rounding == Rounding.RND_CONV
    near = np.concatenate([rng.normal(0, 400, 70), rng.integers(-300, 300, 30) / 4, [2.0**60, -(2.0**60) - 2**9]])
    for odd in (None, 2.0**61, -1e300, np.inf, np.nan):
        values = near if odd is None else np.append(near, odd)
        plain, together = (np.empty(values.size, container) for _ in range(2))
        expected = encode_run(values, 2.0, how, is_to_even, 64 - 7, int(signed), plain)
        found = encode(values, 2.0, rq, together)
        assert found[1] == expected[1] == (odd is None)
        assert np.array_equal(plain[: near.size], together[: near.size])
        if odd is None:
            assert found == expected


@every_mode
def test_wrapping_of_huge_and_endless_values(rounding):
    """Beyond what vectors know, the low bits of the exact integer; an infinity is an end of the range, as ever."""
    target = Quantizer(QFormat(True, 9, 5), rounding, Overflow.WRAP)
    values = [1.5, 2.0**58 + 2**7, -(2.0**61) - 2**10, 3 * 2.0**70, 1e300, -7.03125]
    codes, overflowed = cast.encode(np.array(values), target)
    assert codes.codes.tolist() == [exact.cast_value(v, target) for v in values]
    assert overflowed == 4
    ends, _ = cast.encode(np.array([*values, np.inf, -np.inf]), target)
    assert ends.codes.tolist() == [*codes.codes.tolist(), 255, -256]
