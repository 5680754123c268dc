"""`SumPlan`: how the sums of one layer are computed, decided once from its actual weights.

The exact kernel serves every sum that provably cannot leave the accumulator, and every wrapping accumulator that cuts
nothing off, because addition modulo 2^W is associative. Only a saturating (or product-rounding) accumulator that can
overflow is stepped addition by addition in the order of the machine's schedule.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class SumPlan:
    """The sums of one layer in plain terms.

    accumulator: its format, resolved for these products. needed_bits: what no sum can exceed, proved from the actual
    weights and the input format. stepwise: replay every addition (else one exact sum). chunk: int16 products per int32
    partial sum, 0 for the int64 kernel. shift: accumulator fraction bits minus product fraction bits. bias: addends
    at the accumulator's point, (K,) int64.
    """

    accumulator: QFormat
    rule: Accumulator
    order: AccumulationOrder
    needed_bits: int
    stepwise: bool
    chunk: int
    shift: int
    bias: NDArray[np.int64]

    @property
    def may_overflow(self) -> bool:
        """Whether the proof leaves any sum that the accumulator cannot hold."""
        return self.needed_bits > self.accumulator.width


def plan_sums(
    node: str, x: QFormat, weight: FxArray, bias: FxArray | None, rule: Accumulator, order: AccumulationOrder
) -> SumPlan:
    """Plan the sums of `node`: x times weight (K, ...) plus bias (K,).

    Raises ConfigError when an EXACT accumulator is too narrow for the proof, or when a sum needs more than 63 bits.
    """
    flat = weight.codes.reshape(len(weight), -1)
    product_frac_bits = x.frac_bits + weight.format.frac_bits
    accumulator = rule.resolve(product_frac_bits)
    shift = accumulator.frac_bits - product_frac_bits
    addends = _aligned_bias(node, bias, len(weight), accumulator, rule)
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
    overflows = bits > accumulator.width
    stepwise = shift < 0 or (overflows and rule.overflow != Overflow.WRAP)
    narrow = _fits_int16(x) and _fits_int16(weight.format)
    largest_weight = int(np.abs(flat.astype(np.int64)).max(initial=0))
    chunk = chunk_terms(max(-x.min_code, x.max_code), largest_weight) if narrow else 0
    return SumPlan(accumulator, rule, order, bits, stepwise, chunk, shift, addends)


def _fits_int16(format: QFormat) -> bool:  # noqa: A002 - the field's word
    return format.dtype.itemsize <= 2


def _aligned_bias(
    node: str, bias: FxArray | None, filters: int, accumulator: QFormat, rule: Accumulator
) -> NDArray[np.int64]:
    """Return the bias at the accumulator's binary point. Raises ConfigError when it does not fit there."""
    if bias is None:
        return np.zeros(filters, dtype=np.int64)
    aligned, overflowed = cast_codes(bias.codes, bias.format, Quantizer(accumulator, rule.rounding, Overflow.SAT))
    if overflowed:
        worst = float(np.abs(bias.to_float()).max())
        raise ConfigError(
            f"{node}: a bias of magnitude {worst:.6g} does not fit its accumulator {accumulator} "
            f"({accumulator.min_value:.6g}..{accumulator.max_value:.6g}); widen numerics.accumulator"
        )
    return aligned.codes.astype(np.int64)
