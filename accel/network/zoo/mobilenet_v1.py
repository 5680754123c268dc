"""MobileNet (the first one, width 1, 224 x 224) for inference: depthwise separable convolutions, 1000 classes.

Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017, Table 1. A
depthwise convolution is a `Conv2d` with a group per channel. What differs from the paper: batch normalisation is folded
into the convolution before it (as in `resnet18`); maps are padded by one on all sides, where the authors' code pads the
strided ones below and to the right only, which changes no shape and no count.
"""

from __future__ import annotations

from accel.layers import Activation, Conv2d, Dense, Flatten, Layer, Pool2d, Softmax
from accel.network.graph import Network, chain

BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
"""Filters of the 1 x 1 convolution and stride of the depthwise one before it. Table 1 prints a stride of 2 for the last
block too, whose maps stay at 7 x 7, which only a stride of 1 does."""


def mobilenet_v1() -> Network:
    """Colour images of 224 x 224; ReLU, global average, softmax over 1000 classes."""
    layers: dict[str, Layer] = {"conv1": Conv2d(32, 3, 2, 1), "conv1.relu": Activation("relu")}
    channels = 32
    for place, (filters, stride) in enumerate(BLOCKS, 2):
        layers[f"conv{place}.dw"] = Conv2d(channels, 3, stride, 1, groups=channels)
        layers[f"conv{place}.dw.relu"] = Activation("relu")
        layers[f"conv{place}.pw"] = Conv2d(filters, 1)
        layers[f"conv{place}.pw.relu"] = Activation("relu")
        channels = filters
    head: dict[str, Layer] = {
        "pool": Pool2d("average", 7),
        "flatten": Flatten(),
        "fc": Dense(1000),
        "softmax": Softmax(),
    }
    return chain(
        "mobilenet-v1",
        (3, 224, 224),
        layers | head,
        "Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications, 2017, "
        "Table 1; batch normalisation folded into the convolutions",
    )
