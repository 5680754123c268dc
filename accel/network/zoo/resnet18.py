"""ResNet-18 for inference: residual blocks of two 3 x 3 convolutions, 1000 classes; and what all ResNets share.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, Table 1 and sec. 3.3; where a block
changes the shape, a 1 x 1 convolution carries the shortcut (option B). What differs from the paper: inference needs no
batch normalisation of its own, it is folded into the convolution before it, which so gets a bias: with
s = gamma / sqrt(variance + epsilon), w' = s w and b' = beta - s mean.
"""

from __future__ import annotations

from collections.abc import Callable

from accel.layers import Activation, Add, Conv2d, Dense, Flatten, Pool2d, Softmax
from accel.network.graph import INPUT, Network, Node, chained

SOURCE = (
    "He et al., Deep Residual Learning for Image Recognition, CVPR 2016, Table 1; batch normalisation folded into the "
    "convolutions"
)

Body = Callable[[str, str, int, int], tuple[Node, ...]]
"""The convolutions of a block: (name of the block, node that it reads, width of the stage, stride)."""


def resnet18() -> Network:
    """Colour images of 224 x 224; stages of 2, 2, 2 and 2 blocks, global average, softmax over 1000 classes."""
    return resnet("resnet18", (2, 2, 2, 2), _body, widening=1, source=SOURCE)


def resnet(name: str, blocks: tuple[int, ...], body: Body, widening: int, source: str) -> Network:
    """Return the ResNet with these many blocks in its stages; a block makes `widening` times its stage's width maps."""
    stem = {"conv1": Conv2d(64, 7, 2, 3), "conv1.relu": Activation("relu"), "pool1": Pool2d("max", 3, 2, 1)}
    nodes = chained(INPUT, stem)
    channels = 64
    for stage, count in enumerate(blocks):
        width = 64 << stage
        for place in range(1, count + 1):
            stride = 2 if stage and place == 1 else 1
            made = width * widening
            nodes += block(f"conv{stage + 2}_{place}", nodes[-1].name, body, width, made, stride, made != channels)
            channels = made
    head = {"pool5": Pool2d("average", 7), "flatten": Flatten(), "fc": Dense(1000), "softmax": Softmax()}
    return Network(name, (3, 224, 224), nodes + chained(nodes[-1].name, head), source)


def block(
    name: str, source: str, body: Body, width: int, channels: int, stride: int, is_projected: bool
) -> tuple[Node, ...]:
    """Return relu(body(x) + x), the shortcut projected to `channels` maps if it would not fit.

    The shortcut comes first, so that the sum follows the convolution whose results it takes last.
    """
    shortcut = chained(source, {f"{name}.shortcut": Conv2d(channels, 1, stride)}) if is_projected else ()
    branch = body(name, source, width, stride)
    carried = shortcut[-1].name if is_projected else source
    joined = Node(f"{name}.add", Add(), (branch[-1].name, carried))
    return (*shortcut, *branch, joined, Node(f"{name}.relu", Activation("relu"), (joined.name,)))


def _body(name: str, source: str, width: int, stride: int) -> tuple[Node, ...]:
    """Return two 3 x 3 convolutions; the first one has the stride."""
    layers = {
        f"{name}.conv1": Conv2d(width, 3, stride, 1),
        f"{name}.relu1": Activation("relu"),
        f"{name}.conv2": Conv2d(width, 3, 1, 1),
    }
    return chained(source, layers)
