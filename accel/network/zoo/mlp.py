"""784-100-10 with ReLU and softmax: the worked example of a course on parallel architectures."""

from __future__ import annotations

from accel.layers import Activation, Dense, Flatten, Softmax
from accel.network.graph import Network, chain


def mlp() -> Network:
    """Handwritten digits of 28 x 28, one hidden layer of 100 ReLU neurons, 10 classes."""
    return chain(
        "mlp",
        (1, 28, 28),
        {
            "flatten": Flatten(),
            "hidden": Dense(100),
            "hidden.relu": Activation("relu"),
            "output": Dense(10),
            "softmax": Softmax(),
        },
        "R. Kaplan, Swift Introduction to Neural Networks, Technion 048874, 2016, sec. 3.1 "
        "(the example there leaves biases at zero; here they are trained, as its sec. 6 does)",
    )
