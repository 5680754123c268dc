"""Do sums add as the machine adds them? Every order and accumulator against registers clocked one addition at a time.

The fast kernels look ahead and skip what cannot overflow, so shapes are chosen to be tiles and more than tiles, and
codes to hover around the limits: there every block decides anew.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.loopnest import AccumulationOrder
from accel.numeric import exact
from accel.numeric.accumulator import Accumulator, Mode
from kernels.chain import BLOCK_SUMS, Steps
from kernels.clip import MOST_PAIRS, clip_products
from kernels.conv import Geometry, conv2d_stepwise
from kernels.matmul import matmul_stepwise
from kernels.modes import Overflow, Rounding
from kernels.replay import conv2d_audit, conv2d_replay, matmul_audit, matmul_replay
from kernels.tile import LANES, ROWS
from tests import naive

INTERPRETED = bool(numba.config.DISABLE_JIT)
EXAMPLES = 15 if INTERPRETED else 150
DETERMINISTIC = [mode for mode in Rounding if mode != Rounding.STOCHASTIC]
TRN = int(Rounding.TRN)
LOOPS = ["CRS", "RSC", "SRC", "RCS"]


@st.composite
def orders(draw):
    """Any order of additions."""
    return AccumulationOrder(
        draw(st.integers(1, 5)), draw(st.integers(0, 9)), draw(st.booleans()), draw(st.sampled_from(LOOPS))
    )


@st.composite
def rules(draw, narrowest=2, widest=40, shifts=(-3, 9)):
    """Any accumulator: how it overflows, its width, its point."""
    kind = draw(st.sampled_from(["SAT", "SAT", "SAT_SYM", "WRAP", "LATE"]))
    high = (1 << (draw(st.integers(narrowest, widest)) - 1)) - 1
    shift = draw(st.one_of(st.just(0), st.integers(*shifts)))
    rounding = draw(st.sampled_from(DETERMINISTIC))
    low = -high if kind == "SAT_SYM" else -high - 1
    return Steps(shift, int(rounding), 1, 0, 0, low, high, int(kind == "WRAP"), int(kind == "LATE"))


def ordered(steps, order):
    """The rule with an order."""
    return steps._replace(group=order.group, fold=order.fold, bias_first=int(order.bias_first))


def sequence(order, extents):
    """The order as kernels get it."""
    return np.array(order.sequence(*extents), dtype=np.int64).reshape(-1)


def clocked(products, bias, steps, order, extents):
    """(sum, overflow of every addition, sums before overflow) of one output, from naive registers."""
    return naive.stepwise(
        products, int(bias), steps.shift, Rounding(steps.rounding), order, extents,
        steps.low, steps.high, bool(steps.wrap), bool(steps.late),
    )  # fmt: skip


def clocked_matmul(x, w, bias, steps, order, extents):
    """All outputs, overflows of all, and the results one by one: of x (M, K) and w (N, K)."""
    results = [
        [clocked([int(a) * int(b) for a, b in zip(row, f, strict=True)], b_, steps, order, extents)
         for f, b_ in zip(w, bias, strict=True)]
        for row in x
    ]  # fmt: skip
    sums = [[total for total, _, _ in row] for row in results]
    return sums, sum(sum(overflows) for row in results for _, overflows, _ in row), results


def near_limits(codes, steps, shape, bits):
    """Codes whose sums hover around the limits: small ones, with runs of one sign."""
    half = 1 << (bits - 1)
    signs = np.repeat(codes.choice([-1, 1], size=(shape[0], shape[1] // 5 + 1)), 5, axis=1)[:, : shape[1]]
    picked = np.where(codes.random(shape) < 0.1, half, codes.integers(0, half, size=shape)) * signs
    return np.clip(picked, -half, half - 1)


@st.composite
def dense_cases(draw, bits):
    """x (M, K), w (N, K), bias (N,), a rule, an order and how K splits into channels, rows and columns."""
    steps, order = draw(rules()), draw(orders())
    extents = (draw(st.integers(0, 7)), draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    M, N = draw(st.sampled_from([1, 3, ROWS + 1])), draw(st.sampled_from([1, 4, LANES + 1]))
    codes = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    K = int(np.prod(extents))
    x, w = (near_limits(codes, steps, (rows, K), bits) for rows in (M, N))
    bias = codes.integers(steps.low, steps.high, endpoint=True, size=N)
    return x, w, bias, ordered(steps, order), order, extents


@settings(max_examples=EXAMPLES, deadline=None)
@given(dense_cases(bits=8), st.sampled_from([np.int16, np.int32, np.int64]))
def test_dense_sums_are_those_of_registers(case, container):
    """Sums and overflows of any order, accumulator, rounding and container."""
    x, w, bias, steps, order, extents = case
    expected, overflows, _ = clocked_matmul(x, w, bias, steps, order, extents)
    out = np.full((len(x), len(w)), -1, np.int64)
    w_t = np.ascontiguousarray(w.T.astype(container))
    counted = matmul_stepwise(x.astype(container), w_t, bias, steps, sequence(order, extents), out)
    assert out.tolist() == expected
    assert counted == overflows


@settings(max_examples=4 if INTERPRETED else 60, deadline=None)
@given(rules(18, 40, (-2, 0)), orders(), st.sampled_from([8, 12, 16]), st.integers(0, 2**32 - 1))
def test_long_sums_look_ahead_without_changing_a_bit(steps, order, bits, seed):
    """Hundreds of terms near the limits, 16-bit codes among them (bytes apart), extreme ones included."""
    codes = np.random.default_rng(seed)
    channels = int(codes.integers(20, 90))
    extents = (channels, 1, 3)
    steps = ordered(steps, order)
    steps = steps._replace(low=max(steps.low, -(1 << (2 * bits + 4))), high=min(steps.high, (1 << (2 * bits + 4)) - 1))
    if steps.wrap:
        steps = steps._replace(low=-steps.high - 1)
    x, w = (near_limits(codes, steps, (rows, 3 * channels), bits) for rows in (ROWS + 1, 3))
    bias = codes.integers(steps.low, steps.high, endpoint=True, size=3)
    expected, overflows, _ = clocked_matmul(x, w, bias, steps, order, extents)
    out = np.full((len(x), 3), -1, np.int64)
    w_t = np.ascontiguousarray(w.T.astype(np.int32))
    counted = matmul_stepwise(x.astype(np.int32), w_t, bias, steps, sequence(order, extents), out)
    assert (out.tolist(), counted) == (expected, overflows)


@st.composite
def conv_cases(draw):
    """Small convolutions with groups, strides, padding and dilation, and any rule and order."""
    g = Geometry(
        draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(0, 1)), draw(st.integers(0, 2)),
        draw(st.integers(1, 2)), 1, draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 3)),
    )  # fmt: skip
    channels, filters = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, ROWS + 1]))
    codes = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps, order = draw(rules()), draw(orders())
    x = codes.integers(-128, 128, size=(draw(st.integers(1, 2)), g.groups * channels, 5, 6))
    w = codes.integers(-128, 128, size=(g.groups * filters, channels * g.R * g.S))
    bias = codes.integers(steps.low, steps.high, endpoint=True, size=len(w))
    return x, w, bias, g, ordered(steps, order), order, (channels, g.R, g.S)


def clocked_conv(x, w, bias, g, steps, order, extents):
    """Sums (N, K, P, Q) and the results one by one in flat order."""
    P, Q = naive.output_size(x.shape[2], x.shape[3], g)
    shape = (len(x), len(w), P, Q)
    results = []
    for n, f, p, q in np.ndindex(*shape):
        field = naive.receptive_field(x[n], f, len(w), p, q, g)
        products = [code * int(weight) for code, weight in zip(field, w[f], strict=True)]
        results.append(clocked(products, bias[f], steps, order, extents))
    return np.array([total for total, _, _ in results]).reshape(shape), results


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(conv_cases(), st.sampled_from([np.int16, np.int32]), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_convolutions_replays_and_audits(case, container, share, seed):
    """All outputs stepped, any of them stepped again, and what the ledger hears, are those of registers."""
    x, w, bias, g, steps, order, extents = case
    expected, results = clocked_conv(*case)
    overflows = [sum(marks) for _, marks, _ in results]
    out = np.full(expected.shape, -1, np.int64)
    places = sequence(order, extents)
    w_t = np.ascontiguousarray(w.T.astype(container))
    assert conv2d_stepwise(x.astype(container), w_t, bias, g, steps, places, out) == sum(overflows)
    assert np.array_equal(out, expected)

    chosen = np.random.default_rng(seed).random(expected.shape) < share
    image, channel, p, q = np.nonzero(chosen)
    pixels = np.stack([(image * expected.shape[2] + p) * expected.shape[3] + q, channel], axis=1)
    partly = np.full(expected.shape, -1, np.int64)
    counted = conv2d_replay(x.astype(np.int32), w.astype(np.int32), bias, g, steps, places, pixels, partly)
    assert np.array_equal(partly, np.where(chosen, expected, -1))
    assert counted == sum(np.array(overflows).reshape(expected.shape)[chosen])

    events = conv2d_audit(x.astype(np.int32), w_t.astype(np.int32), bias, g, steps, places, np.empty_like(out))
    assert_audited(events, results, steps)
    fields = [naive.receptive_field(x[n], f, len(w), p, q, g) for n, f, p, q in np.ndindex(*expected.shape)]
    filters = [w[f] for _, f, _, _ in np.ndindex(*expected.shape)]
    assert events.rounded_products == cut_products(zip(fields, filters, strict=True), steps)


@settings(max_examples=EXAMPLES, deadline=None)
@given(dense_cases(bits=8), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_dense_replays_and_audits(case, share, seed):
    """The same for matrix products."""
    x, w, bias, steps, order, extents = case
    expected, _, table = clocked_matmul(*case)
    results = [result for row in table for result in row]
    places = sequence(order, extents)
    chosen = np.random.default_rng(seed).random((len(x), len(w))) < share
    partly = np.full(chosen.shape, -1, np.int64)
    pairs = np.argwhere(chosen)
    counted = matmul_replay(x.astype(np.int32), w.astype(np.int32), bias, steps, places, pairs, partly)
    assert np.array_equal(partly, np.where(chosen, expected, -1))
    assert counted == sum(sum(table[m][n][1]) for m, n in pairs)
    w_t = np.ascontiguousarray(w.T.astype(np.int32))
    events = matmul_audit(x.astype(np.int32), w_t, bias, steps, places, np.empty(chosen.shape, np.int64))
    assert_audited(events, results, steps)
    assert events.rounded_products == cut_products(((row, f) for row in x for f in w), steps)


def assert_audited(events, results, steps):
    """Compare `StepEvents` with what clocked registers saw, output after output."""
    assert events.additions == sum(len(marks) for _, marks, _ in results)
    assert events.overflows == sum(sum(marks) for _, marks, _ in results)
    firsts = [(i, marks.index(1)) for i, (_, marks, _) in enumerate(results) if any(marks)]
    assert (events.first_output, events.first_step) == (firsts[0] if firsts else (-1, -1))
    sums = [v for _, _, extremes in results for v in extremes]
    assert events.largest_excess == max([0, *(v - steps.high for v in sums), *(steps.low - v for v in sums)])


def cut_products(pairs, steps):
    """How many products have a bit below the accumulator's point."""
    if steps.shift <= 0:
        return 0
    return sum(int(a) * int(b) % (1 << steps.shift) != 0 for row, f in pairs for a, b in zip(row, f, strict=True))


