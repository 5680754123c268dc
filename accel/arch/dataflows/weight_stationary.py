"""Weight-stationary systolic array: PE(i, j) keeps weight (k = i, n = j); inputs enter by rows, M streams, sums sink.

PE(i, j) works on stream position m of a fold in cycle start + i + j + m. The weights of a column enter at its top, one
a cycle, k = 0 first, and move down a row every cycle; a token that moves down a row every two cycles makes row i keep
weight i in a second register, and the first input of the stream takes it into use on its way. So loading r rows takes r
cycles and may begin in the very cycle in which the stream of the fold before begins: streams follow each other after
max(M, r_next) cycles, and only the first load is seen. A fold of r x c weights on R x C PEs uses the top r rows; its
sums still pass the idle rows, as in any array without bypasses, and alone it takes r + M + R + c - 2 cycles.

Sums go to the partial-sum buffer after every `rows` products and are added up there: the folds of K come one after
another, then the next tile of columns, then the next group.

"scalesim" is the model of SCALE-Sim 3.0.0 (see `output_stationary`): 2R + C + M - 2 cycles for every fold. The
input-stationary array is this one with the operands exchanged.
"""

from __future__ import annotations

from accel.arch.dataflows.folds import Count, Timing, checked_product, maximum, tiles, timing_model
from accel.arch.hardware import Array
from accel.arch.mapping import Loop, Schedule, nested
from accel.loopnest import AccumulationOrder, Gemm, LoopNest


def pipelined(gemm: Gemm, rows: Count, columns: Count) -> Timing:
    """Return the causal cycles of an R x C array; m streams, k lies over rows, n over columns.

    Of two folds with equally many columns the later one ends later. So the last fold ends last, or the last one of the
    tile of columns before it if that has more columns than it is cycles earlier (`overhang`).
    """
    groups, M, K, N = gemm
    slabs, strips = tiles(K, rows), tiles(N, columns)
    folds = groups * slabs.number * strips.number
    strip_cycles = (slabs.number - 1) * maximum(M, rows) + maximum(M, slabs.last)
    first_interval = maximum(M, slabs.first)
    overhang = maximum(0, strips.first - strips.last - strip_cycles)
    last_start = slabs.first + groups * strips.number * strip_cycles - first_interval
    total = last_start + M + rows + strips.last - 2 + overhang
    drain = rows - slabs.last + strips.last - 1 + overhang
    first_finished = slabs.first + strip_cycles - first_interval + rows - 1
    return Timing(folds, total - folds * M - drain, folds * M, drain, total - first_finished)


def scalesim(gemm: Gemm, rows: Count, columns: Count) -> Timing:
    """Return the cycles that SCALE-Sim reports; the cycle that its total lacks is taken from `steady`."""
    groups, M, K, N = gemm
    slabs, strips = tiles(K, rows).number, tiles(N, columns).number
    folds = groups * slabs * strips
    fold = 2 * rows + columns + M - 2
    results = folds * fold - 1 - (slabs - 1) * fold - (2 * rows - 1)
    return Timing(folds, folds * (2 * rows - 1), folds * M - 1, folds * (columns - 1), results)


TIMINGS = {"pipelined": pipelined, "scalesim": scalesim}


def schedule(nest: LoopNest, array: Array) -> Schedule:
    """Map a nest: K over rows, N over columns, M streams; sums leave the array after every `rows` products.

    Every weight is read once, an input again for every tile of columns. Raises ConfigError for what cannot be mapped.
    """
    gemm = checked_product(nest, array)
    axes = ("NPQ", "CRS", "K")
    return stationary("ws", nest, array, gemm, axes, held="weight", streamed="input", bias_reads=gemm.groups * gemm.n)


def stationary(
    dataflow: str,
    nest: LoopNest,
    array: Array,
    gemm: Gemm,
    axes: tuple[str, str, str],
    held: str,
    streamed: str,
    bias_reads: int,
) -> Schedule:
    """Return the schedule of an array that holds gemm.k over rows and gemm.n over columns, and streams gemm.m.

    axes: what the nest calls m, k and n.
    """
    groups, M, K, N = gemm
    timing = timing_model(array, TIMINGS)(gemm, array.rows, array.columns)
    slabs, strips = tiles(K, array.rows), tiles(N, array.columns)
    partial_sums = groups * M * N * (slabs.number - 1)
    slabs_loop, rows_loop = nested(axes[1], K, array.rows, "rows")
    strips_loop, columns_loop = nested(axes[2], N, array.columns, "columns")
    groups_loop, stream_loop = Loop("G", groups, 1, "temporal"), Loop(axes[0], M, 1, "stream")
    reads = {held: groups * K * N, streamed: groups * K * M * strips.number, "partial_sum": partial_sums}
    return Schedule(
        dataflow=dataflow,
        timing=array.timing,
        loops=(groups_loop, strips_loop, slabs_loop, stream_loop, rows_loop, columns_loop),
        folds=timing.folds,
        fill_cycles=timing.fill,
        steady_cycles=timing.steady,
        drain_cycles=timing.drain,
        result_cycles=timing.results,
        last_results=M * strips.last,
        last_result_cycles=M + strips.last - 1,
        mapping_efficiency=K * N / (slabs.number * strips.number * array.pes),
        order=AccumulationOrder(fold=array.rows, bias_first=array.bias_first),
        first_fold={held: slabs.first * strips.first, streamed: slabs.first * M},
        sram_reads=reads | ({"bias": bias_reads} if nest.has_bias else {}),
        sram_writes={"output": groups * M * N, "partial_sum": partial_sums},
    )
