"""`accel report`: the pages of a run or a sweep once more, from its document alone; or two runs compared."""

from __future__ import annotations

from pathlib import Path

import click

from accel.cli import options
from accel.cli.terminal import Terminal

COMPARISON = "comparison.html"
SWEEP = "sweep.json"


@click.command("report", short_help="Print a run again and write its pages anew, or compare two.")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("other", type=click.Path(path_type=Path), metavar="[OTHER]", required=False)
@options.out_option("Run directory to write  [default: the run's own]; for two runs the page to write.")
@options.output_options
def command(run: Path, other: Path | None, out: Path | None, terminal: Terminal) -> None:
    """Print the table of RUN, a run directory or its run.json, and write layers.csv and report.html anew.

    With OTHER, compare the two: what changed in the machine, and what that did to cycles, bits and accuracy. The page
    goes to comparison.html in OTHER's directory. RUN may also be the directory of a sweep; its page is written anew.
    """
    if other is not None:
        _compare(run, other, out, terminal)
    elif _is_sweep(run):
        _sweep(run, out, terminal)
    else:
        _run(run, out, terminal)


def _run(run: Path, out: Path | None, terminal: Terminal) -> None:
    from accel.report import load_run, write_run
    from accel.report.table import print_run

    document = load_run(run)
    directory = write_run(out or (run if run.is_dir() else run.parent), document)
    if terminal.talks:
        print_run(document, terminal.console())
        terminal.say(f"\n{directory}: report.html, run.json, layers.csv")
    terminal.emit(document)


def _compare(first: Path, second: Path, out: Path | None, terminal: Terminal) -> None:
    from accel.report import load_run
    from accel.report.compare import compare

    comparison = compare(load_run(first), load_run(second))
    show(comparison, out or (second if second.is_dir() else second.parent) / COMPARISON, terminal)


def show(comparison: dict[str, object], page: Path | None, terminal: Terminal) -> None:
    """Print a comparison and write its page, if one is wanted."""
    from accel.files import write_file
    from accel.report.compare_page import print_comparison, render_comparison

    if page is not None:
        write_file(page, render_comparison(comparison).encode())
    if terminal.talks:
        print_comparison(comparison, terminal.console())
    if page is not None:
        terminal.say(f"\n{page}")
    terminal.emit(comparison)


def _is_sweep(place: Path) -> bool:
    return place.name == SWEEP or (place / SWEEP).is_file()


def _sweep(place: Path, out: Path | None, terminal: Terminal) -> None:
    from accel.report.sweep_page import render_sweep
    from accel.report.sweep_words import attention, headline, verdict
    from accel.sweep.document import load_sweep, write_sweep

    document = load_sweep(place)
    directory = out or (place if place.is_dir() else place.parent)
    write_sweep(directory, document, render_sweep(document))
    found = "\n".join((headline(document), verdict(document), *attention(document)))
    terminal.say(f"{found}\n\n{directory}: sweep.html, sweep.json, points.csv")
    terminal.emit(document)
