"""`accel run`: a network on a machine, float64 and fixed point side by side, with cycles and a report."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from accel.cli import COMMAND, options
from accel.cli.terminal import Terminal


@click.command("run", short_help="Run a network bit by bit, count its cycles, write a report.")
@options.network_argument
@options.accelerator_options
@options.data_option
@options.limit_option
@options.weights_option
@options.out_option("Run directory  [default: runs/NETWORK-ACCELERATOR].")
@click.option("--ledger", is_flag=True, help="Also keep what every cast and addition cut off, by layer and kind.")
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
    out: Path | None,
    ledger: bool,
    jobs: int,
    seed: int,
    terminal: Terminal,
) -> None:
    """Run NETWORK (default lenet5) on an accelerator, float64 and fixed point side by side.

    Prints a table of layers, and writes run.json, layers.csv and report.html to the run directory. With --json the
    content of run.json is printed, and a run directory is written only when -o names one.
    """
    from accel.report.background import background_page

    wants_page = out is not None or not terminal.json
    with background_page() if wants_page else nullcontext() as page:  # first of all: loading what draws takes longest
        from accel.cli.execute import execute
        from accel.cli.ledger import print_ledger
        from accel.config import load_accelerator
        from accel.report import check_place, write_run
        from accel.report.table import print_run
        from accel.workload import load_workload

        machine = load_accelerator(accelerator, overrides)
        directory = out or Path("runs") / f"{network}-{machine.name}"
        if page is not None:
            check_place(directory)
        workload = load_workload(network, data, limit, weights, seed)
        document = execute(
            workload,
            machine,
            jobs=jobs,
            seed=seed,
            command=ctx.meta[COMMAND],
            terminal=terminal,
            ledger=ledger,
            estimated=None if page is None else page.begin,
        )
        drawn = page(document) if page is not None else None
        if terminal.talks:
            print_run(document, terminal.console())
            if ledger:
                print_ledger(document, terminal.console())
        if drawn is not None:
            write_run(directory, document, drawn())
            terminal.say(f"\n{directory}: report.html, run.json, layers.csv")
    terminal.emit(document)
