"""Pooling backward on integers: every error goes back to the codes that made the output; exact sums, nothing rounded.

delta, y: (N, C, P, Q) · x, out: (N, C, H, W), all C-contiguous, out all zeros; int64, but for a maximum any integers ·
geometry: `kernels.conv.Geometry`. Positions outside the map are padding and get nothing. Products of arrays need no
kernel of their own: `accel.ops.fixed_training` states them as the products of the forward pass.
"""

from __future__ import annotations

from kernels._jit import inline, kernel


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
