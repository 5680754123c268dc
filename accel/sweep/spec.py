"""SPEC.toml: what a sweep varies, measures and keeps; read whole, every problem told at once.

    [sweep]
    accelerator = "gupta2015"          # a preset, or a file beside this one
    networks = ["lenet5"]
    data = "digits"                    # as -d of accel run; inputs = how many of them
    inputs = 1000
    search = "grid"                    # or random (samples = N), list ([[points]]), pareto (trials = N, seconds = S)
    constraints = ["area_mm2 <= 5"]

    [set]                              # keys that all points share
    technology = "horowitz-45nm"

    [objectives]
    accuracy = "max"
    latency_us = "min"

    [axes]                             # see accel.sweep.axes
    "array.rows" = [8, 16, 32]

Networks are an axis as well. If no objective and no constraint wants bits, nothing is computed bit by bit.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationError

from accel.config import load_accelerator, preset_names
from accel.config.lines import KeyPath, key_lines
from accel.config.overrides import override
from accel.config.problems import Places, Problem, one_line, shape_problems
from accel.config.read import Shelf
from accel.config.schema import Table
from accel.errors import AccelError, ConfigError, suggestion
from accel.presets import DEFAULT
from accel.sweep.axes import Axis, Settings, flattened, override_text, read_axes, refusals
from accel.sweep.constraints import Constraint
from accel.sweep.measures import MAX, MEASURES, MIN, OF_TECHNOLOGY

SEARCHES = ("grid", "random", "list", "pareto")
MODELS = ("estimate", "bound")
DEFAULT_OBJECTIVES = {"accuracy": MAX, "latency_us": MIN}
DEFAULT_TRIALS = 100

_TAKEN = frozenset({"hash", "status", "network", "error", *MEASURES})
"""Columns of the table that no axis may be called."""

_SHELF = Shelf("accel.sweep", "", "sweep", "a SPEC of a sweep", "see `accel sweep --help` for what stands in it")


def _one_of(kind: str, known: Sequence[str]) -> PlainValidator:
    def check(value: object) -> str:
        if isinstance(value, str) and value in known:
            return value
        raise ConfigError(f"not a {kind}.{suggestion(str(value), known)}")

    return PlainValidator(check)


class SweepTable(Table):
    """[sweep]: what is run, and how points are chosen. model: "bound" for closed forms over many machines at once."""

    name: str | None = None
    accelerator: str = DEFAULT
    networks: list[str] = Field(default=["lenet5"], min_length=1)
    data: str = "digits"
    inputs: int | None = Field(default=None, ge=1)
    weights: str | None = None
    seed: int = Field(default=1, ge=0)
    batch: int = Field(default=1, ge=1)
    model: Annotated[str, _one_of("model", MODELS)] = "estimate"
    search: Annotated[str, _one_of("search", SEARCHES)] = "grid"
    samples: int | None = Field(default=None, ge=1)
    trials: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    constraints: list[str] = Field(default=[])


class SpecTable(Table):
    """The whole file; axes, points and set are keys of the accelerator file, which are checked against its schema."""

    sweep: SweepTable = SweepTable()
    set: dict[str, Any] = Field(default={})
    objectives: dict[str, str] = Field(default={})
    axes: dict[str, Any] = Field(default={})
    points: list[dict[str, Any]] = Field(default=[])


@dataclass(frozen=True)
class Spec:
    """A sweep as read: its base machine (a document of plain values), its axes or its list of settings, its goals.

    document: the file with what the command line changed, kept for provenance. inputs: None for all there are.
    """

    name: str
    sweep: SweepTable
    base: Mapping[str, Any]
    axes: tuple[Axis, ...]
    listed: tuple[tuple[str | None, Settings], ...]
    objectives: Mapping[str, str]
    constraints: tuple[Constraint, ...]
    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wants_bits(self) -> bool:
        """Whether any objective or constraint needs the network computed."""
        names = (*self.objectives, *(constraint.measure for constraint in self.constraints))
        return any(MEASURES[name].of_bits for name in names)

    @property
    def digest(self) -> str:
        """SHA-256 of everything that stands in it, the base machine included."""
        whole = {"spec": self.document, "base": self.base}
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def load_spec(path: str | Path, changes: Mapping[str, Any] | None = None, overrides: Sequence[str] = ()) -> Spec:
    """Read a SPEC file. changes: keys of [sweep] that the command line sets; overrides: "KEY=VALUE" for all points.

    Raises ConfigError that tells every problem of the file, each with its line.
    """
    label, text = _SHELF.read(Path(path))
    document = _SHELF.parse(label, text)
    return spec_of(document, label, changes or {}, overrides, key_lines(text))


def spec_of(
    document: Mapping[str, Any],
    label: str = "spec",
    changes: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    lines: Mapping[KeyPath, int] | None = None,
) -> Spec:
    """Return the sweep that a document of plain values describes. Raises as `load_spec` does."""
    places = Places(label, lines or {})
    whole = _changed(document, changes or {})
    problems: list[Problem] = []
    table = _sound(whole, problems)
    base = _base(table, Path(label).parent, problems, overrides, places.lines)
    axes = read_axes(table.axes, problems)
    listed = _listed(table.points, problems)
    _known_networks(table.sweep.networks, problems)
    objectives = _objectives(table.objectives, problems)
    constraints = _constraints(table.sweep.constraints, problems)
    if base is not None:
        for place, axis in axes:
            for choice in axis.extremes:
                _add(problems, refusals(base, choice.settings, place))
        for index, (network, settings) in enumerate(listed):
            _add(problems, refusals(base, settings, ("points", str(index))))
            _known_networks([network] if network else [], problems, ("points", str(index), "network"))
    _go_together(table, axes, listed, problems)
    _measurable(
        table,
        base,
        [axis for _, axis in axes],
        listed,
        {**objectives, **dict.fromkeys(constraint.measure for constraint in constraints)},
        problems,
    )
    if problems or base is None:
        raise ConfigError(one_line(text) for text in places.error(problems).problems)
    name = table.sweep.name or (Path(label).stem if label != "spec" else "sweep")
    kept = {**whole, "overrides": list(overrides)} if overrides else whole
    return Spec(name, table.sweep, base, tuple(axis for _, axis in axes), listed, objectives, constraints, kept)


def _changed(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with keys of [sweep] changed; another search does not keep the budget of the file's."""
    before = document.get("sweep", {})
    if not changes or not isinstance(before, Mapping):
        return dict(document)
    is_other = changes.get("search", before.get("search", "grid")) != before.get("search", "grid")
    kept = {key: value for key, value in before.items() if not (is_other and key in ("samples", "trials", "seconds"))}
    return {**document, "sweep": {**kept, **changes}}


