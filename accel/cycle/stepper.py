"""`step`: one layer on one array, register by register, in the bits of its accumulators.

Time and sums come from the same walk. The array is stepped as causal hardware whatever timing model it names; the
closed form that its cycles equal is "pipelined" (`accel.arch.dataflows`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.arch.dataflows.folds import checked_product
from accel.arch.hardware import Array
from accel.cycle import systolic, trees
from accel.cycle.product import Codes, Product, as_nest, operands_of, outputs_of, window_of
from accel.cycle.trace import MAX_VALUES, Field, Kind, Trace, trace_of
from accel.errors import ConfigError, DataError, suggestion
from accel.loopnest import AccumulationOrder, Gemm, LoopNest
from accel.numeric.accumulator import Accumulator
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat
from accel.numeric.sums import SumPlan, plan_sums
from accel.ops.sums import steps_of
from kernels.systolic import Stepped

Sums = NDArray[np.int64]


@dataclass(frozen=True)
class Stepper:
    """How one dataflow is stepped.

    order: in which order its registers add. run: (product, array, pipeline registers, recordings) -> what it did and
    the sums (G, M, N). fields: what a recording of a cycle holds. registers: how many pipeline registers it has unless
    told otherwise, None for an array without a pipeline to choose.
    """

    order: Callable[[Array], AccumulationOrder]
    run: Callable[[Product, Array, int, Sums], tuple[Stepped, Sums]]
    fields: Callable[[Array, int], tuple[Field, ...]]
    registers: Callable[[Array], int] | None = None


STEPPERS: Mapping[str, Stepper] = {
    "os": Stepper(systolic.chain, systolic.step_outputs_kept, systolic.outputs_kept_fields),
    "ws": Stepper(systolic.folded, systolic.step_weights_kept, systolic.weights_kept_fields),
    "is": Stepper(systolic.folded, systolic.step_inputs_kept, systolic.inputs_kept_fields),
    "adder-tree": Stepper(trees.channels_innermost, trees.step_adder_tree, trees.fields, trees.own_registers),
    "conv-engine": Stepper(trees.channels_outermost, trees.step_conv_engine, trees.fields, trees.own_registers),
}


@dataclass(frozen=True)
class StepResult:
    """What an array did. One PE-cycle is one processing element for one cycle, busy or not.

    cycles: first operand in to last output out, inclusive. result_cycles: first output to last, inclusive. outputs:
    int64 codes of `format` before the layer's output cast, shaped as the nest's outputs, (G, M, N) for a product.
    overflows: additions out of the accumulator's range. order: in which the array added. trace: None unless traced.
    """

    array: Array
    cycles: int
    result_cycles: int
    outputs: Sums
    format: QFormat
    overflows: int
    order: AccumulationOrder
    trace: Trace | None

    @property
    def pe_cycles(self) -> int:
        """Processing elements times cycles."""
        return self.array.pes * self.cycles


def step(
    work: LoopNest | Gemm,
    array: Array,
    x: FxArray,
    weight: FxArray,
    bias: FxArray | None,
    accumulator: Accumulator,
    *,
    registers: int | None = None,
    traced: bool = False,
) -> StepResult:
    """Step one layer or one matrix product through an array.

    Of a nest: x (N, G C, height, width) or (N, G C), weight (G K, C, R, S) or (G K, C). Of a product: x (G, M, K),
    weight (G, N, K), the axis G left out where G = 1. bias: (G K,) or None. registers: pipeline registers between
    operands and accumulators of an array of adder trees, instead of one for every operation. traced: keep all registers
    of all cycles.

    Raises ConfigError for a dataflow that is not stepped, for an array or a product without extent, for sums that the
    accumulator cannot be proved to compute, and for a trace that is too large; DataError for operands that do not fit.
    """
    stepper = _checked(work, array)
    fields, filters = operands_of(work, x, weight)
    weights = FxArray.trusted(filters.reshape(-1, *window_of(work)), weight.format)
    if bias is not None and bias.shape != (len(weights),):
        raise DataError(f"biases of shape {bias.shape} do not fit; this product wants {(len(weights),)}")
    plan = plan_sums("step", x.format, weights, bias, accumulator, stepper.order(array))
    return _run(work, array, (fields, filters), (x.format.width, weight.format.width), plan, registers, traced)


def step_layer(
    nest: LoopNest,
    array: Array,
    x: FxArray,
    weight: FxArray,
    plan: SumPlan,
    *,
    registers: int | None = None,
    traced: bool = False,
) -> StepResult:
    """Step a layer whose sums are planned already, as `accel.runner.program.lower` does. Raises what `step` does.

    The array adds in its own order, which a plan from the array's schedule has too.
    """
    _checked(nest, array)
    operands = operands_of(nest, x, weight)
    return _run(nest, array, operands, (x.format.width, weight.format.width), plan, registers, traced)


def _checked(work: LoopNest | Gemm, array: Array) -> Stepper:
    """Return the array's stepper. Raises ConfigError when there is none, or nothing to step."""
    if array.dataflow not in STEPPERS:
        raise ConfigError(f"'{array.dataflow}' is not stepped.{suggestion(array.dataflow, STEPPERS)}")
    nest = as_nest(work)
    if nest.engine != "array":
        raise ConfigError(f"{nest.function or nest.engine} is not done by the array; step a layer of products")
    checked_product(nest, array)
    return STEPPERS[array.dataflow]


