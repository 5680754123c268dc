"""Activations and pooling backward on integers: exact values, and where one cast is all that follows, cast at once.

Pooling: delta, y: (N, C, P, Q) · x, out: (N, C, H, W), all C-contiguous, out all zeros; int64, but for a maximum any
integers · geometry: `kernels.conv.Geometry`. Every error goes back to the codes that made the output; positions outside
the map are padding and get nothing. Windows are apart where no two share a code: then nothing is added, and what all
codes of a window get is cast once. Gradients of convolutions are in `kernels.taps`; products of matrices need no kernel
of their own: `accel.ops.fixed_training` states them as the products of the forward pass.
"""

from __future__ import annotations

import numpy as np

from kernels._jit import inline, kernel
from kernels.quantize import STOCHASTIC, bit_above, confine, round_drawn, round_shift


@kernel
def scale_by_slope(delta, y, one, is_square, rq, draws, out):
    """Write delta times the slope at the output y, cast; return how many overflowed.

    delta, y: (n,) codes · one: the code of 1 at y's point · is_square: 0 for y (1 - y), 1 for 1 - y^2 · rq: Requant
    from delta's point and twice y's · draws: (n,) int64, or (0,) unless rounding is STOCHASTIC · out: (n,).
    """
    overflowed = np.int64(0)
    before, offset = (0, one * one) if is_square else (one, 0)
    if rq.rounding == STOCHASTIC:
        for i in range(delta.size):
            v = np.int64(delta[i]) * (offset + np.int64(y[i]) * (before - np.int64(y[i])))
            out[i], outside = confine(round_drawn(v, rq.shift, rq, draws[i]), bit_above(v, rq.shift, rq), rq)
            overflowed += outside
    else:
        for i in range(delta.size):
            v = np.int64(delta[i]) * (offset + np.int64(y[i]) * (before - np.int64(y[i])))
            out[i], outside = confine(round_shift(v, rq.shift, rq.rounding), bit_above(v, rq.shift, rq), rq)
            overflowed += outside
    return overflowed


@kernel
def cast_to_windows(delta, geometry, factor, rq, out):
    """Write delta * factor, cast, to all codes of its window, which are apart; return how many codes overflowed.

    rq: Requant of a deterministic cast · out: codes of its target.
    """
    N, C, P, Q = delta.shape
    overflowed = np.int64(0)
    line = np.empty(Q, out.dtype)
    outside = np.empty(Q, np.int64)
    for n in range(N):
        for c in range(C):
            for p in range(P):
                for q in range(Q):
                    v = np.int64(delta[n, c, p, q]) * factor
                    line[q], outside[q] = confine(round_shift(v, rq.shift, rq.rounding), bit_above(v, rq.shift, rq), rq)
                for r in range(geometry.R):
                    h, _ = position(p, 0, r * geometry.S, geometry)
                    if h < 0 or h >= out.shape[2]:
                        continue
                    target = out[n, c, h]
                    for s in range(geometry.S):
                        for q in range(Q):
                            w = q * geometry.stride_w + s * geometry.dilation_w - geometry.pad_w
                            if w >= 0 and w < target.size:
                                target[w] = line[q]
                                overflowed += outside[q]
    return overflowed


@kernel
def max_pool_error(delta, x, y, geometry, out):
    """Add each delta where the first of its window's codes (in row order) is the maximum y."""
    N, C, P, Q = delta.shape
    for n in range(N):
        for c in range(C):
            for p in range(P):
                for q in range(Q):
                    for tap in range(geometry.R * geometry.S):
                        h, w = position(p, q, tap, geometry)
                        if inside(h, w, x) and x[n, c, h, w] == y[n, c, p, q]:
                            out[n, c, h, w] += delta[n, c, p, q]
                            break


@kernel
def sum_pool_error(delta, geometry, out):
    """Add each delta to all codes of its window."""
    N, C, P, Q = delta.shape
    for n in range(N):
        for c in range(C):
            for p in range(P):
                for q in range(Q):
                    for tap in range(geometry.R * geometry.S):
                        h, w = position(p, q, tap, geometry)
                        if inside(h, w, out):
                            out[n, c, h, w] += delta[n, c, p, q]


@kernel
def root_pool_error(delta, x, y, geometry, guard_bits, out):
    """Add x times the slope delta * 2^guard_bits / y to all codes of each window; nothing where y is 0.

    The quotient is cut towards zero, as a divider that delivers digit by digit leaves it.
    """
    N, C, P, Q = delta.shape
    for n in range(N):
        for c in range(C):
            for p in range(P):
                for q in range(Q):
                    if y[n, c, p, q] > 0:
                        slope = (abs(delta[n, c, p, q]) << guard_bits) // y[n, c, p, q]
                        slope = -slope if delta[n, c, p, q] < 0 else slope
                        for tap in range(geometry.R * geometry.S):
                            h, w = position(p, q, tap, geometry)
                            if inside(h, w, x):
                                out[n, c, h, w] += slope * x[n, c, h, w]


@inline
def position(p, q, tap, geometry):
    """Return the row and column of the map under one tap of a window, outside it for padding."""
    h = p * geometry.stride_h + tap // geometry.S * geometry.dilation_h - geometry.pad_h
    w = q * geometry.stride_w + tap % geometry.S * geometry.dilation_w - geometry.pad_w
    return h, w


@inline
def inside(h, w, x):
    """Tell whether a position lies on the map."""
    return h >= 0 and w >= 0 and h < x.shape[2] and w < x.shape[3]
