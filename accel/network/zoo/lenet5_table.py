"""LeNet-5 with the connection table of the paper between S2 and C3 (Proc. IEEE 1998, Table I); else as `lenet5`.

The first six maps of C3 read three neighbours of S2, the next six four neighbours, three read four that are not all
neighbours, and the last reads all: 60 pairs, 1516 trainable parameters. Neighbours wrap around (map 0 follows map 5).
"""

from __future__ import annotations

from accel.layers import Conv2d
from accel.network.graph import Network, chain
from accel.network.zoo.lenet5 import INPUT_SHAPE, SOURCE, lenet5_layers

_READ = (
    *({(first + step) % 6 for step in range(3)} for first in range(6)),
    *({(first + step) % 6 for step in range(4)} for first in range(6)),
    {0, 1, 3, 4},
    {1, 2, 4, 5},
    {0, 2, 3, 5},
    set(range(6)),
)
"""For each map of C3, the maps of S2 that it reads."""

TABLE = tuple(tuple(channel in read for channel in range(6)) for read in _READ)


def lenet5_table() -> Network:
    """Digits of 32 x 32; tanh, average pooling, softmax over 10 classes; C3 connected as in 1998."""
    layers = lenet5_layers(Conv2d(16, 5, connections=TABLE), "tanh", "average")
    return chain("lenet5-table", INPUT_SHAPE, layers, f"{SOURCE}, Table I")