@settings(max_examples=EXAMPLES, deadline=None)
@given(rules(), orders(), st.lists(st.integers(-(1 << 14), 1 << 14), max_size=12), st.data())
def test_two_oracles_agree(steps, order, products, random):
    """The registers here and `accel.numeric.exact`, written apart, add alike, late saturation included."""
    steps = ordered(steps, order)
    bias = random.draw(st.integers(steps.low, steps.high))
    overflow = Overflow.WRAP if steps.wrap else Overflow.SAT if steps.low < -steps.high else Overflow.SAT_SYM
    mode = Mode.LATE if steps.late else Mode.STEPWISE
    width = steps.high.bit_length() + 1
    rule = Accumulator(width, 20 - steps.shift, mode, overflow, Rounding(steps.rounding))
    total, _, _ = clocked(products, bias, steps, order, (len(products), 1, 1))
    assert total == exact.accumulate(products, bias, rule, 20, order, (len(products), 1, 1))


def chain(products, group=1, fold=0, **changes):
    """One output stepped by an 8-bit saturating chain, with changes: (sum, overflows)."""
    order = AccumulationOrder(group, fold)
    steps = Steps(0, TRN, group, fold, 0, -128, 127, 0, 0)._replace(**changes)
    out = np.empty((1, 1), np.int64)
    column = np.array(products, np.int32).reshape(-1, 1)
    ones = np.ones((1, len(products)), np.int32)
    places = sequence(order, (len(products), 1, 1))
    overflows = matmul_stepwise(ones, column, np.zeros(1, np.int64), steps, places, out)
    return int(out[0, 0]), overflows


