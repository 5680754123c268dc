"""Are packed products right? Engines against Python integers, threads against one, fused casts against two steps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.numeric.cast import cast_codes
from accel.numeric.format import QFormat
from accel.numeric.proof import chunk_terms
from accel.numeric.quantizer import Quantizer
from kernels.amx import AMX, has_amx
from kernels.chunks import RUN, code_range, largest_sum, longest_chunk, run_masses
from kernels.conv import Geometry
from kernels.gemm import HALVES_CHUNK, WORTHWHILE
from kernels.maps import Filters
from kernels.modes import Overflow, Rounding
from kernels.packed import Cast, Panels, Workers, is_narrow
from kernels.products import convolve, multiply
from kernels.vnni import HEIGHT, TILE, VECTOR, VNNI, WIDTH, has_vnni, sum_tile
from tests import naive

INTERPRETED = bool(numba.config.DISABLE_JIT)
EXAMPLES = 25 if INTERPRETED else 200
LOWEST, HIGHEST = -(1 << 15), (1 << 15) - 1
ENGINES = [
    TILE,
    pytest.param(VNNI, marks=pytest.mark.skipif(not has_vnni(), reason="this processor has no VNNI")),
    pytest.param(AMX, marks=pytest.mark.skipif(not has_amx(), reason="this processor or system has no AMX")),
]
every_engine = pytest.mark.parametrize("engine", ENGINES)


def product(x, w, chunk, engine, **options):
    """x times packed w."""
    out = np.full((len(x), len(w)), -1, np.int64)
    multiply(x, Panels(w), chunk, out, engine=engine, **options)
    return out


def proved(*operands):
    """The chunk that the codes themselves prove."""
    return chunk_terms(*(int(np.abs(codes.astype(np.int64)).max(initial=0)) for codes in operands))


def blas(x, w):
    """The same in float64, exact while sums stay below 2^53."""
    return (x.astype(np.float64) @ w.astype(np.float64).T).astype(np.int64)


@every_engine
@settings(max_examples=EXAMPLES)
@given(
    shape=st.tuples(st.integers(0, 2 * HEIGHT + 1), st.integers(0, WIDTH + VECTOR + 2), st.integers(0, 9)),
    x_bits=st.sampled_from([2, 8, 12, 16]),
    w_bits=st.sampled_from([2, 8, 12, 16]),
    extreme=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_packed_products_equal_naive(engine, shape, x_bits, w_bits, extreme, seed):
    """Every shape and every mixture of int8 and int16 gives the sums of Python integers."""
    M, N, K = shape
    codes = np.random.default_rng(seed)

    def drawn(rows, bits):
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        if extreme:
            made = codes.choice([low, high], size=(rows, K))
        else:
            made = codes.integers(low, high, endpoint=True, size=(rows, K))
        return made.astype(np.int8 if bits <= 8 else np.int16)

    x, w = drawn(M, x_bits), drawn(N, w_bits)
    assert product(x, w, proved(x, w), engine).tolist() == naive.matmul(x, w)


@every_engine
@pytest.mark.parametrize("terms", [1, 2, HALVES_CHUNK, HALVES_CHUNK + 1, 2 * HALVES_CHUNK + 3])
@pytest.mark.parametrize("w", [LOWEST, HIGHEST])
@pytest.mark.parametrize("x", [LOWEST, HIGHEST, 127, 128, -128, -129])
def test_halves_of_extreme_codes_do_not_overflow(engine, x, w, terms):
    """Codes of 16 bits, of which one product fills 32 bits, are exact over whole chunks of their halves and beyond."""
    left, right = np.full((1, terms), x, np.int16), np.full((1, terms), w, np.int16)
    assert product(left, right, 1, engine).tolist() == [[x * w * terms]]


@every_engine
@pytest.mark.parametrize("peak", [181, 2000, 8191])
def test_chunks_at_their_bound_do_not_overflow(engine, peak):
    """As many largest products as a chunk allows fit its int32 sum, also where every one has the same sign."""
    chunk = chunk_terms(peak, peak)
    terms = min(chunk, 4001)
    assert chunk >= WORTHWHILE or peak == 8191
    for sign in (1, -1):
        x, w = np.full((1, terms), peak, np.int16), np.full((2, terms), sign * peak, np.int16)
        assert product(x, w, chunk, engine).tolist() == [[sign * peak * peak * terms] * 2]


@pytest.mark.skipif(INTERPRETED, reason="millions of products are for compiled code")
@every_engine
@pytest.mark.parametrize("bits", [8, 11, 14, 16])
@pytest.mark.parametrize(("M", "N", "K"), [(1, 1000, 513), (257, 1, 300), (130, 97, 1), (64, 450, 2100), (9, 7, 65537)])
def test_packed_products_equal_blas(rng, engine, M, N, K, bits):
    """Products of many blocks are those of float64 BLAS."""
    half = 1 << (bits - 1)
    x, w = (rng.integers(-half, half, size=(rows, K)).astype(np.int16) for rows in (M, N))
    assert np.array_equal(product(x, w, chunk_terms(half, half), engine), blas(x, w))


@pytest.mark.skipif(INTERPRETED, reason="there is no compiled tile to compare")
@every_engine
@pytest.mark.parametrize("pairs", [0, 1, 7])
@pytest.mark.parametrize("vectors", [1, 2, 3])
def test_compiled_tile_equals_its_plain_meaning(rng, engine, pairs, vectors):
    """A tile in registers writes or adds what the plain `sum_tile` does, wherever its lanes stand, and nothing else."""
    rows = rng.integers(LOWEST // 8, HIGHEST // 8, size=(2, pairs + 1, HEIGHT, 2)).astype(np.int16)
    lanes = rng.integers(LOWEST // 8, HIGHEST // 8, size=(500, 2)).astype(np.int16)
    offsets = rng.integers(0, 400, size=pairs + 1)
    run = numba.njit(lambda *arguments: sum_tile(*arguments))
    for first in (0, 1):
        before = rng.integers(-(1 << 40), 1 << 40, size=(HEIGHT, 5 + WIDTH + 3))
        plain, compiled = before.copy(), before.copy()
        last = pairs + first
        for function, totals in ((sum_tile, plain), (run, compiled)):
            function(engine, rows, 1, lanes, 31, offsets, first, last, vectors, totals, 5)
        assert np.array_equal(plain, compiled)
        assert np.array_equal(plain[:, 5 + vectors * VECTOR :], before[:, 5 + vectors * VECTOR :])


@every_engine
def test_sums_are_as_long_as_the_weights_allow(engine):
    """Small weights beside a large one make sums long; at the bound itself nothing overflows."""
    w = np.full((1, 257), 200, np.int16)
    w[0, 100] = HIGHEST
    panels = Panels(w)
    assert panels.masses[0] == (RUN, HIGHEST + (RUN - 1) * 200, 0, HIGHEST + (RUN - 1) * 200)
    assert panels.masses[-1] == (512, HIGHEST + 256 * 200, 0, HIGHEST + 256 * 200)
    limit = ((1 << 31) - 1) // (HIGHEST + 256 * 200)
    assert longest_chunk(panels.masses, -limit, 0, 1) == longest_chunk(panels.masses, 0, limit, 1) == 512
    assert longest_chunk(panels.masses, 0, limit + 1, 1) == 256
    assert longest_chunk(panels.masses, -LOWEST * LOWEST, 0, 7) == 7
    for code in (limit, -limit, LOWEST, HIGHEST):
        x = np.full((1, 257), code, np.int16)
        assert product(x, w, 1, engine).tolist() == naive.matmul(x, w)


@given(
    w=st.lists(st.integers(LOWEST, HIGHEST), min_size=1, max_size=2 * RUN),
    low=st.integers(LOWEST, 0),
    high=st.integers(0, HIGHEST),
)
def test_bounds_hold_and_are_reached(w, low, high):
    """Factors chosen by the weights' signs are the worst; with one filter the bound is what they reach, no more."""
    mass = run_masses(np.array([w], np.int16))[-1]
    assert mass.length >= len(w)
    highest = sum(each * (high if each > 0 else low) for each in w)
    lowest = sum(each * (low if each > 0 else high) for each in w)
    assert largest_sum(mass, low, high) == max(highest, -lowest)


