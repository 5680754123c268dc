"""Pooling of codes: the maximum, the sum, or the sum of squares of every window of every map; exact integers.

Rounding is not done here: an average is the sum times a constant (`accel.units.average`), an l2 pool the root of the
sum of squares (`accel.units`), each cast once. Padding counts as zeros in sums and never wins a maximum; every
window holds at least one code of the map, which the layer sees to.
"""

from __future__ import annotations

import numpy as np

from kernels._jit import inline, kernel
from kernels.conv import with_padding

MAXIMUM, SUM, SQUARES = 0, 1, 2


@kernel
def max_pool(x, geometry, out):
    """Write the largest code of every window. x: (N, C, H, W) int32 or int64 · out: (N, C, P, Q) int64."""
    pool(with_padding(x, geometry, np.iinfo(x.dtype).min), MAXIMUM, geometry, out)


@kernel
def sum_pool(x, geometry, out):
    """Write the sum of every window. x: (N, C, H, W) int32 or int64 · out: (N, C, P, Q) int64."""
    pool(with_padding(x, geometry, 0), SUM, geometry, out)


@kernel
def square_sum_pool(x, geometry, out):
    """Write the sum of squares of every window; the caller proved that it fits 63 bits.

    x: (N, C, H, W) int32 or int64 · out: (N, C, P, Q) int64.
    """
    pool(with_padding(x, geometry, 0), SQUARES, geometry, out)


@inline
def pool(x, mode, geometry, out):
    """Join the codes of every window. x: (N, C, H, W), padding included · out: (N, C, P, Q) int64."""
    N, C, P, Q = out.shape
    step = geometry.stride_w
    for n in range(N):
        for c in range(C):
            for p in range(P):
                total = out[n, c, p]
                for tap in range(geometry.R * geometry.S):
                    h = p * geometry.stride_h + tap // geometry.S * geometry.dilation_h
                    source = x[n, c, h, tap % geometry.S * geometry.dilation_w :]
                    for q in range(Q):
                        v = np.int64(source[q * step])
                        joined = v * v if mode == SQUARES else v
                        if tap > 0:
                            joined = max(total[q], v) if mode == MAXIMUM else total[q] + joined
                        total[q] = joined