def _sound(document: Mapping[str, Any], problems: list[Problem]) -> SpecTable:
    """Return what is sound of a document, and note what is not, so that no problem waits for another to be mended."""
    try:
        return SpecTable.model_validate(document)
    except ValidationError as error:
        found = shape_problems(error, SpecTable)
    problems += found
    rest = copy.deepcopy(dict(document))
    for problem in found:
        table = rest
        for part in problem.path[:-1]:
            table = table.get(part, {}) if isinstance(table, dict) else {}
        if isinstance(table, dict):
            table.pop(problem.path[-1], None)
    try:
        return SpecTable.model_validate(rest)
    except ValidationError:  # a fault within a list: nothing more can be said of this file
        return SpecTable()


def _add(problems: list[Problem], more: Sequence[Problem]) -> None:
    """Add what is not told already: one misspelt key is one problem for all of its values."""
    problems += [problem for problem in more if problem not in problems]


def _base(
    table: SpecTable,
    folder: Path,
    problems: list[Problem],
    overrides: Sequence[str],
    lines: Mapping[KeyPath, int],
) -> dict[str, Any] | None:
    """Return the document of the machine that all points start from."""
    name = table.sweep.accelerator
    place = name if name in preset_names() or not (folder / name).exists() else folder / name
    try:
        document = dict(load_accelerator(place).document)
    except AccelError as error:
        problems.extend(Problem(("sweep", "accelerator"), "accelerator", f": {problem}") for problem in error.problems)
        return None
    settings = tuple(flattened(table.set))
    before = len(problems)
    for key, value in settings:
        path = ("set", key) if ("set", key) in lines else ("set", *key.split("."))  # quoted or dotted
        _add(problems, refusals(document, ((key, value),), path))
    changed = override(document, [*(override_text(key, value) for key, value in settings), *overrides])
    problems.extend(Problem(("set",), refused, "") for refused in changed.refused)
    if len(problems) > before:
        return document  # without them, so that axes can still be held against it
    _add(problems, refusals(changed.document, (), ("set",)))
    return changed.document


def _listed(points: Sequence[Mapping[str, Any]], problems: list[Problem]) -> tuple[tuple[str | None, Settings], ...]:
    """Return the settings of [[points]], each with its network (None: those of [sweep])."""
    found: list[tuple[str | None, Settings]] = []
    for index, table in enumerate(points):
        settings = dict(flattened(table))
        network = settings.pop("network", None)
        entry = (network, tuple(settings.items()))
        if entry in found:
            problems.append(
                Problem(("points", str(index)), f"point {index + 1}", f": the same as point {found.index(entry) + 1}")
            )
        found.append(entry)
    return tuple(found)


