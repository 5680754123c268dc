"""`accel report`: the pages of a run once more, from its run.json alone."""

from __future__ import annotations

from pathlib import Path

import click

from accel.cli import options
from accel.cli.terminal import Terminal


@click.command("report", short_help="Print a run again, and write its pages anew.")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@options.out_option("Run directory to write  [default: the run's own].")
@options.output_options
def command(run: Path, out: Path | None, terminal: Terminal) -> None:
    """Print the table of RUN, a run directory or its run.json, and write layers.csv and report.html anew."""
    from accel.report import load_run, write_run
    from accel.report.table import print_run

    document = load_run(run)
    directory = write_run(out or (run if run.is_dir() else run.parent), document)
    if terminal.talks:
        print_run(document, terminal.console())
        terminal.say(f"\n{directory}: report.html, run.json, layers.csv")
    terminal.emit(document)
