"""Layers: frozen descriptions written in the primitives of `accel.ops.protocol`, and their registry by kind."""

from __future__ import annotations

from collections.abc import Mapping

from accel.layers.activation import Activation
from accel.layers.base import Layer, ParameterSpec
from accel.layers.conv import Conv2d
from accel.layers.dense import Dense
from accel.layers.pool import Pool2d
from accel.layers.shape import Add, Flatten
from accel.layers.softmax import Softmax

LAYERS: Mapping[str, type[Layer]] = {
    layer.kind: layer for layer in (Dense, Conv2d, Pool2d, Activation, Softmax, Flatten, Add)
}

__all__ = [
    "LAYERS",
    "Activation",
    "Add",
    "Conv2d",
    "Dense",
    "Flatten",
    "Layer",
    "ParameterSpec",
    "Pool2d",
    "Softmax",
]
