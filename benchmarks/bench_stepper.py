"""How fast arrays are stepped: `python benchmarks/bench_stepper.py [--quick]`.

One PE-cycle is one processing element for one cycle, with all its registers. Products of random codes in a 40-bit
saturating accumulator, one thread; sums and cycles are checked against a matrix product and the closed form.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import alone, options, tell, write

from accel.arch.dataflows import schedule
from accel.arch.hardware import Array
from accel.cycle import STEPPERS, step
from accel.cycle.product import as_nest
from accel.loopnest import Gemm
from accel.numeric.accumulator import Accumulator
from accel.numeric.array import FxArray
from kernels.modes import Overflow

SIDES = (8, 16, 32, 128)
STREAMED = 4096
RULE = Accumulator(40, overflow=Overflow.SAT)


def work_for(dataflow: str, side: int) -> Gemm:
    """A product of four folds and more, whose streamed axis is long."""
    m, k, n = {"os": (2 * side, STREAMED, 2 * side), "is": (2 * side, 2 * side, STREAMED)}.get(
        dataflow, (STREAMED, 2 * side, 2 * side)
    )
    return Gemm(1, m, k, n)


def rate(dataflow: str, side: int, runs: int) -> dict[str, Any]:
    """Time one array, operands laid out and plan made included."""
    rng = np.random.default_rng(1)
    work, array = work_for(dataflow, side), Array(dataflow, side, side)
    x, weight = (FxArray(rng.integers(-500, 500, (rows, work.k)), "Q6.10") for rows in (work.m, work.n))
    result = step(work, array, x, weight, None, RULE)
    assert np.array_equal(result.outputs[0], x.codes.astype(np.int64) @ weight.codes.T.astype(np.int64))
    assert result.cycles == schedule(as_nest(work), array).compute_cycles
    timed = alone(lambda: step(work, array, x, weight, None, RULE), runs)
    per_second = {name: result.pe_cycles / seconds for name, seconds in timed["seconds"].items()}
    return {**timed, "cycles": result.cycles, "pe_cycles": result.pe_cycles, "pe_cycles_per_second": per_second}


def main() -> None:
    """Run and write benchmarks/results/bench_stepper.json (not with --quick)."""
    quick = options("Time the stepper.").parse_args().quick
    figures = {
        f"{dataflow}, {side} x {side}": rate(dataflow, side, 2 if quick else 7)
        for dataflow in STEPPERS
        for side in SIDES
    }
    tell(figures)
    for name, figure in figures.items():
        print(f"{name:56} {figure['pe_cycles_per_second']['median']:.3g} PE-cycles/s")
    if not quick:
        write("bench_stepper", figures)


if __name__ == "__main__":
    main()
