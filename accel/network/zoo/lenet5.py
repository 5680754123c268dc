"""LeNet-5 with full connections in C3: the shape of 1998 with today's parts.

LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE 86(11), 1998,
sec. II-B. What differs from the paper: S2 and S4 are plain averages (there the sum goes through a trainable coefficient
and bias per map and a squashing function); tanh is plain (there 1.7159 tanh(2/3 x)); the output is a dense layer and
softmax (there RBF units: distances to fixed drawings of the characters, 7 x 12 pixels); C3 reads all maps of S2
(`lenet5-table` has the paper's table).
"""

from __future__ import annotations

from accel.layers import Activation, Conv2d, Dense, Flatten, Layer, Pool2d, Softmax
from accel.network.graph import Network, chain

SOURCE = "LeCun et al., Gradient-Based Learning Applied to Document Recognition, Proc. IEEE 86(11), 1998, sec. II-B"
INPUT_SHAPE = (1, 32, 32)


def lenet5() -> Network:
    """Digits of 32 x 32; tanh, average pooling, softmax over 10 classes."""
    return chain("lenet5", INPUT_SHAPE, lenet5_layers(Conv2d(16, 5), "tanh", "average"), SOURCE)


def lenet5_layers(c3: Conv2d, function: str, pooling: str) -> dict[str, Layer]:
    """Return the paper's layers around a given C3, with this activation function and this pooling throughout."""
    return {
        "C1": Conv2d(6, 5),
        f"C1.{function}": Activation(function),
        "S2": Pool2d(pooling, 2),
        "C3": c3,
        f"C3.{function}": Activation(function),
        "S4": Pool2d(pooling, 2),
        "C5": Conv2d(120, 5),
        f"C5.{function}": Activation(function),
        "flatten": Flatten(),
        "F6": Dense(84),
        f"F6.{function}": Activation(function),
        "output": Dense(10),
        "softmax": Softmax(),
    }
