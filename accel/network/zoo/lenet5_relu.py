"""LeNet-5 as it is taught today: ReLU and max pooling in place of tanh and average pooling; else as `lenet5`."""

from __future__ import annotations

from accel.layers import Conv2d
from accel.network.graph import Network, chain
from accel.network.zoo.lenet5 import INPUT_SHAPE, SOURCE, lenet5_layers


def lenet5_relu() -> Network:
    """Digits of 32 x 32; ReLU, max pooling, softmax over 10 classes."""
    return chain("lenet5-relu", INPUT_SHAPE, lenet5_layers(Conv2d(16, 5), "relu", "max"), f"{SOURCE} (modernised)")
