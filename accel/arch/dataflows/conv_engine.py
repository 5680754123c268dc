"""Convolution engine <Tm, Tn>: every cycle Tn input maps meet Tm x Tn weights of one kernel position, pixel by pixel.

C. Zhang et al., "Optimizing FPGA-based Accelerator Design for Deep Convolutional Neural Networks", FPGA 2015, section
3: rows = Tn input maps, columns = Tm output maps. The loops of the proposed structure are, from the outermost: tiles of
Tm output maps, tiles of Tn input maps, kernel row i, kernel column j, output row, output column; the two loops over the
maps of a tile are unrolled into Tm trees of Tn products. The kernel loops stand outside the pixel loops so that an
output is not added to twice within the depth of the pipeline. For one output that means: channel tiles outermost, then
kernel row and column, Tn products summed exactly before they are added ("CRS").

A fold is one pair of tiles: R C K^2 steps, then the pipeline runs empty before the next pair, as loops made by
high-level synthesis do: ceil(M/Tm) ceil(N/Tn) (R C K^2 + P) cycles (R x C pixels, K x K kernel). The surprise: sums
live in the output buffer, not in registers, so every step but an output's first reads a partial sum and every step but
its last writes one. Weights stay in registers while the pixels of the batch pass; the buffers are taken to hold whole
maps (the paper's Tr = R, Tc = C).

"pipelined" derives P from what fixed-point hardware has: a multiplier, ceil(log2 Tn) levels of adders, an adder into
the buffer. "zhang2015" prints the paper's own figures (its tables of execution cycles for <64, 7>, 1 008 246 for the
five layers): P = 20 for the floating-point pipeline, and 0 where one pair of tiles is the whole layer, which is what
its table has and no pipeline can do.
"""

from __future__ import annotations

from accel.arch.dataflows.adder_tree import stages
from accel.arch.dataflows.folds import Count, Timing, checked_product, tiles, timing_model
from accel.arch.hardware import Array
from accel.arch.mapping import Loop, Schedule
from accel.loopnest import AccumulationOrder, Gemm, LoopNest

PUBLISHED_DEPTH = 20
"""P of the paper's figures, in cycles."""


def pipelined(gemm: Gemm, rows: Count, columns: Count, window: Count = 1) -> Timing:
    """Return the causal cycles of Tn = rows, Tm = columns; window: how many places of the kernel k covers."""
    return _emptied(gemm, rows, columns, window, stages(rows) - 1)


def zhang2015(gemm: Gemm, rows: Count, columns: Count, window: Count = 1) -> Timing:
    """Return the cycles that the paper prints."""
    groups, _, K, N = gemm
    is_tiled = groups * tiles(K // window, rows).number * tiles(N, columns).number > 1
    return _emptied(gemm, rows, columns, window, PUBLISHED_DEPTH * is_tiled)


def _emptied(gemm: Gemm, rows: Count, columns: Count, window: Count, depth: Count) -> Timing:
    """Return the cycles of pairs of tiles that are followed by `depth` cycles each.

    The first result leaves in the last place of the kernel of the last channel tile, `depth` cycles after it entered.
    """
    groups, M, K, N = gemm
    channels = tiles(K // window, rows).number
    folds = groups * channels * tiles(N, columns).number
    unfinished = (channels - 1) * (M * window + depth) + M * (window - 1) + depth
    return Timing(folds, 0 * folds, folds * M * window, folds * depth, folds * (M * window + depth) - unfinished)


TIMINGS = {"pipelined": pipelined, "zhang2015": zhang2015}


def schedule(nest: LoopNest, array: Array) -> Schedule:
    """Map a nest: tiles of C over rows, of N over columns; all output places stream at every kernel position.

    Inputs are read again for every tile of columns, weights and biases once. Raises ConfigError for what cannot be
    mapped.
    """
    gemm = checked_product(nest, array)
    groups, M, K, N = gemm
    window = nest.R * nest.S
    timing = timing_model(array, TIMINGS)(gemm, array.rows, array.columns, window)
    channels, outputs = tiles(nest.C, array.rows), tiles(N, array.columns)
    partial_sums = groups * M * N * (channels.number * window - 1)
    reads = {"input": groups * M * K * outputs.number, "weight": groups * K * N, "partial_sum": partial_sums}
    return Schedule(
        dataflow="conv-engine",
        timing=array.timing,
        loops=(
            Loop("G", groups, 1, "temporal"),
            Loop("K", N, outputs.first, "temporal"),
            Loop("C", nest.C, channels.first, "temporal"),
            Loop("R", nest.R, 1, "stream"),
            Loop("S", nest.S, 1, "stream"),
            Loop("NPQ", M, 1, "stream"),
            Loop("C", channels.first, 1, "rows"),
            Loop("K", outputs.first, 1, "columns"),
        ),
        folds=timing.folds,
        fill_cycles=timing.fill,
        steady_cycles=timing.steady,
        drain_cycles=timing.drain,
        result_cycles=timing.results,
        last_results=M * outputs.last,
        last_result_cycles=M,
        mapping_efficiency=nest.C * N / (channels.number * outputs.number * array.pes),
        order=AccumulationOrder(group=array.rows, loops="CRS", bias_first=array.bias_first),
        first_fold={"input": channels.first * window * M, "weight": channels.first * window * outputs.first},
        sram_reads=reads | ({"bias": groups * N} if nest.has_bias else {}),
        sram_writes={"output": groups * M * N, "partial_sum": partial_sums},
    )
