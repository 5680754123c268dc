"""A sweep from SPEC to document: plan the points, leave out what the store has, measure the rest, put it together.

The parent plans, groups points by what decides their bits, and alone writes the store; workers measure. Whatever stops
it, a later call with the same store goes on, and the document is the same as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from accel.errors import AccelError, ConfigError
from accel.network.zoo import build
from accel.sweep.bits import WORKLOADS_REMEMBERED, Source, bits_key, workload_digests
from accel.sweep.bounds import bound_rows
from accel.sweep.constraints import Constraint
from accel.sweep.document import document_of
from accel.sweep.engine import Engine, Interrupts, drive
from accel.sweep.measure import DONE, FAILED, OUTSIDE, Figures, Job, Measured, Row, job_of, told
from accel.sweep.points import Contexts, Point, machine_of, planned
from accel.sweep.search import search
from accel.sweep.spec import Spec
from accel.sweep.store import FILE, Store

CHUNK = 32
"""Points of a job: enough that sending it costs nothing, few enough that all workers have something to do."""


@dataclass
class Listener:
    """Whom to tell how it goes: `plan(total, known)` when points are known, `finish(rows)` when some are measured."""

    plan: Callable[[int, Sequence[Row]], object] = field(default=lambda total, known: None)
    finish: Callable[[Sequence[Row]], object] = field(default=lambda rows: None)


@dataclass(frozen=True)
class Outcome:
    """The document of what is finished; interrupted: there is more to do; measured: points that this call added."""

    document: Mapping[str, Any]
    interrupted: bool
    measured: int


def check_directory(directory: Path, resume: bool) -> None:
    """Make the directory, or find a sweep to go on with. Raises ConfigError when that is not what is there."""
    has_store = (directory / FILE).exists()
    if resume and not has_store:
        raise ConfigError(f"{directory}: holds no sweep to go on with; leave out --resume to begin it")
    if has_store and not resume:
        raise ConfigError(f"{directory}: holds a sweep already; go on with it (--resume) or choose another with -o")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{directory}: cannot be made ({error.strerror}); choose another with -o") from None


def run_sweep(
    spec: Spec,
    directory: Path,
    engine: Callable[[], Engine],
    *,
    interrupts: Interrupts,
    listener: Listener | None = None,
    command: str = "",
) -> Outcome:
    """Run what is not in the store of `directory` yet and return the document of all that is.

    engine: makes the workers; asked only if something is left to do.
    Raises ConfigError, ModelError, DataError and ToolError for what stops a sweep as a whole; a point that cannot be
    done is a row. KeyboardInterrupt passes through; the store then holds every finished job.
    """
    with Store(directory) as store:
        if store.meta("spec") not in (None, spec.digest):
            store.forget_unfinished()
        store.note("spec", spec.digest)
        return _Sweep(spec, store, engine, interrupts, listener or Listener(), command).run()


class _Sweep:
    """One call of `run_sweep`: what it knows and what it has to do."""

    def __init__(
        self,
        spec: Spec,
        store: Store,
        engine: Callable[[], Engine],
        interrupts: Interrupts,
        listener: Listener,
        command: str,
    ) -> None:
        self.spec, self.store, self.interrupts = spec, store, interrupts
        self.listener, self.command = listener, command
        sweep = spec.sweep
        self.source = Source("", sweep.data, sweep.inputs, sweep.weights, sweep.seed)
        networks = dict.fromkeys([*(sweep.networks if spec.axes or not spec.listed else ()), *_listed(spec)])
        self.digests = {
            name: workload_digests(replace(self.source, network=name)) if spec.wants_bits else {} for name in networks
        }
        self.contexts = Contexts(spec, self.digests)
        self.rows: dict[str, Row] = {}
        self.bits: dict[str, Figures] = store.bits() if spec.wants_bits else {}
        self.measured = 0
        self._make_engine = engine
        self._engine: Engine | None = None

    def run(self) -> Outcome:
        """Measure everything and return the outcome."""
        killed = True
        try:
            if self.spec.sweep.search == "pareto":
                self.listener.plan(self.spec.sweep.trials or 0, ())
                points = search(self.spec, self.contexts, self._evaluate)
            else:
                points = list({point.hash: point for point in planned(self.spec, self.contexts)}.values())
                self._evaluate(points, announce=True)
            killed = False
        finally:
            if self._engine is not None:
                self._engine.close(kill=killed)
        document = document_of(self.spec, points, self.rows, self.command)
        interrupted = self.interrupts.stopping and any(point.hash not in self.rows for point in points)
        return Outcome(document, interrupted, self.measured)

    def _evaluate(self, points: Sequence[Point], announce: bool = False) -> Mapping[str, Row] | None:
        """Measure points that have no row yet; return all rows, None when interrupted before the end."""
        wanted = [point.hash for point in points if point.hash not in self.rows]
        known = {key: judged(row, self.spec.constraints) for key, row in self.store.rows(wanted).items()}
        self.rows.update(known)
        if announce:
            self.listener.plan(len(points), tuple(known.values()))
        else:
            self.listener.finish(tuple(known.values()))
        left = [point for point in points if point.hash not in self.rows]
        if not left:
            return self.rows
        if self.spec.sweep.model == "bound":
            for rows in bound_rows(self.spec, left):
                self._keep(rows)
                if self.interrupts.stopping:
                    break
        else:
            self._drive(left)
        return self.rows if all(point.hash in self.rows for point in left) else None

    def _drive(self, points: Sequence[Point]) -> None:
        """Run the jobs of points: first those that compute bits, one for every kind, then those that reuse them."""
        if self._engine is None:
            self._engine = self._make_engine()
            self._engine.prepare(self._sources(points))  # beside grouping, which takes as long
        if self.spec.wants_bits:
            groups = self._by_bits(points)
        else:
            groups = {("", network): each for network, each in _by_network(points).items()}
        first: list[Job] = []
        later: list[tuple[str, Sequence[Point]]] = []
        for (key, _), members in groups.items():
            chunks = [members[start : start + CHUNK] for start in range(0, len(members), CHUNK)]
            first.append(self._job(key, chunks[0]))
            later += [(key, chunk) for chunk in chunks[1:]]
        drive(self._engine, first, self._finished, self.interrupts)
        drive(self._engine, (self._job(key, chunk) for key, chunk in later), self._finished, self.interrupts)

    def _sources(self, points: Iterable[Point]) -> list[Source]:
        """Return where the first networks come from, as many as a worker remembers; none for a sweep without bits."""
        networks = dict.fromkeys(point.network for point in points) if self.spec.wants_bits else ()
        return [replace(self.source, network=network) for network in islice(networks, WORKLOADS_REMEMBERED)]

    def _job(self, key: str, points: Sequence[Point]) -> Job:
        spec = self.spec
        digests = self.digests[points[0].network]
        job = job_of(points, self.source, spec.base, spec.sweep.batch, spec.constraints, digests)
        return replace(job, bits_key=key, bits=self.bits.get(key))

    def _by_bits(self, points: Iterable[Point]) -> dict[tuple[str, str], list[Point]]:
        """Return points by what decides their bits; a machine that cannot be built becomes a row at once."""
        groups: dict[tuple[str, str], list[Point]] = {}
        refused = []
        for point in points:
            try:
                machine = machine_of(self.spec.base, point.settings)
                key = bits_key(build(point.network), machine, self.digests[point.network])
            except AccelError as error:
                refused.append(Row(point.hash, FAILED, {}, told(error)))
                continue
            groups.setdefault((key, point.network), []).append(point)
        if refused:
            self._keep(refused)
        return groups

    def _finished(self, measured: Measured) -> None:
        bits = {} if measured.bits is None else {measured.bits_key: measured.bits}
        self.bits.update(bits)
        self._keep(measured.rows, bits)

    def _keep(self, rows: Sequence[Row], bits: Mapping[str, Figures] | None = None) -> None:
        """Store rows, then tell of them."""
        self.store.add(rows, bits)
        self.rows.update((row.hash, row) for row in rows)
        self.measured += len(rows)
        self.listener.finish(rows)


def judged(row: Row, constraints: Sequence[Constraint]) -> Row:
    """Return a measured row with its status under these constraints, which need not be those it was measured for."""
    if row.status == FAILED:
        return row
    return replace(row, status=DONE if all(each.holds(row.figures) for each in constraints) else OUTSIDE)


def _by_network(points: Iterable[Point]) -> dict[str, list[Point]]:
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(point.network, []).append(point)
    return groups


def _listed(spec: Spec) -> Iterator[str]:
    return (name for network, _ in spec.listed for name in ([network] if network else spec.sweep.networks))
