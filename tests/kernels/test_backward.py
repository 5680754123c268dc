"""Pooling backward against the float64 reference, which integers of this size are exact in."""

from __future__ import annotations

import numpy as np
import pytest

from accel.golden.pool import pool2d, pool2d_error
from kernels.backward import max_pool_error, root_pool_error, sum_pool_error
from kernels.conv import Geometry

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
