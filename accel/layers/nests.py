"""The loop nest of a layer that works element by element, whatever the shape."""

from __future__ import annotations

from math import prod

from accel.loopnest import LoopNest, Shape


def per_element(engine: str, function: str, shape: Shape, operands: int = 1) -> LoopNest:
    """Maps (C, H, W) keep their axes as G, P, Q; any other shape is one row of G elements."""
    if len(shape) == 3:
        channels, height, width = shape
        return LoopNest(engine, function, G=channels, P=height, Q=width, height=height, width=width, operands=operands)
    return LoopNest(engine, function, G=prod(shape), operands=operands)