def _known_networks(networks: Sequence[str], problems: list[Problem], path: KeyPath = ("sweep", "networks")) -> None:
    from accel.network.zoo import ZOO

    for index, name in enumerate(networks):
        if name not in ZOO:
            problems.append(Problem(path, f"'{name}'", f": there is no such network.{suggestion(str(name), ZOO)}"))
        elif name in networks[:index]:
            problems.append(Problem(path, f"'{name}'", ": stands there twice; leave one out"))


def _objectives(table: Mapping[str, str], problems: list[Problem]) -> dict[str, str]:
    for name, direction in table.items():
        path = ("objectives", name)
        if name not in MEASURES:
            problems.append(Problem(path, f"'{name}'", f": not measured.{suggestion(name, MEASURES)}"))
        elif direction not in (MAX, MIN):
            better = MEASURES[name].better
            problems.append(Problem(path, f'{name} = "{direction}"', f': write "max" or "min" (here "{better}")'))
    return {name: way for name, way in table.items() if name in MEASURES} or dict(DEFAULT_OBJECTIVES)


def _constraints(texts: Sequence[str], problems: list[Problem]) -> tuple[Constraint, ...]:
    found = []
    for text in texts:
        try:
            found.append(Constraint.parse(text))
        except ConfigError as error:
            problems.append(Problem(("sweep", "constraints"), "constraints", f": {error}"))
    return tuple(found)


def _go_together(
    table: SpecTable,
    axes: Sequence[tuple[KeyPath, Axis]],
    listed: Sequence[tuple[str | None, Settings]],
    problems: list[Problem],
) -> None:
    """Note what is sound by itself and has no meaning together."""
    sweep = table.sweep
    owner: dict[str, str] = {}
    for path, axis in axes:
        if axis.name in _TAKEN:
            problems.append(
                Problem(path, f"axis '{axis.name}'", ": a column of the table has that name; choose another")
            )
        for key in axis.keys:
            if key in owner:
                problems.append(Problem(path, f"axis '{axis.name}'", f": sets {key}, which '{owner[key]}' sets too"))
            owner[key] = axis.name
    if (sweep.search == "list") != bool(listed):
        why = ': search = "list" wants [[points]]' if not listed else ': [[points]] want search = "list"'
        problems.append(Problem(("sweep", "search"), "search", why))
    if sweep.search == "list" and axes:
        problems.append(Problem(("axes",), "[axes]", ": a list of points has no axes; leave one of the two out"))
    if sweep.search != "list" and not table.axes and "axes" in table.model_fields_set:
        problems.append(Problem(("axes",), "[axes]", ": empty; name at least one key and its values"))
    for key, searches in (("samples", ("random",)), ("trials", ("pareto",)), ("seconds", ("pareto",))):
        if getattr(sweep, key) is not None and sweep.search not in searches:
            problems.append(Problem(("sweep", key), key, f': only search = "{searches[0]}" has {key}'))
    if sweep.search == "random" and sweep.samples is None:
        problems.append(Problem(("sweep", "search"), "search", ': "random" wants samples = N'))


def _measurable(
    table: SpecTable,
    base: Mapping[str, Any] | None,
    axes: Sequence[Axis],
    listed: Sequence[tuple[str | None, Settings]],
    names: Mapping[str, Any],
    problems: list[Problem],
) -> None:
    """Note objectives and constraints that no point could have."""
    from accel.sweep.bounds import AXES

    keys = {key for axis in axes for key in axis.keys} | {key for _, settings in listed for key, _ in settings}
    for name in names:
        path = ("objectives", name)
        measure = MEASURES[name]
        if table.sweep.model == "bound" and measure.kind != "bound":
            problems.append(Problem(path, f"'{name}'", ': model = "bound" does not know it; use model = "estimate"'))
        elif name in OF_TECHNOLOGY and base is not None and "technology" not in {*base, *keys}:
            why = (
                ": the machine names no technology to estimate it with; add [set] technology = "
                '"horowitz-45nm" (`accel show technologies` lists them)'
            )
            problems.append(Problem(path, f"'{name}'", why))
        elif name == "accuracy" and table.sweep.data == "random":
            problems.append(Problem(path, f"'{name}'", ": random inputs have no labels; use agreement or sqnr_db"))
    if table.sweep.model == "bound":
        for key in sorted(keys - AXES):
            known = ", ".join(sorted(AXES))
            problems.append(Problem(("axes",), key, f': model = "bound" varies {known}; use model = "estimate"'))
