"""Are matrix products right? Against naive loops, against exact float64 BLAS, and against published sums."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.numeric.proof import chunk_terms
from kernels.matmul import matmul, matmul_wide
from kernels.tile import LANES, ROWS, add_products
from tests import naive

INTERPRETED = bool(numba.config.DISABLE_JIT)
EXAMPLES = 25 if INTERPRETED else 300
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
    rows = rng.integers(LOWEST // 8, HIGHEST // 8, size=(2, pairs + 1, ROWS, 2)).astype(np.int16)
    lanes = rng.integers(LOWEST // 8, HIGHEST // 8, size=(3, pairs + 1, LANES, 2)).astype(np.int16)
    before = rng.integers(-(1 << 40), 1 << 40, size=(2, ROWS * LANES))
    plain, compiled = before.copy(), before.copy()
    add_products(rows, 1, lanes, 2, 1, pairs + 1, plain, 1)
    run = numba.njit(lambda *arguments: add_products(*arguments))
    run(rows, 1, lanes, 2, 1, pairs + 1, compiled, 1)
    assert np.array_equal(plain, compiled)
    products = np.einsum("prx,plx->rl", rows[1, 1:].astype(int), lanes[2, 1:].astype(int))
    assert np.array_equal(plain - before, [np.zeros(ROWS * LANES), products.reshape(-1)])


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_wide_equals_naive(M, N, K, seed):
    """31-bit codes give the sums of Python integers: five products reach 63 bits."""
    codes = np.random.default_rng(seed)
    x, w = (codes.integers(-(1 << 30), 1 << 30, size=(rows, K)) for rows in (M, N))
    out = np.full((M, N), -1, np.int64)
    matmul_wide(x, w, out)
    assert out.tolist() == naive.matmul(x, w)


def test_two_threads_give_the_bits_of_one(rng):
    """Halves of a batch on two threads are the batch."""
    x = rng.integers(LOWEST, HIGHEST, endpoint=True, size=(10, 33)).astype(np.int16)
    w = rng.integers(LOWEST, HIGHEST, endpoint=True, size=(9, 33)).astype(np.int16)
    with ThreadPoolExecutor(2) as threads:
        halves = list(threads.map(lambda rows: exact_product(rows, w), [x[:5], x[5:]]))
    assert np.array_equal(np.concatenate(halves), exact_product(x, w))


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
