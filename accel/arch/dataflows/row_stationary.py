"""Row-stationary array: a PE keeps kernel rows and slides input rows over them; sums move up the columns.

Eyeriss (Chen et al., IEEE JSSC 52(1), 2017): rows x columns of PEs, 12 x 14 on the chip. What a pass is, what bounds it
and how its parameters are found: `row_mapping`. Passes follow each other, from the outermost: groups, tiles of n
images, strips of e output rows, m filters, q r channels, p t filters of the m.

Order of additions of one output: a PE adds the products of its kernel row over its q channels, column by column, a
chain from zero; the R PEs of a set's column, and then the next set with other channels, add their sums to what came
from below, which began as the partial sum of the pass before. So blocks of q channels come outermost, then kernel rows,
and q S products at a time are one addition ("CRSc"). That the lowest PE holds kernel row 0, and that a PE takes its
channels innermost (its registers shift by whole columns of q channels), is assumed.

Cycles: a pass loads its weights, then the first window of every input row, then multiplies, then its last sums leave;
nothing of this overlaps. What this leaves out: the adder of a PE is taken to find time for the sum from below, zeros
are multiplied, and DRAM never makes a pass wait. The surprise: a layer of one channel per group (depthwise) uses one
set, R rows of PEs of the whole array.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accel.arch.dataflows.folds import Count, Timing, checked_product, minimum, tiles, timing_model
from accel.arch.dataflows.row_mapping import (
    Mapping,
    Pass,
    best_mapping,
    input_rows,
    one_pass,
    passes,
    row_words,
    words,
)
from accel.arch.hardware import Array
from accel.arch.mapping import Loop, Schedule
from accel.loopnest import AccumulationOrder, Gemm, LoopNest


def cycles(nest: LoopNest, mapping: Mapping) -> Timing:
    """Return the cycles of a layer by its mapping; the mapping may hold arrays.

    The first sum is finished in the first pass over the last channels, by the q S - 1 rounds of p products before it,
    its own, and the way up the sets.
    """
    number = fill = steady = drain = 0 * mapping.n
    for count, one in passes(nest, mapping):
        number, fill = number + count, fill + count * one.fill
        steady, drain = steady + count * one.steady, drain + count * one.drain
    filters, channels = tiles(nest.K, mapping.p * mapping.t), tiles(nest.C, mapping.q * mapping.r)
    image, strip = minimum(nest.N, mapping.n), minimum(nest.P, mapping.e)
    kept = tiles(minimum(mapping.m, nest.K), mapping.p * mapping.t)
    unfinished = 0 * mapping.n
    for count, extent in ((kept.number - 1, filters.first), (1, kept.last)):
        one = one_pass(nest, mapping, image, strip, extent, channels.first)
        unfinished = unfinished + (channels.number - 1) * count * one.total
    first = one_pass(nest, mapping, image, strip, filters.first, channels.last)
    unfinished = unfinished + _before_first(nest, mapping, first, filters.first, channels.last)
    return Timing(number, fill, steady, drain, fill + steady + drain - unfinished)


def _before_first(nest: LoopNest, mapping: Mapping, one: Pass, filters: Count, channels: Count) -> Count:
    """Return the cycles of a pass before its first sum is finished: all but the last round of p products, the sets."""
    p, q = minimum(mapping.p, filters), minimum(mapping.q, channels)
    return one.fill + p * (q * nest.S - 1) + -(-channels // mapping.q) * nest.R


def _last_results(nest: LoopNest, mapping: Mapping) -> tuple[int, int]:
    """Return the sums that the last pass finishes, and from its first to its last one the cycles."""
    filters, channels = tiles(nest.K, mapping.p * mapping.t).last, tiles(nest.C, mapping.q * mapping.r).last
    images, rows = tiles(nest.N, mapping.n).last, tiles(nest.P, mapping.e).last
    one = one_pass(nest, mapping, images, rows, filters, channels)
    return images * rows * nest.Q * filters, one.total - _before_first(nest, mapping, one, filters, channels)


def pipelined(gemm: Gemm, rows: Count, columns: Count, nest: LoopNest | None = None) -> Timing:
    """Return the cycles of the best mapping on rows x columns PEs.

    A product without its nest is a dense layer with a batch of m. Arrays of products or sizes are searched one by one,
    for the search, not the cycles, is what takes the time.
    """
    if all(isinstance(value, int) for value in (*gemm, rows, columns)):
        layer = nest or LoopNest("array", N=gemm.m, G=gemm.groups, C=gemm.k, K=gemm.n)
        return cycles(layer, best_mapping(layer, rows, columns))
    every = np.broadcast_arrays(*gemm, rows, columns)
    each = zip(*(values.ravel().tolist() for values in every), strict=True)
    found = [pipelined(Gemm(*one[:4]), one[4], one[5], nest) for one in each]
    return Timing(*(np.array(field).reshape(every[0].shape) for field in zip(*found, strict=True)))


TIMINGS = {"pipelined": pipelined}


def schedule(nest: LoopNest, array: Array) -> Schedule:
    """Map a nest by its best mapping. Raises ConfigError for a layer that the array or its memories cannot hold."""
    checked_product(nest, array)
    timing_model(array, TIMINGS)
    mapping = best_mapping(nest, array.rows, array.columns)
    n, e, _, p, q, r, t = mapping
    timing, moved = cycles(nest, mapping), words(nest, mapping)
    compute = sum(count * one.compute for count, one in passes(nest, mapping))
    filters, channels = min(nest.K, p * t), min(nest.C, q * r)
    first = one_pass(nest, mapping, n, e, filters, channels)
    last_results, last_result_cycles = _last_results(nest, mapping)
    biases = {"bias": moved.weights // (nest.C * nest.R * nest.S)} if nest.has_bias else {}
    return Schedule(
        dataflow="row-stationary",
        timing=array.timing,
        loops=_loops(nest, mapping, array.columns),
        folds=timing.folds,
        fill_cycles=timing.fill,
        steady_cycles=timing.steady,
        drain_cycles=timing.drain,
        result_cycles=timing.results,
        last_results=last_results,
        last_result_cycles=last_result_cycles,
        mapping_efficiency=nest.macs / (array.pes * compute),
        order=AccumulationOrder(fold=q * nest.S, bias_first=array.bias_first, loops="CRSc", block=q),
        first_fold={
            "input": n * channels * input_rows(nest, e) * row_words(nest),
            "weight": filters * channels * nest.R * nest.S,
        },
        sram_reads={"input": moved.inputs, "weight": moved.weights, "partial_sum": moved.sums_in} | biases,
        sram_writes={"output": nest.outputs, "partial_sum": moved.sums_in},
        pace=_pace(first),
    )


def _pace(first: Pass) -> str:
    """Name what a whole pass takes longest for."""
    if first.steady == first.compute:
        return "compute"
    return "activations" if first.steady == first.inputs else "output bandwidth"


def _loops(nest: LoopNest, mapping: Mapping, columns: int) -> tuple[Loop, ...]:
    """Return the loops of all passes and of one pass; a set wider than the array counts as columns all the same."""
    n, e, m, p, q, r, t = mapping
    beside = min(t, max(1, columns // e))
    filters = _chain("K", nest.K, (m, p * t, p * beside, p, 1))
    channels = _chain("C", nest.C, (q * r, q, 1))
    return (
        Loop("G", nest.G, 1, "temporal"),
        Loop("N", nest.N, n, "temporal"),
        Loop("P", nest.P, e, "temporal"),
        replace(filters[0], kind="temporal"),
        replace(channels[0], kind="temporal"),
        replace(filters[1], kind="temporal"),
        replace(filters[2], kind="rows"),
        replace(channels[1], kind="rows"),
        Loop("R", nest.R, 1, "rows"),
        replace(filters[3], kind="columns"),
        Loop("P", e, 1, "columns"),
        Loop("N", n, 1, "stream"),
        Loop("Q", nest.Q, 1, "stream"),
        Loop("S", nest.S, 1, "stream"),
        replace(channels[2], kind="stream"),
        replace(filters[4], kind="stream"),
    )


def _chain(dim: str, extent: int, sizes: tuple[int, ...]) -> list[Loop]:
    """Return loops over one axis, each over the tile of the one before; their kinds are yet to be told."""
    loops = []
    for size in sizes:
        tile = min(extent, size)
        loops.append(Loop(dim, extent, tile, "stream"))
        extent = tile
    return loops
