"""VGG-16 for inference: thirteen 3 x 3 convolutions in five stages, three dense layers, 1000 classes.

Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, Table 1, column D.
What differs from the paper: no dropout, which inference does not have. It has no batch normalisation either.
"""

from __future__ import annotations

from accel.layers import Activation, Conv2d, Dense, Flatten, Layer, Pool2d, Softmax
from accel.network.graph import Network, chain

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Filters and convolutions of every stage."""


def vgg16() -> Network:
    """Colour images of 224 x 224; ReLU, max pooling over 2 x 2, softmax over 1000 classes."""
    layers: dict[str, Layer] = {}
    for stage, (filters, convolutions) in enumerate(STAGES, 1):
        for place in range(1, convolutions + 1):
            layers[f"conv{stage}_{place}"] = Conv2d(filters, 3, padding=1)
            layers[f"conv{stage}_{place}.relu"] = Activation("relu")
        layers[f"pool{stage}"] = Pool2d("max", 2)
    layers["flatten"] = Flatten()
    for name in ("fc6", "fc7"):
        layers[name] = Dense(4096)
        layers[f"{name}.relu"] = Activation("relu")
    return chain(
        "vgg16",
        (3, 224, 224),
        {**layers, "fc8": Dense(1000), "softmax": Softmax()},
        "Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015, "
        "Table 1, column D",
    )
