"""The sums of one layer over one batch, by the cheapest engine that gives the machine's bits (`numeric.sums`).

The certificate is taken in two steps. Per input and channel, max|x| * sum|w| costs next to nothing and clears most
machines whole. Where it fails, sum |x||w| of every output is one more exact product of the two magnitudes, far cheaper
than stepping through the additions; only what fails that too is stepped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from accel.numeric.accumulator import Mode
from accel.numeric.cast import cast_codes
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.sums import Engine, SumPlan
from accel.ops import blas
from accel.ops.engine import Multiplier, forced_engine, multiplier
from accel.ops.packing import Packing
from kernels.conv import Geometry, conv2d_stepwise, conv2d_wide
from kernels.maps import Filters
from kernels.matmul import Steps, matmul_stepwise, matmul_wide
from kernels.modes import Overflow, Requant, Rounding
from kernels.packed import ALONE, Cast, Panels, Workers
from kernels.products import convolve, multiply
from kernels.replay import StepEvents, conv2d_audit, conv2d_replay, matmul_audit, matmul_replay

Codes = NDArray[Any]
Sums = NDArray[np.int64]

REPLAYED_ONE_BY_ONE = 1 / 16
"""Share of outputs up to which single outputs are stepped; beyond it stepping whole inputs side by side is faster."""


class Products(Protocol):
    """The products that a layer adds up, for a batch: outputs are (N, K) or (N, K, P, Q)."""

    @property
    def x(self) -> Codes:
        """Codes of the inputs, (N, ...)."""
        ...

    @property
    def weight(self) -> Codes:
        """Codes of the weights, (K, ...)."""
        ...

    def of(self, x: Codes, weight: Codes) -> Products:
        """Return the products of other codes in the same geometry."""
        ...

    def exact(self, chunk: int) -> Sums:
        """Return the exact sums."""
        ...

    def cast(self, chunk: int, cast: Cast) -> tuple[Codes, tuple[int, int, int]]:
        """Return the sums cast to int16 codes; smallest and largest sum that was cast, overflows. Needs a chunk."""
        ...

    def stepwise(self, plan: SumPlan) -> tuple[Sums, int]:
        """Return what the accumulators hold after stepping, and how many additions overflowed."""
        ...

    def replay(self, plan: SumPlan, outputs: NDArray[np.bool_], held: Sums) -> int:
        """Step through the chosen outputs only, in place; return how many additions overflowed."""
        ...

    def audit(self, plan: SumPlan) -> tuple[Sums, StepEvents]:
        """Return what `stepwise` does and what the additions of all outputs did, for the ledger."""
        ...


@dataclass(frozen=True)
class Held:
    """What the accumulators hold at the end: codes at the accumulator's point.

    overflowed: additions (outputs, for an accumulator that wraps without stepping) out of range. at_risk: outputs
    without a certificate. events: what every addition did, where it was asked for and anything happened.
    """

    codes: Sums
    overflowed: int = 0
    at_risk: int = 0
    events: StepEvents | None = None


def accumulate(products: Products, plan: SumPlan, detailed: bool) -> Held:
    """Add up. detailed: also tell what single additions did, which costs another pass where any overflowed."""
    if plan.engine is Engine.STEPWISE:
        return _stepped_through(products, plan, detailed)
    if plan.engine is Engine.CERTIFIED:
        return _certified(products, plan, detailed)
    codes = _exact(products, plan)
    if not plan.may_overflow:
        return Held(codes)
    unbounded = QFormat(True, MAX_WIDTH, MAX_WIDTH - plan.accumulator.frac_bits)
    wrapping = Quantizer(plan.accumulator, Rounding.TRN, plan.rule.overflow)
    wrapped, overflowed = cast_codes(codes, unbounded, wrapping)
    return Held(wrapped.codes.astype(np.int64), overflowed)


@dataclass(frozen=True)
class Made:
    """Sums that were cast as they came. codes: int16. low, high: smallest and largest that the accumulators held."""

    codes: Codes
    low: int
    high: int
    overflowed: int


def accumulate_and_cast(products: Products, plan: SumPlan, rq: Requant) -> Made | None:
    """Add up and cast in one pass, so that sums never go through memory; None where that would not give the same.

    It would not where an accumulator may overflow before the cast, or where channels have points of their own. rq: a
    deterministic cast to at most 16 bits, proved to stay within 63.
    """
    if plan.chunk == 0 or (plan.may_overflow and plan.engine is Engine.EXACT) or any(plan.weight_shifts):
        return None
    if plan.engine is Engine.STEPWISE or multiplier() is Multiplier.BLAS or not len(products.x):
        return None
    if plan.engine is Engine.CERTIFIED and inputs_at_risk(products, plan).any():
        return None
    codes, (low, high, overflowed) = products.cast(plan.chunk, Cast(plan.shift, rq, plan.bias))
    return Made(codes, low, high, overflowed)


def inputs_at_risk(products: Products, plan: SumPlan) -> NDArray[np.bool_]:
    """Return the inputs (N,) that max|x| * sum|w| of some channel does not clear."""
    x, weight = _negative(products.x), _negative(products.weight)
    peaks = np.maximum(-x.reshape(len(x), -1).min(axis=1, initial=0).astype(np.int64), 1)
    mass = -weight.reshape(len(weight), -1).sum(axis=1, dtype=np.int64)
    # mass * peak > limit without leaving int64; a limit below 0 (a bias at the very end of the range) fails as it must
    risky: NDArray[np.bool_] = (mass > plan.limits // peaks[:, None]).any(axis=1)
    return risky


def at_risk_outputs(products: Products, plan: SumPlan) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the inputs (N,) that the cheap bound leaves, and of those the outputs (n, K, ...) without a certificate.

    A magnitude is taken negative, because -32768 has no positive twin in its container; the two signs cancel.
    """
    inputs = inputs_at_risk(products, plan)
    if not inputs.any():
        return inputs, np.zeros((0, len(products.weight)), dtype=np.bool_)
    x, weight = _negative(products.x[inputs]), _negative(products.weight)
    magnitudes = products.of(x, weight).exact(plan.chunk)
    return inputs, magnitudes > _per_channel(plan.limits, magnitudes)