class Layer(NamedTuple):
    """A convolution of x by w, and what it is."""

    geometry: Geometry
    x_shape: tuple[int, ...]
    filters: int


LAYERS = [
    Layer(Geometry(1, 1, 0, 0, 1, 1, 1, 5, 5), (3, 1, 12, 11), 6),
    Layer(Geometry(2, 2, 3, 3, 1, 1, 1, 7, 7), (1, 3, 17, 19), 9),
    Layer(Geometry(2, 1, 1, 0, 1, 2, 2, 3, 2), (2, 6, 9, 8), 4),
    Layer(Geometry(3, 2, 2, 1, 2, 1, 5, 2, 3), (2, 5, 10, 7), 5),
    Layer(Geometry(2, 2, 0, 0, 1, 1, 1, 1, 1), (2, 5, 9, 9), 17),
    Layer(Geometry(1, 1, 1, 1, 1, 1, 1, 3, 3), (1, 4, 40, 30), 3),
]


@every_engine
@pytest.mark.parametrize("bits", [8, 11, 16])
@pytest.mark.parametrize("layer", LAYERS)
def test_packed_convolutions_equal_naive(rng, engine, layer, bits):
    """Strides, paddings, dilations, groups and odd channels give the sums of Python integers, on one thread and two."""
    if INTERPRETED and np.prod(layer.x_shape) > 2000:
        pytest.skip("many lanes are for compiled code")
    g, half = layer.geometry, 1 << (bits - 1)
    container = np.int8 if bits == 8 else np.int16
    x = rng.integers(-half, half, size=layer.x_shape).astype(container)
    terms = layer.x_shape[1] // g.groups * g.R * g.S
    w = rng.integers(-half, half, size=(layer.filters, terms)).astype(container)
    P, Q = naive.output_size(*layer.x_shape[2:], g)
    filters, chunk = Filters(w, g), chunk_terms(half, half)
    expected = naive.conv2d(x, w, g)
    with ThreadPoolExecutor(2) as pool:
        for count in (1, 2, 4):
            out = np.full((len(x), layer.filters, P, Q), -1, np.int64)
            convolve(x, filters, g, chunk, out, engine=engine, workers=Workers(count, pool.map))
            assert out.tolist() == expected


