"""The gradient of a convolution without patches, against loops in Python integers."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.conv import Geometry
from kernels.taps import conv_gradient
from tests import naive

WINDOWS = {
    "plain": ((2, 3, 4, 6, 6), Geometry(1, 1, 0, 0, 1, 1, 1, 3, 3)),
    "one weight, odd rows": ((1, 1, 1, 3, 3), Geometry(1, 1, 0, 0, 1, 1, 1, 1, 1)),
    "padded, dilated, rows strided": ((2, 2, 3, 7, 6), Geometry(2, 1, 1, 2, 1, 2, 1, 3, 2)),
    "grouped": ((2, 4, 6, 4, 5), Geometry(1, 1, 1, 1, 1, 1, 2, 2, 3)),
    "depthwise": ((2, 3, 3, 4, 5), Geometry(1, 1, 1, 1, 1, 1, 3, 3, 3)),
    "more filters than lanes": ((1, 1, 19, 4, 4), Geometry(1, 1, 0, 0, 1, 1, 1, 2, 2)),
}


def gradient(delta, x, g):
    """What each weight met, loop by loop."""
    N, K, P, Q = delta.shape
    depth = x.shape[1] // g.groups
    out = np.zeros((K, depth, g.R, g.S), np.int64)
    for n, k, p, q in np.ndindex(N, K, P, Q):
        field = naive.receptive_field(x[n].tolist(), k, K, p, q, g)
        out[k] += int(delta[n, k, p, q]) * np.array(field, np.int64).reshape(depth, g.R, g.S)
    return out


def tensors(rng, name, low, high):
    """delta, x and the window of a case."""
    (N, C, K, H, W), g = WINDOWS[name]
    P, Q = naive.output_size(H, W, g)
    delta = rng.integers(low, high, (N, K, P, Q)).astype(np.int16)
    return delta, rng.integers(low, high, (N, C, H, W)).astype(np.int16), g


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("top", [100, 32767])
def test_every_weight_gets_what_it_met(rng, name, top):
    """Small codes are one int32 sum, large ones are widened pair by pair; gradients are added."""
    delta, x, g = tensors(rng, name, -top, top)
    expected = gradient(delta, x, g)
    out = np.full(expected.shape, 7, np.int64)
    conv_gradient(delta, x, g, out)
    assert np.array_equal(out, expected + 7)


def test_the_largest_products_do_not_leave_an_int32_sum(rng):
    """All codes are -32768: the sum of a pair is 2^31."""
    delta, x, g = tensors(rng, "plain", -32768, -32767)
    out = np.zeros((delta.shape[1], x.shape[1], g.R, g.S), np.int64)
    conv_gradient(delta, x, g, out)
    assert (out == (delta[:, 0].size << 30)).all()
