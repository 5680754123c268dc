"""Formats from proof: intervals that no value can leave, carried through the machine's own arithmetic.

For every input within the given range, no array, pool, addition or ReLU ever makes a value that its format does not
hold (Moore, "Interval Analysis", 1966; every element of a tensor has an interval of its own). What is carried is what
the machine computes, not what float64 would: encoded weights, outputs rounded outward to their grid, products that an
accumulator cuts. The surprise: bounds grow by sum |w| from layer to layer, whatever the data do, so that formats are
safe and coarse; a sigmoid or tanh ends the growth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accel.calibrate.observe import Observed, Values
from accel.calibrate.place import covering, placed, written
from accel.calibrate.slots import Assignment, Range, Slot, Tensor
from accel.layers import Scale
from accel.loopnest import LoopNest
from accel.network.graph import INPUT, Model, Node
from accel.numeric.format import QFormat
from accel.numeric.plan import Numerics
from accel.ops.activations import ACTIVATIONS
from accel.ops.golden import GoldenOps
from accel.units.average import average_steps
from accel.units.scale import scale_steps

_GOLDEN = GoldenOps()

_EXACT_BITS = 53
"""Sums of codes below 2^53 are exact in float64, in any order."""

_ROUNDING = 2.0**-50
"""Relative error allowed for a few float64 operations on values that are not codes."""


class Interval(NamedTuple):
    """Bounds of every element of a tensor, (1, *shape) each, and the format that it travels in."""

    low: Values
    high: Values
    format: QFormat

    @property
    def span(self) -> Range:
        """Return what holds all elements."""
        return Range(float(self.low.min()), float(self.high.max()))

    def written_in(self, target: QFormat) -> Interval:
        """Return the bounds moved outward to codes of `target`, between which every rounding mode stays."""
        lsb = float(target.lsb)
        return Interval(np.floor(self.low / lsb) * lsb, np.ceil(self.high / lsb) * lsb, target)


@dataclass(frozen=True)
class _Weights:
    """Encoded parameters of one layer: values, formats, and how many bits finer each channel is."""

    weight: Values
    bias: Values
    weight_format: QFormat
    bias_frac_bits: int
    shifts: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class BoundsPlacer:
    """Places formats so that nothing can saturate, whatever input within the range of `observed` comes.

    observed: of inputs and parameters. numerics: the machine's own (roundings, overflow modes, accumulators).
    """

    model: Model
    numerics: Numerics
    tensors: Mapping[Slot, Tensor]
    observed: Mapping[Slot, Observed]

    def place(self, widths: Mapping[Slot, int]) -> Assignment:
        """Return the formats for these word lengths; only what is encoded (inputs, parameters) may be clipped."""
        formats: dict[Slot, QFormat] = {}
        ranges: dict[Slot, Range] = {}
        shifts: dict[str, tuple[int, ...]] = {}
        for slot, tensor in self.tensors.items():
            if slot.kind in ("input", "weight", "bias"):
                seen = self.observed[slot]
                formats[slot], finer = placed(seen, tensor.before, widths[slot], "max", 100.0)
                ranges[slot] = seen.range
                if any(finer):
                    shifts[slot.node] = finer
        tape = {INPUT: self._input(formats[Slot(INPUT, "input")])}
        for node, nest in self.model.network.loop_nests():
            inputs = [tape[name] for name in node.inputs]
            if nest.is_product:
                made = self._products(node, nest, *inputs)
            elif nest.engine == "array":
                made = self._sums(node, inputs[0], self._encoded(node, formats, shifts.get(node.name, ())))
            elif nest.engine == "normalisation":
                made = _normalised(nest, inputs[0], self._encoded(node, formats, ()))
            else:
                made = _passed(node, nest, inputs)
            slot = Slot(node.name, "softmax" if nest.engine == "softmax" else "activation")
            if slot in self.tensors:
                # Units of tables saturate by design where their curve ends: at exactly 1, a code too far.
                is_curve = nest.engine == "softmax" or nest.function in ("sigmoid", "tanh")
                before = self.tensors[slot].before
                formats[slot] = covering(before, widths[slot], made.span, is_strict=not is_curve)
                ranges[slot] = made.span
                made = made.written_in(formats[slot])
            tape[node.name] = made
        return Assignment({slot: formats[slot] for slot in self.tensors}, ranges, shifts)

    def _input(self, chosen: QFormat) -> Interval:
        slot, shape = Slot(INPUT, "input"), (1, *self.model.network.input_shape)
        span, before = self.observed[slot].range, self.tensors[slot].before
        low, high = (written(np.full(shape, end), before, chosen) for end in (span.low, span.high))
        return Interval(low, high, chosen)

    def _encoded(self, node: Node, formats: Mapping[Slot, QFormat], shifts: tuple[int, ...]) -> _Weights:
        """Return the parameters of a layer as the machine holds them."""
        named = self.model.parameters[node.name]
        weight_slot, bias_slot = (Slot(node.name, kind) for kind in ("weight", "bias"))
        weight = named["weight"]
        moved = np.reshape(shifts or (0,) * len(weight), (-1, *(1,) * (weight.ndim - 1)))
        held = written(np.ldexp(weight, moved), self.tensors[weight_slot].before, formats[weight_slot])
        bias, bias_frac_bits = np.zeros(len(weight)), 0
        if "bias" in named:
            bias = written(named["bias"], self.tensors[bias_slot].before, formats[bias_slot])
            bias_frac_bits = formats[bias_slot].frac_bits
        return _Weights(np.ldexp(held, -moved), bias, formats[weight_slot], bias_frac_bits, shifts)

    def _sums(self, node: Node, x: Interval, held: _Weights) -> Interval:
        """Bound the sums of an array layer: positive weights carry a bound to the same side, negative ones across."""
        none = np.zeros_like(held.bias)

        def summed(weights: Values, addend: Values, values: Values) -> Values:
            return node.layer.forward(_GOLDEN, {"weight": weights, "bias": addend}, values)

        rise, fall = np.maximum(held.weight, 0.0), np.minimum(held.weight, 0.0)
        low = summed(rise, held.bias, x.low) + summed(fall, none, x.high)
        high = summed(rise, held.bias, x.high) + summed(fall, none, x.low)
        # No partial sum in any order can pass sum |w||x| + |b|.
        gross = summed(np.abs(held.weight), np.abs(held.bias), np.maximum(np.abs(x.low), np.abs(x.high)))
        terms = held.weight[0].size
        product_frac_bits = x.format.frac_bits + held.weight_format.frac_bits
        finest = max(product_frac_bits + max(held.shifts, default=0), held.bias_frac_bits)
        inexact = math.ldexp(float(gross.max()), finest) >= 2.0**_EXACT_BITS
        slack = gross * ((terms + 2) * 2.0 ** (2 - _EXACT_BITS) if inexact else 0.0)

        accumulator = self.numerics.at(node.name).accumulator.resolve(product_frac_bits)
        # Every product and the bias move by less than an lsb where the accumulator has fewer fraction bits than they.
        cut = (accumulator.frac_bits < product_frac_bits) * terms + (accumulator.frac_bits < held.bias_frac_bits)
        slack = slack + cut * float(accumulator.lsb)
        # Finer weights move the channel's point up in the accumulator: that much less room. What may leave it can end
        # anywhere in it.
        shifts = np.array(held.shifts or (0,) * len(held.weight))
        if gross.ndim != 3:  # rows have their channels last
            shifts = shifts.reshape(1, -1, *(1,) * (gross.ndim - 2))
        room, beyond = (np.ldexp(end, -shifts) for end in (accumulator.max_value, accumulator.min_value))
        fits = gross + slack <= room
        return Interval(np.where(fits, low - slack, beyond), np.where(fits, high + slack, room), accumulator)

    def _products(self, node: Node, nest: LoopNest, x: Interval, y: Interval) -> Interval:
        """Bound the sums of a product of two activations by those of their magnitudes."""
        largest = [np.maximum(np.abs(factor.low), np.abs(factor.high)) for factor in (x, y)]
        gross = node.layer.forward(_GOLDEN, {}, *largest)
        product_frac_bits = x.format.frac_bits + y.format.frac_bits
        accumulator = self.numerics.at(node.name).accumulator.resolve(product_frac_bits)
        gross = gross * (1 + (nest.C + 2) * 2.0 ** (2 - _EXACT_BITS))
        gross = gross + nest.C * (accumulator.frac_bits < product_frac_bits) * float(accumulator.lsb)
        fits = gross <= accumulator.max_value
        low, high = np.where(fits, -gross, accumulator.min_value), np.where(fits, gross, accumulator.max_value)
        return Interval(low, high, accumulator)


def _normalised(nest: LoopNest, x: Interval, held: _Weights) -> Interval:
    """Bound normalised rows: no element of D is farther than sqrt(D - 1) standard deviations from their mean.

    A root of few bits may overshoot: an eighth more holds the coarsest that is built.
    """
    reach = np.abs(held.weight) * math.sqrt(nest.K) * 1.125
    low, high = (np.broadcast_to(held.bias + side * reach, x.low.shape) for side in (-1.0, 1.0))
    return Interval(low, high, x.format)


def _passed(node: Node, nest: LoopNest, inputs: list[Interval]) -> Interval:
    """Bound what a node without weights makes; where it casts nothing, in the format it reads."""
    x = inputs[0]

    def bounds(first: list[Values]) -> Values:
        return node.layer.forward(_GOLDEN, {}, *first)

    if nest.engine == "softmax":
        return Interval(np.zeros_like(x.low), np.ones_like(x.high), x.format)
    if nest.engine == "activation" and math.isfinite(ACTIVATIONS[nest.function].high):
        curve = ACTIVATIONS[nest.function]
        return Interval(np.full_like(x.low, curve.low), np.full_like(x.high, curve.high), x.format)
    if (nest.engine, nest.function) == ("pooling", "l2"):
        roots = bounds([np.maximum(np.abs(x.low), np.abs(x.high))]) * (1 + _ROUNDING)
        return Interval(np.zeros_like(roots), roots, x.format)
    low, high = bounds([one.low for one in inputs]), bounds([one.high for one in inputs])
    if (nest.engine, nest.function) == ("pooling", "average"):
        multiplier, shift = average_steps(nest.R * nest.S)
        # 1 for windows of 2^k values, else what the reciprocal constant is off by.
        factor = math.ldexp(nest.R * nest.S * multiplier, -shift)
        slack = (factor != 1.0) * _ROUNDING * np.maximum(np.abs(low), np.abs(high))
        low, high = low * factor - slack, high * factor + slack
    if isinstance(node.layer, Scale):
        multiplier, shift = scale_steps(node.layer.factor)
        built = math.ldexp(multiplier, -shift)
        low, high = x.low * built, x.high * built  # exact: 18 bits times codes
    return Interval(low, high, x.format)
