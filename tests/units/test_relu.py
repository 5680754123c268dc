"""relu and identity: nothing but a comparison and one cast."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from accel.numeric.format import QFormat
from accel.units.relu import identity, relu
from tests.units import model
from tests.units.grid import codes_of


@pytest.mark.parametrize("target", ["Q4.12", "Q6.8", "UQ4.4", "Q2.0", "Q12.20", "Q5.-3"])
@pytest.mark.parametrize(("build", "floor"), [(relu, 0), (identity, -(1 << 40))])
def test_every_code_is_cast_once(build, floor: int, target: str) -> None:
    """Each output is the clipped, half-to-even rounded Fraction of its input; saturations are counted."""
    x, y = QFormat.parse("Q6.6"), QFormat.parse(target)
    codes = codes_of("Q6.6")
    made, overflowed = build(x, y)(codes)
    exact = [model.half_even(max(int(code), floor) * x.lsb / y.lsb) for code in codes]
    clipped = [model.clip(code, y.signed, y.width) for code in exact]
    assert made.tolist() == clipped
    assert made.dtype == y.dtype
    assert overflowed == sum(a != b for a, b in zip(exact, clipped, strict=True))


def test_a_tie_below_zero_goes_to_even() -> None:
    """identity rounds -0.5 and -1.5 lsb to 0 and -2; relu makes 0 of both."""
    x, y = QFormat.parse("Q4.4"), QFormat.parse("Q4.3")
    assert Fraction(1, 2) * y.lsb == x.lsb
    assert identity(x, y)(np.array([-1, -3]))[0].tolist() == [0, -2]
    assert relu(x, y)(np.array([-1, -3]))[0].tolist() == [0, 0]


@pytest.mark.parametrize("container", [np.int8, np.int16, np.int32, np.int64])
def test_what_is_kept(container) -> None:
    """max(x, 0) of the ends of every container, in any shape and order; what is not compared is handed through."""
    ends = np.iinfo(container)
    codes = np.array([[ends.min, -1, 0], [1, ends.max, -7]], container)
    codes.setflags(write=False)
    held = QFormat.parse("Q4.4")
    for x in (codes, codes.T, codes[:, ::2], codes[:0]):
        made = relu(held, held).kept(x)
        assert made.tolist() == [[max(code, 0) for code in row] for row in x.tolist()]
        assert (made.dtype, made.shape) == (x.dtype, x.shape)
        assert identity(held, held).kept(x) is x
