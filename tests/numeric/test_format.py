"""Does a format read, print and bound what it says?"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.errors import ConfigError
from accel.numeric.format import MAX_WIDTH, QFormat

SIGNED = [QFormat(True, width, width) for width in range(2, MAX_WIDTH + 1)]
UNSIGNED = [QFormat(False, width, width) for width in range(1, MAX_WIDTH + 1)]
CONTAINERS = [np.int8, np.int16, np.int32, np.int64]


@st.composite
def formats(draw):
    """Any format, binary point inside or outside the bits."""
    signed = draw(st.booleans())
    return QFormat(signed, draw(st.integers(2 if signed else 1, MAX_WIDTH)), draw(st.integers(-80, 140)))


@pytest.mark.parametrize(
    ("spellings", "meaning"),
    [
        (["Q4.12", "q4.12", " Q4.12 ", "ap_fixed<16,4>", "ap_fixed< 16, 4 >", "sfix16_En12"], QFormat(True, 16, 4)),
        (["UQ4.12", "ap_ufixed<16,4>", "ufix16_En12"], QFormat(False, 16, 4)),
        (["Q16.0", "ap_fixed<16,16>", "sfix16"], QFormat(True, 16, 16)),
        (["Q-3.11", "ap_fixed<8,-3>", "sfix8_En11"], QFormat(True, 8, -3)),
        (["Q12.-4", "ap_fixed<8,12>", "sfix8_E4"], QFormat(True, 8, 12)),
        (["UQ0.1", "ap_ufixed<1,0>", "ufix1_En1"], QFormat(False, 1, 0)),
    ],
)
def test_all_spellings_mean_one_format(spellings, meaning):
    """Every spelling of a format reads as that format, and a format reads as itself."""
    assert [QFormat.parse(text) for text in spellings] == [meaning] * len(spellings)
    assert QFormat.parse(meaning) is meaning


@given(formats())
def test_printing_reads_back(q):
    """What a format prints is read as the same format."""
    assert QFormat.parse(str(q)) == q


@given(formats())
def test_the_range_is_that_of_its_bits(q):
    """A format has 2^width codes, of which half are negative when it is signed, one lsb apart."""
    assert q.max_code - q.min_code + 1 == 1 << q.width
    assert q.min_code == (-q.max_code - 1 if q.signed else 0)
    assert q.lsb == Fraction(2) ** -q.frac_bits
    assert Fraction(q.min_value) == q.min_code * q.lsb
    assert q.max_value == pytest.approx(float(q.max_code * q.lsb), rel=2**-52)


@pytest.mark.parametrize("q", SIGNED + UNSIGNED, ids=str)
def test_the_container_is_the_narrowest(q):
    """Codes live in the narrowest signed NumPy integer that holds both ends of the range."""
    holds = [np.iinfo(dtype).min <= q.min_code and q.max_code <= np.iinfo(dtype).max for dtype in CONTAINERS]
    assert q.dtype == CONTAINERS[holds.index(True)]


def test_sixteen_unsigned_bits_need_thirty_two():
    """The ends of the containers, by hand."""
    names = {str(q): q.dtype.name for q in map(QFormat.parse, ["Q8.0", "UQ8.0", "Q16.0", "UQ16.0", "Q32.0", "UQ32.0"])}
    assert names == {
        "Q8.0": "int8",
        "UQ8.0": "int16",
        "Q16.0": "int16",
        "UQ16.0": "int32",
        "Q32.0": "int32",
        "UQ32.0": "int64",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Q4,4", r'"Q4,4" is not a format; use Q4.4 or ap_fixed<8,4>'),
        ("fixed16", "is not a format; use a spelling such as Q4.12"),
        ("", "is not a format"),
        ("Q40.40", '"Q40.40" is not a usable format: a format of 80 bits'),
        ("Q1.0", "the width must be 2..63"),
        ("UQ0.0", "the width must be 1..63"),
        ("ap_fixed<-4,2>", "a format of -4 bits"),
        ("ap_fixed<16,2000>", "2000 integer bits"),
        (16, '"16" is not a format'),
        (None, '"None" is not a format'),
    ],
)
def test_what_is_no_format_is_refused(text, message):
    """Text that is no format is quoted and answered with what to write."""
    with pytest.raises(ConfigError) as error:
        QFormat.parse(text)
    assert message in str(error.value)
