"""Does pooling of a node give the same bits by every path: sums cast in one pass, and sums that somebody looks at?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accel.loopnest import Window
from accel.numeric import exact
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat
from accel.numeric.ledger import Ledger
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import NumpyRandom
from accel.ops.datapath import Datapath
from accel.ops.fixed import FixedArithmetic
from accel.units.average import average_steps
from kernels.conv import Geometry
from kernels.modes import Overflow, Rounding
from tests import naive

WINDOWS = [
    Window((2, 2), (2, 2), (0, 0), (1, 1)),
    Window((3, 3), (2, 2), (1, 1), (1, 1)),
    Window((2, 4), (1, 3), (1, 0), (2, 1)),
]


def pooled(x: FxArray, mode: str, window: Window, output: Quantizer, detailed: bool):
    """Return what one node makes and its ledger."""
    node = Datapath("pool", x.format, output.format, {}, None, output, {}, None)
    ledger = Ledger(detailed)
    made = FixedArithmetic({"pool": node}, ledger).at("pool").pool2d(x, mode, window)
    return made, ledger


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: "x".join(map(str, window.size)))
@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("rounding", Rounding)
def test_averages(rounding, overflow, window, rng):
    """Every mode, formats of 8 to 32 bits: exact averages, the same codes and counts for a ledger of details."""
    geometry = Geometry(*window.stride, *window.padding, *window.dilation, 1, *window.size)
    multiplier, shift = average_steps(window.size[0] * window.size[1])
    random = NumpyRandom(1, 8) if rounding == Rounding.STOCHASTIC else None
    for source, target in (("Q6.10", "Q6.10"), ("Q1.7", "Q2.3"), ("UQ8.8", "Q20.12")):
        held = QFormat.parse(source)
        codes = rng.integers(held.min_code, held.max_code + 1, (2, 2, 5, 7), np.int64).astype(held.dtype)
        codes[0, 0] = held.min_code
        output = Quantizer(QFormat.parse(target), rounding, overflow, random=random)
        made, ledger = pooled(FxArray(codes, held), "average", window, output, detailed=False)
        again, details = pooled(FxArray(codes, held), "average", window, output, detailed=True)
        assert np.array_equal(made.codes, again.codes)
        assert made.codes.dtype == again.codes.dtype == output.format.dtype
        plain, full = (each.at("pool", "output") for each in (ledger, details))
        assert replace(plain, detail=None) == replace(full, detail=None)
        if random is None:
            sums = naive.pool2d(codes, sum, geometry)
            point = QFormat(True, 60, 60 - held.frac_bits - shift)
            expected = [exact.cast(v * multiplier, point, output) for n in sums for m in n for row in m for v in row]
            assert made.codes.reshape(-1).tolist() == expected


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("mode", ["max", "l2"])
def test_what_is_cast_as_before(mode, overflow, rng):
    """A maximum in a narrower format and a root are cast once too; a maximum in its own format is no cast at all."""
    window, held = WINDOWS[1], QFormat.parse("Q6.10")
    geometry = Geometry(*window.stride, *window.padding, *window.dilation, 1, *window.size)
    codes = rng.integers(held.min_code, held.max_code + 1, (2, 2, 5, 7), np.int64).astype(held.dtype)
    for target in (held, QFormat.parse("Q3.5")):
        output = Quantizer(target, Rounding.RND_CONV, overflow)
        made, ledger = pooled(FxArray(codes, held), mode, window, output, detailed=False)
        again, details = pooled(FxArray(codes, held), mode, window, output, detailed=True)
        assert np.array_equal(made.codes, again.codes)
        plain, full = (each.at("pool", "output") for each in (ledger, details))
        assert (plain.total, plain.saturated, plain.wrapped) == (full.total, full.saturated, full.wrapped)
        if mode == "max":
            largest = naive.pool2d(codes, max, geometry)
            expected = [exact.cast(v, held, output) for n in largest for m in n for row in m for v in row]
            assert made.codes.reshape(-1).tolist() == expected
