"""Numbers as people read them."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.report import humane
from accel.report.humane import DASH

numbers = st.none() | st.floats() | st.integers(-(10**15), 10**15)


@given(value=numbers)
def test_nothing_leaks(value):
    """No writer ever shows None, nan, inf, an exponent in e-notation or more than nine decimals."""
    written = [
        humane.integer(value),
        humane.compact(value),
        humane.significant(value),
        humane.percent(value),
        humane.duration(value),
        humane.frequency(value),
        humane.byte_size(value),
    ]
    for text in written:
        assert not re.search(r"none|nan|inf|\de[+-]?\d|\.\d{10}", text, re.IGNORECASE), text


@given(value=st.floats(1e-4, 1e9))
def test_significant_keeps_three_digits(value):
    """What is written differs from the value by at most half a unit of its third digit, or by rounding to a whole."""
    shown = float(humane.significant(value).replace(",", ""))
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    assert abs(shown - value) <= 0.5 * unit * (1 + 1e-9)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, DASH),
        (math.nan, DASH),
        (math.inf, DASH),
        (0.0, "0"),
        (43.21, "43.2"),
        (9.999, "10.0"),
        (99.96, "100"),
        (123456.7, "123,000"),
        (0.012, "0.0120"),
        (1.2345e-9, "1.23×10⁻⁹"),
        (-2.5, "-2.50"),
    ],
)
def test_significant(value, text):
    """Three digits, grouped thousands, a dash for what is absent."""
    assert humane.significant(value) == text


@given(count=st.integers(1, 10**6), total=st.integers(2, 10**6))
def test_only_all_is_a_hundred_percent(count, total):
    """A share reads as 0 or 100 % only if it is exactly that."""
    fraction = min(count, total) / total
    text = humane.percent(fraction)
    assert (text == "100") == (fraction == 1)
    assert text != "0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (humane.duration(97.9e-6), "97.9 µs"),
        (humane.duration(0), "0 ns"),
        (humane.duration(2.5), "2.50 s"),
        (humane.duration(0.9999999), "1.00 s"),
        (humane.frequency(200e6), "200 MHz"),
        (humane.frequency(1.4e9), "1.40 GHz"),
        (humane.byte_size(20), "20 B"),
        (humane.byte_size(0), "0 B"),
        (humane.byte_size(96480), "96.5 kB"),
        (humane.shape((6, 28, 28)), "6×28×28"),
        (humane.shape(()), DASH),
        (humane.integer(1234567), "1,234,567"),
    ],
)
def test_units(text, expected):
    """Times, clocks, sizes and shapes carry the unit that suits them."""
    assert text == expected


@given(name=st.text(), width=st.integers(2, 40))
def test_label_fits(name, width):
    """A label is printable, never longer than asked, and begins and ends like the name."""
    text = humane.label(name, width)
    assert text.isprintable()
    assert len(text) <= width
    if len(name) <= width and name.isprintable():
        assert text == name


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, DASH), (0, "0"), (999999, "999,999"), (1000000, "1.00×10⁶"), (-(2**63), "-9.22×10¹⁸")],
)
def test_compact(value, words):
    """Counts up to six digits are written in full, larger ones as a power of ten."""
    assert humane.compact(value) == words
