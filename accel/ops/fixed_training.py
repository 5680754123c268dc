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
from accel.numeric.array import FxArray
from accel.numeric.cast import cast_codes
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.ledger import Events, Ledger
from accel.numeric.proof import chunk_terms
from accel.ops.datapath import Datapath
from accel.ops.engine import Multiplier, multiplier
from accel.ops.events import Observer
from accel.ops.fixed import FixedOps
from accel.ops.sums import ConvProducts, DenseProducts
from accel.units.average import average_steps
from kernels.conv import Geometry
from kernels.gemm import pack_panels
from kernels.packed import Panels, aligned, in_pairs, multiply
from kernels.tile import tiles
from kernels.vnni import TILE, VNNI, WIDTH

Sums = NDArray[np.int64]

TERMS = 4096
"""Products of one sum that are packed at a time: a gradient sums over all pixels of a batch, which no cache holds."""

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
        sums = exact(_rows(x), weight.codes)
        made = self._by_row(x.shape[1:-1])._biased(sums, x.format, weight.format, bias)
        return made.reshape(*x.shape[:-1], len(weight))

    def matmul(self, x: FxArray, y: FxArray) -> FxArray:
        """x: (N, ..., M, K) · y: (N, ..., K, P) -> (N, ..., M, P)."""
        return self._made(_matrices(x.codes, np.swapaxes(y.codes, -1, -2)), _product(x, y))

    def conv2d(self, x: FxArray, weight: FxArray, bias: FxArray | None, window: Window, groups: int) -> FxArray:
        """x: (N, C, H, W) · weight: (K, C/groups, R, S) -> (N, K, P, Q)."""
        pixels = window.output(x.shape[2], x.shape[3])
        if _sees_all(window, x.shape[2:], groups):
            return self.dense(_flat(x), _flat(weight), bias).reshape(len(x), len(weight), 1, 1)
        sums = exact_conv(ConvProducts(x.codes, weight.codes, _geometry(window, groups), pixels))
        return self._biased(sums, x.format, weight.format, bias)

    def dense_error(self, delta: FxArray, weight: FxArray) -> FxArray:
        """delta: (N, [L,] K) · weight: (K, F) -> (N, [L,] F)."""
        shape = (*delta.shape[:-1], weight.shape[1])
        if not self.carries_error:
            return self._nothing(shape)
        sums = exact(_rows(delta), weight.codes.T)
        return self._by_row(delta.shape[1:-1])._made(sums, _product(delta, weight)).reshape(*shape)

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
        return self._made(exact_conv(products), _product(delta, weight))

    def conv2d_gradient(self, delta: FxArray, x: FxArray, window: Window, groups: int) -> tuple[FxArray, FxArray]:
        """delta: (N, K, P, Q) · x: (N, C, H, W) -> exact sums (K, C/groups, R, S) and (K,).

        One product per group: delta times the patches that its pixels saw, batch and pixels summed over.
        """
        bias = _wide(delta.codes.sum(axis=(0, 2, 3), dtype=np.int64), delta.format)
        C, K, (R, S) = x.shape[1], delta.shape[1], window.size
        if _sees_all(window, x.shape[2:], groups):
            weight, _ = self.dense_gradient(_flat(delta), _flat(x))
            return weight.reshape(K, C, R, S), bias
        gradient = np.empty((K, C // groups * R * S), np.int64)
        for group in range(groups):
            channels, filters = (slice(group * n // groups, (group + 1) * n // groups) for n in (C, K))
            rows = delta.codes[:, filters].swapaxes(0, 1).reshape(K // groups, -1)
            gradient[filters] = exact(rows, _patches(x.codes[:, channels], window))
        return _wide(gradient.reshape(K, C // groups, R, S), _product(delta, x)), bias

    def pool2d_error(self, delta: FxArray, x: FxArray, y: FxArray, mode: str, window: Window) -> FxArray:
        """delta, y: (N, C, P, Q) · x: (N, C, H, W) -> (N, C, H, W)."""
        from kernels.backward import max_pool_error, root_pool_error, sum_pool_error

        if not self.carries_error:
            return self._nothing(x.shape)
        geometry = _geometry(window, 1)
        sums = np.zeros(x.shape, np.int64)
        frac_bits = delta.format.frac_bits
        if mode == "max":
            codes = (np.ascontiguousarray(fx.codes) for fx in (delta, x, y))
            max_pool_error(*codes, geometry, sums)
        elif mode == "average":
            multiplier, shift = average_steps(window.size[0] * window.size[1])
            sum_pool_error(_int64(delta) * multiplier, geometry, sums)
            frac_bits += shift
        else:
            root_pool_error(_int64(delta), _int64(x), _int64(y), geometry, GUARD_BITS, sums)
            frac_bits += GUARD_BITS + x.format.frac_bits - y.format.frac_bits
        return self._made(sums, wide_format(frac_bits))

    def activate_error(self, delta: FxArray, y: FxArray, function: str) -> FxArray:
        """Multiply delta by the derivative at the output y, exactly, and cast once."""
        if function in ("relu", "identity"):
            passed = delta.codes if function == "identity" else delta.codes * (y.codes > 0)
            return self._kept(FxArray.trusted(passed, delta.format))
        codes, outputs, point = _int64(delta), _int64(y), y.format.frac_bits
        slope = outputs * ((1 << point) - outputs) if function == "sigmoid" else (1 << 2 * point) - outputs * outputs
        return self._made(codes * slope, wide_format(delta.format.frac_bits + 2 * point))

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

    def _biased(self, sums: Sums, x: QFormat, weight: QFormat, bias: FxArray | None) -> FxArray:
        """Add the bias to exact sums (N, K, ...) at the products' point and cast."""
        point = x.frac_bits + weight.frac_bits
        if bias is not None:
            sums += (_int64(bias) << (point - bias.format.frac_bits)).reshape(-1, *(1,) * (sums.ndim - 2))
        return self._made(sums, wide_format(point))

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


def exact(x: NDArray[Any], w: NDArray[Any]) -> Sums:
    """x: (M, K) codes · w: (N, K) codes -> exact sums (M, N); lowering proved that they fit 63 bits.

    Both operands are new in every step, so w is packed without the look at its magnitudes that pays for weights which
    stay: for those of a product's rows the largest magnitudes alone say how long an int32 sum may be.
    """
    x, w = np.ascontiguousarray(x), np.ascontiguousarray(w)
    chunk = _chunk(x, w)
    if not chunk or not (x.size and w.size):
        return DenseProducts(x, w).exact(chunk)
    total = _packed(x[:, :TERMS], w[:, :TERMS], chunk)
    for first in range(TERMS, w.shape[1], TERMS):
        part = slice(first, first + TERMS)
        total += _packed(x[:, part], w[:, part], chunk)
    return total


def _packed(x: NDArray[Any], w: NDArray[Any], chunk: int) -> Sums:
    """Pack w and multiply."""
    N, K = w.shape
    pairs = (K + 1) // 2
    packed = aligned((tiles(N, WIDTH), pairs, WIDTH, 2))
    pack_panels(np.ascontiguousarray(w), in_pairs(packed))
    panels = Panels(packed.reshape(-1, 2), np.arange(pairs, dtype=np.int64) * WIDTH, N, ())
    sums = np.empty((len(x), N), np.int64)
    multiply(np.ascontiguousarray(x), panels, chunk, sums, None, VNNI if multiplier() is Multiplier.VNNI else TILE)
    return sums


def exact_conv(products: ConvProducts) -> Sums:
    """Return the exact sums of a convolution, (N, K, P, Q), under the same proof."""
    return products.exact(_chunk(products.x, products.weight))


def _chunk(x: NDArray[Any], w: NDArray[Any]) -> int:
    """Return how many products one int32 can sum, 0 for codes wider than int16."""
    return chunk_terms(_peak(x), _peak(w)) if max(x.dtype.itemsize, w.dtype.itemsize) <= 2 else 0


def wide_format(frac_bits: int) -> QFormat:
    """Return the widest format with that binary point: what holds a sum before its cast."""
    return QFormat(True, MAX_WIDTH, MAX_WIDTH - frac_bits)


def _peak(codes: NDArray[Any]) -> int:
    return max(int(codes.max(initial=0)), -int(codes.min(initial=0)))


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


def _geometry(window: Window, groups: int) -> Geometry:
    return Geometry(*window.stride, *window.padding, *window.dilation, groups, *window.size)


def _sees_all(window: Window, extents: Shape, groups: int) -> bool:
    """Tell whether a window without padding covers its map exactly: then the layer is a dense one."""
    return groups == 1 and window.size == extents and window.padding == (0, 0) and window.dilation == (1, 1)


def _patches(x: NDArray[Any], window: Window) -> NDArray[Any]:
    """x: (N, C, H, W) -> what each weight of a filter meets, (C R S, N P Q), pixels in runs along the rows."""
    rows, columns = window.padding
    framed = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns))) if rows or columns else x
    P, Q = window.output(x.shape[2], x.shape[3])
    made = np.empty((x.shape[1], *window.size, len(x), P, Q), x.dtype)
    for r, s in np.ndindex(*window.size):
        h, w = r * window.dilation[0], s * window.dilation[1]
        (down, right) = window.stride
        part = framed[:, :, h : h + (P - 1) * down + 1 : down, w : w + (Q - 1) * right + 1 : right]
        made[:, r, s] = part.swapaxes(0, 1)
    return made.reshape(-1, len(x) * P * Q)


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
