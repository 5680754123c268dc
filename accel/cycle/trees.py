"""The arrays of adder trees: how a product is laid out for `kernels.step_trees`, what it records, and how they add."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.arch.hardware import Array
from accel.cycle.product import Product
from accel.cycle.trace import Field, Kind
from accel.loopnest import AccumulationOrder
from kernels.step_trees import Trees, rows_of_operations, step_trees
from kernels.systolic import Stepped

Sums = NDArray[np.int64]


def channels_innermost(array: Array) -> AccumulationOrder:
    """Return the order of the adder-tree array: a window's places outside, blocks of channels inside."""
    return AccumulationOrder(group=array.rows, loops="RSC", bias_first=array.bias_first)


def channels_outermost(array: Array) -> AccumulationOrder:
    """Return the order of the convolution engine: blocks of channels outside, a window's places inside."""
    return AccumulationOrder(group=array.rows, loops="CRS", bias_first=array.bias_first)


def own_registers(array: Array) -> int:
    """Return how many pipeline registers there are when every operation ends in one: products, levels of the tree."""
    return 1 + (array.rows - 1).bit_length()


def step_adder_tree(product: Product, array: Array, registers: int, recordings: Sums) -> tuple[Stepped, Sums]:
    """Step the adder-tree array: a tile of outputs at one place after another, without a gap."""
    channels, rows, columns = product.window
    steps = -(-channels // array.rows) * rows * columns
    return _step(product, array, channels_innermost(array), Trees(*_size(array), registers, 1, steps, 0), recordings)


def step_conv_engine(product: Product, array: Array, registers: int, recordings: Sums) -> tuple[Stepped, Sums]:
    """Step the convolution engine: all places for every step, and an empty pipeline after every block of channels."""
    _, rows, columns = product.window
    trees = Trees(*_size(array), registers, product.gemm.m, rows * columns, 1)
    return _step(product, array, channels_outermost(array), trees, recordings)


def fields(array: Array, registers: int) -> tuple[Field, ...]:
    """Return what is recorded, as `kernels.step_trees` orders it: operations without a register are wires."""
    inputs, outputs = _size(array)
    bounds = rows_of_operations(inputs, registers).tolist()
    heights = [end - begin for begin, end in pairwise(bounds)]
    levels = (inputs - 1).bit_length()
    names = ["product", *(f"level{n}" for n in range(1, levels + 1))]
    names += [f"delay{n}" for n in range(1, len(heights) - levels)]
    return (
        Field("x", Kind.INPUT, inputs, 1),
        Field("w", Kind.WEIGHT, inputs, outputs),
        *(Field(name, Kind.PRODUCT, height, outputs) for name, height in zip(names, heights, strict=True)),
        Field("sum", Kind.SUM, 1, outputs),
        Field("out", Kind.SUM, 1, outputs),
    )


def _size(array: Array) -> tuple[int, int]:
    return array.rows, array.columns


def _step(
    product: Product, array: Array, order: AccumulationOrder, trees: Trees, recordings: Sums
) -> tuple[Stepped, Sums]:
    groups, m, _, n = product.gemm
    sequence = np.array(order.sequence(*product.window))
    tiles = -(-n // array.columns)
    weight = np.pad(_in_order(product.weight, sequence), ((0, 0), (0, tiles * array.columns - n), (0, 0)))
    tiled = weight.reshape(groups, tiles, array.columns, len(sequence)).swapaxes(2, 3)
    sums = np.zeros((groups, m, n), dtype=np.int64)
    fed = _in_order(product.x, sequence)
    stepped = step_trees(fed, np.ascontiguousarray(tiled), product.bias, product.steps, trees, sums, recordings)
    return Stepped(*stepped), sums


def _in_order(codes: NDArray[np.integer[Any]], sequence: NDArray[np.int64]) -> NDArray[np.integer[Any]]:
    """Return the last axis in machine order, zeros where the order has no channel."""
    return np.ascontiguousarray(np.where(sequence >= 0, codes[..., sequence], 0), dtype=codes.dtype)
