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
    """Write the largest code of every window. x: (N, C, H, W) signed integers · out: (N, C, P, Q) of the same."""
    pool(with_padding(x, geometry, np.iinfo(x.dtype).min), MAXIMUM, geometry, out)


@kernel
def sum_pool(x, geometry, out):
    """Write the sum of every window. x: (N, C, H, W) integers · out: (N, C, P, Q) int64."""
    pool(with_padding(x, geometry, 0), SUM, geometry, out)


@kernel
def square_sum_pool(x, geometry, out):
    """Write the sum of squares of every window; the caller proved that it fits 63 bits.

    x: (N, C, H, W) integers · out: (N, C, P, Q) int64.
    """
    pool(with_padding(x, geometry, 0), SQUARES, geometry, out)


@inline
def pool(x, mode, geometry, out):
    """Join the codes of every window. x: (N, C, H, W), padding included · out: (N, C, P, Q), integers that hold it."""
    N, C, P, Q = out.shape
    step, across, down = geometry.stride_w, geometry.dilation_w, geometry.dilation_h
    for n in range(N):
        for c in range(C):
            for p in range(P):
                total = out[n, c, p]
                for r in range(geometry.R):
                    row = x[n, c, p * geometry.stride_h + r * down]
                    for s in range(geometry.S):
                        if r == 0 and s == 0:
                            for q in range(Q):
                                v = row[q * step]
                                total[q] = np.int64(v) * v if mode == SQUARES else v
                        elif mode == MAXIMUM:
                            for q in range(Q):
                                total[q] = max(total[q], row[s * across + q * step])
                        else:
                            for q in range(Q):
                                v = np.int64(row[s * across + q * step])
                                total[q] += v * v if mode == SQUARES else v
