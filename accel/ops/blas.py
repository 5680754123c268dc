"""Exact sums of products by float64 BLAS: every partial sum is an integer below 2^53, so no addition rounds.

That holds in any order, with any number of threads and with fused multiply-add, which is why the library's own order
does not matter. Convolutions go through in blocks of output rows, so that patches never exist whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from kernels.conv import Geometry

EXACT = 1 << 53
PATCH_BYTES = 8 << 20
"""What the patches of a block of output rows may take."""


def is_exact(x: NDArray[Any], weight: NDArray[Any]) -> bool:
    """Whether no sum of these codes' products can reach 2^53; weight: (K, ...), as many terms as a filter has codes."""
    terms = weight[0].size if len(weight) else 0
    return terms * _peak(x) * _peak(weight) < EXACT


def multiply(x: NDArray[Any], weight: NDArray[Any]) -> NDArray[np.int64]:
    """x: (M, K) · weight: (N, K) -> (M, N), exactly what `is_exact` allows."""
    product: NDArray[np.float64] = x.astype(np.float64) @ weight.astype(np.float64).T
    return product.astype(np.int64)


def convolve(x: NDArray[Any], weight: NDArray[Any], geometry: Geometry, pixels: tuple[int, int]) -> NDArray[np.int64]:
    """x: (N, C, H, W) · weight: (K, C/groups * R * S) -> (N, K, P, Q), exactly what `is_exact` allows."""
    g = geometry
    N, P, Q, K, terms = len(x), *pixels, *weight.shape
    frame = ((0, 0), (0, 0), (g.pad_h, g.pad_h), (g.pad_w, g.pad_w))
    reach = ((g.R - 1) * g.dilation_h + 1, (g.S - 1) * g.dilation_w + 1)
    windows = sliding_window_view(np.pad(x, frame), reach, axis=(2, 3))
    windows = windows[:, :, :: g.stride_h, :: g.stride_w, :: g.dilation_h, :: g.dilation_w]
    channels, filters = x.shape[1] // g.groups, K // g.groups
    sums = np.empty((N, K, P, Q), np.int64)
    step = max(1, PATCH_BYTES // (8 * max(terms * Q, 1)))
    factors = weight.astype(np.float64).reshape(g.groups, filters, terms)
    for n in range(N):
        for group in range(g.groups):
            maps = windows[n, group * channels : (group + 1) * channels]
            for first in range(0, P, step):
                part = maps[:, first : first + step]
                patches = part.transpose(0, 3, 4, 1, 2).astype(np.float64).reshape(terms, -1)
                made = (factors[group] @ patches).reshape(filters, -1, Q)
                sums[n, group * filters : (group + 1) * filters, first : first + step] = made
    return sums


def _peak(codes: NDArray[Any]) -> int:
    return max(int(codes.max(initial=0)), -int(codes.min(initial=0)))
