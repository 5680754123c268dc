"""Input-stationary systolic array: PE(i, j) keeps input (k = i, m = j); weights enter by rows, N streams, sums sink.

It is the weight-stationary array computing the transposed product, so its cycles are those of `weight_stationary` with
M and N exchanged: "pipelined" likewise, "scalesim" 2R + C + N - 2 cycles a fold.
"""

from __future__ import annotations

from accel.arch.dataflows import weight_stationary
from accel.arch.dataflows.folds import Count, Timing, checked_product, tiles
from accel.arch.hardware import Array
from accel.arch.mapping import Schedule
from accel.loopnest import Gemm, LoopNest


def pipelined(gemm: Gemm, rows: Count, columns: Count) -> Timing:
    """Return the causal cycles of an R x C array; n streams, k lies over rows, m over columns."""
    return weight_stationary.pipelined(transposed(gemm), rows, columns)


def scalesim(gemm: Gemm, rows: Count, columns: Count) -> Timing:
    """Return the cycles that SCALE-Sim reports."""
    return weight_stationary.scalesim(transposed(gemm), rows, columns)


TIMINGS = {"pipelined": pipelined, "scalesim": scalesim}


def transposed(gemm: Gemm) -> Gemm:
    """Return the product with its operands exchanged."""
    return gemm._replace(m=gemm.n, n=gemm.m)


def schedule(nest: LoopNest, array: Array) -> Schedule:
    """Map a nest: K over rows, M over columns, N streams; sums leave the array after every `rows` products.

    Every input is read once, a weight (and its bias) again for every tile of columns. Raises ConfigError for what
    cannot be mapped.
    """
    gemm = checked_product(nest, array)
    bias_reads = gemm.groups * gemm.n * tiles(gemm.m, array.columns).number
    axes = ("K", "CRS", "NPQ")
    return weight_stationary.stationary(
        "is", nest, array, transposed(gemm), axes, held="input", streamed="weight", bias_reads=bias_reads
    )
