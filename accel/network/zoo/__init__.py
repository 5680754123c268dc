"""Networks by name, one per file, each citing the paper it follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from accel.errors import ModelError, suggestion
from accel.network.graph import Network
from accel.network.zoo.alexnet import alexnet
from accel.network.zoo.lenet5 import lenet5
from accel.network.zoo.lenet5_relu import lenet5_relu
from accel.network.zoo.lenet5_table import lenet5_table
from accel.network.zoo.mlp import mlp
from accel.network.zoo.mlp_sigmoid import mlp_sigmoid
from accel.network.zoo.mobilenet_v1 import mobilenet_v1
from accel.network.zoo.resnet18 import resnet18
from accel.network.zoo.resnet50 import resnet50
from accel.network.zoo.softmax_regression import softmax_regression
from accel.network.zoo.transformer import transformer
from accel.network.zoo.vgg16 import vgg16

ZOO: Mapping[str, Callable[[], Network]] = {
    "mlp": mlp,
    "mlp-sigmoid": mlp_sigmoid,
    "softmax-regression": softmax_regression,
    "lenet5": lenet5,
    "lenet5-table": lenet5_table,
    "lenet5-relu": lenet5_relu,
    "alexnet": alexnet,
    "vgg16": vgg16,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "mobilenet-v1": mobilenet_v1,
    "transformer": transformer,
}


@cache
def build(name: str) -> Network:
    """Return the network of that name, which everybody shares; it never changes.

    Raises ModelError for an unknown one, with the closest known.
    """
    if name not in ZOO:
        raise ModelError(f"there is no network called '{name}'.{suggestion(name, ZOO)}")
    return ZOO[name]()