def steps_of(plan: SumPlan) -> Steps:
    """Return the accumulator's rule in the plain integers of the kernels."""
    return Steps(
        shift=-plan.shift,
        rounding=int(plan.rule.rounding),
        group=plan.order.group,
        fold=plan.order.fold,
        bias_first=int(plan.order.bias_first),
        low=plan.low,
        high=plan.accumulator.max_code,
        wrap=int(plan.rule.overflow == Overflow.WRAP),
        late=int(plan.rule.mode is Mode.LATE),
    )


@dataclass(frozen=True)
class DenseProducts:
    """x: (N, F) codes · weight: (K, F) codes -> outputs (N, K).

    packing: keeps the packed weights, None for weights that will not come again.
    """

    x: Codes
    weight: Codes
    packing: Packing | None = None
    workers: Workers = ALONE

    def of(self, x: Codes, weight: Codes) -> DenseProducts:
        """Return the products of other codes."""
        return DenseProducts(x, weight, workers=self.workers)

    def exact(self, chunk: int) -> Sums:
        """Return the exact sums; chunk 0: of codes wider than int16."""
        if _by_blas(chunk, self.x, self.weight):
            return blas.multiply(self.x, self.weight)
        sums = np.empty((len(self.x), len(self.weight)), dtype=np.int64)
        if _is_packed(chunk):
            multiply(_narrow(self.x), self._panels(), chunk, sums, None, forced_engine(), self.workers)
        else:
            matmul_wide(_as(np.int64, self.x), _as(np.int64, self.weight), sums)
        return sums

    def cast(self, chunk: int, cast: Cast) -> tuple[Codes, tuple[int, int, int]]:
        """Return the sums as codes, and their extremes and overflows."""
        codes = np.empty((len(self.x), len(self.weight)), dtype=np.int16)
        return codes, multiply(_narrow(self.x), self._panels(), chunk, codes, cast, forced_engine(), self.workers)

    def _panels(self) -> Panels:
        packing = self.packing or Packing()
        return packing.of(self.weight, "panels", lambda: Panels(_narrow(self.weight)))

    def stepwise(self, plan: SumPlan) -> tuple[Sums, int]:
        """Return what the accumulators hold and how many additions overflowed."""
        sums = np.empty((len(self.x), len(self.weight)), dtype=np.int64)
        x, weight = _stepped(self.x, self.weight.T)
        return sums, int(matmul_stepwise(x, weight, plan.bias, steps_of(plan), plan.sequence, sums))

    def replay(self, plan: SumPlan, outputs: NDArray[np.bool_], held: Sums) -> int:
        """Step through the outputs (N, K) that are chosen."""
        x, weight = _stepped(self.x, self.weight)
        return int(matmul_replay(x, weight, plan.bias, steps_of(plan), plan.sequence, np.argwhere(outputs), held))

    def audit(self, plan: SumPlan) -> tuple[Sums, StepEvents]:
        """Return what the accumulators hold and what the additions did."""
        sums = np.empty((len(self.x), len(self.weight)), dtype=np.int64)
        x, weight = _stepped(self.x, self.weight.T)
        return sums, StepEvents(*matmul_audit(x, weight, plan.bias, steps_of(plan), plan.sequence, sums))


