"""Is the oracle right? Against Python's decimal module, sums worked out by hand, and a register walked on paper."""

from __future__ import annotations

import decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.loopnest import AccumulationOrder
from accel.numeric import exact
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import NumpyRandom
from kernels.modes import Overflow, Rounding

DECIMAL_MODES = {
    Rounding.TRN: decimal.ROUND_FLOOR,
    Rounding.TRN_ZERO: decimal.ROUND_DOWN,
    Rounding.RND_ZERO: decimal.ROUND_HALF_DOWN,
    Rounding.RND_INF: decimal.ROUND_HALF_UP,
    Rounding.RND_CONV: decimal.ROUND_HALF_EVEN,
}
"""Python's decimal arithmetic (its "half up" and "half down" speak of magnitudes)."""

Q8 = QFormat(True, 8, 8)
CHAIN = AccumulationOrder()


@given(st.integers(-(10**6), 10**6))
def test_rounding_is_that_of_decimal_arithmetic(hundredths):
    """Five modes round decimal fractions, ties among them, as the decimal module does."""
    for rounding, name in DECIMAL_MODES.items():
        want = (decimal.Decimal(hundredths) / 100).quantize(decimal.Decimal(1), rounding=name)
        assert exact.round_fraction(Fraction(hundredths, 100), Quantizer(Q8, rounding)) == int(want)


@given(st.fractions(-1000, 1000, max_denominator=64))
def test_half_up_and_half_down_are_mirror_images(x):
    """RND is floor(x + 1/2), and RND_MIN_INF is its mirror image."""
    up = exact.round_fraction(x, Quantizer(Q8, Rounding.RND))
    assert up == (x + Fraction(1, 2)).__floor__()
    assert exact.round_fraction(-x, Quantizer(Q8, Rounding.RND_MIN_INF)) == -up


@pytest.mark.parametrize("centred", [False, True], ids=["plain", "centred"])
def test_stochastic_rounding_counts(centred):
    """Of the 8 draws of 3 bits, as many round up as there are eighths in the fraction, to the nearest when centred."""
    target = Quantizer(Q8, Rounding.STOCHASTIC, random=NumpyRandom(bits=3, centred=centred))
    for sixteenths in range(16):
        ups = sum(exact.round_fraction(Fraction(sixteenths, 16), target, draw) for draw in range(8))
        assert ups == (sixteenths + 1) // 2 if centred else ups == sixteenths // 2


@given(st.integers(-(2**20), 2**20), st.sampled_from([o for o in Overflow if o != Overflow.SAT_SYM]))
def test_overflow_leaves_codes_alone(u, overflow):
    """What is in range stays, and what is not becomes some code of the format."""
    code = exact.overflow(u, 0, Quantizer(Q8, Rounding.TRN, overflow))
    assert Q8.min_code <= code <= Q8.max_code
    assert code == u or not Q8.min_code <= u <= Q8.max_code


def test_wrapping_keeps_the_low_bits():
    """WRAP is congruent modulo 2^width."""
    for u in range(-2000, 2000):
        assert (exact.overflow(u, 0, Quantizer(Q8, Rounding.TRN, Overflow.WRAP)) - u) % 256 == 0


def added(products, bias, rule, frac_bits=0, order=CHAIN):
    """Add products of as many channels."""
    return exact.accumulate(products, bias, rule, frac_bits, order, (len(products), 1, 1))


def saturating(order: AccumulationOrder, products: list[int], bias: int | None = None) -> int:
    """Add in a saturating accumulator of 8 bits."""
    return added(products, bias, Accumulator(8, overflow=Overflow.SAT), 0, order)


@pytest.mark.parametrize(
    ("order", "products", "bias", "result"),
    [
        (CHAIN, [100, 100, -100], None, 27),  # 100, 127 (200 saturates), 27
        (CHAIN, [-100, 100, 100], None, 100),  # the same products in another order
        (AccumulationOrder(group=3), [100, 100, -100], None, 100),  # an adder tree sums all three exactly
        (AccumulationOrder(group=2), [100, 100, -100], None, 27),  # 200 enters at once, saturates, then -100
        (AccumulationOrder(fold=2), [100, 100, -100, 50], None, 77),  # 127 to the buffer, then -50
        (AccumulationOrder(fold=1), [100, 100, -100], None, 27),
        (AccumulationOrder(group=2, fold=3), [100, 100, -100, 5], None, 32),  # 127, then -95; a fold is three steps
        (CHAIN, [100, 100], -100, 27),  # bias last
        (AccumulationOrder(bias_first=True), [100, 100], -100, 100),  # bias first: 0, then 100
        (AccumulationOrder(fold=1, bias_first=True), [100, 100], -100, 100),  # it seeds the buffer
        (CHAIN, [], 7, 7),
        (AccumulationOrder(fold=2, bias_first=True), [], 7, 7),
        (CHAIN, [], None, 0),
    ],
)
def test_sums_by_hand(order, products, bias, result):
    """Order, groups, folds and the bias's place give the sums that were worked out by hand."""
    assert saturating(order, products, bias) == result


