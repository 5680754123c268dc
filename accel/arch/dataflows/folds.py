"""Arithmetic that the dataflows share: cutting a matrix product into folds, and the parts of a cycle count.

A fold is one tile of the product on the array: part of two axes of the GEMM lies on rows and columns, the third axis
streams. Everything here works on Python ints of any size and, element by element, on NumPy integer arrays, so that a
sweep prices all its machines at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from accel.arch.hardware import Array
from accel.errors import ConfigError, suggestion
from accel.loopnest import Gemm, LoopNest

Count = Any
"""A number of cycles, folds or rows: a Python int, or an integer array over many machines."""


class Tiles(NamedTuple):
    """One axis cut to the array's size: how many tiles, and the extents of the first and of the last of them."""

    number: Count
    first: Count
    last: Count


class Timing(NamedTuple):
    """A schedule's cycles; the fields are those of `accel.arch.mapping.Schedule`."""

    folds: Count
    fill: Count
    steady: Count
    drain: Count
    results: Count

    @property
    def total(self) -> Count:
        """First operand in to last result out."""
        return self.fill + self.steady + self.drain


TimingModel = Callable[[Gemm, Count, Count], Timing]
"""(product, rows, columns) -> cycles. Some take more, with a default: how much of k is window, the nest itself."""

Model = TypeVar("Model", bound=TimingModel)


def tiles(extent: Count, size: Count) -> Tiles:
    """Cut an axis of `extent` into tiles of `size`; only the last may be smaller."""
    number = -(-extent // size)
    return Tiles(number, minimum(extent, size), extent - (number - 1) * size)


def maximum(a: Count, b: Count) -> Count:
    """Return the larger, element by element; Python ints stay Python ints."""
    return a + (b - a) * (b > a)


def minimum(a: Count, b: Count) -> Count:
    """Return the smaller, element by element; Python ints stay Python ints."""
    return a + (b - a) * (b < a)


def checked_product(nest: LoopNest, array: Array) -> Gemm:
    """Return the nest's matrix product. Raises ConfigError for an array or a product without extent."""
    if array.rows < 1 or array.columns < 1:
        raise ConfigError(f"an array of {array.rows} x {array.columns} computes nothing; use at least 1 x 1")
    gemm = nest.gemm
    if min(*gemm, nest.N, nest.P, nest.Q, nest.C, nest.R, nest.S) < 1:
        raise ConfigError(
            f"{gemm.groups} products of {gemm.m} x {gemm.k} by {gemm.k} x {gemm.n} cannot be mapped; "
            "every extent and the batch must be at least 1"
        )
    return gemm


def as_product(nest: LoopNest) -> LoopNest:
    """Return what an array of multipliers makes of a nest: a product as it is, anything else with constant weights.

    The windows of an average pooling are rows of one product with a single column, 1 / (R S); so are the elements of a
    sum, with one channel of weight 1 per operand. Raises ConfigError for what is not a sum of products.
    """
    if nest.engine == "array":
        return nest
    task = (nest.engine, nest.function)
    if task not in (("pooling", "average"), ("elementwise", "add")):
        raise ConfigError(
            f"{nest.engine} '{nest.function}' is no sum of products, which is all that the array computes; "
            "give the machine a unit for it"
        )
    return replace(nest, engine="array", function="", N=nest.N * nest.G, G=1, C=nest.C * nest.operands, operands=1)


def timing_model(array: Array, models: Mapping[str, Model]) -> Model:
    """Return the timing model that the array names. Raises ConfigError for one that its dataflow does not have."""
    if array.timing not in models:
        raise ConfigError(
            f"timing '{array.timing}' is not a model of this array ('{array.dataflow}')."
            f"{suggestion(array.timing, models)}"
        )
    return models[array.timing]
