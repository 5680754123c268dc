"""What the sums of a product must be, in Python integers and one addition after another: for small products only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accel.cycle.product import operands_of, outputs_of, window_of
from accel.loopnest import AccumulationOrder, Gemm, LoopNest
from accel.numeric.accumulator import Accumulator
from accel.numeric.array import FxArray
from accel.numeric.exact import accumulate


def exact_outputs(
    work: LoopNest | Gemm,
    x: FxArray,
    weight: FxArray,
    bias: NDArray[np.int64] | None,
    accumulator: Accumulator,
    order: AccumulationOrder,
) -> NDArray[np.int64]:
    """Return the outputs of `accel.cycle.step` from `accel.numeric.exact`, which shares no code with the kernels.

    bias: (G K,) codes at the accumulator's point, None for none. A product takes a few microseconds.
    """
    fields, filters = operands_of(work, x, weight)
    frac_bits = x.format.frac_bits + weight.format.frac_bits
    (groups, m, _), n = fields.shape, filters.shape[1]
    sums = np.zeros((groups, m, n), dtype=np.int64)
    for group, row, column in np.ndindex(sums.shape):
        products = [int(a) * int(b) for a, b in zip(fields[group, row], filters[group, column], strict=True)]
        addend = None if bias is None else int(bias[group * n + column])
        sums[group, row, column] = accumulate(products, addend, accumulator, frac_bits, order, window_of(work))
    return outputs_of(work, sums)
