"""Deviation of fixed from golden: figures by hand, and batches that add up."""

import numpy as np
import pytest

from accel.numeric.array import FxArray
from accel.runner.statistics import EXPONENTS, Deviation


def test_figures_by_hand():
    """Powers, the largest difference in lsb, the range and the histogram of a tensor small enough to check."""
    golden = np.array([1.0, -2.0, 0.0, 0.375])
    fixed = FxArray(np.array([16, -31, 0, 6]), "Q4.4")  # one lsb off in the second value
    deviation = Deviation.of(golden, fixed)
    assert deviation.max_lsb == 1.0
    assert (deviation.low, deviation.high) == (-2.0, 1.0)
    signal, noise = 1 + 4 + 0.375**2, (1 / 16) ** 2
    assert deviation.sqnr_db == pytest.approx(10 * np.log10(signal / noise), rel=1e-12)
    counts = dict(zip(EXPONENTS, deviation.histogram.tolist(), strict=True))
    assert {e: n for e, n in counts.items() if n} == {
        -1: 1,
        1: 1,
        2: 1,
    }  # 0.375 in [1/4, 1/2), 1 in [1, 2), 2 in [2, 4)


def test_undefined_ratios():
    """Without noise, and without signal, there is no ratio to tell."""
    assert Deviation.of(np.array([1.0]), FxArray(np.array([16]), "Q4.4")).sqnr_db is None
    silent = Deviation.of(np.array([0.0]), FxArray(np.array([1]), "Q4.4"))
    assert silent.sqnr_db is None
    assert silent.max_lsb == 1.0


def test_a_large_tensor_is_compared_whole():
    """Tensors beyond one block, read-only ones too, give what NumPy gives over all of them at once."""
    rng = np.random.default_rng(6)
    golden = rng.normal(size=(3, 31, 997))
    codes = np.round(golden * 16).astype(np.int16)
    codes[2, 30, 996] += 40  # in the last block
    golden.setflags(write=False)
    deviation = Deviation.of(golden, FxArray(codes, "Q8.4"))
    difference = codes / 16 - golden
    assert deviation.max_lsb == np.abs(difference).max() * 16
    assert deviation.noise == pytest.approx((difference**2).sum(), rel=1e-12)
    assert deviation.signal == pytest.approx((golden**2).sum(), rel=1e-12)
    assert (deviation.low, deviation.high) == (golden.min(), golden.max())
    assert deviation.histogram.sum() == golden.size


def test_batches_add_up():
    """Two halves give the figures of the whole."""
    rng = np.random.default_rng(5)
    golden = rng.normal(size=(20, 3))
    codes = np.round(golden * 16).astype(int) + rng.integers(-1, 2, (20, 3))
    whole = Deviation.of(golden, FxArray(codes, "Q8.4"))
    halves = Deviation.of(golden[:9], FxArray(codes[:9], "Q8.4")) + Deviation.of(golden[9:], FxArray(codes[9:], "Q8.4"))
    assert halves.max_lsb == whole.max_lsb
    assert halves.sqnr_db == pytest.approx(whole.sqnr_db, rel=1e-12)
    assert halves.histogram.tolist() == whole.histogram.tolist()
