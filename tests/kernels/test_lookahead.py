"""Does looking ahead change a bit? Layers of many tiles against NumPy registers that take one addition at a time.

The kernels take blocks of terms at once where no sum can overflow, several folds at once, bytes of 16-bit codes apart,
and step the rest in 32 or 64 bits; the widths here make every one of these paths common.
"""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from kernels.chain import Steps
from kernels.conv import Geometry, conv2d_stepwise
from kernels.matmul import matmul_stepwise
from kernels.modes import Rounding
from kernels.replay import conv2d_audit, matmul_audit, matmul_replay

INTERPRETED = bool(numba.config.DISABLE_JIT)
TRN = int(Rounding.TRN)
SHAPE = (3, 5, 70) if INTERPRETED else (41, 75, 700)


class Registers:
    """Accumulators of all outputs, clocked together."""

    def __init__(self, start, steps):
        self.value, self.steps = np.array(start, dtype=np.int64), steps
        self.lost = np.zeros(self.value.shape, dtype=bool)

    def add(self, addend, seen):
        """One addition for every output; seen: notes of (sum before overflow, was out of range)."""
        steps = self.steps
        v = self.value + np.where(self.lost, 0, addend)
        outside = (v < steps.low) | (v > steps.high)
        seen.append((v, outside))
        span = steps.high - steps.low + 1
        self.value = (v - steps.low) % span + steps.low if steps.wrap else np.clip(v, steps.low, steps.high)
        self.lost = outside & bool(steps.late)


def clocked(x, w, bias, steps, order):
    """Sums (M, N) and [(sum before overflow, was out of range), ...] of every addition, (M, N) each."""
    seen = []
    zeros = np.zeros((len(x), len(w)), dtype=np.int64)
    total = Registers(zeros + bias if steps.bias_first else zeros, steps)
    groups = [order[i : i + steps.group] for i in range(0, len(order), steps.group)]
    folds = [groups[i : i + steps.fold] for i in range(0, len(groups), steps.fold)] if steps.fold else [groups]
    for fold in folds:
        running = Registers(zeros, steps) if steps.fold else total
        for group in fold:
            members = group[group >= 0]
            products = x[:, None, members] * w[None, :, members]
            running.add((products << -steps.shift if steps.shift < 0 else products >> steps.shift).sum(axis=2), seen)
        if steps.fold:
            total.add(running.value, seen)
    if not steps.bias_first:
        total.add(zeros + bias, seen)
    return total.value, seen


def assert_equal_everywhere(x, w, bias, steps, order):
    """Sums, overflows, some outputs stepped alone, and what the ledger hears."""
    expected, seen = clocked(x, w, bias, steps, order)
    x, w = x.astype(np.int32), w.astype(np.int32)
    w_t = np.ascontiguousarray(w.T)
    out = np.full(expected.shape, -1, dtype=np.int64)
    overflows = sum(int(outside.sum()) for _, outside in seen)
    assert matmul_stepwise(x, w_t, bias, steps, order, out) == overflows
    assert np.array_equal(out, expected)
    chosen = np.argwhere(np.arange(out.size).reshape(out.shape) % 7 == 3)
    alone = np.full(expected.shape, -1, dtype=np.int64)
    counted = matmul_replay(x, w, bias, steps, order, chosen, alone)
    places = tuple(chosen.T)
    assert np.array_equal(alone[places], expected[places])
    assert counted == sum(int(outside[places].sum()) for _, outside in seen)
    events = matmul_audit(x, w_t, bias, steps, order, out)
    assert np.array_equal(out, expected)
    assert (events.additions, events.overflows) == (len(seen) * out.size, overflows)
    sums = np.array([v for v, _ in seen])
    assert events.largest_excess == max(0, sums.max() - steps.high, steps.low - sums.min())
    marks = np.array([outside.reshape(-1) for _, outside in seen])
    output = int(marks.any(axis=0).argmax()) if overflows else -1
    assert events.first_output == output
    assert events.first_step == (int(marks[:, output].argmax()) if overflows else -1)