def test_order_matters_when_saturating():
    """The specification's sums: 100 + 100 - 100 saturates to 27, -100 + 100 + 100 is 100, a tree or a wrap is exact."""
    assert chain([100, 100, -100]) == (27, 1)
    assert chain([-100, 100, 100]) == (100, 0)
    assert chain([100, 100, -100], group=3) == (100, 0)
    assert chain([100, 100, -100], group=2) == (27, 1)
    assert chain([100, 100, -100], fold=1) == (27, 1)
    assert chain([100, -100, 100, 100], fold=2) == (127, 1)
    assert chain([100, 100, -100], wrap=1) == (100, 2)
    assert chain([-100, 100, 100], wrap=1) == (100, 0)
    assert chain([-128], low=-127) == (-127, 1)
    assert chain([100, 100, 5, -7], late=1) == (120, 1)


@pytest.mark.parametrize("wrap", [0, 1])
@pytest.mark.parametrize("sign", [-1, 1])
def test_widest_accumulator_stays_in_its_container(sign, wrap):
    """A 63-bit accumulator at its limit takes one more product of 62 bits without leaving int64."""
    steps = Steps(0, TRN, 1, 0, 1, -(1 << 62), (1 << 62) - 1, wrap, 0)
    out = np.empty((1, 1), np.int64)
    bias = steps.high if sign > 0 else steps.low
    factor = np.array([[sign << 31]], np.int64)
    places = np.zeros(1, np.int64)
    overflows = matmul_stepwise(factor, np.array([[1 << 30]], np.int64), np.array([bias]), steps, places, out)
    held = naive.held(bias + (sign << 61), steps.low, steps.high, bool(wrap))
    assert (int(out[0, 0]), overflows) == (held, 1)