def _run(
    work: LoopNest | Gemm,
    array: Array,
    operands: tuple[Codes, Codes],
    widths: tuple[int, int],
    plan: SumPlan,
    registers: int | None,
    traced: bool,
) -> StepResult:
    stepper = STEPPERS[array.dataflow]
    depth = _depth(stepper, array, registers)
    groups = len(operands[0])
    product = Product(*operands, plan.bias.reshape(groups, -1), steps_of(plan), window_of(work))
    stepped, sums = stepper.run(product, array, depth, np.zeros((0, 0), dtype=np.int64))
    assert stepped.conflicts == 0, f"two values met in one register of {array}"
    trace = None
    if traced:
        fields = stepper.fields(array, depth)
        recordings = _room(stepped.cycles, sum(field.size for field in fields), array)
        stepper.run(product, array, depth, recordings)
        bits = {
            Kind.INPUT: widths[0],
            Kind.WEIGHT: widths[1],
            Kind.PRODUCT: 64,  # what it is computed in; hardware needs as many as the formats ask for
            Kind.SUM: plan.accumulator.width,
            Kind.FLAG: 1,
        }
        trace = trace_of(recordings, fields, bits, plan.low, plan.accumulator.max_code)
    return StepResult(
        array,
        int(stepped.cycles),
        int(stepped.cycles - stepped.first_output),
        outputs_of(work, sums),
        plan.accumulator,
        int(stepped.overflows),
        stepper.order(array),
        trace,
    )


def _depth(stepper: Stepper, array: Array, registers: int | None) -> int:
    """Return how many pipeline registers there are. Raises ConfigError for a choice that the array does not have."""
    if stepper.registers is None:
        if registers is not None:
            raise ConfigError(f"the registers of '{array.dataflow}' are those of its array; leave their number out")
        return 0
    if registers is not None and registers < 0:
        raise ConfigError(f"{registers} pipeline registers cannot be built; use 0 or more")
    return stepper.registers(array) if registers is None else registers


def _room(cycles: int, cells: int, array: Array) -> Sums:
    """Return an array (cycles, cells) for a trace. Raises ConfigError when it would be too large."""
    if cycles * cells > MAX_VALUES:
        raise ConfigError(
            f"a trace of {cycles} cycles of {array.rows} x {array.columns} PEs has {cycles * cells} values; "
            f"{MAX_VALUES} are the most that is kept: trace a smaller array or product"
        )
    return np.zeros((cycles, cells), dtype=np.int64)
