"""Matrix products of packed operands, and what every caller of `kernels.gemm` needs.

Weights are packed once and used for any number of inputs; inputs are packed as they come, by the thread that
multiplies them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np

from kernels.amx import BLOCK, SIDE
from kernels.chunks import bound_of, code_range, longest_chunk, run_masses
from kernels.gemm import (
    EXTREMES,
    FEW,
    HALF,
    HALVES_CHUNK,
    NO_CODES,
    NO_SUMS,
    WORTHWHILE,
    Task,
    gemm,
    pack_panels,
    pack_rows,
)
from kernels.gemm_cast import gemm_cast
from kernels.limbs import pack_limbs
from kernels.modes import Requant
from kernels.tile import tiles
from kernels.vector_cast import NO_BIAS, fits_narrow, is_vector_cast
from kernels.vnni import HEIGHT, TILE, VNNI, WIDTH, has_vnni

UNCAST = Requant(0, 0, 0, 1, 64, 0, 64, 0, 0)  # read by nobody: sums are written as they are


class Cast(NamedTuple):
    """What is done to every sum: (sum << shift) + bias, cast by rq. bias: (outputs of the layer,) int64."""

    shift: int
    rq: Requant
    bias: np.ndarray


class Workers(NamedTuple):
    """Who computes: `count` parts at a time, handed to `map`."""

    count: int
    map: Callable[..., Iterable[Any]]


ALONE = Workers(1, map)


class Panels:
    """Weights of a matrix product, packed as lanes at first use: in pairs for `multiply`, or in limbs.

    codes: (filters, K) int8 or int16, one filter per row, C-contiguous. lasting: whether they will be used often enough
    for a look at their magnitudes (`kernels.chunks`), which makes sums longer.
    """

    def __init__(self, codes, lasting=True):
        self.codes = codes
        self.outputs, self.terms = codes.shape
        self.masses = run_masses(codes) if lasting else ()

    @cached_property
    def pairs(self):
        """Return the lanes, (size, 2) int16, and where those of every pair stand."""
        pairs = (self.terms + 1) // 2
        packed = aligned((tiles(self.outputs, WIDTH), pairs, WIDTH, 2))
        pack_panels(self.codes, in_pairs(packed))
        return packed.reshape(-1, 2), np.arange(pairs, dtype=np.int64) * WIDTH

    @cached_property
    def limbs(self):
        """Return how many limbs a code has and the couples of tiles of `kernels.limbs`."""
        limbs = limbs_for(*code_range(self.codes))
        return limbs, in_limbs(self.codes, limbs, turned=True)


def best_engine():
    """Return the faster engine of this processor."""
    return VNNI if has_vnni() else TILE


def aligned(shape):
    """Return an uninitialised int16 array that starts at a cache line."""
    return aligned_bytes((2 * prod(shape),)).view(np.int16).reshape(shape)


def aligned_bytes(shape):
    """Return an uninitialised int8 array that starts at a cache line."""
    size = prod(shape)
    memory = np.empty(size + 64, dtype=np.int8)
    start = -memory.__array_interface__["data"][0] % 64
    return memory[start : start + size].reshape(shape)


def limbs_for(low, high):
    """Return how many limbs codes from low to high have: 1 where all fit 8 bits."""
    return 1 if low >= -128 and high <= 127 else 2


def in_limbs(codes, limbs, turned=False):
    """Return codes (n, K), C-contiguous, as couples of tiles of `kernels.limbs`: of rows, or of lanes if turned."""
    packed = aligned_bytes((tiles(len(codes) * limbs, 2 * SIDE), tiles(codes.shape[1], BLOCK), 2, SIDE, BLOCK))
    pack_limbs(codes, limbs, int(turned), packed)
    return packed


def in_pairs(packed):
    """Return packed codes (..., 2) as pairs, (...) int32: what kernels that pack write."""
    return packed.view(np.int32)[..., 0]


def worthwhile(terms):
    """Return how many products an int32 sum has to take lest rows are packed in halves."""
    return min(WORTHWHILE, tiles(terms, FEW))


def multiply(x, panels, chunk, out, cast=None, engine=None, workers=ALONE):
    """Multiply x: (M, K) int8 or int16, C-contiguous, by weights packed in pairs; returns what `gemm` returns.

    out: (M, N), int64 for exact sums or int16 for codes (then with a `cast`) · chunk: what the caller proved;
    sums are longer where these very codes allow it.
    """
    M, K = x.shape
    lanes, offsets = panels.pairs
    pairs = len(offsets)
    low, high = code_range(x)
    bound = bound_of(panels.masses, low, high)
    parts, chunk = 1, longest_chunk(panels.masses, low, high, chunk)
    if chunk < worthwhile(K):
        parts, chunk = 2, longest_chunk(panels.masses, -HALF, HALF, HALVES_CHUNK)
    rows = aligned((tiles(M * parts, HEIGHT), pairs, HEIGHT, 2))
    outputs = max(panels.outputs, 1)
    task = Task(
        engine=best_engine() if engine is None else engine,
        images=1,
        groups=1,
        M=M,
        size=0,
        parts=parts,
        chunk=chunk,
        first=0,
        last=0,
        panel=pairs * WIDTH,
        Q=outputs,
        pitch=outputs,
        shift=0 if cast is None else cast.shift,
        by_row=0,
    )

    def part(span):
        first, last = span
        pack_rows(x[first * HEIGHT // parts : last * HEIGHT // parts], parts, in_pairs(rows[first:last]))
        return compute(rows, lanes, offsets, task._replace(first=first, last=last), cast, bound, out)

    return together(workers.map(part, spans(len(rows), workers.count)))


def compute(rows, lanes, offsets, task, cast, bound, out):
    """Call `gemm` with a cast, or without one for exact sums; bound: of the sums' magnitudes, None where unknown."""
    if cast is None:
        return gemm(rows, lanes, offsets, task, UNCAST, NO_BIAS, out, NO_CODES)
    if task.parts == 1 and task.chunk >= 2 * len(offsets) and is_narrow(cast, bound):
        return gemm_cast(rows, lanes, offsets, task, cast.rq, cast.bias.astype(np.int32), out)
    return gemm(rows, lanes, offsets, task, cast.rq, cast.bias, NO_SUMS, out)


def is_narrow(cast, bound):
    """Tell whether sums up to `bound` in magnitude, None: any, stay within 32 bits until they are cast."""
    return bound is not None and is_vector_cast(cast.rq) and fits_narrow(cast.rq, cast.shift, bound, cast.bias)


def spans(count, workers):
    """Cut 0..count - 1 into as many runs of about the same length."""
    edges = [count * part // workers for part in range(workers + 1)]
    return [span for span in pairwise(edges) if span[0] < span[1]]


def together(found):
    """Return smallest, largest and overflows of all parts."""
    lows, highs, overflows = zip((*EXTREMES, 0), *found, strict=True)
    return min(lows), max(highs), sum(overflows)
