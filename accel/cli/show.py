"""`accel show`: what there is: networks, machines, formats, modes, profiles, units; and the sums of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from accel.cli import options
from accel.cli.terminal import Terminal

if TYPE_CHECKING:
    from accel.cli.listings import Listing

TOPICS = {
    "networks": "built-in networks",
    "accelerators": "built-in machines",
    "accelerator NAME": "one machine, as the file it is (with -s: as it becomes)",
    "accumulators NETWORK": "bits that the sums of its layers need on a machine (-a, -s, --weights, -d, -n)",
    "schedule NETWORK[:LAYER]": "how an array walks the layers of a network, or one of them (-a, -s)",
    "formats [FORMAT]": "how formats are written, or what one of them means",
    "rounding": "rounding modes, and what other tools call them",
    "overflow": "overflow modes, and what other tools call them",
    "profiles": "what tools do by default, as [numerics] profile has it",
    "units": "designs of function units and their options (--html: with measured errors)",
    "technologies": "what energy and area are estimated with, as `technology` of a machine has it",
    "published": "published machines: figures from papers beside what the presets predict (--html: as a page)",
    "NETWORK": "the layers of one network",
}

_BELONGS = {
    "overrides": ("-s", ("accelerator NAME", "accumulators NETWORK", "schedule NETWORK")),
    "accelerator": ("-a", ("accumulators NETWORK", "schedule NETWORK")),
    "weights": ("--weights", ("accumulators NETWORK",)),
    "data": ("-d", ("accumulators NETWORK",)),
    "limit": ("-n", ("accumulators NETWORK",)),
    "html": ("--html", ("units", "published")),
}
"""Options that only some topics take."""


@click.command("show", short_help="List networks, machines, formats, modes, profiles and units.")
@click.argument("topic", required=False)
@click.argument("name", required=False)
@options.accelerator_options
@click.option(
    "-d",
    "--data",
    metavar="NAME|DIR",
    help="With `accumulators`: ranges seen on this data count too (digits, mnist, a folder, random).",
)
@options.limit_option
@options.weights_option
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="With `units` or `published`: write a page."
)
@options.output_options
@click.pass_context
def command(
    ctx: click.Context,
    topic: str | None,
    name: str | None,
    accelerator: str,
    overrides: tuple[str, ...],
    data: str | None,
    limit: int | None,
    weights: str | None,
    html: Path | None,
    terminal: Terminal,
) -> None:
    """Show what there is. TOPIC: networks, accelerators, accelerator NAME, accumulators NETWORK,
    schedule NETWORK[:LAYER], formats [FORMAT], rounding, overflow, profiles, units, technologies, published, or the
    name of a network.
    """
    _refuse_strays(ctx, topic, name)
    if topic is None:
        _print_topics(terminal)
    elif topic == "accelerator":
        _print_accelerator(name, overrides, terminal)
    elif topic == "accumulators":
        if limit is not None and data is None:
            raise click.UsageError("-n limits the inputs of -d; name the data, for example -d digits")
        _print_accumulators(name or "lenet5", accelerator, overrides, weights, data, limit, terminal)
    elif topic == "schedule":
        from accel.cli.schedule import show_schedule

        show_schedule(name or "lenet5", accelerator, overrides, terminal)
    elif topic == "published":
        from accel.cli.published import show_published

        show_published(html, terminal)
    elif html is not None:
        _write_units_page(html, terminal)
    else:
        _print(_listings(topic, name), terminal)


def _refuse_strays(ctx: click.Context, topic: str | None, name: str | None) -> None:
    """Raise UsageError for options and names that the topic has no use for."""
    for parameter, (flag, topics) in _BELONGS.items():
        is_given = ctx.get_parameter_source(parameter) is ParameterSource.COMMANDLINE
        if is_given and topic not in {known.split()[0] for known in topics}:
            raise click.UsageError(f"{flag} belongs to {' and '.join(f'`accel show {known}`' for known in topics)}")
    if name is not None and topic not in ("formats", "accelerator", "accumulators", "schedule"):
        raise click.UsageError(f"`accel show {topic}` takes nothing more, not '{name}'")


def _listings(topic: str, name: str | None) -> tuple[Listing, ...]:
    """Return the tables of a topic. Raises ConfigError when it is neither a topic nor a network."""
    from accel.cli import listings
    from accel.errors import ConfigError, suggestion
    from accel.network.zoo import ZOO

    if topic == "formats":
        return listings.formats() if name is None else listings.one_format(name)
    tables: dict[str, Callable[[], tuple[Listing, ...]]] = {
        "networks": listings.networks,
        "accelerators": listings.accelerators,
        "rounding": listings.rounding,
        "overflow": listings.overflow,
        "profiles": listings.profiles,
        "units": listings.units,
        "technologies": listings.technologies,
    }
    if topic in tables:
        return tables[topic]()
    if topic in ZOO:
        return listings.one_network(topic)
    known = (*tables, "formats", "accelerator", "accumulators", "schedule", "published", *ZOO)
    raise ConfigError(f"'{topic}' is neither a topic nor a network.{suggestion(topic, known)}")


def _print_topics(terminal: Terminal) -> None:
    for topic, what in TOPICS.items():
        terminal.say(f"accel show {topic:<26}{what}")
    terminal.emit(TOPICS)


def _print_accelerator(name: str | None, overrides: tuple[str, ...], terminal: Terminal) -> None:
    from accel.config import dump, load_accelerator
    from accel.presets import DEFAULT

    document = load_accelerator(name or DEFAULT, overrides).document
    terminal.say(dump(document).rstrip())
    terminal.emit(document)


def _print_accumulators(
    network: str,
    accelerator: str,
    overrides: tuple[str, ...],
    weights: str | None,
    data: str | None,
    limit: int | None,
    terminal: Terminal,
) -> None:
    from accel.cli.accumulators import listing, sum_widths
    from accel.config import load_accelerator
    from accel.network.weights import load_model
    from accel.workload import load_workload

    machine = load_accelerator(accelerator, overrides)
    if data is None:
        model, inputs = load_model(network, weights), None
    else:
        workload = load_workload(network, data, limit, weights, seed=1)
        model, inputs = workload.model, workload.inputs
    widths = sum_widths(model, machine, inputs)
    seen = None if inputs is None else len(inputs)
    terminal.emit(
        {
            "network": network,
            "accelerator": machine.name,
            "inputs": seen,
            "layers": [layer.to_dict() for layer in widths],
        }
    )
    title = f"accumulators of {network} on {machine.name}" + (f", ranges of {seen} inputs" if seen else "")
    print_tables([listing(widths, title)], terminal)


def _write_units_page(file: Path, terminal: Terminal) -> None:
    from accel.cli.execute import warn_if_cold
    from accel.files import write_file
    from accel.report.units_page import render_units
    from accel.units.survey import survey

    warn_if_cold(terminal)
    terminal.note("measuring every design over all of its inputs takes some seconds")
    document = survey()
    write_file(file, render_units(document).encode())
    terminal.emit(document)
    terminal.say(f"written: {file}")


def _print(listings: Sequence[Listing], terminal: Terminal) -> None:
    terminal.emit({listing.title: listing.to_dict() for listing in listings})
    print_tables(listings, terminal)


def print_tables(listings: Sequence[Listing], terminal: Terminal) -> None:
    """Print tables on stdout, when the user wants to be talked to."""
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
