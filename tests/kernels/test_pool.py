"""Is pooling right? Against naive loops over windows that overlap, leave gaps, and hang into the padding."""

from __future__ import annotations

import itertools

import numba
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accel.numeric import exact
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from kernels import pool, vector_pool
from kernels.conv import Geometry
from kernels.modes import Overflow, Rounding
from kernels.pool import average_pool, max_pool, sum_pool
from kernels.tile import VECTOR
from kernels.vector_cast import fits_narrow, is_vector_cast
from tests import naive

INTERPRETED = bool(numba.config.DISABLE_JIT)
POOLS = {
    "max": (max_pool, max),
    "sum": (lambda x, g, out: sum_pool(x, g, 0, out), sum),
    "squares": (lambda x, g, out: sum_pool(x, g, 1, out), lambda codes: sum(code * code for code in codes)),
}


@st.composite
def windows(draw):
    """A window and a map of which it always sees something: strides shorter and longer than the window, padding."""
    R, S = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    strides, dilations = st.integers(1, 4), st.integers(1, 2)
    pads = draw(st.integers(0, R - 1)), draw(st.integers(0, S - 1))
    g = Geometry(draw(strides), draw(strides), *pads, draw(dilations), draw(dilations), 1, R, S)
    H, W = draw(st.integers(1, 7)), draw(st.one_of(st.integers(1, 7), st.integers(16, 40)))  # more than a vector too
    P, Q = naive.output_size(H, W, g)
    assume(P > 0 and Q > 0)
    empty = [[0] * W] * H
    assume(all(any(v is not None for v in naive.window(empty, p, q, g)) for p in range(P) for q in range(Q)))
    return g, (H, W), (P, Q)


@pytest.mark.parametrize("container", [np.int8, np.int16, np.int32])
@pytest.mark.parametrize("name", POOLS)
@settings(max_examples=25 if INTERPRETED else 150, deadline=None)
@given(windows(), st.integers(0, 2), st.integers(1, 3), st.sampled_from([4, 16, 29]), st.integers(0, 2**32 - 1))
def test_pools_equal_naive(name, container, case, N, C, bits, seed):
    """Every window gives the maximum, sum or sum of squares of its codes, padding left out."""
    pooling, join = POOLS[name]
    g, size, positions = case
    bits = min(bits, 8 * np.dtype(container).itemsize)
    x = np.random.default_rng(seed).integers(-(1 << (bits - 1)), 1 << (bits - 1), size=(N, C, *size), dtype=container)
    out = np.full((N, C, *positions), -1, container if name == "max" else np.int64)
    pooling(x, g, out)
    assert out.tolist() == (naive.pool2d(x, join, g) if N else [])


@pytest.mark.parametrize("container", [np.int16, np.int32, np.int64])
def test_padding_never_wins(container):
    """The maximum of negative codes is negative even where most of the window lies in the padding."""
    lowest = np.iinfo(container).min
    x = np.array([[[[lowest, -5], [-7, -9]]]], container)
    out = np.empty((1, 1, 3, 3), container)
    max_pool(x, Geometry(1, 1, 1, 1, 1, 1, 1, 2, 2), out)
    assert out[0, 0].tolist() == [[lowest, -5, -5], [-7, -5, -5], [-7, -7, -9]]


MODES = [mode for mode in Rounding if mode != Rounding.STOCHASTIC]
NARROW, WIDE = np.empty(0, np.int32), np.empty(0, np.int64)


