"""`accel show`: what there is: networks, machines, formats, modes, units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from accel.cli import options
from accel.cli.terminal import Terminal

if TYPE_CHECKING:
    from accel.cli.listings import Listing

TOPICS = {
    "networks": "built-in networks",
    "accelerators": "built-in machines",
    "accelerator NAME": "one machine, as the file it is (with -s: as it becomes)",
    "formats [FORMAT]": "how formats are written, or what one of them means",
    "rounding": "rounding modes, and what other tools call them",
    "overflow": "overflow modes, and what other tools call them",
    "units": "designs of function units",
    "NETWORK": "the layers of one network",
}


@click.command("show", short_help="List networks, machines, formats, modes and units.")
@click.argument("topic", required=False)
@click.argument("name", required=False)
@click.option("-s", "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="With `accelerator NAME`: override.")
@options.output_options
def command(topic: str | None, name: str | None, overrides: tuple[str, ...], terminal: Terminal) -> None:
    """Show what there is. TOPIC: networks, accelerators, accelerator NAME, formats [FORMAT], rounding, overflow,
    units, or the name of a network.
    """
    if topic is None:
        _print_topics(terminal)
    elif topic == "accelerator":
        _print_accelerator(name, overrides, terminal)
    elif overrides:
        raise click.UsageError("-s belongs to `accel show accelerator NAME`")
    elif name is not None and topic != "formats":
        raise click.UsageError(f"`accel show {topic}` takes nothing more, not '{name}'")
    else:
        _print(_listings(topic, name), terminal)


def _listings(topic: str, name: str | None) -> tuple[Listing, ...]:
    """Return the tables of a topic. Raises ConfigError when it is neither a topic nor a network."""
    from accel.cli import listings
    from accel.errors import ConfigError, suggestion
    from accel.network.zoo import ZOO

    if topic == "formats":
        return listings.formats() if name is None else listings.one_format(name)
    tables = {
        "networks": listings.networks,
        "accelerators": listings.accelerators,
        "rounding": listings.rounding,
        "overflow": listings.overflow,
        "units": listings.units,
    }
    if topic in tables:
        return tables[topic]()
    if topic in ZOO:
        return listings.one_network(topic)
    known = (*tables, "formats", "accelerator", *ZOO)
    raise ConfigError(f"'{topic}' is neither a topic nor a network.{suggestion(topic, known)}")


def _print_topics(terminal: Terminal) -> None:
    for topic, what in TOPICS.items():
        terminal.say(f"accel show {topic:<18}{what}")
    terminal.emit(TOPICS)


def _print_accelerator(name: str | None, overrides: tuple[str, ...], terminal: Terminal) -> None:
    from accel.config import dump, load_accelerator
    from accel.presets import DEFAULT

    document = load_accelerator(name or DEFAULT, overrides).document
    terminal.say(dump(document).rstrip())
    terminal.emit(document)


def _print(listings: Sequence[Listing], terminal: Terminal) -> None:
    terminal.emit({listing.title: listing.to_dict() for listing in listings})
    if not terminal.talks:
        return
    from rich.table import Table
    from rich.text import Text

    from accel.report.humane import integer

    console = terminal.console()
    for index, listing in enumerate(listings):
        title = Text(listing.title, style="bold")
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=len(listing.columns) > 1)
        for column, first in zip(listing.columns, listing.rows[0], strict=True):
            table.add_column(column, justify="right" if isinstance(first, int | float) else "left", overflow="fold")
        for row in listing.rows:
            table.add_row(*(Text(integer(value) if isinstance(value, int) else str(value)) for value in row))
        if index:
            console.print()
        console.print(table)
