"""Are the width proofs right? Never too small, and tight: some input reaches them."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.numeric.proof import (
    addition_format,
    chunk_terms,
    needed_bits,
    square_sum_format,
    sum_bits,
    window_sum_format,
    worst_case,
)

FORMATS = [
    QFormat.parse(text) for text in ("Q4.4", "UQ8.0", "Q2.0", "UQ1.0", "Q1.15", "UQ0.16", "Q32.0", "UQ32.0", "Q63.0")
]


@given(st.integers(0, 1 << 16), st.integers(0, 1 << 16))
def test_chunk_is_the_largest_that_fits(a, b):
    """Sums of `chunk_terms` products stay below 2^31, one product more does not."""
    terms = chunk_terms(a, b)
    assert terms * a * b < 1 << 31
    assert (terms + 1) * max(a * b, 1) >= 1 << 31


def test_chunk_of_minimum_codes_is_one():
    """Two products of -32768 and -32768 overflow int32; codes without a proof get 0 terms."""
    assert chunk_terms(32768, 32768) == 1
    assert chunk_terms(32767, 32767) == 2
    assert chunk_terms(1 << 16, 1 << 15) == 0
    assert chunk_terms(0, 32768) == (1 << 31) - 1


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 20), st.integers(0, 1 << 40))
def test_sum_bits_hold_both_signs_and_no_more(product, terms, bias):
    """The width holds plus and minus the largest sum; one bit less does not hold the positive one."""
    width, largest = sum_bits(product, terms, bias), product * terms + bias
    assert largest < 1 << (width - 1)
    assert largest == 0 or largest >= 1 << (width - 2)


def brute_force(weights, x, bias):
    """The largest magnitude that any partial sum, in any order and with the bias anywhere, can reach."""
    extremes = sorted({x.min_code, 0, x.max_code})
    return max(
        abs(sum(chosen))
        for inputs in itertools.product(extremes, repeat=len(weights))
        for addends in [[*(int(w) * v for w, v in zip(weights, inputs, strict=True)), int(bias)]]
        for length in range(len(addends) + 1)
        for chosen in itertools.combinations(addends, length)
    )


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(FORMATS),
    st.lists(st.lists(st.integers(-(1 << 31), (1 << 31) - 1), min_size=3, max_size=3), max_size=2),
    st.integers(-(1 << 40), 1 << 40),
)
def test_worst_case_equals_brute_force(x, weights, bias):
    """The proof is the largest magnitude over all extreme inputs and all partial sums: sound and tight."""
    codes = np.array(weights, np.int64).reshape(-1, 3)
    bound = worst_case(codes, x, np.full(len(codes), bias))
    assert [int(b) for b in bound] == [brute_force(row, x, bias) for row in weights]
    assert [int(b) for b in worst_case(codes, x)] == [brute_force(row, x, 0) for row in weights]


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_worst_case_survives_minimum_codes_of_every_container(dtype):
    """-min does not exist in its own container, and the proof does not stumble over it."""
    lowest = int(np.iinfo(dtype).min)
    for x in FORMATS:
        bound = worst_case(np.full((1, 5), lowest, dtype), x)
        assert int(bound[0]) == 5 * -lowest * max(-x.min_code, x.max_code)


def test_bounds_beyond_int64_are_python_integers():
    """A proof that passes 63 bits is still a number, not a wrapped one."""
    bound = worst_case(np.full((1, 1 << 10), -(1 << 62)), QFormat.parse("Q63.0"))
    assert bound.dtype == object
    assert bound[0] == 1 << (10 + 62 + 62)
    assert needed_bits(bound) == 136
    assert worst_case(np.ones((2, 3), np.int16), FORMATS[0]).dtype == np.int64


def test_needed_bits():
    """The width of the largest magnitude with a sign; nothing at all needs the sign only."""
    assert needed_bits(np.array([0, 127, 3])) == 8
    assert needed_bits([128]) == 9
    assert needed_bits([]) == needed_bits([0]) == 1
    assert worst_case(np.empty((0, 4), np.int16), FORMATS[0]).tolist() == []
    assert worst_case(np.empty((2, 0), np.int16), FORMATS[0], np.array([5, -6])).tolist() == [5, 6]


@pytest.mark.parametrize("spelling", ["Q4.12", "UQ0.8", "Q1.1", "Q16.16", "UQ8.8"])
@pytest.mark.parametrize("terms", [1, 4, 9, 49])
def test_exact_sums_fit_their_formats_and_no_wider(spelling, terms):
    """Window sums, sums of squares and additions: both extremes fit, one bit less would not hold them."""
    source, other = QFormat.parse(spelling), QFormat.parse("Q2.14")
    extremes = [Fraction(code) * source.lsb for code in (source.min_code, source.max_code)]
    others = [Fraction(code) * other.lsb for code in (other.min_code, other.max_code)]
    cases = {
        window_sum_format(source, terms, 5, 3): [terms * 5 * value / 8 for value in extremes],
        addition_format(source, other): [x + y for x, y in zip(extremes, others, strict=True)],
    }
    if terms * (1 << (2 * source.width)) < 1 << 60:
        cases[square_sum_format(source, terms)] = [terms * value**2 for value in extremes]
    for exact, values in cases.items():
        codes = [value / exact.lsb for value in values]
        assert all(code.denominator == 1 and exact.min_code <= code <= exact.max_code for code in codes)
        assert max(abs(code) for code in codes) * 2 > exact.max_code


def test_sums_past_63_bits_are_refused():
    """What int64 could not hold is refused with the bits it would need."""
    wide = QFormat.parse("Q16.16")
    with pytest.raises(ConfigError, match=r"the sum of 4 squares of Q16\.16 needs 65 bits, 63 are the most"):
        square_sum_format(wide, 4)
    with pytest.raises(ConfigError, match="needs 64 bits"):
        window_sum_format(wide, 4, 1 << 29)
    with pytest.raises(ConfigError, match="needs"):
        addition_format(wide, QFormat.parse("Q60.2"))
