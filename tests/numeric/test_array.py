"""Does an `FxArray` hold only codes of its format, and tell their values?"""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import DataError
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat


@pytest.mark.parametrize("text", ["Q8.0", "UQ8.0", "Q4.12", "UQ4.12", "Q2.20", "Q40.2"])
def test_codes_live_in_the_formats_container(text):
    """Whatever integers come in, the codes are kept in the container of the format, with their values."""
    q = QFormat.parse(text)
    fx = FxArray([q.min_code, 0, q.max_code], text)
    assert fx.codes.dtype == q.dtype
    assert fx.codes.tolist() == [q.min_code, 0, q.max_code]
    assert fx.format == q


@pytest.mark.parametrize("text", ["Q4.12", "Q8.-4", "Q-4.12", "UQ0.16"])
def test_values_are_codes_times_lsb(text):
    """Values are exact: code times lsb, for every end of the range."""
    q = QFormat.parse(text)
    codes = [q.min_code, q.min_code + 1, 1, q.max_code]
    assert FxArray(codes, q).to_float().tolist() == [float(code * q.lsb) for code in codes]


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([128], "codes 128..128 lie outside Q8.0"),
        ([0, -129], "codes -129..0 lie outside"),
        ([0.5], "accel.quantize(values, 'Q8.0')"),
    ],
)
def test_what_is_no_code_is_refused(codes, message):
    """Codes out of range and values in place of codes are refused with what to call instead."""
    with pytest.raises(DataError) as error:
        FxArray(codes, "Q8.0")
    assert message in str(error.value)


def test_shapes():
    """Shape, length and reshaping are those of the codes."""
    fx = FxArray(np.arange(6), "Q8.0")
    assert fx.reshape(2, 3).shape == (2, 3)
    assert fx.reshape(2, 3).format == fx.format
    assert len(fx.reshape(2, 3)) == 2
    assert FxArray(np.empty((0, 4), np.int8), "Q8.0").shape == (0, 4)


def test_an_array_cannot_change_its_format():
    """A record that travels is frozen."""
    fx = FxArray([1], "Q8.0")
    with pytest.raises(AttributeError):
        fx.format = QFormat.parse("Q4.4")  # type: ignore[misc]


def test_printing_names_the_format():
    """A printed array begins with its format and shape."""
    assert repr(FxArray([1, -2], "Q4.4")).startswith("FxArray(Q4.4, shape=(2,)")
