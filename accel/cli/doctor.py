"""`accel doctor`: what this installation runs on, and whether its kernels are compiled."""

from __future__ import annotations

import click

from accel.cli import options
from accel.cli.terminal import Terminal


@click.command("doctor", short_help="Show versions, processor, kernel cache and data sets.")
@click.option("--warm", is_flag=True, help="Compile all kernels now.")
@options.output_options
def command(warm: bool, terminal: Terminal) -> None:
    """Show versions, processor features, the kernel cache and the data sets that were found."""
    from accel.doctor import examine, facts, warm_up

    seconds = None
    if warm:
        terminal.note("compiling all kernels ...")
        seconds = warm_up()
    document = examine()
    if seconds is not None:
        document["kernels"]["warmed_in_s"] = round(seconds, 1)
    for label, value in facts(document):
        terminal.say(f"{label:<20}{value}")
    terminal.emit(document)
