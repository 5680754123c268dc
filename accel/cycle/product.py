"""`Product`: the matrix products that an array does for one layer, and the way there and back.

A convolution reaches an array as the receptive fields of its output pixels (im2col, written out whole): row m = (n, p,
q) holds channels, kernel rows and kernel columns k = (c, r, s), padding as zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.errors import DataError
from accel.loopnest import Gemm, LoopNest, Window
from accel.numeric.array import FxArray
from kernels.chain import Steps

Codes = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Product:
    """G products of (M, K) by (K, N), and how their accumulators add.

    x: (G, M, K) · weight: (G, N, K), both int32 or int64 codes · bias: (G, N) int64 codes at the accumulator's point ·
    window: how many channels, kernel rows and kernel columns make up K.
    """

    x: Codes
    weight: Codes
    bias: NDArray[np.int64]
    steps: Steps
    window: tuple[int, int, int]

    @property
    def gemm(self) -> Gemm:
        """Extents."""
        groups, m, k = self.x.shape
        return Gemm(groups, m, k, self.weight.shape[1])


def as_nest(work: LoopNest | Gemm) -> LoopNest:
    """Return a matrix product as the loop nest of m pixels in a row, which have k channels and n filters."""
    if isinstance(work, LoopNest):
        return work
    return LoopNest("array", G=work.groups, K=work.n, C=work.k, Q=work.m, width=work.m)


def window_of(work: LoopNest | Gemm) -> tuple[int, int, int]:
    """Return the channels, kernel rows and kernel columns that make up K."""
    nest = as_nest(work)
    return nest.C, nest.R, nest.S


def operands_of(work: LoopNest | Gemm, x: FxArray, weight: FxArray) -> tuple[Codes, Codes]:
    """Return x as (G, M, K) and the weights as (G, N, K), in the container that the kernels want.

    Of a nest: x (N, G C, height, width), or (N, G C) for vectors · weight (G K, C, R, S), or (G K, C). Of a product:
    x (G, M, K) · weight (G, N, K); one group may do without its axis. Raises DataError for other shapes.
    """
    groups, m, k, n = work if isinstance(work, Gemm) else work.gemm
    if isinstance(work, Gemm):
        fields = _shaped("inputs", x, (groups, m, k), (m, k) if groups == 1 else None)
        filters = _shaped("weights", weight, (groups, n, k), (n, k) if groups == 1 else None)
    else:
        fields = _fields(work, x)
        plain = (groups * n, work.C) if (work.R, work.S) == (1, 1) else None
        filters = _shaped("weights", weight, (groups * n, work.C, work.R, work.S), plain)
    container = np.int32 if max(x.format.dtype.itemsize, weight.format.dtype.itemsize) <= 4 else np.int64
    return (
        np.ascontiguousarray(fields.reshape(groups, m, k), dtype=container),
        np.ascontiguousarray(filters.reshape(groups, n, k), dtype=container),
    )


def outputs_of(work: LoopNest | Gemm, sums: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return sums (G, M, N) as the nest has its outputs, (N, G K, P, Q) or, for vectors, (N, G K); a product's stay."""
    if isinstance(work, Gemm):
        return sums
    maps = sums.reshape(work.G, work.N, work.P, work.Q, work.K).transpose(1, 0, 4, 2, 3)
    shape = (work.N, work.G * work.K)
    is_vector = work.height == work.width == work.P == work.Q == 1
    return np.ascontiguousarray(maps.reshape(shape if is_vector else (*shape, work.P, work.Q)))


def _fields(nest: LoopNest, x: FxArray) -> Codes:
    """Return the receptive fields (G, N, P, Q, C, R, S) of a nest. Raises DataError when its window does not fit."""
    window = Window((nest.R, nest.S), nest.stride, nest.padding, nest.dilation)
    if window.output(nest.height, nest.width) != (nest.P, nest.Q):
        raise DataError(
            f"a {nest.R} x {nest.S} window over {nest.height} x {nest.width} positions has not {nest.P} x {nest.Q} "
            "places; give the nest its height, width, stride and padding"
        )
    channels = nest.G * nest.C
    plain = (nest.N, channels) if nest.height == nest.width == 1 else None
    maps = _shaped("inputs", x, (nest.N, channels, nest.height, nest.width), plain)
    (above, beside), (down, right), (taller, wider) = nest.padding, nest.stride, nest.dilation
    padded = np.pad(maps, ((0, 0), (0, 0), (above, above), (beside, beside)))
    spans = ((nest.R - 1) * taller + 1, (nest.S - 1) * wider + 1)
    views = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=(2, 3))
    places = views[:, :, ::down, ::right, ::taller, ::wider].reshape(
        nest.N, nest.G, nest.C, nest.P, nest.Q, nest.R, nest.S
    )
    return places.transpose(1, 0, 3, 4, 2, 5, 6)


def _shaped(what: str, tensor: FxArray, shape: tuple[int, ...], other: tuple[int, ...] | None) -> Codes:
    """Return codes in `shape`; `other`: a second shape that may be given. Raises DataError for any third."""
    if tensor.shape not in (shape, other):
        raise DataError(f"{what} of shape {tensor.shape} do not fit; this product wants {shape}")
    return tensor.codes.reshape(shape)
