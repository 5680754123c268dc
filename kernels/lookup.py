"""The nearest entry of a table that covers [-reach, reach): one rounding makes the address, the entry is the result."""

from __future__ import annotations

from kernels._jit import kernel
from kernels.activation import saturate
from kernels.quantize import RND, round_shift


@kernel
def nearest(codes, table, shift, rq, out):
    """codes: (n,) int64 · table: (entries,) int64, the middle one for 0 · out: (n,) int64 -> how many saturated.

    shift: fraction bits of the codes below one address; negative for codes coarser than the table.
    """
    half = table.size >> 1
    for i in range(codes.size):
        address = round_shift(codes[i], shift, RND) + half
        out[i] = table[min(max(address, 0), table.size - 1)]
    return saturate(out, rq)
