"""Networks by name, one per file, each citing the paper it follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accel.errors import ModelError, suggestion
from accel.network.graph import Network
from accel.network.zoo.alexnet import alexnet
from accel.network.zoo.lenet5 import lenet5
from accel.network.zoo.lenet5_relu import lenet5_relu
from accel.network.zoo.lenet5_table import lenet5_table
from accel.network.zoo.mlp import mlp
from accel.network.zoo.mlp_sigmoid import mlp_sigmoid
from accel.network.zoo.softmax_regression import softmax_regression

ZOO: Mapping[str, Callable[[], Network]] = {
    "mlp": mlp,
    "mlp-sigmoid": mlp_sigmoid,
    "softmax-regression": softmax_regression,
    "lenet5": lenet5,
    "lenet5-table": lenet5_table,
    "lenet5-relu": lenet5_relu,
    "alexnet": alexnet,
}


def build(name: str) -> Network:
    """Return the network of that name. Raises ModelError for an unknown one, with the closest known."""
    if name not in ZOO:
        raise ModelError(f"there is no network called '{name}'.{suggestion(name, ZOO)}")
    return ZOO[name]()
