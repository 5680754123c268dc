"""The systolic arrays: what `kernels.systolic` and `kernels.step_weights` step and record, and how they add."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accel.arch.hardware import Array
from accel.cycle.product import Product
from accel.cycle.trace import Field, Kind
from accel.loopnest import AccumulationOrder
from kernels.step_weights import step_weight_stationary
from kernels.systolic import Stepped, step_output_stationary

Sums = NDArray[np.int64]


def chain(array: Array) -> AccumulationOrder:
    """Return the order of an array that keeps its outputs."""
    return AccumulationOrder(bias_first=array.bias_first)


def folded(array: Array) -> AccumulationOrder:
    """Return the order of an array whose sums leave it after every `rows` products."""
    return AccumulationOrder(fold=array.rows, bias_first=array.bias_first)


def step_outputs_kept(product: Product, array: Array, registers: int, recordings: Sums) -> tuple[Stepped, Sums]:
    """Step the output-stationary array -> what it did, sums (G, M, N)."""
    groups, m, _, n = product.gemm
    sums = np.zeros((groups, m, n), dtype=np.int64)
    x, weight, bias, steps = product.x, product.weight, product.bias, product.steps
    stepped = step_output_stationary(x, weight, bias, steps, array.rows, array.columns, sums, recordings)
    return Stepped(*stepped), sums


def step_weights_kept(product: Product, array: Array, registers: int, recordings: Sums) -> tuple[Stepped, Sums]:
    """Step the weight-stationary array -> what it did, sums (G, M, N)."""
    return _step_kept(product.x, product.weight, product.bias[:, None, :], product, array, recordings)


def step_inputs_kept(product: Product, array: Array, registers: int, recordings: Sums) -> tuple[Stepped, Sums]:
    """Step the input-stationary array, the weight-stationary one with its operands exchanged."""
    stepped, sums = _step_kept(product.weight, product.x, product.bias[:, :, None], product, array, recordings)
    return stepped, np.ascontiguousarray(sums.swapaxes(1, 2))


def _step_kept(
    streamed: NDArray[np.integer],
    held: NDArray[np.integer],
    bias: Sums,
    product: Product,
    array: Array,
    recordings: Sums,
) -> tuple[Stepped, Sums]:
    sums = np.zeros((len(streamed), streamed.shape[1], held.shape[1]), dtype=np.int64)
    addends = np.ascontiguousarray(bias)
    stepped = step_weight_stationary(
        streamed, held, addends, product.steps, array.rows, array.columns, sums, recordings
    )
    return Stepped(*stepped), sums


def outputs_kept_fields(array: Array, registers: int) -> tuple[Field, ...]:
    """Return what is recorded of an output-stationary array, as `kernels.systolic` orders it."""
    size = (array.rows, array.columns)
    return (
        Field("x", Kind.INPUT, *size),
        Field("last", Kind.FLAG, *size),
        Field("w", Kind.WEIGHT, *size),
        Field("seed", Kind.SUM, *size),
        Field("product", Kind.PRODUCT, *size),
        Field("sum", Kind.SUM, *size),
        Field("drain", Kind.SUM, *size, twins=True),
        Field("out", Kind.SUM, 1, array.columns),
    )


def weights_kept_fields(array: Array, registers: int) -> tuple[Field, ...]:
    """Return what is recorded of a weight-stationary array, as `kernels.step_weights` orders it."""
    return _kept_fields(array, "x", Kind.INPUT, "w", Kind.WEIGHT)


def inputs_kept_fields(array: Array, registers: int) -> tuple[Field, ...]:
    """Return what is recorded of an input-stationary array."""
    return _kept_fields(array, "w", Kind.WEIGHT, "x", Kind.INPUT)


def _kept_fields(array: Array, streamed: str, moving: Kind, held: str, kept: Kind) -> tuple[Field, ...]:
    size = (array.rows, array.columns)
    return (
        Field(streamed, moving, *size),
        Field("first", Kind.FLAG, *size),
        Field("loading", kept, *size),
        Field("token", Kind.FLAG, *size, twins=True),
        Field("waiting", kept, *size),
        Field(held, kept, *size),
        Field("product", Kind.PRODUCT, *size),
        Field("sum", Kind.SUM, *size),
        Field("out", Kind.SUM, 1, array.columns),
    )
