"""What a layer asks of any hardware: a loop nest and the tensors it touches (a leaf: imports nothing of ours).

A layer declares its nest once; every dataflow prices the nest, never the layer. Dimensions follow the field's
habit (Sze et al., "Efficient Processing of Deep Neural Networks", 2020, ch. 2; with a batch and groups):

    N batch · G groups · K filters and C channels per group · P, Q output rows, columns · R, S kernel rows, columns
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from math import lcm
from typing import NamedTuple

Shape = tuple[int, ...]
"""Extents of a tensor without its batch axis: (C, H, W) for maps, (F,) for vectors."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A sliding window over the two map axes: kernel size, stride, symmetric padding, dilation (rows, columns)."""

    size: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    def output(self, height: int, width: int) -> Pair:
        """Return the number of window positions along rows and columns (0 or less: the window does not fit)."""
        rows, columns = (
            (extent + 2 * pad - dilation * (size - 1) - 1) // stride + 1
            for extent, size, stride, pad, dilation in zip(
                (height, width), self.size, self.stride, self.padding, self.dilation, strict=True
            )
        )
        return rows, columns


class Gemm(NamedTuple):
    """The matrix view of a nest: `groups` products of (m x k) by (k x n)."""

    groups: int
    m: int
    k: int
    n: int


@dataclass(frozen=True)
class LoopNest:
    """The loops of one layer for one batch, and how its windows couple input to output.

    engine: what executes it: "array" (multiply-accumulate), "pooling", "activation", "softmax", "normalisation",
        "elementwise", or "none" (a change of shape only, which moves no data).
    function: which unit of that engine ("tanh", "max", "add", ...), "" for the array.
    height, width: extents of the input map before padding (1, 1 for vectors).
    operands: input tensors read (2 for an elementwise sum).
    has_bias: an extra addend per filter.
    is_product: the weights are another layer's output, so every input of a batch has its own (attention).
    """

    engine: str
    function: str = ""
    N: int = 1
    G: int = 1
    K: int = 1
    C: int = 1
    P: int = 1
    Q: int = 1
    R: int = 1
    S: int = 1
    height: int = 1
    width: int = 1
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    operands: int = 1
    has_bias: bool = False
    is_product: bool = False

    def batched(self, batch: int) -> LoopNest:
        """Return the nest of `batch` inputs; products of two activations become as many times more groups."""
        if batch == 1:
            return self
        return replace(self, G=self.G * batch) if self.is_product else replace(self, N=self.N * batch)

    @property
    def macs(self) -> int:
        """Multiply-accumulates; 0 for everything that is not done by the array."""
        if self.engine != "array":
            return 0
        return self.N * self.G * self.K * self.C * self.P * self.Q * self.R * self.S

    @property
    def gemm(self) -> Gemm:
        """The nest as matrix products (im2col view): M output pixels times batch, K reduction, N filters."""
        return Gemm(self.G, self.N * self.P * self.Q, self.C * self.R * self.S, self.K)

    @property
    def outputs(self) -> int:
        """Elements written."""
        return self.N * self.G * self.K * self.P * self.Q

    @property
    def weights(self) -> int:
        """Weights read, biases excluded; 0 for what neither the array nor a normalisation (one a feature) does."""
        if self.engine == "normalisation":
            return self.G * self.K
        return self.G * self.K * self.C * self.R * self.S if self.engine == "array" else 0

    @property
    def biases(self) -> int:
        """Biases read."""
        return self.G * self.K if self.has_bias else 0

    @property
    def inputs(self) -> int:
        """Distinct input elements touched: the union of all windows, padding excluded."""
        rows = touched(self.P, self.R, self.stride[0], self.padding[0], self.dilation[0], self.height)
        columns = touched(self.Q, self.S, self.stride[1], self.padding[1], self.dilation[1], self.width)
        return self.operands * self.N * self.G * self.C * rows * columns


def touched(positions: int, size: int, stride: int, padding: int, dilation: int, extent: int) -> int:
    """Count the positions 0..extent-1 of one axis that at least one window touches.

    Kernel position r reaches offset, offset + stride, ..., one position per window, offset = r dilation - padding. Two
    kernel positions reach common positions only if their offsets are equal modulo the stride, which those `apart` from
    each other are. If the windows reach as far as that, all such kernel positions reach one run together; if not, none
    has a position in common with another.
    """
    apart = lcm(stride, dilation) // dilation
    if positions * stride < apart * dilation:
        apart = size
    count = 0
    for r in range(min(size, apart)):
        offset = r * dilation - padding
        reach = (size - 1 - r) // apart * apart * dilation + (positions - 1) * stride
        first, last = max(offset, offset % stride), min(offset + reach, extent - 1)
        if first <= last:
            count += (last - first) // stride + 1
    return count


@dataclass(frozen=True)
class AccumulationOrder:
    """In which order a machine adds the products of one output: decided by the schedule, obeyed by the kernels.

    Products are numbered k = (c, r, s) as the weights are stored. The machine takes them in nested loops over the
    channels ("C") and the window's rows and columns ("R", "S"), `loops` from the outermost inwards, `group` channels a
    step; the `group` products of one step are summed exactly (an adder tree) and enter the accumulator as one addition.
    With "c" in `loops`, "C" takes `block` steps' channels at a time and "c" goes through them, further in.
    After every `fold` steps the running sum goes to the partial-sum buffer, which is one more addition, and starts
    again from zero. group = 1, fold = 0 is the plain chain of an output-stationary cell. `bias_first` seeds the
    accumulator with the bias instead of adding it last.
    """

    group: int = 1
    fold: int = 0
    bias_first: bool = False
    loops: str = "CRS"
    block: int = 1

    def sequence(self, channels: int, rows: int, columns: int) -> list[int]:
        """Return k of every product in machine order, `group` entries a step.

        -1 fills steps of fewer channels, and at their end folds of fewer steps (those of a smaller last block).
        """
        steps = -(-channels // self.group)
        extents = {"C": -(-steps // self.block), "c": self.block, "R": rows, "S": columns}
        found: list[list[int]] = []
        for place in itertools.product(*(range(extents[loop]) for loop in self.loops)):
            at = {"c": 0, **dict(zip(self.loops, place, strict=True))}
            first = (at["C"] * self.block + at["c"]) * self.group
            found.append(
                [
                    (c * rows + at["R"]) * columns + at["S"] if c < channels else -1
                    for c in range(first, first + self.group)
                ]
            )
        if self.block > 1:
            found = self._without_gaps(found)
        return [k for step in found for k in step]

    def _without_gaps(self, steps: list[list[int]]) -> list[list[int]]:
        """Return the steps without those of no channel, which only folds that go on need, at their end."""
        if not self.fold:
            return [step for step in steps if step[0] >= 0]
        folds = [steps[begin : begin + self.fold] for begin in range(0, len(steps), self.fold)]
        started = [fold for fold in folds if any(step[0] >= 0 for step in fold)]
        return [step for fold in started for step in sorted(fold, key=lambda step: step[0] < 0)]
