"""Exact sums of products whose operands are both new in every step, by the engine that `accel.ops.engine` names.

Weights of inference are packed once; here weights, errors and activations change from step to step. Small products go
through one call that packs and multiplies (`kernels.small`) and reads a transposed operand as it lies, larger ones
through `kernels.products`, packed without the look at single magnitudes that pays for weights which stay.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.numeric.array import for_kernels
from accel.numeric.proof import chunk_terms
from accel.ops.engine import Multiplier, forced_engine, multiplier
from accel.ops.sums import ConvProducts, DenseProducts
from kernels.amx import AMX
from kernels.conv import Geometry
from kernels.modes import Requant
from kernels.packed import Cast, Panels, best_engine
from kernels.products import multiply
from kernels.small import Sides, cast_products, products

Sums = NDArray[np.int64]
Codes = NDArray[Any]

TERMS = 4096
"""Products of one sum that are packed at a time: a gradient sums over all pixels of a batch, which no cache holds."""

SMALL = 1 << 24
"""Products up to which one call that packs and multiplies is faster than packing for the large engines."""

NO_BIAS = np.empty(0, np.int64)


def exact(x: Codes, w: Codes) -> Sums:
    """x: (M, K) codes · w: (N, K) codes -> exact sums (M, N); lowering proved that they fit 63 bits."""
    if not is_narrow(x, w) or not (x.size and w.size) or multiplier() is Multiplier.BLAS:
        x, w = np.ascontiguousarray(x), np.ascontiguousarray(w)
        return DenseProducts(x, w).exact(chunk_of(x, w))
    engine = forced_engine()
    if _is_small(x, w, engine):
        sums = np.empty((len(x), len(w)), np.int64)
        products(*_lying(x, w, engine), sums)
        return sums
    chunk = chunk_of(x, w)
    total = _packed(x[:, :TERMS], w[:, :TERMS], chunk, engine)
    for first in range(TERMS, w.shape[1], TERMS):
        part = slice(first, first + TERMS)
        total += _packed(x[:, part], w[:, part], chunk, engine)
    return total


def exact_cast(x: Codes, w: Codes, bias: Sums, rq: Requant, draws: Sums, made: Codes) -> int | None:
    """Write the sums of x: (M, K) and w: (N, K) plus a bias, cast, to made: (M, N); return how many overflowed.

    bias: (N,) at the sums' point, or (0,). draws: (M, N), or (0, N) for a cast that draws nothing. None, and nothing
    written, where sums and cast are better made one after the other.
    """
    if rq.shift < 0 or not is_narrow(x, w) or not (x.size and w.size) or multiplier() is Multiplier.BLAS:
        return None
    engine = forced_engine()
    return int(cast_products(*_lying(x, w, engine), bias, rq, draws, made)) if _is_small(x, w, engine) else None


def exact_conv(operands: ConvProducts) -> Sums:
    """Return the exact sums of a convolution, (N, K, P, Q), under the same proof."""
    return operands.exact(chunk_of(operands.x, operands.weight))


def cast_conv(operands: ConvProducts, bias: Sums, rq: Requant) -> tuple[Codes, int] | None:
    """Return the sums plus a bias, cast to int16 codes by a deterministic cast, and how many overflowed.

    bias: (K,) at the sums' point, or (0,). None where sums and cast are better made one after the other.
    """
    chunk = chunk_of(operands.x, operands.weight)
    if not chunk or rq.shift < 0 or multiplier() is Multiplier.BLAS or not operands.x.size:
        return None
    addends = bias if bias.size else np.zeros(len(operands.weight), np.int64)
    codes, (_, _, overflowed) = operands.cast(chunk, Cast(0, rq, addends))
    return codes, int(overflowed)


def exact_conv_gradient(delta: Codes, x: Codes, geometry: Geometry) -> Sums:
    """delta: (N, K, P, Q) · x: (N, C, H, W) codes -> exact sums (K, C/groups, R, S), batch and pixels summed over.

    Windows one column apart need no patches; for others one product per group: delta times what its pixels saw.
    """
    C, K, groups, R, S = x.shape[1], delta.shape[1], geometry.groups, geometry.R, geometry.S
    if geometry.stride_w == 1 and is_narrow(delta, x) and multiplier() is not Multiplier.BLAS:
        from kernels.taps import conv_gradient

        gradient = np.zeros((K, C // groups, R, S), np.int64)
        conv_gradient(*(for_kernels(codes, np.int16) for codes in (delta, x)), geometry, gradient)
        return gradient
    gradient = np.empty((K, C // groups * R * S), np.int64)
    for group in range(groups):
        channels, filters = (slice(group * n // groups, (group + 1) * n // groups) for n in (C, K))
        rows = delta[:, filters].swapaxes(0, 1).reshape(K // groups, -1)
        gradient[filters] = exact(rows, _patches(x[:, channels], geometry, delta.shape[2:]))
    return gradient.reshape(K, C // groups, R, S)


def chunk_of(x: Codes, w: Codes) -> int:
    """Return how many products one int32 can sum, 0 for codes wider than int16."""
    return chunk_terms(peak(x), peak(w)) if is_narrow(x, w) else 0


def is_narrow(x: Codes, w: Codes) -> bool:
    """Tell whether both operands are what the tiles multiply."""
    return x.dtype.itemsize <= 2 and w.dtype.itemsize <= 2


def peak(codes: Codes) -> int:
    """Return the largest magnitude."""
    return max(int(codes.max(initial=0)), -int(codes.min(initial=0)))


def _patches(x: Codes, geometry: Geometry, pixels: tuple[int, ...]) -> Codes:
    """x: (N, C, H, W) -> what each weight of a filter meets, (C R S, N P Q), pixels in runs along the rows."""
    g, (P, Q) = geometry, pixels
    framed = np.pad(x, ((0, 0), (0, 0), (g.pad_h, g.pad_h), (g.pad_w, g.pad_w)))
    made = np.empty((x.shape[1], g.R, g.S, len(x), P, Q), x.dtype)
    for r, s in np.ndindex(g.R, g.S):
        h, w = r * g.dilation_h, s * g.dilation_w
        part = framed[
            :, :, h : h + (P - 1) * g.stride_h + 1 : g.stride_h, w : w + (Q - 1) * g.stride_w + 1 : g.stride_w
        ]
        made[:, r, s] = part.swapaxes(0, 1)
    return made.reshape(-1, len(x) * P * Q)


def _is_small(x: Codes, w: Codes, engine: int | None) -> bool:
    """Tell whether one call does best; byte tiles, where they are forced, are another one."""
    return x.size * len(w) <= SMALL and engine != AMX


def _lying(x: Codes, w: Codes, engine: int | None) -> tuple[Codes, Codes, Sides]:
    """Return both operands C-contiguous, and whether they lie turned."""
    x_turned, w_turned = (not a.flags.c_contiguous and a.flags.f_contiguous for a in (x, w))
    sides = Sides(best_engine() if engine is None else engine, int(x_turned), int(w_turned))
    lying = (for_kernels(a.T if turned else a, np.int16) for a, turned in ((x, x_turned), (w, w_turned)))
    return *lying, sides


def _packed(x: Codes, w: Codes, chunk: int, engine: int | None) -> Sums:
    """Pack w and multiply."""
    panels = Panels(np.ascontiguousarray(w), lasting=False)
    sums = np.empty((len(x), len(w)), np.int64)
    multiply(np.ascontiguousarray(x), panels, chunk, sums, None, engine)
    return sums
