"""`FixedOps`: the primitives in the machine's own bits, one node and one batch at a time.

Every operation is the same three steps: bring operands to integers at known binary points, sum exactly (or step by step
in the machine's order), cast ONCE to the output format. Nothing here rounds: kernels/quantize.py does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.loopnest import Shape, Window
from accel.numeric.array import FxArray
from accel.numeric.cast import cast_codes
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.ledger import Events, Ledger
from accel.numeric.proof import addition_format, square_sum_format, window_sum_format
from accel.numeric.quantizer import Quantizer
from accel.numeric.sums import SumPlan
from accel.ops.datapath import Datapath
from accel.units.average import average_steps
from accel.units.registry import build_softmax, build_unit
from accel.units.relu import Pass
from kernels.conv import Geometry, conv2d, conv2d_stepwise, conv2d_wide
from kernels.matmul import Steps, matmul, matmul_stepwise, matmul_wide
from kernels.modes import Overflow, Rounding
from kernels.pool import max_pool, square_sum_pool, sum_pool

Codes = NDArray[Any]


@dataclass(frozen=True)
class FixedArithmetic:
    """The fixed-point arithmetic of one network for one batch.

    nodes: every node's datapath. ledger: takes what happens. first_input: index of the batch's first input within the
    run, which places it in the random streams.
    """

    nodes: Mapping[str, Datapath]
    ledger: Ledger
    first_input: int = 0

    def at(self, node: str) -> FixedOps:
        """Return the primitives bound to `node`."""
        return FixedOps(self.nodes[node], self.ledger, self.first_input)


@dataclass(frozen=True)
class FixedOps:
    """The primitives bound to one node; tensors are `FxArray`s with the batch axis first."""

    node: Datapath
    ledger: Ledger
    first_input: int

    def dense(self, x: FxArray, weight: FxArray, bias: FxArray | None) -> FxArray:
        """x: (N, F) · weight: (K, F) -> (N, K) in the node's output format."""
        plan = self._sums()
        sums = np.empty((len(x), len(weight)), dtype=np.int64)
        if plan.stepwise:
            overflowed = matmul_stepwise(*_stepped(x, weight), plan.bias, _steps(plan), sums)
            return self._hold(sums, plan, overflowed)
        if plan.chunk:
            matmul(_int16(x), _int16(weight), plan.chunk, sums)
        else:
            matmul_wide(_int64(x), _int64(weight), sums)
        return self._finish(sums, plan)

    def conv2d(self, x: FxArray, weight: FxArray, bias: FxArray | None, window: Window, groups: int) -> FxArray:
        """x: (N, C, H, W) · weight: (K, C/groups, R, S) -> (N, K, P, Q) in the node's output format."""
        plan = self._sums()
        geometry = _geometry(window, groups)
        rows, columns = window.output(x.shape[2], x.shape[3])
        sums = np.empty((len(x), len(weight), rows, columns), dtype=np.int64)
        filters = weight.reshape(len(weight), -1)
        if plan.stepwise:
            overflowed = conv2d_stepwise(*_stepped(x, filters), plan.bias, geometry, _steps(plan), sums)
            return self._hold(sums, plan, overflowed)
        if plan.chunk:
            conv2d(_int16(x), _int16(filters), geometry, plan.chunk, sums)
        else:
            conv2d_wide(_int64(x), _int64(filters), geometry, sums)
        return self._finish(sums, plan)

    def pool2d(self, x: FxArray, mode: str, window: Window) -> FxArray:
        """x: (N, C, H, W) -> (N, C, P, Q); "max" keeps the input's format, "average" and "l2" cast to the output's."""
        geometry = _geometry(window, x.shape[1])
        shape = (*x.shape[:2], *window.output(x.shape[2], x.shape[3]))
        pooled = np.empty(shape, dtype=np.int64)
        codes = _int64(x)
        terms = window.size[0] * window.size[1]
        if mode == "max":
            max_pool(codes, geometry, pooled)
            return self._cast(pooled, x.format)
        if mode == "average":
            sum_pool(codes, geometry, pooled)
            multiplier, shift = average_steps(terms)
            pooled *= multiplier
            return self._cast(pooled, window_sum_format(x.format, terms, multiplier, shift))
        square_sum_pool(codes, geometry, pooled)
        root = build_unit("sqrt", "digit", square_sum_format(x.format, terms), self.node.target)
        return self._made(*root(pooled))

    def activate(self, x: FxArray, function: str) -> FxArray:
        """Apply the node's unit for `function` element by element; a unit of tables rounds as it was built to."""
        unit = build_unit(function, self.node.units[function].design, x.format, self.node.target)
        if isinstance(unit, Pass):
            return self._cast(unit.kept(_int64(x)), x.format)
        return self._made(*unit(x.codes))

    def softmax(self, x: FxArray) -> FxArray:
        """x: (N, K) -> (N, K) in the softmax format."""
        unit = build_softmax(self.node.units["softmax"].design, x.format, self.node.target)
        return self._made(*unit(x.codes))

    def add(self, x: FxArray, y: FxArray) -> FxArray:
        """Align the binary points exactly, add, cast once."""
        exact = addition_format(x.format, y.format)
        return self._cast(_aligned(x, exact.frac_bits) + _aligned(y, exact.frac_bits), exact)

    def reshape(self, x: FxArray, shape: Shape) -> FxArray:
        """x: (N, ...) -> (N, *shape), codes untouched."""
        return x.reshape(len(x), *shape)

    def connect(self, weight: FxArray, table: Sequence[Sequence[bool]]) -> FxArray:
        """weight: (K, C, R, S) with zero codes wherever `table` has no connection."""
        mask = np.asarray(table, dtype=weight.codes.dtype)[:, :, None, None]
        return FxArray.trusted(weight.codes * mask, weight.format)

    def _sums(self) -> SumPlan:
        assert self.node.sums is not None, f"{self.node.name} has no schedule on an array"
        return self.node.sums

    def _finish(self, sums: NDArray[np.int64], plan: SumPlan) -> FxArray:
        """Bring exact sums to the accumulator's point, add the bias, wrap what the proof could not rule out."""
        if plan.shift:
            sums <<= plan.shift
        sums += plan.bias.reshape(-1, *(1,) * (sums.ndim - 2))
        if not plan.may_overflow:
            return self._hold(sums, plan, 0)
        unbounded = QFormat(True, MAX_WIDTH, MAX_WIDTH - plan.accumulator.frac_bits)
        wrapping = Quantizer(plan.accumulator, Rounding.TRN, plan.rule.overflow)
        wrapped, overflowed = cast_codes(sums, unbounded, wrapping)
        return self._hold(wrapped.codes.astype(np.int64), plan, overflowed)

    def _hold(self, held: NDArray[np.int64], plan: SumPlan, overflowed: int) -> FxArray:
        """Note what the accumulator held and cast it to the output, once."""
        low, high = (int(held.min()), int(held.max())) if held.size else (0, 0)
        self.ledger.record(self.node.name, "accumulator", Events(held.size, overflowed, low, high))
        return self._cast(held, plan.accumulator)

    def _cast(self, codes: NDArray[np.int64], source: QFormat) -> FxArray:
        """Cast to the node's output format with its rounding, overflow and random bits."""
        quantizer = self.node.output
        draws = None
        if quantizer.random is not None:
            draws = self._draws(quantizer, codes.shape)
        return self._made_array(*cast_codes(codes, source, quantizer, draws))

    def _draws(self, quantizer: Quantizer, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Random bits as the array makes them: one lane per filter (axis 1), one row per output pixel of each input."""
        assert quantizer.random is not None
        pixels = int(np.prod(shape[2:], dtype=np.int64))
        draws = quantizer.random.draws(shape[0] * pixels, shape[1], self.first_input * pixels)
        lanes_last = draws.reshape(shape[0], *shape[2:], shape[1])
        return np.ascontiguousarray(np.moveaxis(lanes_last, -1, 1))

    def _made(self, codes: Codes, overflowed: int) -> FxArray:
        return self._made_array(FxArray.trusted(codes, self.node.target), overflowed)

    def _made_array(self, made: FxArray, overflowed: int) -> FxArray:
        self.ledger.record(self.node.name, "output", Events(made.codes.size, overflowed))
        return made


def _int16(x: FxArray) -> NDArray[np.int16]:
    return np.ascontiguousarray(x.codes, dtype=np.int16)


def _int64(x: FxArray) -> NDArray[np.int64]:
    return np.ascontiguousarray(x.codes, dtype=np.int64)


def _stepped(x: FxArray, filters: FxArray) -> tuple[Codes, Codes]:
    """Return the operands of a stepwise kernel: inputs, filters transposed; int32 where both fit, which is faster."""
    narrow = max(x.codes.dtype.itemsize, filters.codes.dtype.itemsize) <= 4
    container = np.int32 if narrow else np.int64
    return (
        np.ascontiguousarray(x.codes, dtype=container),
        np.ascontiguousarray(filters.codes.T, dtype=container),
    )


def _aligned(x: FxArray, frac_bits: int) -> NDArray[np.int64]:
    return x.codes.astype(np.int64) << (frac_bits - x.format.frac_bits)


def _geometry(window: Window, groups: int) -> Geometry:
    return Geometry(*window.stride, *window.padding, *window.dilation, groups, *window.size)


def _steps(plan: SumPlan) -> Steps:
    low = -plan.accumulator.max_code if plan.rule.overflow == Overflow.SAT_SYM else plan.accumulator.min_code
    return Steps(
        shift=-plan.shift,
        rounding=int(plan.rule.rounding),
        group=plan.order.group,
        fold=plan.order.fold,
        bias_first=int(plan.order.bias_first),
        low=low,
        high=plan.accumulator.max_code,
        wrap=int(plan.rule.overflow == Overflow.WRAP),
    )
