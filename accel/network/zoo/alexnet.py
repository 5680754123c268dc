"""AlexNet for inference: five convolutions, three dense layers, 1000 classes.

Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012, sec. 3.5.
What differs from the paper: no local response normalisation after conv1 and conv2, and no dropout (which inference
does not have); the input is 227 x 227, which the 55 x 55 maps of conv1 need (the paper prints 224). The two graphics
cards of the paper are the two groups of conv2, conv4 and conv5.
"""

from __future__ import annotations

from accel.layers import Activation, Conv2d, Dense, Flatten, Pool2d, Softmax
from accel.network.graph import Network, chain


def alexnet() -> Network:
    """Colour images of 227 x 227; overlapping max pooling, ReLU, softmax over 1000 classes."""
    return chain(
        "alexnet",
        (3, 227, 227),
        {
            "conv1": Conv2d(96, 11, stride=4),
            "conv1.relu": Activation("relu"),
            "pool1": Pool2d("max", 3, stride=2),
            "conv2": Conv2d(256, 5, padding=2, groups=2),
            "conv2.relu": Activation("relu"),
            "pool2": Pool2d("max", 3, stride=2),
            "conv3": Conv2d(384, 3, padding=1),
            "conv3.relu": Activation("relu"),
            "conv4": Conv2d(384, 3, padding=1, groups=2),
            "conv4.relu": Activation("relu"),
            "conv5": Conv2d(256, 3, padding=1, groups=2),
            "conv5.relu": Activation("relu"),
            "pool5": Pool2d("max", 3, stride=2),
            "flatten": Flatten(),
            "fc6": Dense(4096),
            "fc6.relu": Activation("relu"),
            "fc7": Dense(4096),
            "fc7.relu": Activation("relu"),
            "fc8": Dense(1000),
            "softmax": Softmax(),
        },
        "Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, NIPS 2012, sec. 3.5",
    )
