"""ResNet-50 for inference, version 1.5: bottleneck blocks of 1 x 1, 3 x 3 and 1 x 1 convolutions, 1000 classes.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, Table 1 and Figure 5 (right). What
differs from the paper: where a stage halves its maps, the 3 x 3 convolution has the stride of 2, not the 1 x 1 before
it (called v1.5; Goyal et al., "Accurate, Large Minibatch SGD", 2017, sec. 5.1). That is the network benchmarked today,
with 4.09 G multiply-accumulates where the paper's placement has 3.86 G. Batch normalisation is folded into the
convolutions, as in `resnet18`.
"""

from __future__ import annotations

from accel.layers import Activation, Conv2d
from accel.network.graph import Network, Node, chained
from accel.network.zoo.resnet18 import SOURCE, resnet


def resnet50() -> Network:
    """Colour images of 224 x 224; stages of 3, 4, 6 and 3 blocks, global average, softmax over 1000 classes."""
    source = f"{SOURCE}; stride in the 3 x 3 convolution (v1.5: Goyal et al., Accurate, Large Minibatch SGD, 2017)"
    return resnet("resnet50", (3, 4, 6, 3), _body, widening=4, source=source)


def _body(name: str, source: str, width: int, stride: int) -> tuple[Node, ...]:
    """Return the bottleneck: down to `width` maps, 3 x 3 with the stride, up to four times as many."""
    layers = {
        f"{name}.conv1": Conv2d(width, 1),
        f"{name}.relu1": Activation("relu"),
        f"{name}.conv2": Conv2d(width, 3, stride, 1),
        f"{name}.relu2": Activation("relu"),
        f"{name}.conv3": Conv2d(4 * width, 1),
    }
    return chained(source, layers)
