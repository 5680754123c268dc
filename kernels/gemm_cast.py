"""Products whose sums stay within 32 bits until they are codes: from registers to codes in vectors of half the width.

Most layers prove it: a chunk holds all products of a sum, and `kernels.vector_cast.fits_narrow` says that neither the
bias nor what rounds leaves 32 bits. `kernels.gemm` is for all others, and says what the arguments mean.
"""

from __future__ import annotations

import numpy as np

from kernels._jit import kernel
from kernels.gemm import EXTREMES, block_width, cast_fast, cut, lanes_of
from kernels.tile import VECTOR, tiles
from kernels.vector_cast import vector_cast
from kernels.vnni import HEIGHT, VECTORS, WIDTH, sum_tile


@kernel
def gemm_cast(rows, lanes, offsets, task, rq, bias, codes):
    """Write the codes that `kernels.gemm.gemm` writes and return what it returns. bias: int32."""
    pairs = len(offsets)
    count = lanes_of(codes.shape[1], task)
    block = block_width(pairs, task)
    totals = np.empty((HEIGHT, block), dtype=np.int32)
    runs = np.empty((block, 3), dtype=np.int64)
    how = vector_cast(rq, task.shift)
    found = np.zeros((3, VECTOR), dtype=np.int32)
    found[0], found[1] = np.iinfo(np.int32).max, np.iinfo(np.int32).min
    for image in range(task.images):
        group = image % task.groups
        for begin in range(0, count, block):
            width = min(block, count - begin)
            segments = cut(begin, width, task, runs)
            for i in range(task.first, task.last):
                tile = group * (rows.shape[0] // task.groups) + i
                for at in range(0, width, WIDTH):
                    place = image * task.size + (begin + at) // WIDTH * task.panel
                    vectors = min(VECTORS, tiles(width - at, VECTOR))
                    sum_tile(task.engine, rows, tile, lanes, place, offsets, 0, pairs, vectors, totals, at)
                for r in range(min(HEIGHT, task.M - i * HEIGHT)):
                    row = image * task.M + i * HEIGHT + r
                    cast_fast(totals, r, runs[:segments], task, how, bias, codes, row, found)
    low, high = np.int64(found[0].min()), np.int64(found[1].max())
    if low > high:
        low, high = EXTREMES
    return low, high, np.int64(found[2].sum())
