"""Adder-tree array: every cycle Ti inputs meet Tn x Ti weights, and Tn trees of Ti products feed Tn accumulators.

This is the neural functional unit of DianNao (Chen et al., "DianNao: A Small-Footprint High-Throughput Accelerator for
Ubiquitous Machine-Learning", ASPLOS 2014): rows = Ti input channels, columns = Tn outputs. Its loops for a convolution
are, from the outermost: output row and column, tiles of Tn outputs, kernel row and column, tiles of Ti channels. So a
window's channels come innermost ("RSC"), a tile of outputs is finished before the next begins, and partial sums never
leave their Tn registers.

A fold is one tile of outputs at one place: R S ceil(C / Ti) cycles. A value entering in cycle t is multiplied in t,
passes the ceil(log2 Ti) levels of the tree in the cycles after that and is accumulated in the next; an accumulator adds
once a cycle, so folds follow each other without a gap. The surprise: nothing is kept. A weight is read for every place
that it is used at, and an edge tile of few channels (the first layer has 1 or 3 of them) costs what a full one does.

There is no "scalesim" timing: that tool has systolic arrays only.
"""

from __future__ import annotations

from accel.arch.dataflows.folds import Count, Timing, checked_product, tiles, timing_model
from accel.arch.hardware import Array
from accel.arch.mapping import Loop, Schedule
from accel.loopnest import AccumulationOrder, Gemm, LoopNest

MAX_LEVELS = 62
"""Levels of a tree that are looked for: sizes come as int64 arrays, too."""


def pipelined(gemm: Gemm, rows: Count, columns: Count, window: Count = 1) -> Timing:
    """Return the cycles of Tn = columns trees of Ti = rows inputs; window: how many places of the kernel k covers."""
    groups, M, K, N = gemm
    folds = groups * M * tiles(N, columns).number
    fold = window * tiles(K // window, rows).number
    return Timing(folds, 0 * folds, folds * fold, stages(rows) - 1, (folds - 1) * fold + 1)


def stages(rows: Count) -> Count:
    """Return the depth of the pipeline: multiplier, ceil(log2(rows)) levels of adders, accumulator."""
    return 2 + sum((rows > (1 << level)) * 1 for level in range(MAX_LEVELS))


TIMINGS = {"pipelined": pipelined}


def schedule(nest: LoopNest, array: Array) -> Schedule:
    """Map a nest: tiles of C over rows, of N over columns; one output place after another.

    Inputs are read again for every tile of columns, weights and biases for every place. Raises ConfigError for what
    cannot be mapped.
    """
    gemm = checked_product(nest, array)
    groups, M, K, N = gemm
    timing_model(array, TIMINGS)
    timing = pipelined(gemm, array.rows, array.columns, nest.R * nest.S)
    channels, outputs = tiles(nest.C, array.rows), tiles(N, array.columns)
    reads = {"input": groups * M * K * outputs.number, "weight": groups * M * K * N}
    return Schedule(
        dataflow="adder-tree",
        timing=array.timing,
        loops=(
            Loop("G", groups, 1, "temporal"),
            Loop("NPQ", M, 1, "temporal"),
            Loop("K", N, outputs.first, "temporal"),
            Loop("R", nest.R, 1, "stream"),
            Loop("S", nest.S, 1, "stream"),
            Loop("C", nest.C, channels.first, "stream"),
            Loop("C", channels.first, 1, "rows"),
            Loop("K", outputs.first, 1, "columns"),
        ),
        folds=timing.folds,
        fill_cycles=timing.fill,
        steady_cycles=timing.steady,
        drain_cycles=timing.drain,
        result_cycles=timing.results,
        last_results=outputs.last,
        last_result_cycles=1,
        mapping_efficiency=nest.C * N / (channels.number * outputs.number * array.pes),
        order=AccumulationOrder(group=array.rows, loops="RSC", bias_first=array.bias_first),
        first_fold={"input": K, "weight": outputs.first * K},
        sram_reads=reads | ({"bias": groups * M * N} if nest.has_bias else {}),
        sram_writes={"output": groups * M * N},
    )
