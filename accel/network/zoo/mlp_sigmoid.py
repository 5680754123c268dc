"""784-50-10 with a sigmoid hidden layer and softmax: the one-hidden-layer example of a Julia tutorial."""

from __future__ import annotations

from accel.layers import Activation, Dense, Flatten, Softmax
from accel.network.graph import Network, chain


def mlp_sigmoid() -> Network:
    """Handwritten digits of 28 x 28, one hidden layer of 50 sigmoid neurons, 10 classes."""
    return chain(
        "mlp-sigmoid",
        (1, 28, 28),
        {
            "flatten": Flatten(),
            "hidden": Dense(50),
            "hidden.sigmoid": Activation("sigmoid"),
            "output": Dense(10),
            "softmax": Softmax(),
        },
        "a tutorial series on backpropagation in Julia, second post: MNIST, cross-entropy, learning rate 0.3",
    )
