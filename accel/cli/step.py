"""`accel step`: a small array on the screen, every register at every cycle, and as a waveform."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accel.cli import options
from accel.cli.terminal import Terminal

if TYPE_CHECKING:
    from accel.accelerator import Accelerator
    from accel.arch.hardware import Array
    from accel.cycle.stepper import StepResult
    from accel.loopnest import LoopNest

MAX_SHOWN_CYCLES = 100

_extent = click.IntRange(min=1)


@click.command("step", short_help="Step a small array cycle by cycle: every register, on real codes.")
@options.accelerator_options
@click.option("--rows", type=_extent, default=3, show_default=True, metavar="N", help="Rows of the array.")
@click.option("--columns", type=_extent, default=3, show_default=True, metavar="N", help="Columns of the array.")
@click.option("-M", "pixels", type=_extent, default=4, show_default=True, metavar="N", help="Output pixels.")
@click.option("-K", "terms", type=_extent, default=5, show_default=True, metavar="N", help="Products in an output.")
@click.option("-N", "filters", type=_extent, default=3, show_default=True, metavar="N", help="Filters.")
@click.option("--groups", type=_extent, default=1, show_default=True, metavar="N", help="How many such products.")
@click.option(
    "--window",
    metavar="RxS",
    default="1x1",
    show_default=True,
    help="Kernel whose places -K covers, of K / RS channels.",
)
@click.option("--bias", "is_biased", is_flag=True, help="Add a random bias for every filter.")
@click.option("--max-code", type=_extent, default=9, show_default=True, metavar="N", help="Largest random code.")
@options.seed_option
@click.option(
    "--registers",
    type=click.IntRange(min=0),
    metavar="N",
    help="Pipeline registers before the accumulators of adder trees  [default: one for every operation].",
)
@click.option("--cycles", metavar="A:B", help=f"Show cycles A to B only, at most {MAX_SHOWN_CYCLES}.")
@click.option("--summary", is_flag=True, help="Show no cycles, only what they come to; for any size.")
@click.option("--vcd", type=click.Path(path_type=Path), metavar="FILE", help="Write all registers as a waveform (VCD).")
@options.output_options
def command(
    accelerator: str,
    overrides: tuple[str, ...],
    rows: int,
    columns: int,
    pixels: int,
    terms: int,
    filters: int,
    groups: int,
    window: str,
    is_biased: bool,
    max_code: int,
    seed: int,
    registers: int | None,
    cycles: str | None,
    summary: bool,
    vcd: Path | None,
    terminal: Terminal,
) -> None:
    """Step a product of random codes through an array, register by register.

    -a names the machine whose dataflow, formats and accumulator are used, or a dataflow (os, ws, is, adder-tree,
    conv-engine), which stands for the default machine with that array. Every cycle shows what enters, what all elements
    hold and what leaves; at the end the cycles stand beside the closed form, and the outputs beside exact arithmetic.
    """
    from accel.cli.execute import warn_if_cold
    from accel.cycle import vcd as dump
    from accel.cycle.experiment import random_experiment, record
    from accel.errors import CheckFailedError
    from accel.files import write_file

    if summary and cycles is not None:
        raise click.UsageError("--summary shows no cycles; leave out --summary or --cycles")
    machine = _machine(accelerator, overrides, rows, columns)
    chosen = None if summary else _chosen(cycles)
    if chosen is not None:
        _refuse_large(machine.architecture.array)
    nest = _nest(pixels, terms, filters, groups, window, is_biased)
    experiment = random_experiment(machine, nest, max_code, seed)
    warn_if_cold(terminal)
    result = experiment.step(registers, traced=vcd is not None or chosen is not None)
    shown = () if chosen is None else _within(chosen, result.cycles)
    document = record(machine, experiment, result, registers, shown)
    if vcd is not None:
        write_file(vcd, dump(result).encode("ascii"))
    if terminal.talks:
        _print(document, result, shown, terminal)
        if vcd is not None:
            terminal.say(f"written: {vcd}")
    terminal.emit(document)
    if document["closed_form_cycles"] not in (None, result.cycles) or document["outputs_are_exact"] is False:
        raise CheckFailedError("the stepped array, its closed form and exact arithmetic disagree; please report this")


def _machine(accelerator: str, overrides: tuple[str, ...], rows: int, columns: int) -> Accelerator:
    """Load the machine, with an array of that size. Raises ConfigError for what does not exist or is not stepped."""
    from accel.config import load_accelerator
    from accel.cycle import STEPPERS
    from accel.presets import DEFAULT

    is_dataflow = accelerator in STEPPERS
    machine = load_accelerator(DEFAULT if is_dataflow else accelerator, overrides)
    own = machine.architecture.array
    dataflow = accelerator if is_dataflow else own.dataflow
    array = replace(own, dataflow=dataflow, rows=rows, columns=columns, timing="pipelined")
    return replace(machine, architecture=replace(machine.architecture, array=array))


def _nest(pixels: int, terms: int, filters: int, groups: int, window: str, is_biased: bool) -> LoopNest:
    """Return the nest of a row of pixels. Raises ConfigError for a window that is none or does not divide the terms."""
    from accel.errors import ConfigError
    from accel.loopnest import LoopNest

    match = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", window)
    if match is None:
        raise ConfigError(f"--window {window} is no size; write rows x columns, for example 2x3")
    rows, columns = int(match[1]), int(match[2])
    if terms % (rows * columns):
        raise ConfigError(
            f"-K {terms} products are no whole number of channels of a {rows} x {columns} window; use a multiple of "
            f"{rows * columns}"
        )
    return LoopNest(
        "array",
        G=groups,
        K=filters,
        C=terms // (rows * columns),
        Q=pixels,
        R=rows,
        S=columns,
        height=rows,
        width=pixels + columns - 1,
        has_bias=is_biased,
    )


def _chosen(cycles: str | None) -> tuple[int, int | None]:
    """Return the first cycle to show and the last, None for all. Raises ConfigError for anything but A:B."""
    from accel.errors import ConfigError

    if cycles is None:
        return 0, None
    match = re.fullmatch(r"(\d{1,9}):(\d{1,9})", cycles)
    if match is None or int(match[1]) > int(match[2]):
        raise ConfigError(f"--cycles {cycles} is no range; write the first and the last cycle, for example 0:9")
    return int(match[1]), int(match[2])


def _refuse_large(array: Array) -> None:
    """Raise ConfigError for an array that no terminal can show."""
    from accel.cycle.screen import MAX_SHOWN_PES
    from accel.errors import ConfigError

    if max(array.rows, array.columns) > MAX_SHOWN_PES:
        raise ConfigError(
            f"an array of {array.rows} x {array.columns} does not fit the screen, {MAX_SHOWN_PES} x {MAX_SHOWN_PES} "
            "does; use smaller --rows and --columns, or --summary (--vcd works with it)"
        )


def _within(chosen: tuple[int, int | None], cycles: int) -> range:
    """Return the cycles to show. Raises ConfigError for cycles that there are not, or too many."""
    from accel.errors import ConfigError

    first, last = chosen
    if first >= cycles:
        raise ConfigError(f"--cycles begins at {first}; the array is done after {cycles}, so the last is {cycles - 1}")
    shown = range(first, cycles if last is None else min(last + 1, cycles))
    if len(shown) > MAX_SHOWN_CYCLES:
        raise ConfigError(
            f"{len(shown)} cycles do not fit the screen, {MAX_SHOWN_CYCLES} do; choose some with --cycles A:B "
            f"(0:{cycles - 1} there are), or --summary"
        )
    return shown


def _print(document: dict[str, Any], result: StepResult, shown: Sequence[int], terminal: Terminal) -> None:
    from accel.cycle.screen import print_cycles
    from accel.report.humane import integer, percent

    product, formats, rule = document["product"], document["formats"], document["accumulator"]
    groups = f"{product['groups']} times " if product["groups"] > 1 else ""
    terminal.say(
        f"{groups}{product['m']} x {product['k']} by {product['k']} x {product['n']} on {document['rows']} x "
        f"{document['columns']} {document['dataflow']} ({document['accelerator']}): {formats['input']} x "
        f"{formats['weight']}, accumulator {formats['accumulator']}, {rule['overflow']}, {rule['mode']}"
    )
    if shown:
        print_cycles(result, shown, terminal.console())
        terminal.say("")
    closed_form, is_exact = document["closed_form_cycles"], document["outputs_are_exact"]
    beside = {None: "", result.cycles: ", as the closed form says"}.get(
        closed_form, f", but {closed_form} by the closed form"
    )
    said = {None: "not compared", True: "equal exact arithmetic", False: "DIFFER from exact arithmetic"}[is_exact]
    terminal.say(f"{integer(result.cycles)} cycles{beside}; outputs {said}; {integer(result.overflows)} overflows")
    terminal.say(
        f"{integer(document['macs'])} multiplications in {integer(result.pe_cycles)} PE-cycles: "
        f"{percent(document['utilization'])} % busy"
    )
