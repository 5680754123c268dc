"""PLAN: a sigmoid of four straight lines whose slopes are powers of two (Amin, Curtis and Hayes-Gill, 1997).

    |x| >= 5: 1 · >= 2.375: |x| / 32 + 0.84375 · >= 1: |x| / 8 + 0.625 · else |x| / 4 + 0.5 · negative x: 1 - y

Lines are evaluated exactly, with five more fraction bits than |x| has. The surprise: at 2.375 the third line starts
2^-8 below the end of the second, so the curve falls there.
"""

from __future__ import annotations

from typing import NamedTuple

from kernels._jit import kernel
from kernels.activation import saturate
from kernels.quantize import round_shift


class Plan(NamedTuple):
    """lift: exact left shift of the codes, to frac_bits fraction bits (at least 3). double: 1 turns y into 2 y - 1."""

    lift: int
    frac_bits: int
    double: int


@kernel
def plan(codes, steps, rq, out):
    """codes: (n,) int64 · out: (n,) int64 -> how many saturated; rq casts from steps.frac_bits + 5 fraction bits."""
    bits = steps.frac_bits
    for i in range(codes.size):
        x = abs(codes[i]) << steps.lift
        if x >= 5 << bits:
            y = 32 << bits
        elif x >= 19 << (bits - 3):
            y = x + (27 << bits)
        elif x >= 1 << bits:
            y = (x << 2) + (20 << bits)
        else:
            y = (x << 3) + (16 << bits)
        whole = 32 << bits
        if steps.double:
            y = 2 * y - whole
            whole = 0
        out[i] = round_shift(whole - y if codes[i] < 0 else y, rq.shift, rq.rounding)
    return saturate(out, rq)
