"""Exact products of operands that are new: every engine and every way through gives the same integers."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.ops import exact as module
from accel.ops.engine import VARIABLE, Multiplier, multiplier
from accel.ops.exact import NO_BIAS, cast_conv, exact, exact_cast, exact_conv_gradient
from accel.ops.sums import ConvProducts
from kernels.conv import Geometry

NO_DRAWS = np.empty((0, 0), np.int64)


@pytest.fixture(params=["", *Multiplier])
def engine(request, monkeypatch):
    """Every engine that this processor has, and its own choice."""
    monkeypatch.setenv(VARIABLE, request.param)
    try:
        multiplier()
    except ConfigError:
        pytest.skip(f"no {request.param} here")
    return request.param


def codes(rng, shape, width):
    """Codes of that width in their container, with the lowest one among them."""
    made = rng.integers(-(1 << width - 1), 1 << width - 1, shape)
    made.flat[0] = -(1 << width - 1)
    return made.astype(np.int8 if width <= 8 else np.int16 if width <= 16 else np.int32)


@pytest.mark.parametrize("widths", [(16, 16), (8, 16), (20, 12)])
@pytest.mark.parametrize("small", [1 << 24, 0])
def test_products_are_exact_by_every_way(rng, engine, monkeypatch, widths, small):
    """In one call or packed, whole or in parts of the sum, turned or not, of 16 bits or more; none is of size 0."""
    monkeypatch.setattr(module, "SMALL", small)
    monkeypatch.setattr(module, "TERMS", 24)
    for M, K, N in ((20, 70, 33), (3, 1, 2), (0, 4, 3), (3, 4, 0)):
        x, w = codes(rng, (M or 1, K), widths[0])[:M], codes(rng, (N or 1, K), widths[1])[:N]
        expected = x.astype(object) @ w.T.astype(object)
        assert np.array_equal(exact(x, w), expected.astype(np.int64))
        turned = np.ascontiguousarray(x.T).T, np.ascontiguousarray(w.T).T
        assert np.array_equal(exact(*turned), expected.astype(np.int64))
        assert np.array_equal(exact(x[:, ::2], w[:, ::2]), (x[:, ::2].astype(object) @ w[:, ::2].T).astype(np.int64))


def test_a_cast_in_one_call_is_the_cast_of_the_sums(rng, engine):
    """Where one call serves, it gives what sums and a cast give; else it says so and writes nothing."""
    x, w, bias = codes(rng, (5, 9), 12), codes(rng, (7, 9), 12), rng.integers(-1000, 1000, 7)
    rq = Quantizer(QFormat.parse("Q6.10")).lower(QFormat(True, 63, 63 - 20))
    made = np.full((5, 7), -77, np.int16)
    overflowed = exact_cast(x, w, bias, rq, NO_DRAWS, made)
    sums = exact(x, w) + bias
    if engine in ("blas", "amx"):
        assert overflowed is None
        assert (made == -77).all()
    else:
        rounded = np.rint(sums / 1024).astype(np.int64)
        assert np.array_equal(made, rounded.clip(-32768, 32767))
        assert overflowed == np.count_nonzero(abs(rounded) > 32768)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("width", [12, 20])
def test_gradients_of_convolutions_are_the_same_by_every_way(rng, engine, stride, width):
    """Without patches and with them, by every engine: what float64, exact for such sums, says."""
    g = Geometry(stride, stride, 1, 0, 1, 2, 2, 3, 2)
    x = codes(rng, (3, 4, 7, 9), width)
    P, Q = (7 + 2 - 3) // stride + 1, (9 - 3) // stride + 1
    delta = codes(rng, (3, 6, P, Q), 12)
    framed = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0))).astype(np.float64)
    expected = np.zeros((6, 2, 3, 2))
    for k, c, r, s in np.ndindex(expected.shape):
        met = framed[
            :, k // 3 * 2 + c, r : r + (P - 1) * stride + 1 : stride, 2 * s : 2 * s + (Q - 1) * stride + 1 : stride
        ]
        expected[k, c, r, s] = (met * delta[:, k]).sum()
    assert np.array_equal(exact_conv_gradient(delta, x, g), expected)


def test_a_convolution_is_cast_as_it_comes(rng, engine):
    """Codes and overflows are those of the exact sums, with a bias and without; BLAS leaves it to its caller."""
    g = Geometry(1, 1, 1, 1, 1, 1, 1, 3, 3)
    products = ConvProducts(codes(rng, (2, 3, 5, 6), 12), codes(rng, (4, 3, 3, 3), 12), g, (5, 6))
    rq = Quantizer(QFormat.parse("Q6.10")).lower(QFormat(True, 63, 63 - 20))
    for bias in (NO_BIAS, rng.integers(-(1 << 24), 1 << 24, 4)):
        found = cast_conv(products, bias, rq)
        if engine == "blas":
            assert found is None
            continue
        sums = products.exact(1) + (bias.reshape(-1, 1, 1) if bias.size else 0)
        rounded = np.rint(sums / 1024).astype(np.int64)
        assert np.array_equal(found[0], rounded.clip(-32768, 32767))
        assert found[1] == np.count_nonzero((rounded > 32767) | (rounded < -32768))
