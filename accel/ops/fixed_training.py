"""`FixedTrainingOps`: the primitives of training in the machine's bits, forward and backward.

The forward pass computes what `FixedOps` computes, with weights that change from step to step: sums are exact, which
lowering proves for the formats (`accel.train.program`), so no order of additions has to be replayed. Backward every
product is one that the array has forward: an error is a product with the weights turned around, a gradient one in which
the batch is summed over. Errors are cast once to the error format. Gradients are NOT cast: they are exact sums in a
wide format, so that parts of a batch can be added in any order; the update casts them.

The surprise: where nothing below has parameters, an error is zeros that nobody computed or reads.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.errors import ModelError
from accel.loopnest import Shape, Window
from accel.numeric.array import FxArray, for_kernels
from accel.numeric.cast import cast_codes
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.ledger import Events, Ledger
from accel.ops.datapath import Datapath
from accel.ops.events import Observer
from accel.ops.exact import NO_BIAS, cast_conv, exact, exact_cast, exact_conv, exact_conv_gradient
from accel.ops.fixed import FixedOps
from accel.ops.sums import ConvProducts
from accel.units.average import average_steps
from kernels.conv import Geometry

Sums = NDArray[np.int64]

GUARD_BITS = 16
"""Quotient bits of L2 pooling's slope delta / y beyond the point of delta."""


@dataclass(frozen=True)
class FixedTrainingArithmetic:
    """One direction of training for one part of a batch.

    nodes: datapaths, whose outputs are activations forward and errors backward. unneeded: nodes whose error at the
    input nobody needs. first_input: the part's first example among all that were ever drawn, which places it in the
    random streams.
    """

    nodes: Mapping[str, Datapath]
    ledger: Ledger
    first_input: int = 0
    unneeded: Collection[str] = ()

    def at(self, node: str) -> FixedTrainingOps:
        """Return the primitives bound to `node`."""
        observer = Observer(self.ledger, node, self.first_input)
        return FixedTrainingOps(self.nodes[node], observer, self.first_input, node not in self.unneeded)


