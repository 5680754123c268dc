"""Options that several verbs share: one spelling, one help text; a verb takes only those that it uses."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from accel.cli import VERBOSE
from accel.cli.terminal import Terminal
from accel.presets import DEFAULT

F = TypeVar("F", bound=Callable[..., Any])

network_argument = click.argument("network", default="lenet5", metavar="[NETWORK]")

data_option = click.option(
    "-d",
    "--data",
    metavar="NAME|DIR",
    default="digits",
    show_default=True,
    help="Inputs: digits (built in), mnist, a folder of MNIST files, or random (uniform, no labels).",
)
limit_option = click.option(
    "-n", "--limit", type=click.IntRange(min=1), metavar="N", help="Use the first N test inputs only."
)
weights_option = click.option(
    "--weights",
    metavar="NAME|FILE",
    help="Weights: digits, mnist, seeded, or an .npz file  [default: those trained on the data].",
)
jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    default=lambda: os.cpu_count() or 1,
    help="Threads; results are the same for any number  [default: all processors].",
)
seed_option = click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    default=1,
    show_default=True,
    help="Seed of random inputs.",
)


def accelerator_options(function: F) -> F:
    """Add -a and -s, as `accelerator` and `overrides`."""
    machine = click.option(
        "-a",
        "--accelerator",
        metavar="NAME|FILE",
        default=DEFAULT,
        show_default=True,
        help="A built-in machine, an accelerator file (TOML) or a SCALE-Sim .cfg.",
    )
    keys = click.option(
        "-s",
        "--set",
        "overrides",
        metavar="KEY=VALUE",
        multiple=True,
        help="Override a key of the accelerator file, e.g. array.rows=8; repeatable.",
    )
    return machine(keys(function))


def out_option(what: str) -> Callable[[F], F]:
    """Add -o, as `out` (a Path or None); `what` says what is written there."""
    return click.option("-o", "--out", type=click.Path(path_type=Path), metavar="PATH", help=what)


def output_options(function: F) -> F:
    """Add --json, -q, -v and --no-color, as one `terminal`."""

    @wraps(function)
    def with_terminal(*args: Any, as_json: bool, quiet: bool, verbose: bool, no_color: bool, **kwargs: Any) -> Any:
        click.get_current_context().meta[VERBOSE] = verbose
        return function(*args, terminal=Terminal(quiet, verbose, as_json, not no_color), **kwargs)

    options = (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout and nothing else."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
        click.option("-v", "--verbose", is_flag=True, help="Say more, and show a traceback for internal errors."),
        click.option("--no-color", is_flag=True, help="Print without colours."),
    )
    command: Any = with_terminal
    for option in reversed(options):
        command = option(command)
    typed: F = command
    return typed
