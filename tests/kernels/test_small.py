"""Products of small operands that lie either way, exactly and cast, against Python integers."""

from __future__ import annotations

import numpy as np
import pytest

from accel.numeric.exact import cast
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import Lfsr
from kernels.modes import Overflow, Rounding
from kernels.small import Sides, cast_products, products
from kernels.vnni import TILE, VNNI, has_vnni
from tests import naive

ENGINES = [TILE, *([VNNI] if has_vnni() else [])]
SHAPES = [(1, 1, 1), (3, 7, 5), (9, 2, 50), (17, 33, 49)]


def operands(rng, M, K, N, top, sides):
    """Codes up to `top` in magnitude as they lie, and as (M, K) and (N, K)."""
    x, w = (rng.integers(-top, top, shape, endpoint=True).astype(np.int16) for shape in ((M, K), (N, K)))
    lying_x = np.ascontiguousarray(x.T) if sides.x_turned else x
    lying_w = np.ascontiguousarray(w.T) if sides.w_turned else w
    return lying_x, lying_w, x, w


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("turned", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_exact_however_operands_lie(rng, engine, turned, shape):
    """Every size of edge, odd and even sums, small codes and large ones, against loops in Python."""
    sides = Sides(engine, *turned)
    for top in (127, 32767):
        lying_x, lying_w, x, w = operands(rng, *shape, top, sides)
        sums = np.empty((shape[0], shape[2]), np.int64)
        products(lying_x, lying_w, sides, sums)
        assert sums.tolist() == naive.matmul(x.tolist(), w.tolist())


@pytest.mark.parametrize("engine", ENGINES)
def test_the_largest_products_do_not_leave_an_int32_sum(engine):
    """All codes are -32768: a pair of products is 2^31, which int32 has only as one less."""
    x, w = (np.full((n, 40), -32768, np.int16) for n in (9, 17))
    sums = np.empty((9, 17), np.int64)
    products(x, w, Sides(engine, 0, 0), sums)
    assert (sums == 40 << 30).all()


@pytest.mark.parametrize("rounding", [Rounding.RND_CONV, Rounding.TRN_ZERO, Rounding.STOCHASTIC])
@pytest.mark.parametrize("overflow", [Overflow.SAT, Overflow.WRAP])
@pytest.mark.parametrize("has_bias", [False, True])
def test_casts_are_those_of_the_sums(rng, rounding, overflow, has_bias):
    """Sum, bias and one cast follow from Python integers; overflows are counted."""
    M, K, N = 11, 6, 51
    target, point = QFormat.parse("Q3.7"), 18
    random = Lfsr(16, 3, 8) if rounding == Rounding.STOCHASTIC else None
    quantizer = Quantizer(target, rounding, overflow, random=random)
    source = QFormat(True, 63, 63 - point)
    sides = Sides(ENGINES[-1], 1, 1)
    lying_x, lying_w, x, w = operands(rng, M, K, N, 900, sides)
    bias = rng.integers(-(1 << 20), 1 << 20, N if has_bias else 0)
    draws = rng.integers(0, 256, (M, N)) if random else np.empty((0, N), np.int64)
    codes = np.empty((M, N), target.dtype)
    overflowed = cast_products(lying_x, lying_w, sides, bias, quantizer.lower(source), draws, codes)
    outside = 0
    for (m, n), code in np.ndenumerate(codes):
        total = naive.dot(x[m].tolist(), w[n].tolist()) + (int(bias[n]) if has_bias else 0)
        draw = int(draws[m, n]) if random else 0
        assert code == cast(total, source, quantizer, draw)
        wide = cast(total, source, Quantizer(QFormat(True, 60, 53), rounding, random=random), draw)
        outside += not target.min_code <= wide <= target.max_code
    assert overflowed == outside > 0
