"""Tables of results: one over [-reach, reach), addressed by a rounding, and one with an entry for every code."""

from __future__ import annotations

import numpy as np

from kernels._jit import inline, kernel
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


@kernel
def gather(codes, table, lowest, out):
    """Look every code up. codes: (n,) integers >= lowest · table: (m,), entry 0 for `lowest` · out: (n,) as `table`."""
    for i in range(codes.size):
        out[i] = table[entry_of(codes[i], lowest)]


@kernel
def gather_flagged(codes, table, flags, lowest, out):
    """Do what `gather` does and return how many codes have a flag. flags: (m,) uint8, 0 or 1."""
    flagged = 0
    for i in range(codes.size):
        entry = entry_of(codes[i], lowest)
        out[i] = table[entry]
        flagged += np.int64(flags[entry])
    return flagged


@inline
def entry_of(code, lowest):
    """Return where a code's result stands; unsigned, because a signed index is also looked at from the end."""
    return np.uint64(np.int64(code) - lowest)
