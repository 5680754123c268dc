"""`accel check`: hold a machine against thresholds and stored codes; made for continuous integration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from accel.cli import COMMAND, options
from accel.cli.terminal import Terminal
from accel.errors import CheckFailedError, NothingComparedError

if TYPE_CHECKING:
    from accel.check import Case, Divergence, Golden

GOLDEN_INPUTS = 4
"""Inputs whose codes are stored: enough to reach every kernel, few enough to keep under version control."""

_FILE = click.Path(path_type=Path)
_SHARE = click.FloatRange(0, 1)


@click.command("check", short_help="Hold a machine against thresholds and stored codes.")
@options.network_argument
@options.accelerator_options
@options.data_option
@options.limit_option
@options.weights_option
@click.option("--min-accuracy", type=_SHARE, metavar="SHARE", help="Accuracy of the machine, 0 to 1.")
@click.option("--min-agreement", type=_SHARE, metavar="SHARE", help="Inputs classified as float64 does, 0 to 1.")
@click.option("--min-sqnr", type=float, metavar="DB", help="Signal to quantization noise of the worst layer.")
@click.option("--max-error", type=click.FloatRange(0), metavar="LSB", help="Largest error of the worst layer, in lsb.")
@click.option("--max-cycles", type=click.IntRange(0), metavar="CYCLES", help="Latency of one input.")
@click.option("--golden", type=_FILE, metavar="FILE", help="Stored codes (.npz) that every node must give again.")
@click.option("--update-golden", is_flag=True, help="Write the codes to the golden file instead of comparing them.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Also write the result as JUnit XML.")
@options.jobs_option
@options.seed_option
@options.output_options
@click.pass_context
def command(
    ctx: click.Context,
    network: str,
    accelerator: str,
    overrides: tuple[str, ...],
    data: str,
    limit: int | None,
    weights: str | None,
    min_accuracy: float | None,
    min_agreement: float | None,
    min_sqnr: float | None,
    max_error: float | None,
    max_cycles: int | None,
    golden: Path | None,
    update_golden: bool,
    junit: Path | None,
    jobs: int,
    seed: int,
    terminal: Terminal,
) -> None:
    """Check NETWORK (default lenet5) on an accelerator against thresholds, stored codes, or both.

    Exit code 0 when everything holds, 1 when something does not (the first difference is told), 5 when nothing was
    asked for. --update-golden stores the codes of the first inputs, once the thresholds given beside it hold.
    """
    from accel.check import Thresholds, load_golden, record
    from accel.cli.execute import execute, warn_if_cold
    from accel.config import check_layers, load_accelerator
    from accel.workload import load_workload

    thresholds = Thresholds(min_accuracy, min_agreement, min_sqnr, max_error, max_cycles)
    if update_golden and golden is None:
        raise click.UsageError("--update-golden writes the file that --golden names; add --golden FILE")
    if not thresholds and golden is None:
        raise NothingComparedError("nothing to compare: give a threshold such as --min-accuracy 0.95, or --golden FILE")
    started = perf_counter()
    machine = load_accelerator(accelerator, overrides)
    stored = load_golden(golden) if golden and not update_golden else None
    count = stored.identity.count if stored else GOLDEN_INPUTS if golden else 0
    wanted = (None if limit is None else max(limit, count)) if thresholds else count
    workload = load_workload(network, data, wanted, weights, seed)
    check_layers(machine, workload.model.network)
    cases: list[Case] = []
    disagreement = None
    if thresholds:
        part, typed = workload.take(limit), ctx.meta[COMMAND]
        document = execute(part, machine, jobs=jobs, seed=seed, command=typed, terminal=terminal)
        cases += thresholds.check(document)
        disagreement = document["first_disagreement"]
    divergence: Divergence | None = None
    notes: tuple[str, ...] = ()
    if golden:
        warn_if_cold(terminal)
        first = workload.take(count)
        current = record(first.model, machine, first.inputs, first.dataset["name"])
        if stored:
            found, divergence, notes = _against(stored, current, golden)
            cases += found
        elif all(case.passed for case in cases):
            _store(current, golden, terminal)
        else:
            notes = (f"{golden}: not written, because a threshold does not hold",)
    _report(f"{network}.{machine.name}", cases, divergence, junit, perf_counter() - started, terminal)
    failed = [f"{case.name}: {case.detail}" for case in cases if not case.passed]
    if failed:
        shown = [f"{len(failed)} of {len(cases)} checks failed"] if terminal.talks else failed
        raise CheckFailedError([*shown, *notes, *_first(divergence, disagreement)])


def _against(
    stored: Golden, current: Golden, file: Path
) -> tuple[tuple[Case, ...], Divergence | None, tuple[str, ...]]:
    """Compare with stored codes; the notes say what may have made them differ."""
    from accel.check import compare

    stored.require(current.identity, file)
    cases, divergence = compare(stored.codes, current.codes)
    before, now = stored.identity.numerics, current.identity.numerics
    notes = (f"{file}: written with numerics {before[:4]}, these are {now[:4]}",) if before != now else ()
    return cases, divergence, notes


def _store(golden: Golden, file: Path, terminal: Terminal) -> None:
    from accel.check.golden import save_golden
    from accel.files import write_file

    write_file(file, save_golden(golden))
    terminal.note(f"{file}: codes of {len(golden.codes)} nodes for {golden.identity.count} inputs written")


def _report(
    suite: str,
    cases: Sequence[Case],
    divergence: Divergence | None,
    junit_file: Path | None,
    seconds: float,
    terminal: Terminal,
) -> None:
    """Print, emit and write the cases."""
    from accel.check import junit
    from accel.files import write_file

    if junit_file:
        write_file(junit_file, junit(f"accel.check.{suite}", cases, seconds))
    if terminal.talks and cases:
        _print(cases, terminal)
    document: dict[str, Any] = {
        "schema": "bitcycle-check-1",
        "suite": suite,
        "passed": all(case.passed for case in cases),
        "cases": [case.to_dict() for case in cases],
        "first_divergence": divergence.to_dict() if divergence else None,
    }
    terminal.emit(document)


def _print(cases: Sequence[Case], terminal: Terminal) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("", "check", "result"):
        table.add_column(heading)
    for case in cases:
        mark = Text("ok", "green") if case.passed else Text("FAILED", "bold red")
        table.add_row(mark, Text(case.name), Text(case.detail))
    console = terminal.console()
    console.print(table)
    console.print(f"\n{sum(case.passed for case in cases)} of {len(cases)} passed")


def _first(divergence: Divergence | None, disagreement: dict[str, Any] | None) -> list[str]:
    """Return the line that a failed check ends with."""
    if divergence:
        return [f"first divergence: {divergence}"]
    if disagreement is None:
        return []
    label = "" if disagreement["label"] is None else f" (label {disagreement['label']})"
    place, golden, fixed = (disagreement[key] for key in ("input", "golden", "fixed"))
    return [f"first disagreement: input {place}: float64 says {golden}, the machine {fixed}{label}"]
