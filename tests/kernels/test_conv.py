"""Are convolutions right? Against naive loops over every kind of window, and against exact float64 BLAS."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numba
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from accel.numeric.proof import chunk_terms
from kernels.conv import Geometry, conv2d, conv2d_wide
from tests import naive

INTERPRETED = bool(numba.config.DISABLE_JIT)
EXAMPLES = 25 if INTERPRETED else 200
PLAIN = Geometry(1, 1, 0, 0, 1, 1, 1, 1, 1)
LENET = PLAIN._replace(R=5, S=5)


class Case(NamedTuple):
    """One convolution: x (N, C, H, W), w (K, C/groups * R * S), its window, the shape of its output."""

    x: np.ndarray
    w: np.ndarray
    geometry: Geometry
    shape: tuple[int, int, int, int]


@st.composite
def cases(draw, bits):
    """Small convolutions: windows and maps that are not square, strides, paddings, dilations, groups, depthwise."""
    pairs = {"stride": (1, 3), "pad": (0, 2), "dilation": (1, 2)}
    window = {f"{name}_{axis}": draw(st.integers(*limits)) for name, limits in pairs.items() for axis in "hw"}
    g = Geometry(**window, groups=draw(st.integers(1, 3)), R=draw(st.integers(1, 3)), S=draw(st.integers(1, 3)))
    H, W = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    P, Q = naive.output_size(H, W, g)
    assume(P > 0 and Q > 0)
    N, channels, filters = draw(st.integers(0, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    codes = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    half = 1 << (bits - 1)
    x = codes.integers(-half, half, size=(N, g.groups * channels, H, W))
    w = codes.integers(-half, half, size=(g.groups * filters, channels * g.R * g.S))
    return Case(x, w, g, (N, g.groups * filters, P, Q))


def exact_maps(x, w, geometry, shape):
    """conv2d with the chunk that the codes themselves prove."""
    out = np.full(shape, -1, np.int64)
    chunk = chunk_terms(*(int(np.abs(codes).max(initial=0)) for codes in (x, w)))
    conv2d(x.astype(np.int16), w.astype(np.int16), geometry, chunk, out)
    return out


@settings(max_examples=EXAMPLES, deadline=None)
@given(cases(bits=16))
def test_exact_equals_naive(case):
    """Every window over every map gives the sums of Python integers, in the int16 and in the int64 kernel."""
    expected = naive.conv2d(case.x, case.w, case.geometry) if len(case.x) else []
    assert exact_maps(*case).tolist() == expected
    out = np.full(case.shape, -1, np.int64)
    conv2d_wide(case.x, case.w, case.geometry, out)
    assert out.tolist() == expected


@pytest.mark.skipif(INTERPRETED, reason="millions of products are for compiled code")
@pytest.mark.parametrize("bits", [11, 16])
@pytest.mark.parametrize(
    ("x_shape", "filters", "geometry"),
    [
        ((5, 1, 32, 32), 6, LENET),
        ((20, 6, 14, 14), 16, LENET),
        ((70, 16, 5, 5), 120, LENET),
        ((1, 3, 227, 227), 96, LENET._replace(stride_h=4, stride_w=4, R=11, S=11)),
        ((2, 32, 40, 40), 32, PLAIN._replace(groups=32, R=3, S=3)),
        ((3, 300, 7, 9), 50, PLAIN),
    ],
)
def test_exact_equals_blas(rng, x_shape, filters, geometry, bits):
    """Layers of published networks, many blocks of pixels long, are those of float64 BLAS."""
    half = 1 << (bits - 1)
    channels = x_shape[1] // geometry.groups
    x = rng.integers(-half, half, size=x_shape)
    w = rng.integers(-half, half, size=(filters, channels * geometry.R * geometry.S))
    windows = sliding_window_view(x.astype(np.float64), (geometry.R, geometry.S), axis=(2, 3))
    windows = windows[:, :, :: geometry.stride_h, :: geometry.stride_w]
    N, _, P, Q = windows.shape[:4]
    grouped = windows.reshape(N, geometry.groups, channels, P, Q, -1).transpose(1, 0, 3, 4, 2, 5)
    columns = grouped.reshape(geometry.groups, N * P * Q, -1)
    sums = columns @ w.astype(np.float64).reshape(geometry.groups, -1, w.shape[1]).transpose(0, 2, 1)
    expected = sums.reshape(geometry.groups, N, P, Q, -1).transpose(1, 0, 4, 2, 3).reshape(N, filters, P, Q)
    assert np.array_equal(exact_maps(x, w, geometry, expected.shape), expected.astype(np.int64))


def test_extreme_codes_do_not_overflow():
    """A convolution of nothing but -32768 is exact, although two of its products already exceed int32."""
    x, w = np.full((1, 2, 3, 3), -(1 << 15)), np.full((1, 18), -(1 << 15))
    assert exact_maps(x, w, PLAIN._replace(R=3, S=3), (1, 1, 1, 1)).tolist() == [[[[18 << 30]]]]


def test_two_threads_give_the_bits_of_one(rng):
    """Halves of a batch on two threads are the batch."""
    g = Geometry(2, 1, 1, 0, 1, 2, 2, 3, 2)
    x = rng.integers(-2048, 2048, size=(6, 4, 7, 6))
    w = rng.integers(-2048, 2048, size=(6, 12))
    size = naive.output_size(7, 6, g)

    def maps(images):
        return exact_maps(images, w, g, (len(images), 6, *size))

    with ThreadPoolExecutor(2) as threads:
        halves = list(threads.map(maps, [x[:3], x[3:]]))
    assert np.array_equal(np.concatenate(halves), maps(x))
