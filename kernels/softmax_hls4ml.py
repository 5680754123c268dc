"""The stable softmax of hls4ml on integers: two tables addressed by the top bits of their arguments.

largest - x, kept in its norm type (which wraps) -> exponential by its top bits -> exact sum, saturated to 18 bits ->
inverse by its top bits -> product, one cast. The surprise: a distance that the norm type cannot hold comes back as a
small one, and a hopeless class gets a large share.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import kernel
from kernels.quantize import confine, ones, round_shift


class Norm(NamedTuple):
    """How a distance addresses the exponentials: its bits after the wrap, and the bits below its address."""

    bits: int
    below: int


@kernel
def softmax_hls4ml(codes, exponentials, inverses, norm, inverse_below, most, rq, out):
    """codes: (rows, k) int64, k >= 1 · out: (rows, k) int64 -> how many wrapped on the way in or saturated at the end.

    exponentials: (2^(norm.bits - norm.below),) int64 · inverses: (n,) int64, addressed by the sum without its last
    inverse_below bits · most: largest code of the sum's format · rq casts a product of two entries.
    """
    rows, k = codes.shape
    overflowed = 0
    for row in range(rows):
        largest = codes[row, 0]
        for column in range(1, k):
            largest = max(largest, codes[row, column])
        total = 0
        for column in range(k):
            distance = (largest - codes[row, column]) & ones(norm.bits)
            power = exponentials[distance >> norm.below]
            out[row, column] = power
            total += power
        inverse = inverses[min(total, most) >> inverse_below]
        for column in range(k):
            share, outside = confine(round_shift(out[row, column] * inverse, rq.shift, rq.rounding), 0, rq)
            out[row, column] = share
            wrapped = np.int64(largest - codes[row, column] > ones(norm.bits))
            overflowed += outside | wrapped
    return overflowed
