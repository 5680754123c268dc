"""Pooling against plain loops over windows, a library and finite differences."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from accel.golden.pool import pool2d, pool2d_error
from tests.gradients import assert_gradient, spread

MODES = ("max", "average", "l2")
WINDOWS = {
    "2x2": ((2, 2), (2, 2), (0, 0)),
    "overlapping 3x3": ((3, 3), (2, 2), (0, 0)),
    "uneven": ((3, 2), (1, 3), (0, 0)),
    "padded": ((3, 2), (2, 1), (1, 1)),
    "stride beyond the window": ((2, 2), (3, 4), (1, 0)),
    "1x1": ((1, 1), (1, 1), (0, 0)),
    "global": ((7, 6), (1, 1), (0, 0)),
}


def naive(x, mode, size, stride, padding):
    """Window by window; a position outside the map is a zero, and for the maximum does not exist."""
    N, C, H, W = x.shape
    P = (H + 2 * padding[0] - size[0]) // stride[0] + 1
    Q = (W + 2 * padding[1] - size[1]) // stride[1] + 1
    y = np.empty((N, C, P, Q))
    for n, c, p, q in np.ndindex(y.shape):
        rows = [p * stride[0] - padding[0] + r for r in range(size[0])]
        columns = [q * stride[1] - padding[1] + s for s in range(size[1])]
        seen = [float(x[n, c, i, j]) for i in rows for j in columns if 0 <= i < H and 0 <= j < W]
        if mode == "max":
            y[n, c, p, q] = max(seen)
        elif mode == "average":
            y[n, c, p, q] = sum(seen) / (size[0] * size[1])
        else:
            y[n, c, p, q] = sqrt(sum(value * value for value in seen))
    return y


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("mode", MODES)
def test_pool2d_is_the_loop_over_windows(rng, mode, window):
    """All three poolings equal a loop over windows, negative inputs and padding included."""
    x = rng.normal(size=(2, 3, 7, 6)) - (2.0 if mode == "max" else 0.0)
    np.testing.assert_allclose(
        pool2d(x, mode, *WINDOWS[window]), naive(x, mode, *WINDOWS[window]), rtol=1e-13, atol=1e-13
    )


def test_max_pool_is_the_library_s(rng):
    """Every second value of scipy's maximum filter is max pooling of 3 x 3 with stride 2 and padding 1."""
    x = rng.normal(size=(8, 8))
    expected = maximum_filter(x, size=3, mode="constant", cval=-np.inf)[::2, ::2]
    assert np.array_equal(pool2d(x[None, None], "max", (3, 3), (2, 2), (1, 1))[0, 0], expected)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("mode", MODES)
def test_pool2d_error(rng, mode, window):
    """The error is the finite difference of a random linear loss, overlaps and padding included."""
    x = spread(rng, (2, 2, 7, 6))
    y = pool2d(x, mode, *WINDOWS[window])
    delta = rng.uniform(0.5, 1.5, size=y.shape)
    error = pool2d_error(delta, x, y, mode, *WINDOWS[window])
    assert_gradient(error, lambda v: float((pool2d(v, mode, *WINDOWS[window]) * delta).sum()), x)


def test_tied_maximum_goes_to_the_first():
    """Among equal maxima of a window the first in row order gets the whole error."""
    x = np.array([[[[1.0, 5.0], [5.0, 5.0]]]])
    y = pool2d(x, "max", (2, 2), (2, 2), (0, 0))
    error = pool2d_error(np.array([[[[7.0]]]]), x, y, "max", (2, 2), (2, 2), (0, 0))
    assert error.tolist() == [[[[0.0, 7.0], [0.0, 0.0]]]]


def test_l2_of_zeros_sends_nothing_back():
    """Where an l2 output is 0 the error is 0, without a division."""
    x = np.zeros((1, 1, 2, 2))
    y = pool2d(x, "l2", (2, 2), (2, 2), (0, 0))
    error = pool2d_error(np.ones((1, 1, 1, 1)), x, y, "l2", (2, 2), (2, 2), (0, 0))
    assert y.tolist() == [[[[0.0]]]]
    assert not error.any()
