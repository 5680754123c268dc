"""Are matrix products right? Against naive loops, against exact float64 BLAS, and against published sums."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.loopnest import AccumulationOrder
from accel.numeric import exact
from accel.numeric.accumulator import Accumulator
from accel.numeric.proof import chunk_terms
from kernels.matmul import BLOCK_SUMS, Steps, matmul, matmul_stepwise, matmul_wide
from kernels.modes import Overflow, Rounding
from kernels.tile import LANES, ROWS, add_products
from tests import naive

INTERPRETED = bool(numba.config.DISABLE_JIT)
EXAMPLES = 25 if INTERPRETED else 300
DETERMINISTIC = [mode for mode in Rounding if mode != Rounding.STOCHASTIC]
LOWEST, HIGHEST = -(1 << 15), (1 << 15) - 1


def exact_product(x, w, chunk=None):
    """matmul with the chunk that the codes themselves prove, or with a given one."""
    out = np.full((len(x), len(w)), -1, np.int64)
    if chunk is None:
        chunk = chunk_terms(*(int(np.abs(codes.astype(np.int64)).max(initial=0)) for codes in (x, w)))
    matmul(x, w, chunk, out)
    return out


def blas(x, w):
    """The same in float64, exact while sums stay below 2^53: 16-bit codes up to 2^22 terms."""
    return (x.astype(np.float64) @ w.astype(np.float64).T).astype(np.int64)


@st.composite
def operands(draw):
    """Two int16 matrices of small shapes, empty ones included, extreme codes likely."""
    M, N, K = draw(st.integers(0, 2 * ROWS + 1)), draw(st.integers(0, LANES + 2)), draw(st.integers(0, 9))
    bits = draw(st.sampled_from([2, 8, 12, 16]))
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    codes = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    choices = [
        codes.integers(low, high, endpoint=True, size=(M + N, K)),
        codes.choice([low, high], size=(M + N, K)),
    ]
    both = draw(st.sampled_from(choices)).astype(np.int16)
    return both[:M].copy(), both[M:].copy()


@settings(max_examples=EXAMPLES, deadline=None)
@given(operands())
def test_exact_equals_naive(pair):
    """Every shape gives the sums of Python integers: full tiles, remainders, single rows, and nothing at all."""
    x, w = pair
    assert exact_product(x, w).tolist() == naive.matmul(x, w)


@pytest.mark.parametrize("terms", [1, 2, 3, 4, 5, 64, 65])
@pytest.mark.parametrize(("a", "b"), [(LOWEST, LOWEST), (LOWEST, HIGHEST), (HIGHEST, HIGHEST), (181, 181)])
def test_extreme_codes_do_not_overflow(a, b, terms):
    """Sums of the largest products are exact with the largest chunk that the proof allows, and with smaller ones."""
    x, w = np.full((2, terms), a, np.int16), np.full((2, terms), b, np.int16)
    largest = chunk_terms(abs(a), abs(b))
    for chunk in {1, 2, 3, largest} & set(range(1, largest + 1)):
        assert exact_product(x, w, chunk).tolist() == [[a * b * terms] * 2] * 2


def test_chunk_of_one_pair_holds_two_minimum_products():
    """Two products of -32768 and -32768 make 2^31, which int32 lacks, and the sum is still exact."""
    x = np.full((1, 2), LOWEST, np.int16)
    assert chunk_terms(-LOWEST, -LOWEST) == 1
    assert exact_product(x, x).tolist() == [[1 << 31]]


@pytest.mark.skipif(INTERPRETED, reason="millions of products are for compiled code")
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize(
    ("M", "N", "K"),
    [(1, 1, 1), (1, 1000, 513), (257, 1, 300), (130, 97, 1), (64, 64, 4096), (333, 129, 784), (5, 7, 65537)],
)
def test_exact_equals_blas(rng, M, N, K, bits):
    """Large random products are those of float64 BLAS, which is exact up to 2^22 terms of 16-bit codes."""
    half = 1 << (bits - 1)
    x, w = (rng.integers(-half, half, size=(rows, K)).astype(np.int16) for rows in (M, N))
    assert np.array_equal(exact_product(x, w), blas(x, w))


@pytest.mark.skipif(INTERPRETED, reason="there is no compiled tile to compare")
@pytest.mark.parametrize("pairs", [0, 1, 7])
def test_compiled_tile_equals_its_plain_meaning(rng, pairs):
    """The register tile in LLVM's vectors adds what the plain loops of `add_products` add."""
    rows = rng.integers(LOWEST // 8, HIGHEST // 8, size=(pairs, ROWS, 2)).astype(np.int16)
    lanes = rng.integers(LOWEST // 8, HIGHEST // 8, size=(pairs, LANES, 2)).astype(np.int16)
    before = rng.integers(-(1 << 40), 1 << 40, size=(ROWS, LANES))
    plain, compiled = before.copy(), before.copy()
    add_products(rows, lanes, plain)
    numba.njit(lambda a, b, sums: add_products(a, b, sums))(rows, lanes, compiled)
    assert np.array_equal(plain, compiled)
    assert np.array_equal(plain - before, np.einsum("prx,plx->rl", rows.astype(int), lanes.astype(int)))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_wide_equals_naive(M, N, K, seed):
    """31-bit codes give the sums of Python integers: five products reach 63 bits."""
    codes = np.random.default_rng(seed)
    x, w = (codes.integers(-(1 << 30), 1 << 30, size=(rows, K)) for rows in (M, N))
    out = np.full((M, N), -1, np.int64)
    matmul_wide(x, w, out)
    assert out.tolist() == naive.matmul(x, w)


@st.composite
def step_rules(draw, product_bits):
    """Any accumulator that can hold a group of products beside its own range in 64 bits, and any order."""
    width = draw(st.integers(2, 40))
    high = (1 << (width - 1)) - 1
    overflow = draw(st.sampled_from([Overflow.SAT, Overflow.SAT_SYM, Overflow.WRAP]))
    order = AccumulationOrder(draw(st.integers(1, 5)), draw(st.integers(0, 7)), draw(st.booleans()))
    steps = Steps(
        shift=draw(st.integers(-3, product_bits + 2)),
        rounding=int(draw(st.sampled_from(DETERMINISTIC))),
        group=order.group,
        fold=order.fold,
        bias_first=int(order.bias_first),
        low=-high if overflow == Overflow.SAT_SYM else -high - 1,
        high=high,
        wrap=int(overflow == Overflow.WRAP),
    )
    return steps, order, overflow


def naive_sums(rows, columns, biases, steps):
    """All outputs (len(rows), len(columns)) one by one, and the overflows of all."""
    order = AccumulationOrder(steps.group, steps.fold, bool(steps.bias_first))
    mode = Rounding(steps.rounding)
    results = [
        [
            naive.stepwise(
                [int(a) * int(b) for a, b in zip(row, column, strict=True)],
                bias, steps.shift, mode, order, steps.low, steps.high, bool(steps.wrap),
            )
            for column, bias in zip(columns, biases, strict=True)
        ]
        for row in rows
    ]  # fmt: skip
    sums = [[total for total, _ in row] for row in results]
    return sums, sum(overflows for row in results for _, overflows in row)


@settings(max_examples=2 * EXAMPLES, deadline=None)
@given(
    step_rules(product_bits=14),
    st.integers(1, 3),
    st.integers(1, 5),
    st.integers(0, 12),
    st.integers(0, 2**32 - 1),
)
def test_stepwise_equals_naive(rule, M, N, K, seed):
    """Any order, any accumulator and any deterministic rounding give the sums and the overflows of naive loops."""
    steps, _, _ = rule
    codes = np.random.default_rng(seed)
    x, w = (codes.integers(-128, 128, size=(rows, K), dtype=np.int32) for rows in (M, N))
    bias = codes.integers(steps.low, steps.high, endpoint=True, size=N)
    expected = naive_sums(x, w, bias, steps)
    for container in (np.int32, np.int64):
        out = np.full((M, N), -1, np.int64)
        overflows = matmul_stepwise(x.astype(container), w.T.astype(container, order="C"), bias, steps, out)
        assert (out.tolist(), overflows) == expected


@settings(max_examples=EXAMPLES, deadline=None)
@given(step_rules(product_bits=14), st.lists(st.integers(-(1 << 14), 1 << 14), max_size=12), st.data())
def test_two_oracles_agree(rule, products, random):
    """The naive loops here and `accel.numeric.exact`, written apart, add alike."""
    steps, order, overflow = rule
    bias = random.draw(st.integers(steps.low, steps.high))
    width = steps.high.bit_length() + 1
    accumulator = Accumulator(width, 20 - steps.shift, overflow=overflow, rounding=Rounding(steps.rounding))
    total, _ = naive.stepwise(
        products, bias, steps.shift, Rounding(steps.rounding), order, steps.low, steps.high, bool(steps.wrap)
    )
    assert total == exact.accumulate(products, bias, accumulator, 20, order)


def chain(products, **changes):
    """One output stepped by an 8-bit saturating chain, with changes: (sum, overflows)."""
    steps = Steps(0, int(Rounding.TRN), 1, 0, 0, -128, 127, 0)._replace(**changes)
    out = np.empty((1, 1), np.int64)
    column = np.array(products, np.int32).reshape(-1, 1)
    overflows = matmul_stepwise(np.ones((1, len(products)), np.int32), column, np.zeros(1, np.int64), steps, out)
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


@pytest.mark.parametrize("wrap", [0, 1])
@pytest.mark.parametrize("sign", [-1, 1])
def test_widest_accumulator_stays_in_its_container(sign, wrap):
    """A 63-bit accumulator at its limit takes one more product of 62 bits without leaving int64."""
    steps = Steps(0, int(Rounding.TRN), 1, 0, 1, -(1 << 62), (1 << 62) - 1, wrap)
    out = np.empty((1, 1), np.int64)
    bias = steps.high if sign > 0 else steps.low
    factor = np.array([[sign << 31]], np.int64)
    overflows = matmul_stepwise(factor, np.array([[1 << 30]], np.int64), np.array([bias]), steps, out)
    assert (int(out[0, 0]), overflows) == (
        naive.held(bias + (sign << 61), steps.low, steps.high, bool(wrap)),
        1,
    )


def test_stepwise_columns_do_not_depend_on_neighbours(rng):
    """More columns than one block holds give what each column gives alone."""
    steps = Steps(1, int(Rounding.RND_CONV), 2, 5, 0, -2000, 1999, 0)
    x = rng.integers(-128, 128, size=(2, 11), dtype=np.int32)
    w_t = rng.integers(-128, 128, size=(11, BLOCK_SUMS + 3), dtype=np.int32)
    bias = rng.integers(-2000, 2000, size=BLOCK_SUMS + 3)
    out = np.empty((2, BLOCK_SUMS + 3), np.int64)
    overflows = matmul_stepwise(x, w_t, bias, steps, out)
    assert (out.tolist(), overflows) == naive_sums(x, w_t.T, bias, steps)


def test_two_threads_give_the_bits_of_one(rng):
    """Halves of a batch on two threads are the batch, exact and stepwise."""
    x = rng.integers(LOWEST, HIGHEST, endpoint=True, size=(10, 33)).astype(np.int16)
    w = rng.integers(LOWEST, HIGHEST, endpoint=True, size=(9, 33)).astype(np.int16)
    steps = Steps(4, int(Rounding.RND), 1, 0, 0, -(1 << 27), (1 << 27) - 1, 0)
    bias = np.zeros(9, np.int64)

    def both(rows):
        sums = np.empty((len(rows), 9), np.int64)
        matmul_stepwise(rows.astype(np.int32), w.T.astype(np.int32, order="C"), bias, steps, sums)
        return np.stack([exact_product(rows, w), sums])

    with ThreadPoolExecutor(2) as threads:
        halves = list(threads.map(both, [x[:5], x[5:]]))
    assert np.array_equal(np.concatenate(halves, axis=1), both(x))


@pytest.mark.parametrize(
    ("x_bits", "w_bits", "shape"), [(16, 16, (9, 70, 33)), (11, 16, (5, 200, 8)), (24, 20, (4, 37, 6))]
)
def test_exact_products_equal_those_of_apytypes(rng, x_bits, w_bits, shape):
    """Full-range products and their sums agree with APyTypes' exact matrix product."""
    apytypes = pytest.importorskip("apytypes")
    M, K, N = shape
    x = rng.integers(-(1 << (x_bits - 1)), 1 << (x_bits - 1), (M, K))
    w = rng.integers(-(1 << (w_bits - 1)), 1 << (w_bits - 1), (N, K))
    theirs = apytypes.APyFixedArray(x.tolist(), int_bits=x_bits, bits=x_bits) @ apytypes.APyFixedArray(
        w.T.tolist(), int_bits=w_bits, bits=w_bits
    )
    half = 1 << (theirs.bits - 1)
    want = [[(pattern + half) % (2 * half) - half for pattern in row] for row in theirs.to_bits()]
    out = np.empty((M, N), np.int64)
    if max(x_bits, w_bits) <= 16:
        chunk = chunk_terms(1 << (x_bits - 1), 1 << (w_bits - 1))
        matmul(x.astype(np.int16), w.astype(np.int16), chunk, out)
    else:
        matmul_wide(x, w, out)
    assert out.tolist() == want
