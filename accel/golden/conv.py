"""Convolution of maps in float64, as one matrix product per group over the patches of the input.

The field's convolution is a cross-correlation (LeCun et al., Proc. IEEE 1998, sec. II):

    y[n, k, p, q] = b[k] + sum over c, r, s of w[k, c, r, s] x[n, c, i, j]
    i = p stride + r dilation - padding,  j = q stride + s dilation - padding,  x = 0 outside the map

Patches stand in the reduction order (c, r, s) with pixels along the rows, so that copying them moves runs of Q numbers
rather than of S. They are made for a few images at a time: in cache that is twice as fast as a whole batch, and memory
stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pair = tuple[int, int]

_PATCH_ELEMENTS = 1 << 16
"""Patch elements made at once (512 KB, a second-level cache), but never less than one image."""

_ERROR_ELEMENTS = 1 << 18
"""The same for products going back, which need longer rows more than they need the cache."""


def conv2d(
    x: Array, weight: Array, bias: Array | None, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """x: (N, C, H, W) · weight: (K, C/groups, R, S) · bias: (K,) -> (N, K, P, Q)."""
    filters = weight.reshape(groups, len(weight) // groups, -1)
    windows = _windows(x, weight.shape[2:], stride, padding, dilation)
    y = np.empty((len(x), len(weight), *windows.shape[4:]))
    for images in _blocks(len(x), windows[:1].size, _PATCH_ELEMENTS):
        maps = filters @ _patches(windows[images], groups)
        y[images] = maps.reshape(len(weight), -1, *y.shape[2:]).swapaxes(0, 1)
    if bias is not None:
        y += bias[:, None, None]
    return y


def conv2d_error(
    delta: Array,
    weight: Array,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    input_shape: tuple[int, ...],
) -> Array:
    """delta: (N, K, P, Q) · weight: (K, C/groups, R, S) -> loss derivative at the input, (N, *input_shape).

    Every product w[k, c, r, s] delta[k, p, q] goes back to the pixel it came from, one kernel offset (r, s) at a time.
    The batch is the last axis here, so that each of those additions runs over Q * N neighbours.
    """
    channels, height, width = input_shape
    (R, S), (P, Q) = weight.shape[2:], delta.shape[2:]
    filters = weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)
    error = np.empty((len(delta), *input_shape))
    for images in _blocks(len(delta), channels * R * S * P * Q, _ERROR_ELEMENTS):
        maps = delta[images].transpose(1, 2, 3, 0).reshape(groups, len(weight) // groups, -1)
        products = (filters @ maps).reshape(channels, R, S, P, Q, -1)
        padded = np.zeros((channels, height + 2 * padding[0], width + 2 * padding[1], products.shape[-1]))
        for r in range(R):
            rows = slice(r * dilation[0], r * dilation[0] + stride[0] * (P - 1) + 1, stride[0])
            for s in range(S):
                columns = slice(s * dilation[1], s * dilation[1] + stride[1] * (Q - 1) + 1, stride[1])
                padded[:, rows, columns] += products[:, r, s]
        inside = padded[:, padding[0] : padding[0] + height, padding[1] : padding[1] + width]
        error[images] = inside.transpose(3, 0, 1, 2)
    return error


def conv2d_gradient(
    delta: Array, x: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> tuple[Array, Array]:
    """delta: (N, K, P, Q) · x: (N, C, H, W) -> weight gradient (K, C/groups, R, S), bias gradient (K,)."""
    filters, channels = delta.shape[1], x.shape[1] // groups
    windows = _windows(x, size, stride, padding, dilation)
    gradient = np.zeros((groups, filters // groups, channels * size[0] * size[1]))
    for images in _blocks(len(x), windows[:1].size, _PATCH_ELEMENTS):
        maps = delta[images].swapaxes(0, 1).reshape(groups, filters // groups, -1)
        gradient += maps @ _patches(windows[images], groups).swapaxes(1, 2)
    return gradient.reshape(filters, channels, *size), delta.sum(axis=(0, 2, 3))


def _windows(x: Array, size: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """View x: (N, C, H, W), after zero padding, as (N, C, R, S, P, Q)."""
    if any(padding):
        x = np.pad(x, ((0, 0), (0, 0), (padding[0], padding[0]), (padding[1], padding[1])))
    spans = tuple(step * (extent - 1) + 1 for extent, step in zip(size, dilation, strict=True))
    windows = sliding_window_view(x, spans, axis=(2, 3))
    windows = windows[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
    return windows.transpose(0, 1, 4, 5, 2, 3)


def _patches(windows: Array, groups: int) -> Array:
    """windows: (N, C, R, S, P, Q) -> copies as columns, (groups, C/groups * R * S, N * P * Q)."""
    _, C, R, S, _, _ = windows.shape
    return windows.transpose(1, 2, 3, 0, 4, 5).reshape(groups, C // groups * R * S, -1)


def _blocks(images: int, elements: int, limit: int) -> Iterator[slice]:
    """Cut the batch into runs of images, of `elements` each, that stay within `limit` elements."""
    step = max(1, limit // max(1, elements))
    return (slice(first, first + step) for first in range(0, images, step))
