"""Update rules of stochastic gradient descent in float64, one tensor at a time.

`rate` multiplies the gradient as it is given: for gradients summed over a batch of m it is eta / m (Nielsen, "Neural
Networks and Deep Learning", 2015, ch. 1). Momentum as in Rumelhart, Hinton and Williams, Nature 323, 1986: the velocity
carries the rate, so that a change of rate during training does not rescale the past.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sgd(weight: Array, gradient: Array, rate: float) -> Array:
    """Return the weight one step down the gradient; both of any one shape."""
    return weight - rate * gradient


def momentum(weight: Array, velocity: Array, gradient: Array, rate: float, coefficient: float) -> tuple[Array, Array]:
    """Return (weight + velocity, velocity), the velocity being coefficient * velocity - rate * gradient."""
    velocity = coefficient * velocity - rate * gradient
    return weight + velocity, velocity


def weight_decay(gradient: Array, weight: Array, decay: float) -> Array:
    """Return the gradient of loss + decay/2 |weight|^2: the loss's own plus decay times the weight."""
    return gradient + decay * weight
