"""Pooling in float64 over windows of R x S: the largest value, the mean, or the root of the sum of squares.

    max      y = max of x over the window; padding never wins
    average  y = (sum of x over the window) / (R S); padding counts as zeros
    l2       y = sqrt(sum of x^2 over the window); a sum, not a mean (Lp pooling of Sermanet et al., ICPR 2012, p = 2,
             with equal weights of one)

A kernel offset (r, s) at a time: each is a strided view of the map, one value per window.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pair = tuple[int, int]


def pool2d(x: Array, mode: str, size: Pair, stride: Pair, padding: Pair) -> Array:
    """x: (N, C, H, W) -> (N, C, P, Q); mode "max", "average" or "l2"."""
    views = _offsets(_padded(x, padding, -np.inf if mode == "max" else 0.0), size, stride)
    if mode == "max":
        return reduce(np.maximum, views)
    if mode == "average":
        return reduce(np.add, views) / (size[0] * size[1])
    assert mode == "l2", mode
    return np.sqrt(reduce(np.add, (view * view for view in views)))


def pool2d_error(delta: Array, x: Array, y: Array, mode: str, size: Pair, stride: Pair, padding: Pair) -> Array:
    """delta, y: (N, C, P, Q) · x: (N, C, H, W) -> loss derivative at the input, (N, C, H, W).

    A tied maximum sends delta to the first of the tied, in row order; where an l2 output is 0 (the tip of a cone, no
    derivative) 0 is sent.
    """
    inputs = _padded(x, padding, -np.inf if mode == "max" else 0.0)
    errors = np.zeros_like(inputs)
    pairs = zip(_offsets(errors, size, stride), _offsets(inputs, size, stride), strict=True)
    if mode == "max":
        unsent = np.ones(y.shape, dtype=bool)
        for error, value in pairs:
            wins = unsent & (value == y)
            error += delta * wins
            unsent &= ~wins
    elif mode == "average":
        for error, _ in pairs:
            error += delta / (size[0] * size[1])
    else:
        assert mode == "l2", mode
        slope = np.divide(delta, y, out=np.zeros_like(y), where=y > 0)
        for error, value in pairs:
            error += slope * value
    height, width = x.shape[2:]
    return errors[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width]


def _padded(x: Array, padding: Pair, value: float) -> Array:
    """x: (N, C, H, W) with a frame of `value`."""
    frame = ((0, 0), (0, 0), (padding[0], padding[0]), (padding[1], padding[1]))
    return np.pad(x, frame, constant_values=value) if any(padding) else x


def _offsets(x: Array, size: Pair, stride: Pair) -> Iterator[Array]:
    """Yield, for every (r, s) of the window in row order, the (N, C, P, Q) view of x that stands there."""
    rows, columns = ((extent - k) // step for extent, k, step in zip(x.shape[2:], size, stride, strict=True))
    for r in range(size[0]):
        for s in range(size[1]):
            yield x[:, :, r : r + rows * stride[0] + 1 : stride[0], s : s + columns * stride[1] + 1 : stride[1]]
