"""Layers: frozen descriptions written in the primitives of `accel.ops.protocol`, and their registry by kind."""

from __future__ import annotations

from collections.abc import Mapping

from accel.layers.activation import Activation
from accel.layers.base import Layer, ParameterSpec
from accel.layers.conv import Conv2d
from accel.layers.dense import Dense
from accel.layers.heads import MergeHeads, SplitHeads
from accel.layers.matmul import MatMul
from accel.layers.norm import LayerNorm
from accel.layers.pool import Pool2d
from accel.layers.scale import Scale
from accel.layers.shape import Add, Flatten
from accel.layers.softmax import Softmax

_KINDS: tuple[type[Layer], ...] = (
    Dense,
    Conv2d,
    MatMul,
    Pool2d,
    Activation,
    Softmax,
    LayerNorm,
    Scale,
    Add,
    Flatten,
    SplitHeads,
    MergeHeads,
)

LAYERS: Mapping[str, type[Layer]] = {layer.kind: layer for layer in _KINDS}

__all__ = [
    "LAYERS",
    "Activation",
    "Add",
    "Conv2d",
    "Dense",
    "Flatten",
    "Layer",
    "LayerNorm",
    "MatMul",
    "MergeHeads",
    "ParameterSpec",
    "Pool2d",
    "Scale",
    "Softmax",
    "SplitHeads",
]
