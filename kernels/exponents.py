"""How large float64 numbers are, from their bits: one count per biased exponent. No floating point is done here."""

from __future__ import annotations

from kernels._jit import kernel

LANES = 4
"""Counters of a kind that take turns: a neighbour of the same size does not wait until the last one is counted."""


@kernel
def count_exponents(bits, counts):
    """Add one for every number to the counters of its biased exponent (bits 52..62).

    bits: (n,) int64, the bits of float64 · counts: (LANES, 2048) int64, whose sum over LANES is the count.
    """
    for i in range(bits.size):
        counts[i % LANES, (bits[i] >> 52) & 0x7FF] += 1
