"""How a sweep tells where it is: a live bar on a terminal, lines of key=value elsewhere, both on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from accel.cli.terminal import Terminal

if TYPE_CHECKING:
    from accel.sweep.measure import Row
    from accel.sweep.run import Listener

LINE_SECONDS = 2.0
"""Time between two lines where there is no terminal."""

Show = Callable[["Tally"], object]


class Tally:
    """What is known of a running sweep. total: 0 while nobody knows (a search with a budget of time)."""

    def __init__(self, objectives: Mapping[str, str], show: Show) -> None:
        self.objectives = objectives
        self.total = self.done = self.fresh = self.failed = 0
        self.best: dict[str, float] = {}
        self.start = time.monotonic()
        self._show = show

    def plan(self, total: int, known: Sequence[Row]) -> None:
        """Take in how many points there are and which are known from before."""
        self.total = total
        self._count(known)
        self._show(self)

    def finish(self, rows: Sequence[Row]) -> None:
        """Take in points that were just measured."""
        self._count(rows)
        self.fresh += len(rows)
        self._show(self)

    @property
    def rate(self) -> float:
        """Points a second, those from before left out."""
        return self.fresh / max(1e-9, time.monotonic() - self.start)

    @property
    def remaining_seconds(self) -> float | None:
        """Seconds to the end at that rate, None while it is unknown."""
        return (self.total - self.done) / self.rate if self.total and self.fresh else None

    def best_in_words(self) -> str:
        """Return the best value of each objective so far: accuracy=0.97,latency_us=51.2."""
        return ",".join(f"{name}={value:.4g}" for name, value in self.best.items())

    def line(self) -> str:
        """Return all of it as one line of key=value."""
        left = self.remaining_seconds
        fields = {
            "points": f"{self.done}/{self.total or '?'}",
            "failed": self.failed,
            "per_second": f"{self.rate:.3g}",
            "remaining_seconds": "?" if left is None else f"{left:.0f}",
            "best": self.best_in_words() or "-",
        }
        return "sweep " + " ".join(f"{name}={value}" for name, value in fields.items())

    def _count(self, rows: Sequence[Row]) -> None:
        self.done += len(rows)
        self.failed += sum(row.status == "failed" for row in rows)
        for row in rows:
            if row.status != "done":
                continue
            for name, way in self.objectives.items():
                value = row.figures.get(name)
                if value is not None:
                    choose = max if way == "max" else min
                    self.best[name] = choose(self.best.get(name, value), value)


@contextmanager
def told(terminal: Terminal, objectives: Mapping[str, str]) -> Iterator[Listener]:
    """Offer a listener that shows a sweep on stderr in the way this terminal wants."""
    from accel.sweep.run import Listener

    console = terminal.console(stderr=True)
    if terminal.quiet:
        yield Listener()
    elif not console.is_terminal:
        tally = Tally(objectives, _Lines())
        yield Listener(tally.plan, tally.finish)
        if tally.fresh:
            click.echo(tally.line(), err=True)
    else:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (
            TextColumn("points"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=None)
            tally = Tally(
                objectives,
                lambda now: bar.update(task, total=now.total or None, completed=now.done, description=_beside(now)),
            )
            yield Listener(tally.plan, tally.finish)


class _Lines:
    """Prints a tally at most every LINE_SECONDS."""

    def __init__(self) -> None:
        self.next = time.monotonic() + LINE_SECONDS

    def __call__(self, tally: Tally) -> None:
        if time.monotonic() >= self.next:
            click.echo(tally.line(), err=True)
            self.next = time.monotonic() + LINE_SECONDS


def _beside(tally: Tally) -> str:
    """Return what stands right of the bar: rate, remaining time, failures, best so far."""
    left = tally.remaining_seconds
    parts = [f"{tally.rate:.3g}/s"]
    if left is not None:
        parts.append(f"{int(left) // 60}:{int(left) % 60:02} left")
    if tally.failed:
        parts.append(f"{tally.failed} failed")
    if tally.best:
        parts.append(f"best {tally.best_in_words()}")
    return " · ".join(parts)