@pytest.mark.parametrize(("container", "shift"), [(np.int32, 1), (np.int16, 0)])
def test_columns_do_not_depend_on_neighbours(rng, container, shift):
    """More columns than one block holds give what each column gives alone, on both kernels."""
    order = AccumulationOrder(2, 3)
    steps = ordered(Steps(shift, int(Rounding.RND_CONV), 1, 0, 0, -20000, 19999, 0, 0), order)
    x = rng.integers(-128, 128, size=(2, 11)).astype(container)
    w = rng.integers(-128, 128, size=(BLOCK_SUMS + 3, 11)).astype(container)
    bias = rng.integers(-2000, 2000, size=BLOCK_SUMS + 3)
    out = np.empty((2, BLOCK_SUMS + 3), np.int64)
    places = sequence(order, (11, 1, 1))
    overflows = matmul_stepwise(x, np.ascontiguousarray(w.T), bias, steps, places, out)
    assert (out.tolist(), overflows) == clocked_matmul(x, w, bias, steps, order, (11, 1, 1))[:2]


def test_two_threads_give_the_bits_of_one(rng):
    """Halves of a batch on two threads are the batch."""
    x, w = (rng.integers(-(1 << 15), 1 << 15, size=(n, 33)).astype(np.int16) for n in (10, 9))
    steps = Steps(0, TRN, 1, 0, 0, -(1 << 31), (1 << 31) - 1, 0, 0)
    w_t, bias, places = np.ascontiguousarray(w.T), np.zeros(9, np.int64), np.arange(33)

    def stepped(rows):
        sums = np.empty((len(rows), 9), np.int64)
        matmul_stepwise(rows, w_t, bias, steps, places, sums)
        return sums

    with ThreadPoolExecutor(2) as threads:
        halves = list(threads.map(stepped, [x[:5], x[5:]]))
    assert np.array_equal(np.concatenate(halves), stepped(x))


@pytest.mark.skipif(INTERPRETED, reason="there is no compiled tile to compare")
@pytest.mark.parametrize(("watched", "narrow"), [(False, False), (False, True), (True, False)])
@pytest.mark.parametrize("pairs", [0, 1, 7, MOST_PAIRS])
@pytest.mark.parametrize("bits", [20, 27, 33, 40, 63])
def test_compiled_clipping_equals_its_plain_meaning(rng, pairs, watched, narrow, bits):
    """The clipping tile in LLVM's vectors does what the plain loops of `clip_products` do, counts and extremes too."""
    half = 1 << (11 if narrow else 15)  # 128 products of 2^22 stay below 2^31 together
    rows = rng.integers(-half, half, size=(2, pairs + 1, ROWS, 2)).astype(np.int16)
    lanes = rng.integers(-half, half, size=(3, pairs + 1, LANES, 2)).astype(np.int16)
    low, high = -(1 << (bits - 1)) + (bits == 20), (1 << (bits - 1)) - 1
    before = rng.choice([low, high, 0, low + half * half, high - half], size=(2, ROWS * LANES))
    before = np.clip(before, low, high)
    seen = [np.zeros(2 * watched, np.int64) for _ in range(2)]
    plain, compiled = before.copy(), before.copy()
    place = (rows, 1, lanes, 2, 1, pairs + 1)
    expected = clip_products(*place, plain, 1, low, high, narrow, seen[0])
    run = numba.njit(lambda *arguments: clip_products(*arguments))
    assert run(*place, compiled, 1, low, high, narrow, seen[1]) == expected
    assert np.array_equal(plain, compiled)
    assert np.array_equal(before[0], compiled[0])
    assert np.array_equal(*seen)