@dataclass(frozen=True)
class ConvProducts:
    """x: (N, C, H, W) codes · weight: (K, C/groups, R, S) codes -> outputs (N, K, P, Q).

    packing: keeps the packed weights, None for weights that will not come again.
    """

    x: Codes
    weight: Codes
    geometry: Geometry
    pixels: tuple[int, int]
    packing: Packing | None = None
    workers: Workers = ALONE

    def of(self, x: Codes, weight: Codes) -> ConvProducts:
        """Return the products of other codes in the same geometry."""
        return ConvProducts(x, weight, self.geometry, self.pixels, workers=self.workers)

    def exact(self, chunk: int) -> Sums:
        """Return the exact sums; chunk 0: of codes wider than int16."""
        if self._is_dense:
            return self._dense.exact(chunk).reshape(len(self.x), -1, 1, 1)
        if _by_blas(chunk, self.x, self.weight):
            return blas.convolve(self.x, self._filters, self.geometry, self.pixels)
        sums = self._empty()
        if _is_packed(chunk):
            convolve(_narrow(self.x), self._packed(), self.geometry, chunk, sums, None, forced_engine(), self.workers)
        else:
            conv2d_wide(_as(np.int64, self.x), _as(np.int64, self._filters), self.geometry, sums)
        return sums

    def cast(self, chunk: int, cast: Cast) -> tuple[Codes, tuple[int, int, int]]:
        """Return the sums as codes, and their extremes and overflows."""
        if self._is_dense:
            codes, found = self._dense.cast(chunk, cast)
            return codes.reshape(len(self.x), -1, 1, 1), found
        codes = np.empty((len(self.x), len(self.weight), *self.pixels), dtype=np.int16)
        filters = self._packed()
        return codes, convolve(
            _narrow(self.x), filters, self.geometry, chunk, codes, cast, forced_engine(), self.workers
        )

    @property
    def _is_dense(self) -> bool:
        """Whether one window covers the whole map and nothing else: then inputs are the rows of a matrix."""
        return self.geometry.groups == 1 and self.x.shape[1:] == self.weight.shape[1:] and self.pixels == (1, 1)

    @property
    def _dense(self) -> DenseProducts:
        flat = self._filters
        if self.packing is not None:
            flat = self.packing.of(self.weight, "flat", lambda: flat)
        return DenseProducts(self.x.reshape(len(self.x), -1), flat, self.packing, self.workers)

    def _packed(self) -> Filters:
        packing = self.packing or Packing()
        return packing.of(self.weight, self.geometry, lambda: Filters(_narrow(self._filters), self.geometry))

    def stepwise(self, plan: SumPlan) -> tuple[Sums, int]:
        """Return what the accumulators hold and how many additions overflowed."""
        sums = self._empty()
        x, weight = _stepped(self.x, self._filters.T)
        steps = steps_of(plan)
        return sums, int(conv2d_stepwise(x, weight, plan.bias, self.geometry, steps, plan.sequence, sums))

    def replay(self, plan: SumPlan, outputs: NDArray[np.bool_], held: Sums) -> int:
        """Step through the outputs (N, K, P, Q) that are chosen."""
        x, weight = _stepped(self.x, self._filters)
        image, channel, p, q = np.nonzero(outputs)
        pixel = (image * self.pixels[0] + p) * self.pixels[1] + q
        chosen = np.stack([pixel, channel], axis=1)
        steps = steps_of(plan)
        return int(conv2d_replay(x, weight, plan.bias, self.geometry, steps, plan.sequence, chosen, held))

    def audit(self, plan: SumPlan) -> tuple[Sums, StepEvents]:
        """Return what the accumulators hold and what the additions did."""
        sums = self._empty()
        x, weight = _stepped(self.x, self._filters.T)
        steps = steps_of(plan)
        return sums, StepEvents(*conv2d_audit(x, weight, plan.bias, self.geometry, steps, plan.sequence, sums))

    @property
    def _filters(self) -> Codes:
        return self.weight.reshape(len(self.weight), -1)

    def _empty(self) -> Sums:
        return np.empty((len(self.x), len(self.weight), *self.pixels), dtype=np.int64)


