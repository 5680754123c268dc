"""`accel sweep`: many machines and networks from one SPEC file, in parallel, resumable, with a page of the front."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import click

from accel.cli import COMMAND, INTERRUPTED, options
from accel.cli.terminal import Terminal

if TYPE_CHECKING:
    from accel.sweep.engine import Engine
    from accel.sweep.run import Outcome

SHOWN = 20
"""Points of the front, and errors, that are printed."""


@click.command("sweep", short_help="Measure many machines, and show which ones nothing beats.")
@click.argument("spec", type=click.Path(path_type=Path), metavar="SPEC.toml")
@options.out_option("Directory of the sweep  [default: runs/sweep-NAME].")
@click.option("--resume", is_flag=True, help="Go on with the sweep of that directory; what it has is kept.")
@click.option(
    "--search",
    type=click.Choice(("grid", "random", "list", "pareto")),
    help="How points are chosen  [default: SPEC's].",
)
@click.option("--samples", type=click.IntRange(min=1), metavar="N", help="Points of a random search.")
@click.option("--trials", type=click.IntRange(min=1), metavar="N", help="Budget of a pareto search, in points.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Its budget as a time.")
@click.option(
    "--engine",
    type=click.Choice(("local", "dask")),
    default="local",
    show_default=True,
    help="Processes of this computer, or the workers of a dask cluster.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Where the dask scheduler listens, e.g. tcp://10.0.0.1:8786.")
@options.jobs_option
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Seed of random and pareto  [default: SPEC's].")
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), metavar="N", help="Use the first N test inputs  [default: SPEC's]."
)
@click.option(
    "-s", "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Set a key for all points; repeatable."
)
@click.option(
    "--export",
    "exports",
    type=click.Path(path_type=Path),
    metavar="FILE",
    multiple=True,
    help="Also write the table as .csv or .parquet; repeatable.",
)
@options.output_options
@click.pass_context
def command(
    ctx: click.Context,
    spec: Path,
    out: Path | None,
    resume: bool,
    search: str | None,
    samples: int | None,
    trials: int | None,
    seconds: float | None,
    engine: str,
    scheduler: str | None,
    jobs: int,
    seed: int | None,
    limit: int | None,
    overrides: tuple[str, ...],
    exports: tuple[Path, ...],
    terminal: Terminal,
) -> None:
    """Measure every point of SPEC.toml: bits and cycles of networks on machines.

    Writes sweep.sqlite, sweep.json, points.csv and sweep.html to the directory. A point that fails is recorded with its
    error and the sweep goes on; the exit code is then 1. Ctrl-C once finishes what is running, twice stops at once;
    --resume goes on in either case. --scheduler wants --engine dask.

    \b
    [sweep]                                    [axes]
    networks = ["lenet5"]                      "array.rows" = { from = 4, to = 64, log2 = true }
    inputs = 200                               "numerics.activation" = ["Q6.10", "Q4.4"]
    constraints = ["accuracy >= 0.9"]
    """
    from accel.cli.sweep_progress import told
    from accel.errors import ConfigError
    from accel.report.background import load_drawing
    from accel.sweep.document import check_export, export
    from accel.sweep.engine import Interrupts, engine_of
    from accel.sweep.run import check_directory, run_sweep
    from accel.sweep.spec import load_spec

    changes = {
        "search": search,
        "samples": samples,
        "trials": trials,
        "seconds": seconds,
        "seed": seed,
        "inputs": limit,
    }
    said = {key: value for key, value in changes.items() if value is not None}
    wanted = load_spec(spec, said, overrides)
    for path in exports:
        check_export(path)
    directory = out or Path("runs") / f"sweep-{wanted.name}"
    check_directory(directory, resume)
    interrupts = Interrupts(terminal.note)

    def workers() -> Engine:
        made = engine_of(engine, jobs, scheduler)
        if made.width > 1:  # while they work there is nothing to do here but to get ready to draw
            Thread(target=load_drawing, args=("sweep.html.j2",), daemon=True).start()
        return made

    try:
        with interrupts.watched(), told(terminal, wanted.objectives) as listener:
            outcome = run_sweep(
                wanted,
                directory,
                workers,
                interrupts=interrupts,
                listener=listener,
                command=ctx.meta[COMMAND].replace(" --resume", ""),
            )
    except KeyboardInterrupt:
        terminal.note(f"stopped; {_go_on(ctx, resume)}")
        ctx.exit(INTERRUPTED)
    if outcome.interrupted:
        counts = outcome.document["counts"]
        terminal.note(f"{sum(counts.values())} of {outcome.document['planned']} points are kept; {_go_on(ctx, resume)}")
        ctx.exit(INTERRUPTED)
    try:
        _write(directory, outcome)
        for path in exports:
            export(path, outcome.document)
    except ConfigError as error:
        raise ConfigError(f"{error}; every point is kept: make room and go on with --resume") from None
    if terminal.talks:
        _print(outcome, terminal)
        terminal.say(f"\n{directory}: sweep.html, sweep.json, points.csv")
    terminal.emit(dict(outcome.document))
    if outcome.document["counts"]["failed"]:
        ctx.exit(1)


def _go_on(ctx: click.Context, resume: bool) -> str:
    """Say how to go on."""
    line: str = ctx.meta[COMMAND]
    return f"go on with: {line if resume else f'{line} --resume'}"


def _write(directory: Path, outcome: Outcome) -> None:
    """Write the files, unless they stand there already and nothing was added."""
    from accel.errors import DataError
    from accel.report.sweep_page import render_sweep
    from accel.sweep.document import PAGE, load_sweep, write_sweep

    if not outcome.measured and (directory / PAGE).exists():
        try:
            stands = load_sweep(directory)
        except DataError:  # it was never written, or is damaged: it is made again
            stands = {}
        if all(stands.get(key) == outcome.document[key] for key in ("rows", "spec", "front")):
            return
    write_sweep(directory, outcome.document, render_sweep(outcome.document))


def _print(outcome: Outcome, terminal: Terminal) -> None:
    """Print how many points there are, those of the front, and what failed."""
    from rich.table import Table
    from rich.text import Text

    from accel.report.settings import in_words
    from accel.report.sweep_words import figure_in_words, headline, knees, varied

    document = outcome.document
    columns, rows = document["columns"], document["rows"]
    shown = [axis["name"] for axis in varied(document)] + list(document["objectives"])
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        table.add_column(Text(name), justify="right" if name in document["objectives"] else "left", no_wrap=True)
    for index in document["front"][:SHOWN]:
        row = dict(zip(columns, rows[index], strict=True))
        cells = [
            figure_in_words(name, row[name]) if name in document["objectives"] else in_words(row[name])
            for name in shown
        ]
        table.add_row(*map(Text, cells))
    console = terminal.console()
    console.print(Text(headline(document)))
    if document["front"]:
        console.print(table)
        left = len(document["front"]) - SHOWN
        if left > 0:
            console.print(Text(f"and {left} more on the page"))
    for words in knees(document):
        console.print(Text(words))
    errors: dict[str, int] = {}
    for row in rows:
        if row[1] == "failed":
            errors[row[-1]] = errors.get(row[-1], 0) + 1
    for words, count in list(errors.items())[:SHOWN]:
        click.echo(f"failed ({count} point{'s' if count > 1 else ''}): {words}", err=True)
