"""`FixedOps`: the primitives in the machine's own bits, one node and one batch at a time.

Every operation is the same three steps: bring operands to integers at known binary points, sum exactly (or step by step
in the machine's order), cast ONCE to the output format. Nothing here rounds: kernels/quantize.py does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.loopnest import Shape, Window
from accel.numeric.array import FxArray, for_kernels
from accel.numeric.cast import cast_codes
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.ledger import Ledger
from accel.numeric.proof import addition_format, square_sum_format, window_sum_format
from accel.numeric.sums import SumPlan
from accel.ops.datapath import Datapath
from accel.ops.events import Observer
from accel.ops.sums import ConvProducts, DenseProducts, Products, accumulate, accumulate_and_cast
from accel.ops.threads import workers
from accel.units.average import average_steps
from accel.units.machine import activation_of, layer_norm_of, softmax_of
from accel.units.registry import build_unit
from accel.units.relu import Pass
from accel.units.scale import scale_steps
from accel.units.unit import RowUnit, UnaryUnit
from kernels.conv import Geometry
from kernels.modes import Requant
from kernels.packed import ALONE, Workers
from kernels.pool import average_pool, max_pool, sum_pool
from kernels.vector_cast import fits_narrow, is_vector_cast

Sums = NDArray[np.int64]


@dataclass(frozen=True)
class FixedArithmetic:
    """The fixed-point arithmetic of one network for one batch.

    nodes: every node's datapath. ledger: takes what happens. first_input: index of the batch's first input within the
    run, which places it in the random streams. threads: how many share one operation.
    """

    nodes: Mapping[str, Datapath]
    ledger: Ledger
    first_input: int = 0
    threads: int = 1

    def at(self, node: str) -> FixedOps:
        """Return the primitives bound to `node`."""
        observer = Observer(self.ledger, node, self.first_input)
        return FixedOps(self.nodes[node], observer, self.first_input, workers=workers(self.threads))


@dataclass(frozen=True)
class FixedOps:
    """The primitives bound to one node; tensors are `FxArray`s with the batch axis first."""

    node: Datapath
    observer: Observer
    first_input: int
    workers: Workers = field(default=ALONE, kw_only=True)

    def dense(self, x: FxArray, weight: FxArray, bias: FxArray | None) -> FxArray:
        """x: (N, [L,] F) · weight: (K, F) -> (N, [L,] K) in the node's output format."""
        *rows, features = x.shape
        products = DenseProducts(x.codes.reshape(-1, features), weight.codes, self.node.packing, self.workers)
        made = self._by_row(x.shape[1:-1])._sum(products)
        return made.reshape(*rows, len(weight))

    def matmul(self, x: FxArray, y: FxArray) -> FxArray:
        """x: (N, ..., M, K) · y: (N, ..., K, P) -> (N, ..., M, P): the array's products, one per matrix."""
        *matrices, M, K = x.shape
        pairs = zip(x.codes.reshape(-1, M, K), y.codes.reshape(-1, *y.shape[-2:]), strict=True)
        made = [
            self._by_row(x.shape[1:-1], i * M)._sum(DenseProducts(rows, columns.T)).codes
            for i, (rows, columns) in enumerate(pairs)
        ]
        return FxArray.trusted(np.stack(made).reshape(*matrices, M, y.shape[-1]), self.node.target)

    def conv2d(self, x: FxArray, weight: FxArray, bias: FxArray | None, window: Window, groups: int) -> FxArray:
        """x: (N, C, H, W) · weight: (K, C/groups, R, S) -> (N, K, P, Q) in the node's output format."""
        pixels = window.output(x.shape[2], x.shape[3])
        geometry = _geometry(window, groups)
        return self._sum(ConvProducts(x.codes, weight.codes, geometry, pixels, self.node.packing, self.workers))

    def pool2d(self, x: FxArray, mode: str, window: Window) -> FxArray:
        """x: (N, C, H, W) -> (N, C, P, Q); "max" keeps the input's format, "average" and "l2" cast to the output's."""
        geometry = _geometry(window, x.shape[1])
        shape = (*x.shape[:2], *window.output(x.shape[2], x.shape[3]))
        codes = for_kernels(x.codes)
        if mode == "max":
            largest = np.empty(shape, dtype=codes.dtype)
            max_pool(codes, geometry, largest)
            return self._cast(largest, x.format)
        terms = window.size[0] * window.size[1]
        if mode == "average":
            multiplier, shift = average_steps(terms)
            exact = window_sum_format(x.format, terms, multiplier, shift)
            rq = self._vector_cast_from(exact)
            if rq is not None:
                return self._averaged(codes, geometry, multiplier, exact, rq, shape)
            pooled = np.empty(shape, dtype=np.int64)
            sum_pool(codes, geometry, 0, pooled)
            pooled *= multiplier
            return self._cast(pooled, exact)
        pooled = np.empty(shape, dtype=np.int64)
        sum_pool(codes, geometry, 1, pooled)
        root = build_unit("sqrt", "digit", square_sum_format(x.format, terms), self.node.target)
        return self._through(root, pooled)

    def _vector_cast_from(self, source: QFormat) -> Requant | None:
        """Return the cast of codes of `source` to the output; None unless it is one of vectors, seen by nobody."""
        rq = self.node.output.lower(source)
        known = is_vector_cast(rq) and source.width - rq.shift <= MAX_WIDTH
        return rq if known and not self.observer.is_detailed else None

    def _averaged(
        self, codes: NDArray[Any], geometry: Geometry, multiplier: int, exact: QFormat, rq: Requant, shape: Shape
    ) -> FxArray:
        """Sum and cast in one pass; exact: format of the sums times the multiplier."""
        no_bias = np.empty(0, dtype=np.int64)
        if multiplier == 1 and fits_narrow(rq, 0, -exact.min_code, no_bias):
            no_bias = no_bias.astype(np.int32)
        made = np.empty(shape, dtype=self.node.target.dtype)
        overflowed = int(average_pool(codes, geometry, multiplier, rq, no_bias, made))
        self.observer.saw_cast(made, exact, self.node.output, None, overflowed, None)
        return FxArray.trusted(made, self.node.target)

    def activate(self, x: FxArray, function: str) -> FxArray:
        """Apply the node's unit for `function` element by element; a unit of tables rounds as it was built to."""
        unit = activation_of(self.node.units, function, x.format, self.node.target)
        if isinstance(unit, Pass):
            return self._cast(unit.kept(x.codes), x.format)
        return self._through(unit, x.codes)

    def softmax(self, x: FxArray) -> FxArray:
        """x: (N, ..., K), same shape out, in the softmax format."""
        unit = softmax_of(self.node.units, x.format, self.node.target)
        return self._rows_through(unit, x)

    def layer_norm(self, x: FxArray, weight: FxArray, bias: FxArray, epsilon: float) -> FxArray:
        """x: (N, [L,] D), same shape out; a unit that rounds as it was built to."""
        return self._rows_through(layer_norm_of(self.node.units, x.format, self.node.target, weight, bias, epsilon), x)

    def add(self, x: FxArray, y: FxArray) -> FxArray:
        """Align the binary points exactly, add, cast once."""
        exact = addition_format(x.format, y.format)
        return self._cast(_aligned(x, exact.frac_bits) + _aligned(y, exact.frac_bits), exact)

    def scale(self, x: FxArray, factor: float) -> FxArray:
        """Multiply by the constant that is built for `factor`, cast once."""
        multiplier, shift = scale_steps(factor)
        return self._cast(_int64(x) * multiplier, window_sum_format(x.format, 1, multiplier, shift))

    def reshape(self, x: FxArray, shape: Shape) -> FxArray:
        """x: (N, ...) -> (N, *shape), codes untouched."""
        return x.reshape(len(x), *shape)

    def permute(self, x: FxArray, axes: Sequence[int]) -> FxArray:
        """x: (N, ...) with the axes of an input in another order, codes untouched."""
        return FxArray.trusted(np.ascontiguousarray(x.codes.transpose(0, *(axis + 1 for axis in axes))), x.format)

    def connect(self, weight: FxArray, table: Sequence[Sequence[bool]]) -> FxArray:
        """weight: (K, C, R, S) with zero codes wherever `table` has no connection."""

        def connected() -> FxArray:
            mask = np.asarray(table, dtype=weight.codes.dtype)[:, :, None, None]
            return FxArray.trusted(weight.codes * mask, weight.format)

        return self.node.packing.of(weight.codes, ("connected", tuple(map(tuple, table))), connected)

    def _by_row(self, rows: Shape, first: int = 0) -> FixedOps:
        """Return these primitives for inputs that hold `rows`, every row as an input, from row `first` of the batch."""
        row = self.first_input * prod(rows) + first
        return replace(self, first_input=row, observer=replace(self.observer, first_input=row, rows=rows))

    def _rows_through(self, unit: RowUnit, x: FxArray) -> FxArray:
        """Send the rows along the last axis through a unit."""
        rows = x.codes.reshape(-1, x.shape[-1])
        return self._by_row(x.shape[1:-1])._through(unit, rows).reshape(*x.shape)

    def _sum(self, products: Products) -> FxArray:
        """Add up as the machine does and cast to the output, once."""
        plan = self.node.sums
        assert plan is not None, f"{self.node.name} has no schedule on an array"
        made = self._made_at_once(products, plan)
        if made is not None:
            return made
        held = accumulate(products, plan, self.observer.is_detailed)
        self.observer.saw_sums(held, plan)
        if not any(plan.weight_shifts):
            return self._cast(held.codes, plan.accumulator)
        return self._cast_by_channel(held.codes, plan)

    def _made_at_once(self, products: Products, plan: SumPlan) -> FxArray | None:
        """Add up and cast in one pass; None where details are asked for, or where that cast is another one."""
        output, target = self.node.output, self.node.target
        rq = output.lower(plan.accumulator)
        random, wide = output.random is not None, target.dtype.itemsize > 2
        if self.observer.is_detailed or random or wide or plan.accumulator.width - rq.shift > MAX_WIDTH:
            return None
        made = accumulate_and_cast(products, plan, rq)
        if made is None:
            return None
        self.observer.saw_made(made, plan, output)
        return FxArray.trusted(made.codes.astype(target.dtype, copy=False), target)

    def _cast_by_channel(self, codes: Sums, plan: SumPlan) -> FxArray:
        """Cast sums whose channels (axis 1) have binary points of their own."""
        draws = self._draws(codes.shape)
        made = np.empty(codes.shape, dtype=self.node.target.dtype)
        shifts = np.array(plan.weight_shifts)
        for shift in np.unique(shifts).tolist():
            own = np.flatnonzero(shifts == shift)
            point = QFormat(True, plan.accumulator.width, plan.accumulator.int_bits - shift)
            part = None if draws is None else np.ascontiguousarray(draws[:, own])
            made[:, own] = self._cast_part(np.ascontiguousarray(codes[:, own]), point, part, own).codes
        return FxArray.trusted(made, self.node.target)

    def _cast(self, codes: NDArray[Any], source: QFormat) -> FxArray:
        """Cast to the node's output format with its rounding, overflow and random bits."""
        return self._cast_part(codes, source, self._draws(codes.shape), None)

    def _cast_part(
        self, codes: NDArray[Any], source: QFormat, draws: NDArray[np.int64] | None, channels: NDArray[np.intp] | None
    ) -> FxArray:
        """Cast; channels: which ones (axis 1) these codes are, None for all."""
        made, overflowed = cast_codes(codes, source, self.node.output, draws)
        self.observer.saw_cast(codes, source, self.node.output, draws, overflowed, channels)
        return made

    def _through(self, unit: UnaryUnit | RowUnit, codes: NDArray[Any]) -> FxArray:
        """Send codes through a unit."""
        made, overflowed = unit(codes)
        self.observer.saw_unit(unit, codes, overflowed)
        return FxArray.trusted(made, self.node.target)

    def _draws(self, shape: tuple[int, ...]) -> NDArray[np.int64] | None:
        """Random bits as the array makes them: one lane per filter (axis 1), one row per output pixel of each input."""
        random = self.node.output.random
        if random is None:
            return None
        pixels = int(np.prod(shape[2:], dtype=np.int64))
        draws = random.draws(shape[0] * pixels, shape[1], self.first_input * pixels)
        lanes_last = draws.reshape(shape[0], *shape[2:], shape[1])
        return np.ascontiguousarray(np.moveaxis(lanes_last, -1, 1))


def _int64(x: FxArray) -> Sums:
    return np.ascontiguousarray(x.codes, dtype=np.int64)


def _aligned(x: FxArray, frac_bits: int) -> Sums:
    return x.codes.astype(np.int64) << (frac_bits - x.format.frac_bits)


def _geometry(window: Window, groups: int) -> Geometry:
    return Geometry(*window.stride, *window.padding, *window.dilation, groups, *window.size)
