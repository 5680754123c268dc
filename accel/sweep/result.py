"""A sweep from Python: `sweep(SPEC, directory)` runs or goes on with one, `load` reads a finished one.

    from accel.sweep import load, sweep
    found = sweep("sweep.toml", "sweep")      # in a notebook it shows its front
    found.points[0]["latency_cycles"]

The files in the directory are those of `accel sweep`, and either can go on with what the other began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accel.sweep.document import load_sweep, write_sweep
from accel.sweep.engine import Interrupts, engine_of
from accel.sweep.run import check_directory, run_sweep
from accel.sweep.spec import load_spec, spec_of
from accel.sweep.store import FILE


@dataclass(frozen=True)
class Sweep:
    """A sweep with all that was measured. document: the content of sweep.json."""

    document: Mapping[str, Any]

    @property
    def points(self) -> list[dict[str, Any]]:
        """All points, each with its axes and figures by name."""
        return self._named(self.document["rows"])

    @property
    def front(self) -> list[dict[str, Any]]:
        """The points that no other point beats in every objective at once."""
        return self._named([self.document["rows"][place] for place in self.document["front"]])

    def _named(self, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        return [dict(zip(self.document["columns"], row, strict=True)) for row in rows]

    def _repr_html_(self) -> str:
        """Show what was found and the front in a notebook."""
        from accel.report import render_sweep_fragment

        return render_sweep_fragment(self.document)


def sweep(spec: str | Path | Mapping[str, Any], directory: str | Path, jobs: int = 1) -> Sweep:
    """Measure every point of a SPEC that `directory` does not hold yet, and write its page and tables there.

    spec: a file, or its content as plain values. jobs: worker processes. Interrupted, it returns what is finished.
    Raises ConfigError, ModelError, DataError and ToolError for what stops a sweep; a point that fails is in the table.
    """
    from accel.report.sweep_page import render_sweep

    wanted = spec_of(spec) if isinstance(spec, Mapping) else load_spec(spec)
    place = Path(directory)
    check_directory(place, resume=(place / FILE).exists())
    interrupts = Interrupts(lambda words: None)
    with interrupts.watched():
        outcome = run_sweep(wanted, place, lambda: engine_of("local", jobs, None), interrupts=interrupts)
    write_sweep(place, outcome.document, render_sweep(outcome.document))
    return Sweep(outcome.document)


def load(directory: str | Path) -> Sweep:
    """Read a finished sweep: a directory, or its sweep.json. Raises DataError when it is missing or corrupt."""
    return Sweep(load_sweep(Path(directory)))
