"""The loop nests of training: what a layer's error and gradient ask of any hardware, from the layer's own nest.

With K filters over C channels, the error is the nest with K and C in each other's place; a stride spreads delta with
zeros, which a dense array multiplies too. The gradient is one in which the examples are the channels that are summed
over: delta is its weights, stride and dilation stand in each other's place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from accel.loopnest import LoopNest


def error_nest(nest: LoopNest) -> LoopNest:
    """Return the loops of W^T delta for a batched nest: as many outputs as the layer has inputs."""
    if _sees_all(nest):
        return LoopNest("array", N=nest.N, K=nest.C * nest.R * nest.S, C=nest.K)
    reach = [step * (size - 1) for step, size in zip(nest.dilation, (nest.R, nest.S), strict=True)]
    return LoopNest(
        "array",
        N=nest.N,
        G=nest.G,
        K=nest.C,
        C=nest.K,
        P=nest.height,
        Q=nest.width,
        R=nest.R,
        S=nest.S,
        height=(nest.P - 1) * nest.stride[0] + 1,
        width=(nest.Q - 1) * nest.stride[1] + 1,
        padding=(max(0, reach[0] - nest.padding[0]), max(0, reach[1] - nest.padding[1])),
        dilation=nest.dilation,
    )


def gradient_nest(nest: LoopNest) -> LoopNest:
    """Return the loops of delta x^T for a batched nest: as many outputs as the layer has weights."""
    if _sees_all(nest) or (nest.R, nest.S, nest.width) == (1, 1, 1):
        return patches_nest(nest)
    return LoopNest(
        "array",
        N=nest.C,
        G=nest.G,
        K=nest.K,
        C=nest.N,
        P=nest.R,
        Q=nest.S,
        R=nest.P,
        S=nest.Q,
        height=nest.height,
        width=nest.width,
        stride=nest.dilation,
        padding=nest.padding,
        dilation=nest.stride,
    )


def patches_nest(nest: LoopNest) -> LoopNest:
    """Return the same gradient as a plain product: every pixel is read once for each weight that it meets."""
    positions = nest.C * nest.R * nest.S
    return LoopNest("array", G=nest.G, K=nest.K, C=nest.N * nest.P * nest.Q, P=positions, height=positions)


def factor_errors(nest: LoopNest) -> Iterator[LoopNest]:
    """Yield the loops of delta y^T and x^T delta for a product of two activations."""
    yield replace(nest, K=nest.C, C=nest.K, has_bias=False)
    yield replace(nest, C=nest.P, P=nest.C, height=nest.C, has_bias=False)


def _sees_all(nest: LoopNest) -> bool:
    """Tell whether a window covers its whole map: then the layer is a dense one."""
    return nest.G == 1 and (nest.height, nest.width) == (nest.R, nest.S) and nest.P * nest.Q == 1
