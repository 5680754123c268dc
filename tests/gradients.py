"""Central finite differences: the one oracle that every derivative is held against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RELATIVE = 1e-6
STEP = 1e-4
"""The central difference is off by f''' STEP^2 / 6, about 1e-9 for what is tested, and by rounding, 1e-16 / STEP."""


def finite_difference(loss: Callable[[Array], float], x: Array) -> Array:
    """Return the derivative of `loss` at every element of x, by moving one element at a time both ways."""
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[index] += STEP
        below[index] -= STEP
        gradient[index] = (loss(above) - loss(below)) / (2 * STEP)
    return gradient


def assert_gradient(gradient: Array, loss: Callable[[Array], float], x: Array) -> None:
    """Fail unless `gradient` is the derivative of `loss` at x, within RELATIVE of its largest element."""
    expected = finite_difference(loss, x)
    assert gradient.shape == x.shape
    largest = np.abs(expected).max()
    assert largest > 1e-3, "a loss that hardly depends on x tests nothing"
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=RELATIVE * largest)


def spread(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return values of both signs, 0.01 or more apart from each other and from 0: no kink within a step of them."""
    count = int(np.prod(shape))
    values = (rng.permutation(count) - count // 2 + 0.5) * 0.02
    return values.reshape(shape)
