"""A product of random codes on a machine's array, and the record of what came out beside the other two rungs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from accel.accelerator import Accelerator
from accel.arch.dataflows import schedule
from accel.arch.hardware import Array
from accel.cycle.exact import exact_outputs
from accel.cycle.stepper import StepResult, step
from accel.cycle.trace import EMPTY
from accel.errors import ConfigError
from accel.loopnest import LoopNest
from accel.numeric.accumulator import Accumulator
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat

MAX_CODES = 1 << 26
"""Inputs, weights and outputs that an experiment may have: half a gigabyte."""

MAX_COMPARED_PRODUCTS = 1 << 15
"""Multiplications up to which the sums are also made in Python integers."""


@dataclass(frozen=True)
class Experiment:
    """A layer, the array that does it, how that adds, and codes; shapes are those of `accel.cycle.step`."""

    nest: LoopNest
    array: Array
    accumulator: Accumulator
    x: FxArray
    weight: FxArray
    bias: FxArray | None

    def step(self, registers: int | None, *, traced: bool) -> StepResult:
        """Step it. Raises what `accel.cycle.step` does."""
        return step(
            self.nest,
            self.array,
            self.x,
            self.weight,
            self.bias,
            self.accumulator,
            registers=registers,
            traced=traced,
        )


def random_experiment(machine: Accelerator, nest: LoopNest, max_code: int, seed: int) -> Experiment:
    """Draw codes up to max_code, as far as formats hold them: inputs as the machine's activations are, weights, and
    biases at the accumulator's point. Raises ConfigError for a layer too large to hold.
    """
    codes = nest.G * (nest.gemm.m * nest.gemm.k + nest.gemm.k * nest.K + nest.gemm.m * nest.K)
    if codes > MAX_CODES:
        raise ConfigError(f"a product of {codes} inputs, weights and outputs is too large; {MAX_CODES} are the most")
    bits = machine.numerics.defaults
    rng = np.random.default_rng(seed)

    def draw(target: QFormat, *shape: int) -> FxArray:
        low, high = max(-max_code, target.min_code), min(max_code, target.max_code)
        return FxArray(rng.integers(low, high, shape, endpoint=True), target)

    x = draw(bits.output.format, nest.N, nest.G * nest.C, nest.height, nest.width)
    weight = draw(bits.weight.format, nest.G * nest.K, nest.C, nest.R, nest.S)
    held = bits.accumulator.resolve(x.format.frac_bits + weight.format.frac_bits)
    bias = draw(held, nest.G * nest.K) if nest.has_bias else None
    return Experiment(nest, machine.architecture.array, bits.accumulator, x, weight, bias)


def record(
    machine: Accelerator, experiment: Experiment, result: StepResult, registers: int | None, shown: Sequence[int]
) -> dict[str, Any]:
    """Return what was stepped, what came out, and all codes of the cycles `shown`, of a traced result.

    closed_form_cycles: None when the pipeline was given another depth. outputs_are_exact: held against exact
    arithmetic, None for products that are too large for it.
    """
    nest, array, rule = experiment.nest, experiment.array, experiment.accumulator
    is_exact = None
    if nest.macs <= MAX_COMPARED_PRODUCTS:
        bias = None if experiment.bias is None else experiment.bias.codes.astype(np.int64)
        exact = exact_outputs(nest, experiment.x, experiment.weight, bias, rule, result.order)
        is_exact = bool(np.array_equal(exact, result.outputs))
    document: dict[str, Any] = {
        "accelerator": machine.name,
        "dataflow": array.dataflow,
        "rows": array.rows,
        "columns": array.columns,
        "product": {**nest.gemm._asdict(), "window": [nest.R, nest.S]},
        "formats": {
            "input": str(experiment.x.format),
            "weight": str(experiment.weight.format),
            "accumulator": str(result.format),
        },
        "accumulator": {"mode": rule.mode.value, "overflow": rule.overflow.name, "rounding": rule.rounding.name},
        "order": asdict(result.order),
        "cycles": result.cycles,
        "closed_form_cycles": schedule(nest, array).compute_cycles if registers is None else None,
        "result_cycles": result.result_cycles,
        "macs": nest.macs,
        "pe_cycles": result.pe_cycles,
        "utilization": nest.macs / result.pe_cycles,
        "overflows": result.overflows,
        "outputs_are_exact": is_exact,
    }
    return document | (_codes(experiment, result, shown) if shown else {})


def _codes(experiment: Experiment, result: StepResult, shown: Sequence[int]) -> dict[str, Any]:
    """Return operands, outputs and the registers of some cycles; a register that holds nothing is None."""
    assert result.trace is not None
    return {
        "x": experiment.x.codes.tolist(),
        "weight": experiment.weight.codes.tolist(),
        "bias": None if experiment.bias is None else experiment.bias.codes.tolist(),
        "outputs": result.outputs.tolist(),
        "trace": [
            {"cycle": cycle}
            | {name: _plain(signal.codes[cycle].tolist()) for name, signal in result.trace.signals.items()}
            for cycle in shown
        ],
    }


def _plain(codes: Any) -> Any:
    """Return nested lists with None for EMPTY."""
    if isinstance(codes, list):
        return [_plain(code) for code in codes]
    return None if codes == EMPTY else codes
