"""Output-stationary systolic array: every PE keeps one output; inputs enter by rows, weights by columns, K streams.

PE(i, j) multiplies operand pair k of a fold in cycle start + i + j + k. A finished sum moves to drain registers, two
per PE, and down one row every two cycles. The row below finishes one cycle later, so the sums of a column follow each
other out of the bottom edge without a gap, the lowest row's in the very cycle of its last product.

A fold of r x c outputs on R x C PEs uses the lowest r rows (their sums have the shortest way out; weights still pass
the idle rows, as in any array without bypasses) and takes K + R + r + c - 3 cycles alone: row R - 1 finishes in cycle
(R - 1) + (c - 1) + (K - 1), and r - 1 more sums follow. The operand edges are busy for K cycles, a column's exit for r,
so folds follow each other after max(K, r) cycles. They go along the columns first, then down to the next tile of rows,
groups one after another.

"scalesim" is the model of SCALE-Sim 3.0.0 (Samajdar et al., "A Systematic Methodology for Characterizing Scalability
of DNN Accelerators using SCALE-Sim", ISPASS 2020): R + C + K - 2 cycles for every fold whatever its size, one after
another, and a total that is the index of the last cycle, one less than the count. Its draining costs nothing, so its
sums leave before they can.
"""

from __future__ import annotations

from accel.arch.dataflows.folds import Count, Timing, checked_product, maximum, tiles, timing_model
from accel.arch.hardware import Array
from accel.arch.mapping import Loop, Schedule, nested
from accel.loopnest import AccumulationOrder, Gemm, LoopNest


def pipelined(gemm: Gemm, rows: Count, columns: Count) -> Timing:
    """Return the causal cycles of an R x C array.

    Of two folds with equally many columns the later one ends later: it starts later by at least the rows of the
    earlier, and no fold drains longer than for its rows. So the last fold ends last, or the fold before it if that has
    more columns than it is cycles earlier (`overhang`).
    """
    groups, M, K, N = gemm
    bands, strips = tiles(M, rows), tiles(N, columns)
    folds = groups * bands.number * strips.number
    edge_interval = maximum(K, bands.last)
    group_cycles = strips.number * ((bands.number - 1) * maximum(K, rows) + edge_interval)
    overhang = maximum(0, strips.first - strips.last - edge_interval)
    last_start = groups * group_cycles - edge_interval
    total = last_start + K + rows + bands.last + strips.last - 3 + overhang
    fill = maximum(rows, strips.last) - 1
    return Timing(folds, fill, folds * K, total - fill - folds * K, total - (rows - 1) - (K - 1))


def scalesim(gemm: Gemm, rows: Count, columns: Count) -> Timing:
    """Return the cycles that SCALE-Sim reports; the cycle that its total lacks is taken from `steady`."""
    groups, M, K, N = gemm
    folds = groups * tiles(M, rows).number * tiles(N, columns).number
    total = folds * (rows + columns + K - 2) - 1
    return Timing(folds, folds * (rows - 1), folds * K - 1, folds * (columns - 1), total - (rows - 1) - (K - 1))


TIMINGS = {"pipelined": pipelined, "scalesim": scalesim}


def schedule(nest: LoopNest, array: Array) -> Schedule:
    """Map a nest: M over rows, N over columns, K streams; sums are a plain chain over k.

    A tile of inputs is read again for every tile of columns, a tile of weights (and its biases) for every tile of rows;
    each output is written once. Raises ConfigError for what cannot be mapped.
    """
    gemm = checked_product(nest, array)
    groups, M, K, N = gemm
    timing = timing_model(array, TIMINGS)(gemm, array.rows, array.columns)
    bands, strips = tiles(M, array.rows), tiles(N, array.columns)
    reads = {"input": groups * M * K * strips.number, "weight": groups * N * K * bands.number}
    bands_loop, rows_loop = nested("NPQ", M, array.rows, "rows")
    strips_loop, columns_loop = nested("K", N, array.columns, "columns")
    groups_loop, stream_loop = Loop("G", groups, 1, "temporal"), Loop("CRS", K, 1, "stream")
    return Schedule(
        dataflow="os",
        timing=array.timing,
        loops=(groups_loop, bands_loop, strips_loop, stream_loop, rows_loop, columns_loop),
        folds=timing.folds,
        fill_cycles=timing.fill,
        steady_cycles=timing.steady,
        drain_cycles=timing.drain,
        result_cycles=timing.results,
        last_results=bands.last * strips.last,
        last_result_cycles=bands.last + strips.last - 1,
        mapping_efficiency=M * N / (bands.number * strips.number * array.pes),
        order=AccumulationOrder(bias_first=array.bias_first),
        first_fold={"input": bands.first * K, "weight": strips.first * K},
        sram_reads=reads | ({"bias": groups * N * bands.number} if nest.has_bias else {}),
        sram_writes={"output": groups * M * N},
    )
