"""Vector lanes: rows x columns lanes, each with one output of its own: the plain many-core baseline.

A lane multiplies, and adds in the cycle after, one pair of operands a cycle, in the order in which weights are stored;
so a sum is a plain chain. Outputs are dealt to the lanes in the order in which they are stored (images, groups,
filters, rows, columns), so that groups and depthwise layers fill the lanes as any other layer does. The surprise:
nothing is shared or kept but the sum. Every lane fetches both operands of every product, which is what the other arrays
avoid, and what their traffic may be held against.

Lanes also compare and add without multiplying: pooling windows and sums of tensors need no unit of their own here. An
average takes one step more, its division being a multiplication; the root of an l2 pooling is a unit's.
"""

from __future__ import annotations

from accel.arch.dataflows.folds import Count, Timing, checked_product, minimum, timing_model
from accel.arch.hardware import Array
from accel.arch.mapping import Loop, Schedule
from accel.errors import ConfigError
from accel.loopnest import AccumulationOrder, Gemm, LoopNest

EXTRA_STEPS = {("pooling", "max"): 0, ("pooling", "average"): 1, ("elementwise", "add"): 0}
"""What lanes do besides products, and the steps beyond one for every value."""


def pipelined(gemm: Gemm, rows: Count, columns: Count) -> Timing:
    """Return the cycles of rows x columns lanes with one output each."""
    groups, M, K, N = gemm
    folds = -(-groups * M * N // (rows * columns))
    return Timing(folds, 0 * folds, folds * K, 1 + 0 * folds, (folds - 1) * K + 1)


TIMINGS = {"pipelined": pipelined}


def schedule(nest: LoopNest, array: Array) -> Schedule:
    """Deal the outputs of a nest to the lanes: products, pooling windows or sums of tensors.

    Raises ConfigError for what lanes do not do and for what cannot be mapped.
    """
    values, steps = _values_and_steps(nest)
    gemm = checked_product(nest, array)._replace(k=steps)
    cycles = timing_model(array, TIMINGS)(gemm, array.rows, array.columns)
    outputs = nest.outputs
    lanes = minimum(outputs, array.pes)
    columns = minimum(lanes, array.columns)
    reads = {"input": outputs * values, "weight": outputs * values if nest.engine == "array" else 0}
    reduced = Loop("operand" if nest.engine == "elementwise" else "CRS", values, 1, "stream")
    return Schedule(
        dataflow="vector",
        timing=array.timing,
        loops=(
            Loop("NGKPQ", outputs, lanes, "temporal"),
            reduced,
            Loop("NGKPQ", lanes, columns, "rows"),
            Loop("NGKPQ", columns, 1, "columns"),
        ),
        folds=cycles.folds,
        fill_cycles=cycles.fill,
        steady_cycles=cycles.steady,
        drain_cycles=cycles.drain,
        result_cycles=cycles.results,
        last_results=outputs - (cycles.folds - 1) * lanes,
        last_result_cycles=1,
        mapping_efficiency=outputs / (cycles.folds * array.pes),
        order=AccumulationOrder(bias_first=array.bias_first),
        first_fold={operand: count * lanes // outputs for operand, count in reads.items()},
        sram_reads=reads | ({"bias": outputs} if nest.has_bias else {}),
        sram_writes={"output": outputs},
    )


def _values_and_steps(nest: LoopNest) -> tuple[int, int]:
    """Return the values that make one output, and the steps that a lane needs for them."""
    if nest.engine == "array":
        return nest.gemm.k, nest.gemm.k
    task = (nest.engine, nest.function)
    if task not in EXTRA_STEPS:
        known = ", ".join(f"{engine} '{function}'" for engine, function in EXTRA_STEPS)
        raise ConfigError(
            f"lanes do products, {known}, not {nest.engine} '{nest.function}'; give the machine a unit for it"
        )
    values = nest.operands * nest.R * nest.S
    return values, values + EXTRA_STEPS[task]