@pytest.mark.parametrize("rounding", [mode for mode in Rounding if mode != Rounding.STOCHASTIC])
@pytest.mark.parametrize("overflow", list(Overflow))
@every_engine
def test_fused_casts_equal_two_steps(rng, engine, rounding, overflow):
    """Bias, cast and counts in one pass are the exact sums, cast afterwards; matrix products and convolutions."""
    x = rng.integers(LOWEST, HIGHEST, size=(9, 30)).astype(np.int16)
    w = rng.integers(-2000, 2000, size=(21, 30)).astype(np.int16)
    bias = rng.integers(-(1 << 30), 1 << 30, size=21)
    source, target = QFormat(True, 48, 18), Quantizer(QFormat(True, 13, 6), rounding, overflow)
    chunk, shift = chunk_terms(1 << 15, 2000), 3
    fused = Cast(shift, target.lower(source), bias)

    def check(sums, codes, found):
        want, overflowed = cast_codes(sums, source, target)
        assert np.array_equal(codes, want.codes)
        assert found == (sums.min(), sums.max(), overflowed)

    codes = np.full((9, 21), -1, np.int16)
    check((blas(x, w) << shift) + bias, codes, multiply(x, Panels(w), chunk, codes, fused, engine))

    g = Geometry(1, 1, 1, 1, 1, 1, 1, 3, 3)
    maps, filters = x.reshape(1, 10, 9, 3)[:, :3], w[:, :27].copy()
    sums = np.array(naive.conv2d(maps, filters, g))
    codes = np.full(sums.shape, -1, np.int16)
    found = convolve(np.ascontiguousarray(maps), Filters(filters, g), g, chunk, codes, fused, engine)
    check((sums << shift) + bias[:, None, None], codes, found)


@pytest.mark.parametrize("rounding", [Rounding.TRN_ZERO, Rounding.RND_CONV])
@pytest.mark.parametrize("K", [3, 30, 200])
@every_engine
def test_casts_in_32_bits_equal_those_in_64(rng, engine, rounding, K):
    """Sums that stay within 32 bits to the end take narrow vectors, one unit more takes wide ones: the same codes."""
    x = rng.integers(0, 1000, size=(17, K)).astype(np.int16)
    w = rng.integers(-300, 300, size=(33, K)).astype(np.int16)
    x[0], w[0] = 999, 299
    target = Quantizer(QFormat(True, 11, 6), rounding, Overflow.SAT)
    rq = target.lower(QFormat(True, 48, 34))
    panels = Panels(w)
    bound = largest_sum(panels.masses[-1], *code_range(x))
    room = (1 << 31) - 1 - (1 << rq.shift) - bound
    g = Geometry(1, 1, 0, 0, 1, 1, 1, 1, 3)
    maps, filters = np.ascontiguousarray(x.reshape(1, 1, 17, K)), np.ascontiguousarray(w[:, :3])
    for largest in (room, -room, room + 1):
        bias = rng.integers(-1000, 1000, size=33)
        bias[0] = largest
        cast = Cast(0, rq, bias)
        assert is_narrow(cast, bound) == (largest <= room)
        want, overflowed = cast_codes(blas(x, w) + bias, QFormat(True, 48, 34), target)
        codes = np.full((17, 33), -1, np.int16)
        found = multiply(x, panels, proved(x, w), codes, cast, engine)
        sums = blas(x, w) + bias
        assert np.array_equal(codes, want.codes)
        assert found == (sums.min(), sums.max(), overflowed)

        sums = np.array(naive.conv2d(maps, filters, g)) + bias[:, None, None]
        want, overflowed = cast_codes(sums, QFormat(True, 48, 34), target)
        codes = np.full(sums.shape, -1, np.int16)
        found = convolve(maps, Filters(filters, g), g, proved(x, w), codes, cast, engine)
        assert np.array_equal(codes, want.codes)
        assert found == (sums.min(), sums.max(), overflowed)


@every_engine
def test_threads_give_the_bits_of_one(rng, engine):
    """Tiles of rows on two threads are the product, its extremes and its overflows."""
    x = rng.integers(LOWEST, HIGHEST, size=(37, 33)).astype(np.int16)
    w = rng.integers(LOWEST, HIGHEST, size=(19, 33)).astype(np.int16)
    target = Quantizer(QFormat(True, 16, 8), Rounding.RND_CONV, Overflow.SAT)
    cast = Cast(0, target.lower(QFormat(True, 40, 12)), np.arange(19, dtype=np.int64))
    alone, shared = np.empty((37, 19), np.int16), np.empty((37, 19), np.int16)
    panels = Panels(w)
    found = multiply(x, panels, 1, alone, cast, engine)
    with ThreadPoolExecutor(2) as pool:
        assert multiply(x, panels, 1, shared, cast, engine, Workers(3, pool.map)) == found
    assert np.array_equal(alone, shared)
