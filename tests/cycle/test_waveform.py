"""The waveform, read back by an independent reader, says what the trace says."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from accel.arch.hardware import Array
from accel.cycle import EMPTY, STEPPERS, step, vcd
from accel.cycle.trace import Kind, Signal, Trace
from accel.cycle.waveform import CYCLE_UNITS
from accel.errors import ConfigError
from accel.loopnest import Gemm
from accel.numeric.accumulator import Accumulator
from accel.numeric.array import FxArray
from tests.cycle.vcd_reader import read

SIZE = (3, 2)


def stepped(dataflow, rng, traced=True, weights="Q4.0"):
    """A small product with edge folds and a bias."""
    x = FxArray(rng.integers(-8, 8, (4, 5)), "Q4.0")
    weight = FxArray(rng.integers(0, 8, (3, 5)), weights)
    bias = FxArray(rng.integers(-40, 40, 3), "Q7.0")
    return step(Gemm(1, 4, 5, 3), Array(dataflow, *SIZE), x, weight, bias, Accumulator(16), traced=traced)


def path_of(dataflow: str, name: str, shape: tuple[int, int], i: int, j: int) -> str:
    """Where a register stands: in its element, or in the outer module with its place in its name."""
    module = dataflow.replace("-", "_")
    if shape == SIZE:
        return f"{module}.pe_{i}_{j}.{name}"
    return f"{module}.{name}_{max(i, j)}" if 1 in shape else f"{module}.{name}_{i}_{j}"


@pytest.mark.parametrize("dataflow", STEPPERS)
def test_read_back(dataflow, rng):
    """Every register has its value in every cycle, in the bits of its format; the clock ticks once a cycle."""
    result = stepped(dataflow, rng)
    waveform = read(vcd(result))
    module = dataflow.replace("-", "_")
    compared = 2  # the clock and the cycle number
    for name, signal in result.trace.signals.items():
        shape = signal.codes.shape[1:]
        for i, j in np.ndindex(*shape):
            path = path_of(dataflow, name, shape, i, j)
            assert (waveform.kinds[path], waveform.widths[path]) == ("reg", signal.bits)
            compared += 1
            for cycle, code in enumerate(signal.codes[:, i, j].tolist()):
                for time in (CYCLE_UNITS * cycle, CYCLE_UNITS * (cycle + 1) - 1):
                    value = waveform.at(path, time)
                    if signal.kind is Kind.FLAG:
                        assert value == (code != EMPTY)
                    else:
                        assert value == (None if code == EMPTY else code % (1 << signal.bits))
    assert compared == len(waveform.kinds)
    for cycle in range(result.cycles):
        assert waveform.at(f"{module}.cycle", CYCLE_UNITS * cycle) == cycle
        assert waveform.at(f"{module}.clk", CYCLE_UNITS * cycle) == 1
        assert waveform.at(f"{module}.clk", CYCLE_UNITS * cycle + CYCLE_UNITS // 2) == 0
    assert waveform.end == CYCLE_UNITS * result.cycles
    assert waveform.timescale == "1 ns"


def test_only_changes_are_written(rng):
    """No value is written twice in a row, and everything is set at time 0."""
    waveform = read(vcd(stepped("os", rng)))
    for changes in waveform.changes.values():
        assert changes[0][0] == 0
        assert all(a != b for (_, a), (_, b) in pairwise(changes))


def test_bits_of_formats(rng):
    """Inputs, weights and sums are as wide as their formats; the same run gives the same bytes."""
    result = stepped("ws", rng, weights="UQ5.0")
    bits = {name: signal.bits for name, signal in result.trace.signals.items()}
    assert (bits["x"], bits["w"], bits["waiting"], bits["sum"], bits["token"]) == (4, 5, 5, 16, 1)
    assert vcd(result) == vcd(result)


def test_identifiers_do_not_run_out(rng):
    """Beyond 94 registers codes get longer and stay unique, printable and without blanks."""
    result = stepped("os", rng)
    grid = np.arange(120 * 90).reshape(1, 120, 90)
    many = Trace(1, {"many": Signal(Kind.SUM, 16, grid)})
    waveform = read(vcd(replace(result, trace=many)))
    assert [waveform.at(f"os.many_{i}_{j}", 0) for i, j in np.ndindex(120, 90)] == list(range(120 * 90))


def test_what_cannot_be_written(rng):
    """A result without a trace and one with too many registers are refused."""
    with pytest.raises(ConfigError, match="there is no trace to write"):
        vcd(stepped("os", rng, traced=False))
    huge = Trace(1, {"many": Signal(Kind.SUM, 16, np.zeros((1, 200, 200), np.int64))})
    with pytest.raises(ConfigError, match="a dump of 40000 registers is too large; 20000 are the most"):
        vcd(replace(stepped("os", rng), trace=huge))
