"""`Terminal`: what a verb says and where: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

UNLIMITED_COLUMNS = 200
"""Width of tables that go to a file or a pipe, where nothing wraps."""


@dataclass(frozen=True)
class Terminal:
    """How the user wants to be told: quiet (results only), verbose, one JSON document, colours."""

    quiet: bool = False
    verbose: bool = False
    json: bool = False
    color: bool = True

    @property
    def talks(self) -> bool:
        """Whether tables and sentences are wanted on stdout."""
        return not self.quiet and not self.json

    def note(self, text: str) -> None:
        """Say on stderr what is going on."""
        if not self.quiet:
            click.echo(text, err=True)

    def say(self, text: str) -> None:
        """Print a line of the result."""
        if self.talks:
            click.echo(text)

    def emit(self, document: Mapping[str, Any] | list[Any]) -> None:
        """Print the one JSON document, if that is what was asked for."""
        if self.json:
            click.echo(json.dumps(document, indent=2, allow_nan=False))

    def console(self, *, stderr: bool = False) -> Console:
        """Return a rich console as wide as its terminal, or wide enough when it is none."""
        from rich.console import Console

        console = Console(stderr=stderr, no_color=not self.color or None, highlight=False, soft_wrap=False)
        if not console.is_terminal:
            console.width = UNLIMITED_COLUMNS
        return console

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int], object]]:
        """Show a bar on stderr while something runs; call what is yielded with the number of steps just done."""
        console = self.console(stderr=True)
        if self.quiet or not console.is_terminal:
            yield lambda steps: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        # Lines for stdout pass through the bar only where both are the same screen; a pipe keeps getting its own.
        same_screen = sys.stdout.isatty()
        with Progress(*columns, console=console, transient=True, redirect_stdout=same_screen) as bar:
            task = bar.add_task(what, total=total)
            yield lambda steps: bar.advance(task, steps)
