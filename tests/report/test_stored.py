"""Formats as run.json writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.errors import DataError
from accel.numeric.format import QFormat
from accel.report.stored import Stored


@given(signed=st.booleans(), width=st.integers(2, 63), int_bits=st.integers(-20, 80))
def test_agrees_with_the_number_format(signed, width, int_bits):
    """Width and range are those of the format that the simulator computes in."""
    theirs = QFormat(signed, width, int_bits)
    ours = Stored.parse(str(theirs))
    assert (ours.width, ours.min_value) == (theirs.width, theirs.min_value)
    assert ours.max_value == pytest.approx(theirs.max_value, rel=1e-15)
    low, high = ours.exponents
    assert 2.0**low == float(theirs.lsb)
    assert 2.0**high == pytest.approx(theirs.max_value + float(theirs.lsb), rel=1e-15)


@pytest.mark.parametrize("text", ["", "Q4", "Q4,4", "float32", "Q4.4 ", "ap_fixed<8,4>"])
def test_refuses_other_spellings(text):
    """Anything a run does not write is an error that quotes it."""
    with pytest.raises(DataError, match="is not a format as a run writes it"):
        Stored.parse(text)