@dataclass(frozen=True)
class FixedTrainingOps(FixedOps):
    """The primitives bound to one node and one direction; what they make has the format of the node's output."""

    carries_error: bool = True

    def dense(self, x: FxArray, weight: FxArray, bias: FxArray | None) -> FxArray:
        """x: (N, [L,] F) · weight: (K, F) -> (N, [L,] K)."""
        point = x.format.frac_bits + weight.format.frac_bits
        made = self._by_row(x.shape[1:-1])._product(_rows(x), weight.codes, point, bias)
        return made.reshape(*x.shape[:-1], len(weight))

    def matmul(self, x: FxArray, y: FxArray) -> FxArray:
        """x: (N, ..., M, K) · y: (N, ..., K, P) -> (N, ..., M, P)."""
        return self._made(_matrices(x.codes, np.swapaxes(y.codes, -1, -2)), _product(x, y))

    def conv2d(self, x: FxArray, weight: FxArray, bias: FxArray | None, window: Window, groups: int) -> FxArray:
        """x: (N, C, H, W) · weight: (K, C/groups, R, S) -> (N, K, P, Q)."""
        pixels = window.output(x.shape[2], x.shape[3])
        if _sees_all(window, x.shape[2:], groups):
            return self.dense(_flat(x), _flat(weight), bias).reshape(len(x), len(weight), 1, 1)
        point = x.format.frac_bits + weight.format.frac_bits
        return self._convolved(ConvProducts(x.codes, weight.codes, _geometry(window, groups), pixels), point, bias)

    def dense_error(self, delta: FxArray, weight: FxArray) -> FxArray:
        """delta: (N, [L,] K) · weight: (K, F) -> (N, [L,] F)."""
        shape = (*delta.shape[:-1], weight.shape[1])
        if not self.carries_error:
            return self._nothing(shape)
        point = delta.format.frac_bits + weight.format.frac_bits
        made = self._by_row(delta.shape[1:-1])._product(_rows(delta), weight.codes.T, point, None)
        return made.reshape(*shape)

    def dense_gradient(self, delta: FxArray, x: FxArray) -> tuple[FxArray, FxArray]:
        """delta: (N, [L,] K) · x: (N, [L,] F) -> exact sums (K, F) and (K,)."""
        rows = _rows(delta)
        weight = exact(rows.T, _rows(x).T)
        return _wide(weight, _product(delta, x)), _wide(rows.sum(axis=0, dtype=np.int64), delta.format)

    def matmul_error(self, delta: FxArray, x: FxArray, y: FxArray) -> tuple[FxArray, FxArray]:
        """delta: (N, ..., M, P) -> errors at x and y: delta y^T and x^T delta, matrix by matrix."""
        at_x = _matrices(delta.codes, y.codes)
        at_y = _matrices(np.swapaxes(x.codes, -1, -2), np.swapaxes(delta.codes, -1, -2))
        return self._made(at_x, _product(delta, y)), self._made(at_y, _product(delta, x))

    def conv2d_error(self, delta: FxArray, weight: FxArray, window: Window, groups: int, input_shape: Shape) -> FxArray:
        """delta: (N, K, P, Q) -> (N, *input_shape): delta, spread by the stride, convolved with the weights turned."""
        shape = (len(delta), *input_shape)
        if not self.carries_error:
            return self._nothing(shape)
        if _sees_all(window, input_shape[1:], groups):
            return self.dense_error(_flat(delta), _flat(weight)).reshape(*shape)
        (R, S), (K, depth) = window.size, weight.shape[:2]
        turned = weight.codes[:, :, ::-1, ::-1].reshape(groups, K // groups, depth, R, S).swapaxes(1, 2)
        back = Geometry(1, 1, 0, 0, *window.dilation, groups, R, S)
        spread = _spread(delta.codes, window, input_shape)
        _, height, width = input_shape
        products = ConvProducts(spread, turned.reshape(groups * depth, K // groups, R, S), back, (height, width))
        return self._convolved(products, delta.format.frac_bits + weight.format.frac_bits, None)

    def conv2d_gradient(self, delta: FxArray, x: FxArray, window: Window, groups: int) -> tuple[FxArray, FxArray]:
        """delta: (N, K, P, Q) · x: (N, C, H, W) -> exact sums (K, C/groups, R, S) and (K,)."""
        bias = _wide(delta.codes.sum(axis=(0, 2, 3), dtype=np.int64), delta.format)
        if _sees_all(window, x.shape[2:], groups):
            weight, _ = self.dense_gradient(_flat(delta), _flat(x))
            return weight.reshape(delta.shape[1], x.shape[1], *window.size), bias
        gradient = exact_conv_gradient(delta.codes, x.codes, _geometry(window, groups))
        return _wide(gradient, _product(delta, x)), bias

    def pool2d_error(self, delta: FxArray, x: FxArray, y: FxArray, mode: str, window: Window) -> FxArray:
        """delta, y: (N, C, P, Q) · x: (N, C, H, W) -> (N, C, H, W)."""
        from kernels.backward import max_pool_error, root_pool_error, sum_pool_error

        if not self.carries_error:
            return self._nothing(x.shape)
        geometry = _geometry(window, 1)
        frac_bits = delta.format.frac_bits
        multiplier, shift = average_steps(window.size[0] * window.size[1]) if mode == "average" else (1, 0)
        if mode == "average" and _are_apart(window):
            made = self._cast_to_windows(delta, geometry, multiplier, wide_format(frac_bits + shift), x.shape)
            if made is not None:
                return made
        sums = np.zeros(x.shape, np.int64)
        if mode == "max":
            codes = (np.ascontiguousarray(fx.codes) for fx in (delta, x, y))
            if _are_apart(window) and delta.format == self.node.target:
                sums = np.zeros(x.shape, delta.codes.dtype)
                max_pool_error(*codes, geometry, sums)
                return self._kept(FxArray.trusted(sums, delta.format))
            max_pool_error(*codes, geometry, sums)
        elif mode == "average":
            sum_pool_error(_int64(delta) * multiplier, geometry, sums)
        else:
            root_pool_error(_int64(delta), _int64(x), _int64(y), geometry, GUARD_BITS, sums)
            shift = GUARD_BITS + x.format.frac_bits - y.format.frac_bits
        return self._made(sums, wide_format(frac_bits + shift))

    def activate_error(self, delta: FxArray, y: FxArray, function: str) -> FxArray:
        """Multiply delta by the derivative at the output y, exactly, and cast once."""
        if function in ("relu", "identity"):
            passed = delta.codes if function == "identity" else delta.codes * (y.codes > 0)
            return self._kept(FxArray.trusted(passed, delta.format))
        from kernels.backward import scale_by_slope

        point, output = y.format.frac_bits, self.node.output
        source = wide_format(delta.format.frac_bits + 2 * point)
        rq = output.lower(source)
        if self.observer.is_detailed or rq.shift < 0:
            one, outputs = 1 << point, _int64(y)
            slope = outputs * (one - outputs) if function == "sigmoid" else one * one - outputs * outputs
            return self._made(_int64(delta) * slope, source)
        made = np.empty(delta.shape, self.node.target.dtype)
        draws = self._drawn(delta.shape)
        flat = (for_kernels(codes).reshape(-1) for codes in (delta.codes, y.codes))
        overflowed = scale_by_slope(*flat, 1 << point, int(function == "tanh"), rq, draws.reshape(-1), made.reshape(-1))
        return self._counted(made, int(overflowed))

    def softmax_error(self, delta: FxArray, y: FxArray) -> FxArray:
        """delta, y: (N, ..., K) -> y (delta - sum_k delta_k y_k), exactly, and one cast."""
        codes, outputs, point = _int64(delta), _int64(y), y.format.frac_bits
        centred = (codes << point) - (codes * outputs).sum(axis=-1, keepdims=True)
        return self._made(outputs * centred, wide_format(delta.format.frac_bits + 2 * point))

    def layer_norm_error(self, delta: FxArray, x: FxArray, weight: FxArray, epsilon: float) -> FxArray:
        """Not built. Raises ModelError."""
        raise ModelError(f"{self.node.name}: {NO_NORM}")

    def layer_norm_gradient(self, delta: FxArray, x: FxArray, epsilon: float) -> tuple[FxArray, FxArray]:
        """Not built. Raises ModelError."""
        raise ModelError(f"{self.node.name}: {NO_NORM}")

    def _by_row(self, rows: Shape, first: int = 0) -> FixedTrainingOps:
        """Return these primitives for inputs that hold `rows`, every row as an input."""
        if not rows and not first:
            return self
        row = self.first_input * prod(rows) + first
        return replace(self, first_input=row, observer=replace(self.observer, first_input=row, rows=rows))

    def _product(self, x: NDArray[Any], w: NDArray[Any], point: int, bias: FxArray | None) -> FxArray:
        """x: (M, K) · w: (N, K) -> the sums at that point plus the bias, cast; in one call where they are small."""
        output = self.node.output
        addends = _at_point(bias, point)
        if not self.observer.is_detailed:
            made = np.empty((len(x), len(w)), self.node.target.dtype)
            rq, draws = output.lower(wide_format(point)), self._drawn(made.shape)
            overflowed = exact_cast(x, w, addends, rq, draws, made)
            if overflowed is not None:
                return self._counted(made, overflowed)
        sums = exact(x, w)
        if addends.size:
            sums += addends
        return self._made(sums, wide_format(point))

    def _convolved(self, products: ConvProducts, point: int, bias: FxArray | None) -> FxArray:
        """Return the sums at that point plus the bias, cast; in one pass where no random bits are drawn."""
        output, target, addends = self.node.output, self.node.target, _at_point(bias, point)
        if not self.observer.is_detailed and output.random is None and target.dtype.itemsize <= 2:
            found = cast_conv(products, addends, output.lower(wide_format(point)))
            if found is not None:
                return self._counted(found[0].astype(target.dtype, copy=False), found[1])
        sums = exact_conv(products)
        if addends.size:
            sums += addends.reshape(-1, 1, 1)
        return self._made(sums, wide_format(point))

    def _cast_to_windows(
        self, delta: FxArray, geometry: Geometry, factor: int, source: QFormat, shape: Shape
    ) -> FxArray | None:
        """Return what every code of each window gets, cast once; None where casts draw random bits or are looked at."""
        from kernels.backward import cast_to_windows

        rq = self.node.output.lower(source)
        if self.observer.is_detailed or self.node.output.random is not None or rq.shift < 0:
            return None
        made = np.zeros(shape, self.node.target.dtype)
        codes = for_kernels(delta.codes)
        return self._counted(made, int(cast_to_windows(codes, geometry, factor, rq, made)))

    def _drawn(self, shape: tuple[int, ...]) -> Sums:
        """Return the random bits of the node's cast, or none in as many axes."""
        draws = self._draws(shape)
        return np.empty((0,) * len(shape), np.int64) if draws is None else draws

    def _counted(self, codes: NDArray[Any], overflowed: int) -> FxArray:
        """Tell the ledger of codes that were cast where they were made."""
        self.observer.saw_cast(codes, self.node.target, self.node.output, None, overflowed, None)
        return FxArray.trusted(codes, self.node.target)

    def _made(self, sums: Sums, source: QFormat) -> FxArray:
        """Cast to the node's output, once, and tell the ledger."""
        output = self.node.output
        draws = self._draws(sums.shape) if output.random is not None else None
        made, overflowed = cast_codes(sums, source, output, draws)
        self.observer.saw_cast(sums, source, output, draws, overflowed, None)
        return made

    def _kept(self, x: FxArray) -> FxArray:
        """Cast what has a format of its own; in the node's, a cast would change nothing."""
        if x.format != self.node.target:
            return self._made(_int64(x), x.format)
        self.observer.ledger.record(self.node.name, "output", Events(x.codes.size))
        return x

    def _nothing(self, shape: tuple[int, ...]) -> FxArray:
        return FxArray.trusted(np.zeros(shape, self.node.target.dtype), self.node.target)


NO_NORM = "layer normalisation has no backward pass in fixed point; train this network in float64 (golden)"


def wide_format(frac_bits: int) -> QFormat:
    """Return the widest format with that binary point: what holds a sum before its cast."""
    return QFormat(True, MAX_WIDTH, MAX_WIDTH - frac_bits)


def _rows(x: FxArray) -> NDArray[Any]:
    return x.codes.reshape(-1, x.shape[-1])


def _flat(x: FxArray) -> FxArray:
    return x.reshape(len(x), prod(x.shape[1:]))


def _int64(x: FxArray) -> Sums:
    return np.ascontiguousarray(x.codes, dtype=np.int64)


def _wide(sums: Sums, point: QFormat) -> FxArray:
    return FxArray.trusted(sums, wide_format(point.frac_bits))


def _product(x: FxArray, y: FxArray) -> QFormat:
    return wide_format(x.format.frac_bits + y.format.frac_bits)


def _at_point(bias: FxArray | None, point: int) -> Sums:
    """Return the bias in units of 2^-point, (K,), or (0,)."""
    return NO_BIAS if bias is None else _int64(bias) << (point - bias.format.frac_bits)


def _are_apart(window: Window) -> bool:
    """Tell whether no two windows share a code."""
    return all(
        stride > dilation * (size - 1)
        for stride, dilation, size in zip(window.stride, window.dilation, window.size, strict=True)
    )


def _geometry(window: Window, groups: int) -> Geometry:
    return Geometry(*window.stride, *window.padding, *window.dilation, groups, *window.size)


def _sees_all(window: Window, extents: Shape, groups: int) -> bool:
    """Tell whether a window without padding covers its map exactly: then the layer is a dense one."""
    return groups == 1 and window.size == extents and window.padding == (0, 0) and window.dilation == (1, 1)


def _spread(delta: NDArray[Any], window: Window, input_shape: Shape) -> NDArray[Any]:
    """delta: (N, K, P, Q) -> (N, K, H + reach, W + reach): its pixels as far apart as the stride, zeros around them.

    Pixel p of delta stands where the last of its window's rows is row 0 of the kernel turned around.
    """
    reach = [dilation * (size - 1) for dilation, size in zip(window.dilation, window.size, strict=True)]
    spread = np.zeros((*delta.shape[:2], *(n + r for n, r in zip(input_shape[1:], reach, strict=True))), delta.dtype)
    targets, sources = [], []
    for axis in (0, 1):
        start, stride, extent = reach[axis] - window.padding[axis], window.stride[axis], spread.shape[2 + axis]
        positions = [p for p in range(delta.shape[2 + axis]) if 0 <= start + p * stride < extent]
        first, last = (positions[0], positions[-1] + 1) if positions else (0, 0)
        targets.append(slice(start + first * stride, start + (last - 1) * stride + 1, stride))
        sources.append(slice(first, last))
    if all(part.stop > part.start for part in sources):
        spread[:, :, targets[0], targets[1]] = delta[:, :, sources[0], sources[1]]
    return spread


def _matrices(x: NDArray[Any], w: NDArray[Any]) -> Sums:
    """x: (N, ..., M, K) · w: (N, ..., P, K) -> (N, ..., M, P), matrix by matrix."""
    pairs = zip(x.reshape(-1, *x.shape[-2:]), w.reshape(-1, *w.shape[-2:]), strict=True)
    made = [exact(a, b) for a, b in pairs]
    return np.stack(made).reshape(*x.shape[:-1], w.shape[-2])
