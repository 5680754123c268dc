"""Is pooling right? Against naive loops over windows that overlap, leave gaps, and hang into the padding."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernels.conv import Geometry
from kernels.pool import max_pool, square_sum_pool, sum_pool
from tests import naive

INTERPRETED = bool(numba.config.DISABLE_JIT)
POOLS = {
    "max": (max_pool, max),
    "sum": (sum_pool, sum),
    "squares": (square_sum_pool, lambda codes: sum(code * code for code in codes)),
}


@st.composite
def windows(draw):
    """A window and a map of which it always sees something: strides shorter and longer than the window, padding."""
    R, S = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    strides, dilations = st.integers(1, 4), st.integers(1, 2)
    pads = draw(st.integers(0, R - 1)), draw(st.integers(0, S - 1))
    g = Geometry(draw(strides), draw(strides), *pads, draw(dilations), draw(dilations), 1, R, S)
    H, W = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    P, Q = naive.output_size(H, W, g)
    assume(P > 0 and Q > 0)
    empty = [[0] * W] * H
    assume(all(any(v is not None for v in naive.window(empty, p, q, g)) for p in range(P) for q in range(Q)))
    return g, (H, W), (P, Q)


@pytest.mark.parametrize("container", [np.int16, np.int32])
@pytest.mark.parametrize("name", POOLS)
@settings(max_examples=25 if INTERPRETED else 150, deadline=None)
@given(windows(), st.integers(0, 2), st.integers(1, 3), st.sampled_from([4, 16, 29]), st.integers(0, 2**32 - 1))
def test_pools_equal_naive(name, container, case, N, C, bits, seed):
    """Every window gives the maximum, sum or sum of squares of its codes, padding left out."""
    kernel, join = POOLS[name]
    g, size, positions = case
    bits = min(bits, 8 * np.dtype(container).itemsize)
    x = np.random.default_rng(seed).integers(-(1 << (bits - 1)), 1 << (bits - 1), size=(N, C, *size), dtype=container)
    out = np.full((N, C, *positions), -1, container if name == "max" else np.int64)
    kernel(x, g, out)
    assert out.tolist() == (naive.pool2d(x, join, g) if N else [])


@pytest.mark.parametrize("container", [np.int16, np.int32, np.int64])
def test_padding_never_wins(container):
    """The maximum of negative codes is negative even where most of the window lies in the padding."""
    lowest = np.iinfo(container).min
    x = np.array([[[[lowest, -5], [-7, -9]]]], container)
    out = np.empty((1, 1, 3, 3), container)
    max_pool(x, Geometry(1, 1, 1, 1, 1, 1, 1, 2, 2), out)
    assert out[0, 0].tolist() == [[lowest, -5, -5], [-7, -5, -5], [-7, -7, -9]]
