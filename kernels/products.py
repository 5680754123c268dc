"""Matrix products and convolutions of packed codes by whichever engine is faster: all write the same bits.

Limbs take the processor's byte tiles (AMX) through a product, several times as fast as pairs, once tiles are well
filled; the bounds below are about where they start to win. A convolution gathers its tiles of lanes, which more filters
must share before that pays.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from kernels import maps, packed
from kernels.amx import AMX, BLOCK, QUAD, QUADS, SIDE, has_amx
from kernels.chunks import bound_of, code_range
from kernels.gemm import NO_CODES, NO_SUMS
from kernels.limbs import LimbTask, gemm_limbs
from kernels.packed import ALONE, UNCAST, aligned_bytes, in_limbs, is_narrow, limbs_for, spans, together
from kernels.tile import tiles
from kernels.vector_cast import NO_BIAS

ROWS_THAT_PAY, FILTERS_THAT_PAY = 16, 32
TERMS_THAT_PAY = 64
NO_LANES = np.empty((0, 0, 2, SIDE, BLOCK), dtype=np.int8)
NO_MAPS = np.empty((0, 0, 0), dtype=np.uint32)
NO_OFFSETS = np.empty(0, dtype=np.int64)
MAPS_BYTES = 1 << 20  # packed maps of the inputs that go through together


def multiply(x, panels, chunk, out, cast=None, engine=None, workers=ALONE):
    """Do what `kernels.packed.multiply` does; engine None: the faster one."""
    if not _takes_limbs(engine, len(x) >= ROWS_THAT_PAY, x.shape[1]):
        return packed.multiply(x, panels, chunk, out, cast, engine, workers)
    low, high = code_range(x)
    row_limbs = limbs_for(low, high)
    lane_limbs, lanes = panels.limbs
    bound = bound_of(panels.masses, low, high)
    outputs = max(panels.outputs, 1)
    task = LimbTask(1, 1, 0, 0, 0, row_limbs, lane_limbs, outputs, outputs, 0 if cast is None else cast.shift, 0)
    height = 2 * SIDE // row_limbs

    def part(span):
        first, last = (height * couple for couple in span)
        mine = x[first:last]
        rows = in_limbs(mine, row_limbs)
        whole = task._replace(M=len(mine), last=len(rows))
        return _compute(rows, lanes, NO_MAPS, NO_OFFSETS, whole, cast, bound, out[first:last])

    return together(workers.map(part, spans(tiles(len(x), height), workers.count)))


def convolve(x, filters, geometry, chunk, out, cast=None, engine=None, workers=ALONE):
    """Do what `kernels.maps.convolve` does; engine None: the faster one."""
    groups, (K, terms) = geometry.groups, filters.codes.shape
    if not _takes_limbs(engine, K // groups >= FILTERS_THAT_PAY, terms):
        return maps.convolve(x, filters, geometry, chunk, out, cast, engine, workers)
    N, C, _, _ = x.shape
    _, _, P, Q = out.shape
    phases, offsets, size = _quads(geometry, P, Q, tiles(C // groups, QUAD))
    low, high = code_range(x)
    lane_limbs = limbs_for(low, high)
    row_limbs, rows = filters.limbs
    bound = bound_of(filters.masses, low, high)
    task = LimbTask(
        images=0,
        groups=groups,
        M=K // groups,
        first=0,
        last=len(rows) // groups,
        row_limbs=row_limbs,
        lane_limbs=lane_limbs,
        **maps.line(phases, P, Q),
        shift=0 if cast is None else cast.shift,
        by_row=1,
    )
    x, phases = maps.in_one_row(x, geometry, phases)
    flat = out.reshape(N * K, P * Q)
    held = max(1, min(N, MAPS_BYTES // (QUAD * lane_limbs * groups * size)))

    def packed_maps(first, last):
        lanes = aligned_bytes((last - first, groups, lane_limbs, QUAD * size)).view(np.uint32)
        maps.pack_maps(x[first:last], geometry, phases, QUAD, lanes)
        return lanes.reshape(-1, lane_limbs, size)

    def images(span):
        found = []
        for first in range(*span, held):
            last = min(first + held, span[1])
            mine = task._replace(images=(last - first) * groups)
            target = flat[first * K : last * K]
            found.append(_compute(rows, NO_LANES, packed_maps(first, last), offsets, mine, cast, bound, target))
        return together(found)

    if workers.count == 1 or N >= workers.count:
        return together(workers.map(images, spans(N, workers.count)))
    lanes = packed_maps(0, N)

    def couples_of_filters(span):
        mine = task._replace(images=N * groups, first=span[0], last=span[1])
        return _compute(rows, NO_LANES, lanes, offsets, mine, cast, bound, flat)

    return together(workers.map(couples_of_filters, spans(task.last, workers.count)))


def _takes_limbs(engine, is_filled, terms):
    """Tell whether limbs are forced or win; is_filled: there are rows enough. terms: of a sum."""
    if engine == AMX and not has_amx():  # asked even where the answer is known: the registers are granted by asking
        raise RuntimeError("the tile registers are not granted to this process")
    if engine is not None:
        return engine == AMX
    return is_filled and terms >= TERMS_THAT_PAY and has_amx()


def _compute(rows, lanes, lane_maps, offsets, task, cast, bound, out):
    """Call `gemm_limbs` with a cast, or without one for exact sums; bound: as for `kernels.packed.compute`."""
    if cast is None:
        return gemm_limbs(rows, lanes, lane_maps, offsets, task, UNCAST, NO_BIAS, out, NO_CODES)
    bias = cast.bias.astype(np.int32) if is_narrow(cast, bound) else cast.bias
    return gemm_limbs(rows, lanes, lane_maps, offsets, task, cast.rq, bias, NO_SUMS, out)


@lru_cache(maxsize=256)
def _quads(geometry, P, Q, sets):
    """Return `kernels.maps.layout` with as many offsets as whole blocks have quads: the last ones meet zeros."""
    phases, offsets, size = maps.layout(geometry, P, Q, sets)
    return phases, np.pad(offsets, (0, -len(offsets) % QUADS)), size
