"""Does the audit of a cast tell what the oracle sees, for every mode, short codes, wide codes and far shifts?"""

from __future__ import annotations

import itertools
from fractions import Fraction

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.numeric import exact
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import NumpyRandom
from kernels.audit import AuditCounts, audit, audit_values
from kernels.modes import Overflow, Rounding
from kernels.quantize import encode, requantize

INTERPRETED = bool(numba.config.DISABLE_JIT)
NO_DRAWS = np.empty(0, np.int64)
RANDOM = NumpyRandom(seed=5, bits=6)


def watched(exact_values: list[Fraction], target: Quantizer, draws: list[int]) -> AuditCounts:
    """The figures of casting values, counted in lsb of the target, one at a time in fractions."""
    rounded, dropped, overflowed, excess, first = 0, 0, 0, 0, -1
    symmetric = target.overflow == Overflow.SAT_SYM and target.format.signed
    low = -target.format.max_code if symmetric else target.format.min_code
    for index, value in enumerate(exact_values):
        if value.denominator > 1:  # in lowest terms the denominator counts the fraction bits that are set
            rounded += 1
            dropped = max(dropped, value.denominator.bit_length() - 1)
        u = exact.round_fraction(value, target, draws[index])
        beyond = max(u - target.format.max_code, low - u)
        if beyond > 0:
            overflowed += 1
            excess = max(excess, beyond)
            first = index if first < 0 else first
    return AuditCounts(rounded, dropped, overflowed, excess, first)


def check_cast(codes: np.ndarray, source: QFormat, target: Quantizer) -> AuditCounts:
    """The kernel agrees with the oracle, and with the cast itself on how many overflowed; return what both say."""
    draws = RANDOM.draws(1, codes.size)[0] if target.rounding == Rounding.STOCHASTIC else NO_DRAWS
    ratio = source.lsb / target.format.lsb
    want = watched([code * ratio for code in codes.tolist()], target, draws.tolist() or [0] * codes.size)
    got = audit(codes, target.lower(source), draws)
    assert got == want, (source, target)
    out = np.empty(codes.size, target.format.dtype)
    assert got.overflowed == requantize(codes, target.lower(source), draws, out)
    return want


def quantizers(q: QFormat, overflow: Overflow) -> list[Quantizer]:
    """Every rounding with that overflow."""
    return [Quantizer(q, mode, overflow, random=RANDOM) for mode in Rounding]


@pytest.mark.parametrize("overflow", Overflow, ids=lambda mode: mode.name)
@pytest.mark.parametrize("shift", [-3, 0, 1, 2, 5, 9, 12])
def test_every_short_cast(overflow, shift):
    """Every code of 9 bits (interpreted: fewer) into 5 bits, in every rounding, on both sides of the binary point."""
    codes = np.arange(-24, 40) if INTERPRETED else np.arange(-256, 256)
    for signed in (True, False) if overflow != Overflow.WRAP_SM else (True,):
        for target in quantizers(QFormat(signed, 5, 5), overflow):
            check_cast(codes, QFormat(True, 10, 10 - shift), target)


@pytest.mark.parametrize("shift", [61, 62, 63, 64, 65, 200])
def test_far_below_the_binary_point(shift):
    """Shifts around and beyond the 64 bits of the container: all that is left of a code is its sign."""
    codes = np.array([0, 1, -1, 2**62 - 1, -(2**62), 2**61, -(2**61) - 1, 96])
    for target in quantizers(QFormat(True, 2, 2), Overflow.SAT):
        check_cast(codes, QFormat(True, 63, 63 - shift), target)


@settings(max_examples=20 if INTERPRETED else 200)
@given(
    codes=st.lists(st.integers(-(2**62), 2**62 - 1), max_size=6),
    width=st.integers(2, 63),
    shift=st.integers(0, 70),
    rounding=st.sampled_from(list(Rounding)),
    overflow=st.sampled_from(list(Overflow)),
)
def test_wide_codes(codes, width, shift, rounding, overflow):
    """63-bit codes into any format: the excess of the widest into the narrowest still fits its container."""
    target = Quantizer(QFormat(True, width, width), rounding, overflow, random=RANDOM)
    check_cast(np.array(codes, np.int64), QFormat(True, 63, 63 - shift), target)


def test_the_largest_excess_of_all():
    """The lowest value that a cast may move to, -(2^63 - 2), is 2^63 - 2 below the range of an unsigned format."""
    codes = np.array([-(2**62) + 1])
    counts = audit(codes, Quantizer(QFormat(False, 1, 2)).lower(QFormat(True, 63, 63)), NO_DRAWS)
    # The target's lsb is 2: the code is halved; a left shift of one bit makes it the lowest value.
    assert counts.largest_excess == 2**61
    counts = audit(codes, Quantizer(QFormat(False, 1, 0)).lower(QFormat(True, 63, 63)), NO_DRAWS)
    assert counts == AuditCounts(0, 0, 1, 2**63 - 2, 0)


def test_symmetric_saturation_counts_the_code_it_gives_up():
    """-128 fits 8 bits but not the symmetric range: one out of range, by one lsb."""
    codes, q = np.array([127, -127, -128]), QFormat(True, 8, 8)
    assert audit(codes, Quantizer(q, overflow=Overflow.SAT_SYM).lower(q), NO_DRAWS) == AuditCounts(0, 0, 1, 1, 2)
    assert audit(codes, Quantizer(q).lower(q), NO_DRAWS) == AuditCounts(0, 0, 0, 0, -1)


def test_nothing_to_audit():
    """No codes, no events."""
    q = QFormat(True, 63, 63)
    for rounding in (Rounding.TRN, Rounding.STOCHASTIC):
        rq = Quantizer(q, rounding, random=RANDOM).lower(q)
        assert audit(NO_DRAWS, rq, NO_DRAWS) == audit_values(NO_DRAWS, 0, rq, NO_DRAWS)
        assert audit(NO_DRAWS, rq, NO_DRAWS) == AuditCounts(0, 0, 0, 0, -1)


@pytest.mark.parametrize("overflow", Overflow, ids=lambda mode: mode.name)
def test_values(overflow, rng):
    """Values of mixed exponents are told as the oracle sees them, and overflow as often as `encode` counts."""
    count = 20 if INTERPRETED else 200
    for rounding, width in itertools.product(Rounding, (4, 16, 61)):
        target = Quantizer(QFormat(True, width, width), rounding, overflow, random=RANDOM)
        mantissas = rng.integers(-(2**53), 2**53, count) >> rng.integers(0, 54, count)
        exponents = rng.integers(-110, 10, count)
        values = [Fraction(m) * Fraction(2) ** e for m, e in zip(mantissas.tolist(), exponents.tolist(), strict=True)]
        draws = RANDOM.draws(1, count)[0] if rounding == Rounding.STOCHASTIC else NO_DRAWS
        rq = target.lower(target.format)._replace(source_width=64)
        bits = np.ldexp(mantissas.astype(np.float64), exponents).view(np.int64)
        got = audit_values(bits, 0, rq, draws)
        assert got == watched(values, target, draws.tolist() or [0] * count), target
        assert got.overflowed == encode(bits, 0, rq, draws, np.empty(count, target.format.dtype))
