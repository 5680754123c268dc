"""Update rules with a step size of its own for every weight, in float64, one tensor at a time; any one shape.

AdaGrad: Duchi, Hazan, Singer, JMLR 12, 2011. RMSprop: Tieleman and Hinton, Coursera lecture 6.5, 2012. AdaDelta:
Zeiler, arXiv 1212.5701, 2012, algorithm 1. Adam: Kingma and Ba, ICLR 2015, algorithm 1. `epsilon` keeps a division
finite: it is added to the root (AdaGrad, RMSprop, Adam), for AdaDelta under the root, as in those papers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def adagrad(weight: Array, squares: Array, gradient: Array, rate: float, epsilon: float) -> tuple[Array, Array]:
    """Return the weight and the sum of all squared gradients."""
    squares = squares + gradient * gradient
    return weight - rate * gradient / (np.sqrt(squares) + epsilon), squares


def rmsprop(
    weight: Array, squares: Array, gradient: Array, rate: float, decay: float, epsilon: float
) -> tuple[Array, Array]:
    """Return the weight and the running mean of squared gradients, decay of it kept at each step."""
    squares = decay * squares + (1.0 - decay) * gradient * gradient
    return weight - rate * gradient / (np.sqrt(squares) + epsilon), squares


def adadelta(
    weight: Array, squares: Array, steps: Array, gradient: Array, rate: float, decay: float, epsilon: float
) -> tuple[Array, Array, Array]:
    """Return the weight and the running means of squared gradients and squared steps; rate 1 is the paper's rule."""
    squares = decay * squares + (1.0 - decay) * gradient * gradient
    step = np.sqrt(steps + epsilon) / np.sqrt(squares + epsilon) * gradient
    steps = decay * steps + (1.0 - decay) * step * step
    return weight - rate * step, squares, steps


def adam(
    weight: Array,
    first: Array,
    second: Array,
    gradient: Array,
    number: int,
    rate: float,
    betas: tuple[float, float],
    epsilon: float,
) -> tuple[Array, Array, Array]:
    """Return the weight and both running means after step `number`, counted from 1, their start-up bias removed."""
    first = betas[0] * first + (1.0 - betas[0]) * gradient
    second = betas[1] * second + (1.0 - betas[1]) * gradient * gradient
    mean = first / (1.0 - betas[0] ** number)
    spread = np.sqrt(second / (1.0 - betas[1] ** number))
    return weight - rate * mean / (spread + epsilon), first, second