def _exact(products: Products, plan: SumPlan) -> Sums:
    """Return the exact sums, bias included, at the accumulator's point."""
    codes = products.exact(plan.chunk)
    if plan.shift:
        codes <<= plan.shift
    codes += _per_channel(plan.bias, codes)
    return codes


def _stepped_through(products: Products, plan: SumPlan, detailed: bool) -> Held:
    """Step through every addition, watching them where details are asked for."""
    if detailed:
        codes, events = products.audit(plan)
        return Held(codes, events.overflows, codes.size, events)
    codes, overflowed = products.stepwise(plan)
    return Held(codes, overflowed, codes.size)


def _certified(products: Products, plan: SumPlan, detailed: bool) -> Held:
    """Step through the outputs without a certificate: single ones, or their whole inputs where they are many."""
    inputs, outputs = at_risk_outputs(products, plan)
    count = int(np.count_nonzero(outputs))
    if not count:
        return Held(_exact(products, plan))
    if count <= REPLAYED_ONE_BY_ONE * outputs.size:
        codes = _exact(products, plan)
        sums = codes[inputs]
        overflowed = products.of(products.x[inputs], products.weight).replay(plan, outputs, sums)
        codes[inputs] = sums
        return Held(codes, overflowed, count, products.audit(plan)[1] if detailed and overflowed else None)
    if detailed or inputs.all():
        held = _stepped_through(products, plan, detailed)
        return replace(held, at_risk=count, events=held.events if held.overflowed else None)
    stepped, overflowed = products.of(products.x[inputs], products.weight).stepwise(plan)
    cleared = _exact(products.of(products.x[~inputs], products.weight), plan)
    codes = np.empty((len(inputs), *stepped.shape[1:]), dtype=np.int64)
    codes[inputs], codes[~inputs] = stepped, cleared
    return Held(codes, overflowed, count)


def _per_channel(values: Sums, like: Sums) -> Sums:
    return values.reshape(-1, *(1,) * (like.ndim - 2))


def _negative(codes: Codes) -> Codes:
    """Return -|codes| in the container of the codes: its smallest code negates to itself and stays the smaller."""
    return np.minimum(codes, -codes)


def _by_blas(chunk: int, x: Codes, weight: Codes) -> bool:
    """Whether BLAS computes these sums: see `accel.ops.engine`."""
    return (chunk == 0 or multiplier() is Multiplier.BLAS) and blas.is_exact(x, weight)


def _is_packed(chunk: int) -> bool:
    return chunk > 0 and multiplier() is not Multiplier.BLAS


def _narrow(codes: Codes) -> Codes:
    """Return codes as the kernels pack them: int8 and int16 as they are."""
    return np.ascontiguousarray(codes) if codes.dtype in (np.int8, np.int16) else _as(np.int16, codes)


def _as(container: type[np.integer[Any]], codes: Codes) -> Codes:
    return np.ascontiguousarray(codes, dtype=container)


def _stepped(x: Codes, weight: Codes) -> tuple[Codes, Codes]:
    """Return the operands of a stepwise kernel: int32 where both fit, which is faster."""
    narrow = max(x.dtype.itemsize, weight.dtype.itemsize) <= 4
    container = np.int32 if narrow else np.int64
    return _as(container, x), _as(container, weight)
