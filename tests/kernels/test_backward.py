"""Backward kernels: pooling against the float64 reference, which integers of this size are exact in; casts exactly."""

from __future__ import annotations

import numpy as np
import pytest

from accel.golden.pool import pool2d, pool2d_error
from accel.numeric.exact import cast
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import Lfsr
from kernels.backward import cast_to_windows, max_pool_error, root_pool_error, scale_by_slope, sum_pool_error
from kernels.conv import Geometry
from kernels.modes import Rounding

WINDOWS = {
    "side by side": ((2, 2), (2, 2), (0, 0)),
    "overlapping, padded": ((3, 2), (1, 1), (1, 1)),
    "with a rest": ((2, 3), (3, 2), (0, 1)),
}


def geometry(size, stride, padding):
    """The window in the kernels' words."""
    return Geometry(*stride, *padding, 1, 1, 1, *size)


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("mode", ["max", "average"])
def test_errors_are_the_references(rng, name, mode):
    """Ties go to the first in row order; a sum is R S times an average."""
    size, stride, padding = WINDOWS[name]
    x = rng.integers(-3, 4, (2, 3, 7, 8))
    y = pool2d(x.astype(float), "max", size, stride, padding)
    delta = rng.integers(-9, 10, y.shape)
    out = np.zeros_like(x)
    if mode == "max":
        max_pool_error(delta, x, y.astype(np.int64), geometry(size, stride, padding), out)
    else:
        sum_pool_error(delta, geometry(size, stride, padding), out)
        delta = delta * size[0] * size[1]
    expected = pool2d_error(delta.astype(float), x.astype(float), y, mode, size, stride, padding)
    assert np.array_equal(out, np.rint(expected))


@pytest.mark.parametrize("name", WINDOWS)
def test_a_root_sends_x_times_the_slope(rng, name):
    """Each window adds x trunc(2^k delta / y), nothing where y is 0; loops in plain Python."""
    size, stride, padding = WINDOWS[name]
    x = rng.integers(-5, 6, (1, 2, 6, 7))
    shape = pool2d(x.astype(float), "l2", size, stride, padding).shape
    y, delta = rng.integers(0, 9, shape), rng.integers(-50, 51, shape)
    out, expected = np.zeros_like(x), np.zeros_like(x)
    root_pool_error(delta, x, y, geometry(size, stride, padding), 4, out)
    for n, c, p, q in np.ndindex(*shape):
        for r, s in np.ndindex(*size):
            h, w = p * stride[0] + r - padding[0], q * stride[1] + s - padding[1]
            if 0 <= h < x.shape[2] and 0 <= w < x.shape[3] and y[n, c, p, q]:
                slope = int(16 * int(delta[n, c, p, q]) / int(y[n, c, p, q]))
                expected[n, c, h, w] += slope * x[n, c, h, w]
    assert np.array_equal(out, expected)


@pytest.mark.parametrize("rounding", [Rounding.RND_CONV, Rounding.STOCHASTIC])
@pytest.mark.parametrize("is_square", [0, 1])
def test_slopes_are_cast_once(rng, rounding, is_square):
    """delta y (1 - y) and delta (1 - y^2) in Python integers, one cast; overflows are counted."""
    target, point = QFormat.parse("Q1.7"), 10
    one, source = 1 << point, QFormat(True, 63, 63 - 14 - 2 * point)
    quantizer = Quantizer(target, rounding, random=Lfsr(16, 3, 8) if rounding == Rounding.STOCHASTIC else None)
    delta = rng.integers(-(1 << 15), 1 << 15, 200).astype(np.int16)
    y = rng.integers(-one if is_square else 0, one, 200, endpoint=True).astype(np.int16)
    draws = rng.integers(0, 256, 200) if quantizer.random else np.empty(0, np.int64)
    out = np.empty(200, target.dtype)
    overflowed = scale_by_slope(delta, y, one, is_square, quantizer.lower(source), draws, out)
    outside = 0
    for i in range(200):
        d, v = int(delta[i]), int(y[i])
        product = d * (one * one - v * v if is_square else v * (one - v))
        draw = int(draws[i]) if draws.size else 0
        assert out[i] == cast(product, source, quantizer, draw)
        wide = Quantizer(QFormat(True, 60, 53), rounding, random=quantizer.random)
        outside += not target.min_code <= cast(product, source, wide, draw) <= target.max_code
    assert overflowed == outside
    assert outside > 0 or not is_square


@pytest.mark.parametrize("window", [((2, 2), (2, 2), (0, 0)), ((2, 3), (3, 4), (1, 1)), ((1, 2), (2, 2), (0, 1))])
def test_windows_apart_are_cast_once(rng, window):
    """The same codes and as many overflows as adding first and casting every code."""
    size, stride, padding = window
    target = QFormat.parse("Q1.4")
    source, quantizer = QFormat(True, 63, 63 - 9), Quantizer(target)
    x = np.zeros((2, 3, 7, 9), np.int64)
    shape = pool2d(x.astype(float), "average", size, stride, padding).shape
    delta = rng.integers(-400, 401, shape).astype(np.int16)
    sum_pool_error(delta.astype(np.int64) * 3, geometry(size, stride, padding), x)
    made = np.zeros(x.shape, target.dtype)
    overflowed = cast_to_windows(delta, geometry(size, stride, padding), 3, quantizer.lower(source), made)
    expected = [cast(int(v), source, quantizer, 0) for v in x.ravel()]
    wide = [cast(int(v), source, Quantizer(QFormat(True, 60, 56)), 0) for v in x.ravel()]
    assert made.ravel().tolist() == expected
    assert overflowed == sum(not target.min_code <= v <= target.max_code for v in wide) > 0