@pytest.mark.parametrize(
    ("products", "bias", "result"),
    [
        ([100, 100, 5], None, 127),  # 200 raises the flag, 5 is lost
        ([100, 100, 5, -7], None, 120),  # the addend after the lost one counts again
        ([100, 100], None, 127),  # a flag that stands at the end is obeyed
        ([100, 100], -50, 127),  # the bias is an addend like any other, here the lost one
        ([100, 100, -100, 100, 100], None, 127),  # the addition after a limit can raise the flag again
        ([-100, -100, 1, 50], None, -78),
        ([60, 60, 7], None, 127),  # exactly the limit raises nothing
    ],
)
def test_late_saturation_by_hand(products, bias, result):
    """The register takes the limit one addition late, so that addend is lost."""
    assert added(products, bias, Accumulator(8, mode=Mode.LATE, overflow=Overflow.SAT)) == result


def test_loops_say_which_products_come_first():
    """Three channels at 1 x 2 positions, two at once: channel blocks or positions outermost give other sums."""
    products = [100, -100, 100, 90, -100, 0]  # (c, s): 00 01 10 11 20 21
    rule = Accumulator(8, overflow=Overflow.SAT)
    extents = (3, 1, 2)
    blocks_first = AccumulationOrder(group=2, loops="CRS")  # 200 -> 127, -10 -> 117, -100 -> 17, 0
    places_first = AccumulationOrder(group=2, loops="RSC")  # 200 -> 127, -100 -> 27, -10 -> 17, 0
    assert exact.accumulate(products, None, rule, 0, blocks_first, extents) == 17
    assert exact.accumulate([100, 100, 100, 90, -100, 0], None, rule, 0, blocks_first, extents) == 27
    assert exact.accumulate([100, 100, 100, 90, -100, 0], None, rule, 0, places_first, extents) == 127
    assert exact.accumulate(products, None, rule, 0, places_first, extents) == 17


@given(st.lists(st.integers(-5000, 5000), max_size=12), st.integers(1, 4), st.integers(0, 5), st.booleans())
def test_wrapping_sums_do_not_depend_on_the_order(products, group, fold, bias_first):
    """Addition modulo 2^width is associative: groups, folds and the bias's place change nothing."""
    order = AccumulationOrder(group, fold, bias_first)
    total = added(products, 99, Accumulator(8, overflow=Overflow.WRAP), 0, order)
    assert (total - sum(products) - 99) % 256 == 0
    assert -128 <= total <= 127


def test_products_are_rounded_to_the_accumulator():
    """With fewer fraction bits than the product, every product is rounded on its own."""
    for rounding, result in ((Rounding.TRN, 0), (Rounding.RND, 3)):
        rule = Accumulator(8, frac_bits=0, overflow=Overflow.SAT, rounding=rounding)
        assert added([3, 3, 3], None, rule, 2) == result
    assert added([3], 1, Accumulator(8, frac_bits=4, overflow=Overflow.SAT), 2) == 13


def test_exact_sums_move_to_the_accumulators_point():
    """EXACT adds integers without bounds and the bias at the accumulator's point."""
    rule = Accumulator(32, frac_bits=4, mode=Mode.EXACT)
    assert added([100, 100, -100], 3, rule, 2) == 403


def test_a_register_on_paper():
    """The 8-stage register from state 1: the one reaches stage 4 after three steps and feeds back from there."""
    assert exact.lfsr_bits(8, 1, 8) == [0, 0, 0, 1, 1, 1, 0, 0]


def test_values_and_codes_agree():
    """A code cast as a code or as the value that it means gives the same result, where no source width matters."""
    source = QFormat(True, 9, 5)
    for rounding in DECIMAL_MODES:
        target = Quantizer(QFormat(True, 4, 3), rounding, Overflow.WRAP, 1)
        for code in np.arange(source.min_code, source.max_code + 1).tolist():
            assert exact.cast(code, source, target) == exact.cast_value(float(code * source.lsb), target)
