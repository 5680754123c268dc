"""How a row-stationary array is used by one layer: seven numbers, and the search that finds them.

Y.-H. Chen, T. Krishna, J. Emer, V. Sze, "Eyeriss: An Energy-Efficient Reconfigurable Accelerator for Deep Convolutional
Neural Networks", IEEE JSSC 52(1), 2017. A PE set is R rows of PEs by e columns: row r keeps kernel rows r, column i
makes output row i. Its mapping parameters, which `Mapping` keeps by their names:

    e  output rows of a set        r  sets with other channels     p  filters of a PE      m  filters with their partial
    n  images of a pass            t  sets with other filters      q  channels of a PE        sums in the global buffer

A pass computes n images, e output rows, p t filters and q r channels. What bounds them is the chip (`Chip`): register
files, where a PE keeps q S inputs, p q S weights and p sums; the array, where a set wider than the array is cut into
segments that lie above each other, and sets whose sums are added lie above each other, because sums move up columns
only; the global buffer, whose banks hold either inputs or sums; and the part of it that holds the next pass's weights.

The search is one rule for every layer. Tried are: the whole output as one strip if its set fits the array, else strips
as even as can be; every r that divides the sets above each other, t taking the rest; even tiles for p, q and n; the
largest m. Taken is the mapping with the least product of cycles and energy of moving data to and from the buffer, at
the relative costs published with the chip (what happens below the buffer depends little on the mapping). No number of
it belongs to a layer, but it was chosen among about a dozen rules with the five AlexNet layers in view. Their active
PEs come out as published, 154, 135, 156, 156, 156. For conv3 it takes r, t, q = 2, 2, 3, which has as many PEs as
1, 4, 4 and, unlike that, the measured buffer traffic.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import gcd, prod
from typing import NamedTuple, NoReturn

import numpy as np

from accel.arch.dataflows.folds import Count, maximum, minimum, tiles
from accel.errors import ConfigError
from accel.loopnest import LoopNest

DRAM_COST, BUFFER_COST = 200, 6
"""Energy of one word, relative to a multiply-accumulate (Y.-H. Chen, J. Emer, V. Sze, "Eyeriss: A Spatial Architecture
for Energy-Efficient Dataflow for Convolutional Neural Networks", ISCA 2016)."""


class Chip(NamedTuple):
    """What stands around the multipliers, in words of 16 bits.

    inputs, weights, sums: register files of a PE. banks of bank_words: the global buffer for inputs and sums;
    prefetch_words: its part for weights. Buses of so many words a cycle: weights and inputs into the array, sums in,
    sums out.
    """

    inputs: int = 12
    weights: int = 224
    sums: int = 24
    banks: int = 25
    bank_words: int = 2048
    prefetch_words: int = 4096
    weight_bus: int = 4
    input_bus: int = 1
    sum_bus: int = 4


EYERISS = Chip()
"""108 KB: 25 banks of 4 KB and 8 KB for weights. The widths of the buses, 64, 16 and 64 bits, are assumed."""


class Mapping(NamedTuple):
    """The parameters of a layer (see above): ints, or integer arrays over candidates."""

    n: Count
    e: Count
    m: Count
    p: Count
    q: Count
    r: Count
    t: Count


class Pass(NamedTuple):
    """Cycles of one pass: weights and first windows in, then as long as the slowest of the PEs, the inputs' bus and the
    buses of sums, then the last sums out.
    """

    fill: Count
    compute: Count
    inputs: Count
    sums: Count
    drain: Count

    @property
    def steady(self) -> Count:
        """From the first product to the last."""
        return maximum(self.compute, maximum(self.inputs, self.sums))

    @property
    def total(self) -> Count:
        """From the first weight in to the last sum out."""
        return self.fill + self.steady + self.drain


def span(positions: Count, size: int, stride: int, dilation: int) -> Count:
    """Return how many rows (or columns) windows at consecutive positions see, padding included.

    They lie on a lattice of gcd(stride, dilation). At most: a dilated kernel can leave holes in it.
    """
    step = gcd(stride, dilation)
    return minimum(positions * size, ((positions - 1) * stride + (size - 1) * dilation) // step + 1)


def input_rows(nest: LoopNest, output_rows: Count) -> Count:
    """Return the input rows of a strip."""
    return span(output_rows, nest.R, nest.stride[0], nest.dilation[0])


def row_words(nest: LoopNest) -> int:
    """Return the inputs of a row that any window needs."""
    return int(span(nest.Q, nest.S, nest.stride[1], nest.dilation[1]))


def one_pass(nest: LoopNest, mapping: Mapping, images: Count, rows: Count, filters: Count, channels: Count) -> Pass:
    """Return the cycles of a pass of that size, which edge passes make smaller than n, e, p t, q r.

    Weights are loaded, then the first window of every row; from then on every PE multiplies once a cycle unless a bus
    is slower. After the last product its sums move up R rows a set and leave as wide as the bus is. Passes do not
    overlap, because a PE has one register file for weights.
    """
    p, q = minimum(mapping.p, filters), minimum(mapping.q, channels)
    sets = -(-channels // mapping.q)
    strip = input_rows(nest, rows) * channels
    weights = -(-filters * channels * nest.R * nest.S // EYERISS.weight_bus)
    windows = -(-strip * nest.S // EYERISS.input_bus)
    compute = images * p * q * nest.S * nest.Q
    inputs = -(-images * strip * row_words(nest) // EYERISS.input_bus) - windows
    sums = -(-images * filters * rows * nest.Q // EYERISS.sum_bus)
    drain = sets * nest.R + -(-filters * rows // EYERISS.sum_bus) - 1
    return Pass(weights + windows, compute, inputs, sums, drain)


def passes(nest: LoopNest, mapping: Mapping) -> Iterator[tuple[Count, Pass]]:
    """Return how many passes there are of each size, and their cycles; whole tiles and the last ones of four axes."""
    axes = (
        tiles(nest.N, mapping.n),
        tiles(nest.P, mapping.e),
        tiles(nest.K, mapping.p * mapping.t),
        tiles(nest.C, mapping.q * mapping.r),
    )
    whole_and_last = [((axis.number - 1, axis.first), (1, axis.last)) for axis in axes]
    for sizes in product(*whole_and_last):
        yield nest.G * prod(number for number, _ in sizes), one_pass(nest, mapping, *(extent for _, extent in sizes))


class Words(NamedTuple):
    """Words between array and global buffer by operand; dram: between that and DRAM, weights passing through."""

    inputs: Count
    weights: Count
    sums_in: Count
    dram: Count


def words(nest: LoopNest, mapping: Mapping) -> Words:
    """Return what is moved: inputs for every tile of filters, weights for every strip and tile of images, sums for
    every tile of channels. From DRAM inputs come for every m filters.
    """
    strips = tiles(nest.P, mapping.e)
    rows = (strips.number - 1) * input_rows(nest, strips.first) + input_rows(nest, strips.last)
    inputs = nest.N * nest.G * nest.C * rows * row_words(nest)
    weights = nest.weights * strips.number * tiles(nest.N, mapping.n).number
    sums_in = nest.outputs * (tiles(nest.C, mapping.q * mapping.r).number - 1)
    return Words(
        inputs * tiles(nest.K, mapping.p * mapping.t).number,
        weights,
        sums_in,
        inputs * tiles(nest.K, mapping.m).number + weights + nest.outputs,
    )


@lru_cache(maxsize=4096)
def best_mapping(nest: LoopNest, rows: int, columns: int) -> Mapping:
    """Return the mapping of a layer on an array. Raises ConfigError when the layer has none, with the sizes."""
    found = list(_candidates(nest, rows, columns))
    if not found:
        _refuse(nest, rows)
    candidates = Mapping(*np.array(found, dtype=np.int64).T)
    moved = words(nest, candidates)
    buffer = moved.inputs + moved.weights + 2 * moved.sums_in + nest.outputs
    cycles = sum(number * one.total for number, one in passes(nest, candidates))
    cost = (DRAM_COST * moved.dram + BUFFER_COST * buffer).astype(np.float64) * cycles
    return Mapping(*found[int(np.argmin(cost))])


def stacked_sets(e: int, bands: int, columns: int) -> tuple[int, int]:
    """Return how many sets of e columns stand side by side and how many above each other, in `bands` of R rows."""
    return (columns // e, bands) if e <= columns else (1, bands // -(-e // columns))


def _candidates(nest: LoopNest, rows: int, columns: int) -> Iterator[Mapping]:
    """Yield every mapping that is tried and fits the chip."""
    bands = rows // nest.R
    is_whole = -(-nest.P // columns) <= bands
    for e in [nest.P] if is_whole else _even(nest.P, bands * columns):
        side, stack = stacked_sets(e, bands, columns)
        for r in (r for r in range(1, min(stack, nest.C) + 1) if stack % r == 0):
            t = min(nest.K, side) * max(1, min(stack // r, nest.K // side))
            for q, p in product(_even(-(-nest.C // r), EYERISS.inputs // nest.S), _even(-(-nest.K // t), EYERISS.sums)):
                if max(p * q * nest.S - EYERISS.weights, p * t * q * r * nest.R * nest.S - EYERISS.prefetch_words) > 0:
                    continue
                for n in _even(nest.N, nest.N):
                    m = _kept_filters(nest, n, e, q * r, p * t)
                    if m:
                        yield Mapping(n, e, m, p, q, r, t)


def _kept_filters(nest: LoopNest, n: int, e: int, channels: int, filters: int) -> int:
    """Return m: the filters whose sums fit the banks beside the inputs of a pass, in whole passes; 0: not even one."""
    input_banks = -(-n * channels * input_rows(nest, e) * row_words(nest) // EYERISS.bank_words)
    fitting = (EYERISS.banks - input_banks) * EYERISS.bank_words // (n * e * nest.Q)
    return nest.K if fitting >= nest.K else max(0, fitting // filters * filters)


@lru_cache(maxsize=4096)
def _even(extent: int, largest: int) -> tuple[int, ...]:
    """Return the tile sizes up to `largest` that cut an axis as evenly as can be, each number of tiles once."""
    return tuple(size for size in range(1, min(extent, largest) + 1) if -(-extent // -(-extent // size)) == size)


def _refuse(nest: LoopNest, rows: int) -> NoReturn:
    """Raise ConfigError with the first limit that not even the smallest pass keeps."""
    height, width = nest.R, nest.S
    if height > rows:
        raise ConfigError(
            f"a kernel of {height} rows needs {height} rows of PEs, the array has {rows}; use array.rows = {height}"
        )
    if width > EYERISS.inputs:
        raise ConfigError(
            f"a kernel row of {width} weights needs {width} words of every PE's input registers, there are "
            f"{EYERISS.inputs}; use another dataflow"
        )
    raise ConfigError(
        f"the smallest pass needs {height} rows of {row_words(nest)} inputs and one of {nest.Q} sums, in different "
        f"banks, and {height * width} weights; the global buffer has {EYERISS.banks} banks of {EYERISS.bank_words} "
        f"words and {EYERISS.prefetch_words} words for weights; use another dataflow"
    )
