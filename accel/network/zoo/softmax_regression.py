"""784-10 softmax: one linear layer, the smallest classifier of digits."""

from __future__ import annotations

from accel.layers import Dense, Flatten, Softmax
from accel.network.graph import Network, chain


def softmax_regression() -> Network:
    """Handwritten digits of 28 x 28, a weighted sum of pixels per class."""
    return chain(
        "softmax-regression",
        (1, 28, 28),
        {"flatten": Flatten(), "output": Dense(10), "softmax": Softmax()},
        "a tutorial series on backpropagation in Julia, second post: MNIST, cross-entropy, learning rate 0.3",
    )
