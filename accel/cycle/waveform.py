"""A trace as a value change dump (IEEE 1364-2005, clause 18), which every waveform viewer reads.

One module: the clock, the cycle number, what belongs to no single element, and a module inside for every processing
element. A cycle takes ten units and begins with the rising edge; what registers hold at its end is shown from there on,
as a simulator without delays does. Codes are two's complement; what holds nothing is z, a flag that is down 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from accel.cycle.stepper import StepResult
from accel.cycle.trace import EMPTY, Kind, Signal
from accel.errors import ConfigError

CYCLE_UNITS = 10
CYCLE_BITS = 32
MAX_VARIABLES = 20_000


class Variable(NamedTuple):
    """One register: where it stands ("" for the outer module), its name, and its element of a signal."""

    scope: str
    name: str
    signal: Signal
    row: int
    column: int


def vcd(result: StepResult) -> str:
    """Return the dump of a traced result. Raises ConfigError when it was not traced or has too many registers."""
    if result.trace is None:
        raise ConfigError("there is no trace to write; step with traced=True")
    variables = sorted(_variables(result), key=lambda variable: variable.scope)
    if len(variables) > MAX_VARIABLES:
        raise ConfigError(f"a dump of {len(variables)} registers is too large; {MAX_VARIABLES} are the most")
    codes = [_identifier(number) for number in range(len(variables) + 2)]
    lines = [
        f"$comment {result.array.rows} x {result.array.columns} {result.array.dataflow} array, stepped $end",
        "$timescale 1 ns $end",
        f"$scope module {_word(result.array.dataflow)} $end",
        f"$var wire 1 {codes[0]} clk $end",
        f"$var integer {CYCLE_BITS} {codes[1]} cycle $end",
        *_declarations(variables, codes[2:]),
        "$upscope $end",
        "$enddefinitions $end",
    ]
    held: list[int | None] = [None] * len(variables)
    for cycle in range(result.trace.cycles):
        lines += [f"#{CYCLE_UNITS * cycle}", *(["$dumpvars"] if cycle == 0 else [])]
        lines += [f"1{codes[0]}", f"b{cycle:b} {codes[1]}"]
        for number, (variable, code) in enumerate(zip(variables, codes[2:], strict=True)):
            value = int(variable.signal.codes[cycle, variable.row, variable.column])
            if value != held[number]:
                lines.append(_change(value, variable.signal, code))
                held[number] = value
        lines += [*(["$end"] if cycle == 0 else []), f"#{CYCLE_UNITS * cycle + CYCLE_UNITS // 2}", f"0{codes[0]}"]
    lines.append(f"#{CYCLE_UNITS * result.trace.cycles}")
    return "\n".join(lines) + "\n"


def _variables(result: StepResult) -> Iterator[Variable]:
    assert result.trace is not None
    size = (result.array.rows, result.array.columns)
    for name, signal in result.trace.signals.items():
        rows, columns = signal.codes.shape[1:]
        for row, column in np.ndindex(rows, columns):
            if (rows, columns) == size:
                yield Variable(f"pe_{row}_{column}", name, signal, row, column)
            elif 1 in (rows, columns):
                yield Variable("", f"{name}_{max(row, column)}", signal, row, column)
            else:
                yield Variable("", f"{name}_{row}_{column}", signal, row, column)


def _declarations(variables: list[Variable], codes: list[str]) -> Iterator[str]:
    scope = ""
    for variable, code in zip(variables, codes, strict=True):
        if variable.scope != scope:
            if scope:
                yield "$upscope $end"
            yield f"$scope module {variable.scope} $end"
            scope = variable.scope
        bits = variable.signal.bits
        span = f" [{bits - 1}:0]" if bits > 1 else ""
        yield f"$var reg {bits} {code} {variable.name}{span} $end"
    if scope:
        yield "$upscope $end"


def _change(value: int, signal: Signal, code: str) -> str:
    if signal.kind is Kind.FLAG:
        return f"{int(value != EMPTY)}{code}"
    if value == EMPTY:
        return f"bz {code}"
    return f"b{value & (1 << signal.bits) - 1:b} {code}"


def _identifier(number: int) -> str:
    """Return a short code of printable signs, "!" to "~"."""
    signs = []
    while True:
        number, sign = divmod(number, 94)
        signs.append(chr(33 + sign))
        if number == 0:
            return "".join(signs)
        number -= 1


def _word(name: str) -> str:
    """Return a name that is an identifier in Verilog."""
    return name.replace("-", "_")