KINDS = {
    "chain": {},
    "tree": {"group": 4},
    "odd tree": {"group": 3, "bias_first": 1},
    "folds": {"fold": 16},
    "odd folds": {"fold": 7, "group": 3, "bias_first": 1},
    "wraps": {"wrap": 1},
    "late": {"late": 1},
    "late folds": {"late": 1, "fold": 24, "group": 2},
    "finer": {"shift": -2},
    "coarser": {"shift": 3},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("bits", "spare"),
    [(16, 10), (16, 6), (16, 4), (16, 2), (12, 6), (12, 4), (12, 1), (8, 5), (8, 3)],
)
def test_random_codes(rng, kind, bits, spare):
    """From sums that never come near a limit to sums that hover there; spare: bits beyond one product's."""
    M, N, K = SHAPE
    steps = Steps(0, TRN, 1, 0, 0, 0, 0, 0, 0)._replace(**KINDS[kind])
    high = (1 << (2 * bits - 2 + spare - steps.shift)) - 1
    steps = steps._replace(low=-high - 1, high=high)
    half = 1 << (bits - 1)
    x, w = (rng.integers(-half, half, size=(n, K)) for n in (M, N))
    order = np.arange(-(-K // steps.group) * steps.group)
    order[K:] = -1
    if kind == "chain":
        order = rng.permutation(order)
    assert_equal_everywhere(x, w, rng.integers(-high, high, size=N), steps, order)


@pytest.mark.parametrize("width", [31, 32, 36, 40, 41, 42])
@pytest.mark.parametrize("pattern", ["lowest", "highest", "alternating", "sawtooth", "one alone"])
def test_adversarial_codes(rng, pattern, width):
    """The largest products there are, in runs that reach a limit exactly, pass it by one, and come back."""
    M, N, K = SHAPE
    low, high = -(1 << 15), (1 << 15) - 1
    signs = {"alternating": (-1) ** np.arange(K), "sawtooth": np.sign(np.sin(np.arange(K) / 9) + 0.01)}
    w = np.full((N, K), low)
    if pattern in signs:
        x = (high * np.broadcast_to(signs[pattern], (M, K))).astype(np.int64)
    elif pattern == "one alone":
        x = np.zeros((M, K), dtype=np.int64)
        x[1, ::3] = low  # a single output row near its limit in a tile of idle ones
    else:
        x = np.full((M, K), low if pattern == "lowest" else high)
    limit = (1 << (width - 1)) - 1
    bias = rng.choice([-limit - 1, limit, 0, limit - (1 << 30), limit - (1 << 30) + 1], size=N)
    for changes in ({}, {"late": 1}, {"group": 2, "fold": 33}):
        steps = Steps(0, TRN, 1, 0, 1, -limit - 1, limit, 0, 0)._replace(**changes)
        assert_equal_everywhere(x, w, bias, steps, np.arange(K))


def test_a_standing_flag_is_obeyed_in_a_block_of_zeros():
    """A late register loses the zero that follows, not the addend after it, however many zeros stand between."""
    for zeros in (0, 1, 15, 16, 17, 80):
        products = np.array([[100, 100, *[0] * zeros, -7, 0, 100]])
        steps = Steps(0, TRN, 1, 0, 0, -128, 127, 0, 1)
        out = np.empty((1, 1), dtype=np.int64)
        column = np.ones((products.size, 1), dtype=np.int32)
        order = np.arange(products.size)
        overflows = matmul_stepwise(products.astype(np.int32), column, np.zeros(1, np.int64), steps, order, out)
        # 200 raises the flag; without zeros -7 is lost, then 227 raises it again; with zeros -7 counts, so 220 does.
        assert (out[0, 0], overflows) == (127, 2)


@pytest.mark.skipif(INTERPRETED, reason="a whole layer is for compiled code")
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("bits", "width"), [(16, 40), (16, 33), (12, 26), (8, 18)])
def test_convolutions_are_matrix_products(rng, groups, bits, width):
    """A layer of many blocks of pixels gives the sums, overflows and events of its receptive fields."""
    half, limit = 1 << (bits - 1), (1 << (width - 1)) - 1
    x = rng.integers(-half, half, size=(3, 6, 21, 23)).astype(np.int32)
    w = rng.integers(-half, half, size=(14, 6 // groups * 15)).astype(np.int32)
    bias = rng.integers(-limit, limit, size=14)
    steps = Steps(0, TRN, 1, 20, 0, -limit - 1, limit, 0, 0)
    order = rng.permutation(w.shape[1])
    g = Geometry(1, 2, 0, 0, 1, 1, groups, 3, 5)
    windows = sliding_window_view(x, (3, 5), axis=(2, 3))[:, :, :, ::2]
    N, _, P, Q = windows.shape[:4]
    sums = np.empty((N, 14, P, Q), dtype=np.int64)
    overflows = conv2d_stepwise(x, np.ascontiguousarray(w.T), bias, g, steps, order, sums)
    events = conv2d_audit(x, np.ascontiguousarray(w.T), bias, g, steps, order, np.empty_like(sums))
    expected, parts = [], []
    for group in range(groups):
        channels, filters = slice(group * 6 // groups, (group + 1) * 6 // groups), slice(group * 7 * 2 // groups, None)
        fields = windows[:, channels].transpose(0, 2, 3, 1, 4, 5).reshape(N * P * Q, -1)
        mine = w[filters][: 14 // groups]
        out = np.empty((len(fields), len(mine)), dtype=np.int64)
        own_bias = bias[filters][: 14 // groups]
        w_t = np.ascontiguousarray(mine.T)
        parts.append(matmul_audit(np.ascontiguousarray(fields), w_t, own_bias, steps, order, out))
        expected.append(out.reshape(N, P, Q, -1).transpose(0, 3, 1, 2))
    assert np.array_equal(sums, np.concatenate(expected, axis=1))
    assert overflows == events.overflows == sum(part.overflows for part in parts)
    assert events.largest_excess == max(part.largest_excess for part in parts)
    assert events.additions == sum(part.additions for part in parts)
