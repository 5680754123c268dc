"""`SumPlan`: how the sums of one layer are computed, decided once from its actual weights.

Three ways, of which the cheapest that cannot change a bit is taken. EXACT: one exact sum, where no sum can leave the
accumulator, or where it wraps and cuts nothing off, because addition modulo 2^W is associative. CERTIFIED: exact sums
and, for every output, a certificate, sum |w||x| + |bias| <= limit: then no partial sum in any order can reach the limit
and stepping would add the same; only outputs without one are stepped. STEPWISE: every addition is stepped, because
products are cut to the accumulator's point before they are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.loopnest import AccumulationOrder
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.array import FxArray
from accel.numeric.cast import cast_codes
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.proof import chunk_terms, needed_bits, worst_case
from accel.numeric.quantizer import Quantizer
from kernels.modes import Overflow


class Engine(StrEnum):
    """How sums are computed; the bits are those of the machine in every case."""

    EXACT = "exact"
    CERTIFIED = "certified"
    STEPWISE = "stepwise"


@dataclass(frozen=True)
class SumPlan:
    """The sums of one layer in plain terms; K output channels.

    accumulator: its format, resolved for these products (for channel n with weight_shifts[n] more fraction bits).
    needed_bits: what no sum can exceed, proved from the actual weights and the input format. chunk: int16 products per
    int32 partial sum, 0 for the int64 kernel. shift: accumulator fraction bits minus product fraction bits. sequence:
    the products in machine order, (L,) int64 (`AccumulationOrder.sequence`). bias: addends at the accumulator's point,
    (K,) int64. limits: what sum |w||x| of a channel may reach, (K,) int64, at the product's point.
    """

    accumulator: QFormat
    rule: Accumulator
    order: AccumulationOrder
    engine: Engine
    needed_bits: int
    chunk: int
    shift: int
    sequence: NDArray[np.int64]
    bias: NDArray[np.int64]
    limits: NDArray[np.int64]
    weight_shifts: tuple[int, ...] = ()

    @property
    def may_overflow(self) -> bool:
        """Whether the proof leaves any sum that the accumulator cannot hold."""
        return self.needed_bits > self.accumulator.width

    @property
    def additions(self) -> int:
        """Additions that one output takes in this order: steps, folds into the partial-sum buffer, the bias."""
        steps = -(-len(self.sequence) // self.order.group)
        folds = -(-steps // self.order.fold) if self.order.fold else 0
        return steps + folds + 1

    @property
    def low(self) -> int:
        """Smallest code that the accumulator keeps."""
        return -self.accumulator.max_code if self.rule.overflow == Overflow.SAT_SYM else self.accumulator.min_code


def plan_sums(
    node: str,
    x: QFormat,
    weight: FxArray,
    bias: FxArray | None,
    rule: Accumulator,
    order: AccumulationOrder,
    weight_shifts: Sequence[int] = (),
) -> SumPlan:
    """Plan the sums of `node`: x times weight (K, F) or (K, C, R, S), plus bias (K,).

    Raises ConfigError when an EXACT accumulator is too narrow for the proof or any for a single product, when a sum
    needs more than 63 bits, and when channels with points of their own meet an accumulator with a fixed one.
    """
    if any(weight_shifts) and rule.frac_bits is not None:
        raise ConfigError(
            f"{node}: weight_shifts give every channel a point of its own, the accumulator has {rule.frac_bits} "
            "fraction bits for all; leave out frac_bits or format of numerics.accumulator (it follows the products)"
        )
    flat = weight.codes.reshape(len(weight), -1)
    product_frac_bits = x.frac_bits + weight.format.frac_bits
    accumulator = rule.resolve(product_frac_bits)
    shift = accumulator.frac_bits - product_frac_bits
    addends = _aligned_bias(node, bias, len(weight), accumulator, rule, weight_shifts)
    # The proof holds at the product's point. A finer accumulator moves every product up exactly; a coarser one rounds
    # each, which adds at most one unit for every product.
    terms = flat.shape[1]
    worst = [int(bound) for bound in worst_case(flat, x, np.zeros(len(flat), dtype=np.int64))]
    held = [(bound << shift if shift >= 0 else (bound >> -shift) + terms) for bound in worst]
    bits = needed_bits([bound + abs(int(addend)) for bound, addend in zip(held, addends, strict=True)])
    if max(bits, needed_bits(worst)) > MAX_WIDTH:
        raise ConfigError(
            f"{node}: a sum of {terms} products {x} x {weight.format} can need {bits} bits, {MAX_WIDTH} are the most "
            "that is computed; use narrower formats for its input or weight, or an accumulator with fewer fraction bits"
        )
    if rule.mode is Mode.EXACT and (bits > accumulator.width or shift < 0):
        wanted = f"at least {bits} bits with {product_frac_bits} fraction bits"
        raise ConfigError(
            f"{node} accumulator {accumulator.width} bits ({accumulator}); worst case {bits} bits; an exact one must "
            f'hold every sum: set numerics.accumulator to {wanted}, or mode = "stepwise"'
        )
    channels, *window = weight.shape[1:]
    rows, columns = window or (1, 1)
    largest_weight = max(int(flat.max(initial=0)), -int(flat.min(initial=0)))
    product_bits = needed_bits([max(-x.min_code, x.max_code) * largest_weight])
    if rule.frac_bits is None and product_bits > accumulator.width:  # with a point of its own it is meant to cut
        raise ConfigError(
            f"{node}: accumulator {accumulator.width} bits ({accumulator}) cannot hold a single product: {x} times the "
            f"largest weight needs {product_bits} bits, a sum of {terms} up to {bits}; set numerics.accumulator.width "
            f"to at least {product_bits}, or state its frac_bits to cast every product"
        )
    narrow = _fits_int16(x) and _fits_int16(weight.format)
    return SumPlan(
        accumulator,
        rule,
        order,
        _engine(bits > accumulator.width, shift, rule),
        bits,
        chunk_terms(max(-x.min_code, x.max_code), largest_weight) if narrow else 0,
        shift,
        np.array(order.sequence(channels, rows, columns), dtype=np.int64),
        addends,
        (accumulator.max_code - np.abs(addends)) >> max(shift, 0),
        tuple(weight_shifts),
    )


def _engine(may_overflow: bool, shift: int, rule: Accumulator) -> Engine:
    if shift < 0:
        return Engine.STEPWISE
    if may_overflow and rule.overflow != Overflow.WRAP:
        return Engine.CERTIFIED
    return Engine.EXACT


def _fits_int16(format: QFormat) -> bool:  # noqa: A002 - the field's word
    return format.dtype.itemsize <= 2


def _aligned_bias(
    node: str,
    bias: FxArray | None,
    channels: int,
    accumulator: QFormat,
    rule: Accumulator,
    weight_shifts: Sequence[int],
) -> NDArray[np.int64]:
    """Return the bias at every channel's accumulator point. Raises ConfigError when it does not fit there."""
    addends = np.zeros(channels, dtype=np.int64)
    if bias is None:
        return addends
    shifts = np.array(weight_shifts or (0,) * channels)
    for shift in np.unique(shifts).tolist():
        own = shifts == shift
        point = QFormat(True, accumulator.width, accumulator.int_bits - shift)
        aligned, overflowed = cast_codes(bias.codes[own], bias.format, Quantizer(point, rule.rounding, Overflow.SAT))
        if overflowed:
            worst = float(np.abs(bias.to_float()[own]).max())
            raise ConfigError(
                f"{node}: a bias of magnitude {worst:.6g} does not fit its accumulator {point} "
                f"({point.min_value:.6g}..{point.max_value:.6g}); widen numerics.accumulator"
            )
        addends[own] = aligned.codes
    return addends
