"""A line of a SCALE-Sim 3.0.0 COMPUTE_REPORT: its cycles and percentages, for comparing with its files.

They are its definitions, not ours: its total is the index of the last cycle, one less than a count, and our utilization
is MACs / (PEs * total cycles), a fraction. Stalls are left out, as the tool does with InterfaceBandwidth = CALC. Only
single products on its three dataflows, as its topology files have them. Checked against the tool: tests/arch, and
benchmarks/bench_scalesim.py.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat
from typing import NamedTuple

from accel.arch.dataflows import input_stationary, output_stationary, weight_stationary
from accel.arch.dataflows.folds import Tiles, TimingModel, tiles
from accel.arch.hardware import Array, Memory
from accel.arch.scalesim_dram import SMALLEST_BUFFER_WORDS, Blocks, read_start, write_stop
from accel.errors import ConfigError, suggestion
from accel.loopnest import Gemm, LoopNest

_CYCLES: dict[str, TimingModel] = {
    "os": output_stationary.scalesim,
    "ws": weight_stationary.scalesim,
    "is": input_stationary.scalesim,
}

_LONGEST_SUM = 10_000_000
"""Folds up to which means are summed as the tool sums them; none of its runs gets there."""


class Percentages(NamedTuple):
    """0..100, by the names of its columns: "Overall Util %", "Mapping Efficiency %", "Compute Util %"."""

    overall_util: float
    mapping_efficiency: float
    compute_util: float


class ComputeLine(NamedTuple):
    """The columns of its report after the layer's number; prefetched_cycles: "Total Cycles (incl. prefetch)"."""

    prefetched_cycles: int
    total_cycles: int
    stall_cycles: int
    overall_util: float
    mapping_efficiency: float
    compute_util: float


class _Mapped(NamedTuple):
    """What lies over the rows and the columns of the array and what streams; the skew of its compute utilization."""

    over_rows: int
    over_columns: int
    streamed: int
    skew: int


def scalesim_percentages(dataflow: str, gemm: Gemm, rows: int, columns: int, total_cycles: int) -> Percentages:
    """Return what it would print for one product on an R x C array; total_cycles includes stalls.

    Overall: 100 MNK / (total R C). Mapping: unweighted mean over folds of used PEs / PEs. Compute: that times T / D,
    T the streamed length, D = R + C + T - 2 (os) or 2R + 2C + T - 3 (ws, is). Raises ConfigError for another dataflow.
    """
    over_rows, over_columns, streamed, skew = _mapped(dataflow, gemm, rows, columns)
    pes, spent = rows * columns, streamed + skew
    down, across = tiles(over_rows, rows), tiles(over_columns, columns)
    return Percentages(
        100 * gemm.m * gemm.n * gemm.k / (total_cycles * pes),
        100 * _mean(lambda used: used / pes, down, across),
        100 * _mean(lambda used: used * streamed / (pes * spent), down, across),
    )


def check_machine(array: Array, memory: Memory) -> None:
    """Raise ConfigError for a machine that the tool does not have, all that is wrong at once."""
    problems = []
    if array.dataflow not in _CYCLES:
        problems.append(f"SCALE-Sim has no dataflow '{array.dataflow}'.{suggestion(array.dataflow, _CYCLES)}")
    buffers = (("input", memory.input_bytes), ("weight", memory.weight_bytes), ("output", memory.output_bytes))
    problems += [
        f"memory.{name}_bytes = {words} is too small for SCALE-Sim; use {SMALLEST_BUFFER_WORDS} or more"
        for name, words in buffers
        if words < SMALLEST_BUFFER_WORDS
    ]
    if problems:
        raise ConfigError(problems)


def compute_line(nest: LoopNest, array: Array, memory: Memory) -> ComputeLine:
    """Return what it would print for a layer on an array, whatever the array's own timing model.

    The buffers only move the column with prefetches; a byte is one of its words. Raises ConfigError for a dataflow, a
    layer or a machine of which it has no report.
    """
    check_machine(array, memory)
    gemm = nest.gemm
    mapped = _mapped(array.dataflow, gemm, array.rows, array.columns)
    if nest.engine != "array" or gemm.groups != 1 or nest.N != 1:
        raise ConfigError("SCALE-Sim knows single products of one input; leave out groups, batches and other layers")
    total_cycles = int(_CYCLES[array.dataflow](gemm, array.rows, array.columns).total)
    if not total_cycles:
        raise ConfigError(
            "one multiplication on one PE takes SCALE-Sim 0 cycles, and it fails dividing by them; use a larger array"
        )
    percentages = scalesim_percentages(array.dataflow, gemm, array.rows, array.columns, total_cycles)
    prefetched_cycles = _prefetched_cycles(nest, mapped, array, memory, total_cycles)
    return ComputeLine(prefetched_cycles, total_cycles, 0, *percentages)


def _mapped(dataflow: str, gemm: Gemm, rows: int, columns: int) -> _Mapped:
    _, M, K, N = gemm
    stationary_skew = 2 * rows + 2 * columns - 3
    mapped = {
        "os": _Mapped(M, N, K, rows + columns - 2),
        "ws": _Mapped(K, N, M, stationary_skew),
        "is": _Mapped(K, M, N, stationary_skew),
    }
    if dataflow not in mapped:
        raise ConfigError(f"SCALE-Sim has no dataflow '{dataflow}'.{suggestion(dataflow, mapped)}")
    return mapped[dataflow]


def _mean(value: Callable[[int], float], down: Tiles, across: Tiles) -> float:
    """Return the mean over folds of `value(used PEs)`, with the rounding of the tool: one sum over all of its folds.

    The sum is Python's own, as in the tool: from Python 3.12 on it loses no digits, before it loses some.
    """

    def column_of_folds(width: int) -> list[float]:
        return [value(down.first * width)] * (down.number - 1) + [value(down.last * width)]

    folds = int(down.number * across.number)
    if folds > _LONGEST_SUM:
        column = int(down.first * (down.number - 1) + down.last)
        return value(column * int(across.first * (across.number - 1) + across.last)) / folds
    strips = chain(repeat(column_of_folds(across.first), across.number - 1), [column_of_folds(across.last)])
    return sum(chain.from_iterable(strips)) / folds


def _prefetched_cycles(nest: LoopNest, mapped: _Mapped, array: Array, memory: Memory, total_cycles: int) -> int:
    """Return the cycles from the first word read from DRAM to the last one written."""
    rows, columns = array.rows, array.columns
    if array.dataflow == "os":
        first = {"input": 0, "weight": 0}
        heights, repeats, lag_cycles, height_limit = tiles(mapped.over_rows, rows), 1, mapped.streamed - 1, rows
    else:
        held, streamed = ("weight", "input") if array.dataflow == "ws" else ("input", "weight")
        # What is held enters from its last row on, the array's idle rows before it; the stream follows after all rows.
        first = {held: rows - min(rows, mapped.over_rows), streamed: rows}
        heights, height_limit = Tiles(1, mapped.streamed, mapped.streamed), mapped.streamed
        repeats, lag_cycles = tiles(mapped.over_rows, rows).number, 2 * rows - 1
    widths = tiles(mapped.over_columns, columns)
    folds = heights.number * widths.number * repeats
    blocks = Blocks((total_cycles + 1) // folds, lag_cycles, heights, widths, repeats, height_limit)
    start = min(
        read_start(nest.inputs, first["input"], memory.input_bytes),
        read_start(nest.weights, first["weight"], memory.weight_bytes),
    )
    return write_stop(blocks, columns, memory.output_bytes, total_cycles) - start