@pytest.mark.parametrize("overflow", [Overflow.SAT, Overflow.SAT_SYM])
@pytest.mark.parametrize("rounding", MODES)
@pytest.mark.parametrize(("bits", "target"), [(8, "Q5.3"), (9, "UQ4.4"), (16, "Q6.10"), (16, "Q9.2"), (17, "Q12.14")])
@settings(max_examples=3 if INTERPRETED else 15)
@given(windows(), st.sampled_from([1, 3, 29127]), st.integers(0, 2**32 - 1))
def test_averages_are_sums_cast_once(rounding, overflow, bits, target, case, multiplier, seed):
    """Sums times a constant, in 32 bits where they fit and in 64 bits, are cast and counted as exact numbers are."""
    g, size, positions = case
    out_format = QFormat.parse(target)
    source = QFormat(True, bits, bits - 6)
    sums = QFormat(True, bits + 20, bits + 20 - source.frac_bits - 4)
    quantizer = Quantizer(out_format, rounding, overflow)
    rq = quantizer.lower(sums)
    assert is_vector_cast(rq)
    x = np.random.default_rng(seed).integers(source.min_code, source.max_code + 1, (2, 2, *size), source.dtype)
    x[0, 0] = source.min_code
    flat = [sum(window) * multiplier for maps in (naive.pool2d(x, list, g)) for m in maps for r in m for window in r]
    unbounded = Quantizer(QFormat(True, 60, 60 - out_format.frac_bits), rounding)
    codes = [exact.cast(code, sums, quantizer) for code in flat]
    clipped = sum(code != exact.cast(each, sums, unbounded) for code, each in zip(codes, flat, strict=True))
    held = [WIDE]
    if multiplier == 1 and fits_narrow(rq, 0, 9 << (bits - 1), WIDE):
        held.append(NARROW)
    for no_bias in held:
        out = np.empty((2, 2, *positions), out_format.dtype)
        assert average_pool(x, g, multiplier, rq, no_bias, out) == clipped
        assert out.reshape(-1).tolist() == codes


def test_many_maps_make_many_blocks(rng):
    """More results than one block holds, with and without padding, and maps that are larger than a block."""
    rq = Quantizer(QFormat(True, 8, 8), Rounding.RND_CONV).lower(QFormat(True, 18, 16))
    side = int(pool.BLOCK**0.5) + 2
    for maps, height, padding in ((5, side // 2, 0), (5, side // 2, 1), (2, side, 1)):
        x = rng.integers(-128, 128, (maps, 1, height, height)).astype(np.int8)
        g = Geometry(1, 1, padding, padding, 1, 1, 1, 2, 2)
        framed = np.pad(x.astype(np.int64), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        exact_sums = sum(
            framed[..., r : framed.shape[2] - 1 + r, s : framed.shape[3] - 1 + s] for r, s in np.ndindex(2, 2)
        )
        rounded = np.rint(exact_sums / 4)
        out, sums = np.empty(exact_sums.shape, np.int8), np.empty(exact_sums.shape, np.int64)
        assert average_pool(x, g, 1, rq, NARROW, out) == 0
        assert np.array_equal(out, rounded)
        sum_pool(x, g, 0, sums)
        assert np.array_equal(sums, exact_sums)


@pytest.mark.parametrize("container", [np.int8, np.int16, np.int32])
@pytest.mark.parametrize("name", ["largest_codes", "sums", "square_sums"])
@pytest.mark.skipif(INTERPRETED, reason="there are no compiled vectors to compare")
def test_compiled_rows_equal_their_plain_meaning(rng, name, container):
    """Every vector, the last one too, joins what it should, and nothing around the results is written."""
    plain = getattr(vector_pool, name)
    ends = np.iinfo(container)

    def run(x, taps, out, shape):
        plain(x, 5, taps, out, 7, shape)

    compiled = numba.njit(run)
    for columns, step in itertools.product([1, 2, 5, VECTOR - 1, VECTOR, VECTOR + 1, 3 * VECTOR + 2], [1, 2, 3]):
        width = (columns - 1) * step + 3
        taps = vector_pool.Taps(3, 3, width, 1, 5 * width, 2 * width, step)
        x = rng.integers(ends.min >> 1, (ends.max >> 1) + 1, 5 + 2 * 5 * width).astype(container)  # squares fit int64
        seen = []
        for function in (run, compiled):
            out = np.full(7 + 2 * 2 * columns + 9, 99, container if name == "largest_codes" else np.int64)
            function(x, taps, out, (2, 2, columns))
            seen.append(out.tolist())
        assert seen[0] == seen[1]
        assert seen[1][:7] == [99] * 7
        assert seen[1][-9:] == [99] * 9
