"""Where binary points go, held against naive searches in exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.calibrate.observe import Observed
from accel.calibrate.place import DEPTH, MAX_FRAC_BITS, covering, placed, reach
from accel.calibrate.slots import Range
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from kernels.modes import Overflow, Rounding

SAT = Quantizer(QFormat.parse("Q6.10"))
NARROW = Quantizer(QFormat.parse("Q1.7"))


def code(value: Fraction, target: QFormat) -> int:
    """Nearest code, half to even, clipped: Python's own rounding of an exact fraction."""
    return max(target.min_code, min(target.max_code, round(value / target.lsb)))


def off_by(value: float, target: QFormat) -> Fraction:
    """How many lsb a value is off in a format."""
    exact = Fraction(value)
    return abs(exact - code(exact, target) * target.lsb) / target.lsb


def observed(rows: np.ndarray) -> Observed:
    return Observed(Range(float(rows.min()), float(rows.max())), rows)


@given(
    st.floats(-1e6, 1e6),
    st.floats(-1e6, 1e6),
    st.integers(2, 32),
    st.sampled_from([Overflow.SAT, Overflow.SAT_SYM]),
)
def test_covering_is_the_finest_format_off_by_at_most_one_lsb(a, b, width, overflow):
    """Both ends are within an lsb of a code, and with one bit more to the right one end is not."""
    span = Range(min(a, b), max(a, b))
    chosen = covering(Quantizer(QFormat(True, width, 1), overflow=overflow), width, span)
    slack = 1 if overflow == Overflow.SAT_SYM else 0  # the lowest code is out of reach there
    ends = [Fraction(span.low), Fraction(span.high)]

    def reached(target: QFormat) -> bool:
        lowest = (target.min_code + slack - 1) * target.lsb
        return all(lowest <= end <= (target.max_code + 1) * target.lsb for end in ends)

    if any(ends):
        assert reached(chosen)
        assert chosen.frac_bits == MAX_FRAC_BITS or not reached(QFormat(True, width, chosen.int_bits - 1))
    assert chosen.width == width


@pytest.mark.parametrize(("high", "expected"), [(0.998, "UQ0.8"), (1.0, "UQ0.8"), (1.001, "UQ1.7"), (0.5, "UQ-1.9")])
def test_a_value_one_lsb_beyond_the_last_code_is_worth_no_bit(high, expected):
    """Pixels of exactly 1 stay in UQ0.8: losing 1/256 at the top costs what UQ1.7 rounds off everywhere."""
    before = Quantizer(QFormat.parse("UQ4.4"))
    assert str(covering(before, 8, Range(0.0, high))) == expected


def test_formats_that_wrap_reach_their_codes_only():
    """What wraps has no slack, and neither has what must be proved."""
    wrapping = Quantizer(QFormat.parse("Q2.6"), overflow=Overflow.WRAP)
    assert reach(QFormat.parse("Q2.6"), Overflow.WRAP) == Range(-2.0, 2.0 - 2.0**-6)
    assert str(covering(wrapping, 8, Range(-1.0, 1.0))) == "Q2.6"
    assert str(covering(SAT, 8, Range(-1.0, 1.0))) == "Q1.7"
    assert str(covering(SAT, 8, Range(-1.0, 1.0), is_strict=True)) == "Q2.6"


def test_unsigned_formats_get_a_sign_where_values_are_negative():
    """A sign is part of what is placed; an unneeded one stays, because multipliers are built for it."""
    unsigned = Quantizer(QFormat.parse("UQ0.8"))
    assert str(covering(unsigned, 8, Range(-0.25, 0.9))) == "Q1.7"
    assert str(covering(SAT, 8, Range(0.0, 0.9))) == "Q1.7"


def test_zeros_keep_the_binary_point():
    """Nothing is known about a tensor of zeros."""
    assert str(covering(SAT, 8, Range(0.0, 0.0))) == "Q6.2"
    rows = np.zeros((1, 5))
    assert str(placed(observed(rows), SAT, 8, "mse", 99.9)[0]) == "Q6.2"


@pytest.mark.parametrize("width", [3, 5, 8, 12])
def test_least_error_is_least(rng, width):
    """No format of the word length, anywhere near, has a smaller sum of squared errors over the values."""
    values = rng.standard_t(3, size=(1, 300))
    chosen, _ = placed(observed(values), SAT, width, "mse", 99.9)

    def error(target: QFormat) -> Fraction:
        return sum((Fraction(v) - code(Fraction(v), target) * target.lsb) ** 2 for v in values.ravel())

    widest = covering(SAT, width, observed(values).range)
    errors = {i: error(QFormat(True, width, i)) for i in range(widest.int_bits - DEPTH, widest.int_bits + 1)}
    assert errors[chosen.int_bits] == min(errors.values())
    if width == 3:
        assert chosen.int_bits < widest.int_bits, "the test should show clipping that pays"


@pytest.mark.parametrize("percentile", [80.0, 95.0, 99.0, 100.0])
def test_a_percentile_is_reached_and_no_finer_format_reaches_it(rng, percentile):
    """So many percent of the values are off by at most an lsb, and not in the next finer format."""
    values = rng.standard_t(2, size=(1, 1000))
    chosen, _ = placed(observed(values), SAT, 8, "percentile", percentile)

    def share(target: QFormat) -> float:
        return np.mean([off_by(v, target) <= 1 for v in values.ravel()]) * 100

    assert share(chosen) >= percentile
    assert share(QFormat(True, 8, chosen.int_bits - 1)) < percentile
    if percentile == 100.0:
        assert chosen == placed(observed(values), SAT, 8, "max", 50.0)[0]


@pytest.mark.parametrize("method", ["max", "percentile", "mse"])
def test_rows_are_placed_each_for_itself(rng, method):
    """The format is that of the largest row; every other row is as much finer as alone (up to `DEPTH` bits)."""
    scales = np.array([1.0, 0.3, 0.02, 3.0, 1e-3])
    rows = rng.normal(size=(5, 400)) * scales[:, None]
    rows[2, 0] = 0.0
    chosen, shifts = placed(observed(rows), NARROW, 6, method, 99.0)
    alone = [placed(observed(row[None]), NARROW, 6, method, 99.0)[0].int_bits for row in rows]
    assert chosen.int_bits == max(alone)
    top = covering(NARROW, 6, observed(rows).range).int_bits
    assert [chosen.int_bits - shift for shift in shifts] == [max(bits, top - DEPTH) for bits in alone]


def test_a_row_of_zeros_is_not_shifted(rng):
    """A channel without weights has no binary point to move."""
    rows = rng.normal(size=(3, 50)) * np.array([[1.0], [0.0], [0.1]])
    assert placed(observed(rows), NARROW, 8, "mse", 99.0)[1][1] == 0


def test_formats_no_finer_than_units_take(rng):
    """Tiny values get the finest binary point there is, not one that no unit can be built with."""
    values = rng.normal(size=(1, 50)) * 1e-12
    for method in ("max", "percentile", "mse"):
        assert placed(observed(values), SAT, 16, method, 99.9)[0].frac_bits == MAX_FRAC_BITS


def test_stochastic_rounding_is_placed_as_nearest(rng):
    """A random source would make the choice itself random."""
    from accel.numeric.random import Lfsr

    values = observed(rng.normal(size=(1, 200)))
    stochastic = Quantizer(QFormat.parse("Q6.10"), Rounding.STOCHASTIC, random=Lfsr())
    assert placed(values, stochastic, 5, "mse", 99.9) == placed(values, SAT, 5, "mse", 99.9)
