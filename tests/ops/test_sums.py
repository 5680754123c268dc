"""Sums by certificate and replay: bit for bit what stepping through every addition gives."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.loopnest import AccumulationOrder
from accel.numeric import exact
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat
from accel.numeric.sums import Engine, plan_sums
from accel.ops.sums import ConvProducts, DenseProducts, accumulate, at_risk_outputs
from kernels.conv import Geometry
from kernels.modes import Overflow

X = QFormat.parse("Q1.7")
ORDERS = (
    AccumulationOrder(),
    AccumulationOrder(bias_first=True),
    AccumulationOrder(group=4, loops="RSC"),
    AccumulationOrder(fold=3),
)


def planned(weight, bias, rule, order):
    """Plan sums of Q1.7 inputs and weights; the bias already at the products' point."""
    return plan_sums("node", X, FxArray(weight, "Q1.7"), FxArray(bias, "Q2.14"), rule, order)


def random_case(seed, inputs=6, channels=5, terms=9, scale=128):
    """Codes that get near the limits of a narrow accumulator now and then."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-scale, scale, (inputs, terms)).astype(np.int8)
    x[rng.random(x.shape) < 0.1] = -128
    return x, rng.integers(-128, 128, (channels, terms)).astype(np.int8), rng.integers(-900, 900, channels)


@given(
    seed=st.integers(0, 2**32),
    order=st.sampled_from(ORDERS),
    width=st.integers(15, 19),
    mode=st.sampled_from([Mode.STEPWISE, Mode.LATE]),
    overflow=st.sampled_from([Overflow.SAT, Overflow.SAT_SYM]),
    scale=st.sampled_from([8, 40, 128]),
)
@settings(max_examples=60)
def test_certified_sums_equal_the_oracle(seed, order, width, mode, overflow, scale):
    """Whatever a certificate clears and whatever is stepped, every sum is the oracle's, which steps through all."""
    x, weight, bias = random_case(seed, scale=scale)
    rule = Accumulator(width, 14, mode, overflow)
    plan = planned(weight, bias, rule, order)
    held = accumulate(DenseProducts(x, weight), plan, detailed=False)
    for n, k in itertools.product(range(len(x)), range(len(weight))):
        products = [int(a) * int(b) for a, b in zip(x[n], weight[k], strict=True)]
        assert held.codes[n, k] == exact.accumulate(products, int(bias[k]), rule, 14, order, (len(products), 1, 1))


@given(seed=st.integers(0, 2**32), order=st.sampled_from(ORDERS), width=st.integers(15, 20), detailed=st.booleans())
@settings(max_examples=40)
def test_certificate_and_full_replay_agree(seed, order, width, detailed):
    """With and without the certificate: the same codes and the same number of overflowing additions, conv and dense."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, 128, (3, 4, 5, 5)).astype(np.int8)
    weight = rng.integers(-60, 60, (6, 2, 3, 3)).astype(np.int8)
    bias = rng.integers(-900, 900, 6)
    plan = planned(weight, bias, Accumulator(width, 14, overflow=Overflow.SAT), order)
    products = ConvProducts(x, weight, Geometry(1, 1, 1, 1, 1, 1, 2, 3, 3), (5, 5))
    held = accumulate(products, plan, detailed)
    codes, overflows = products.stepwise(plan)
    assert np.array_equal(held.codes, codes)
    assert held.overflowed == overflows
    if held.events is not None:
        assert held.events.overflows == overflows


def test_the_certificate_clears_what_cannot_reach_the_limit():
    """Outputs at risk are exactly those whose sum of magnitudes and bias could pass the limit."""
    x = np.array([[127, 127, 127], [1, 1, 1], [-128, 0, 127]], dtype=np.int8)
    weight = np.array([[127, 127, 127], [1, -1, 1]], dtype=np.int8)
    bias = np.array([10, -10])
    plan = planned(weight, bias, Accumulator(16, 14, overflow=Overflow.SAT), ORDERS[0])
    assert plan.engine is Engine.CERTIFIED
    inputs, outputs = at_risk_outputs(DenseProducts(x, weight), plan)
    sums = np.abs(x.astype(int)) @ np.abs(weight.astype(int)).T + np.abs(bias)
    assert inputs.tolist() == [True, False, True]
    assert np.array_equal(outputs, sums[inputs] > 32767)
    assert accumulate(DenseProducts(x, weight), plan, detailed=False).at_risk == np.count_nonzero(sums > 32767)


def test_a_wide_accumulator_steps_nothing():
    """With enough bits the exact kernel serves everything, and nothing is at risk."""
    x, weight, bias = random_case(1)
    held = accumulate(DenseProducts(x, weight), planned(weight, bias, Accumulator(40), ORDERS[0]), detailed=True)
    assert np.array_equal(held.codes, x.astype(int) @ weight.astype(int).T + bias)
    assert (held.overflowed, held.at_risk, held.events) == (0, 0, None)


@pytest.mark.parametrize("overflow", [Overflow.SAT, Overflow.WRAP])
def test_cut_products_are_stepped_and_audited(overflow):
    """An accumulator coarser than the products steps through all of them; the ledger hears how many lost bits."""
    x, weight, bias = random_case(2)
    rule = Accumulator(12, frac_bits=9, overflow=overflow)
    plan = plan_sums("node", X, FxArray(weight, "Q1.7"), FxArray(bias // 256, "Q2.9"), rule, ORDERS[0])
    held = accumulate(DenseProducts(x, weight), plan, detailed=True)
    products = x.astype(int)[:, None, :] * weight.astype(int)[None]
    assert held.at_risk == held.codes.size
    assert held.events.rounded_products == np.count_nonzero(products % 32)
    expected = exact.accumulate(products[1, 2].tolist(), int(plan.bias[2]), rule, 14, ORDERS[0], (9, 1, 1))
    assert held.codes[1, 2] == expected
