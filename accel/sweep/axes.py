"""The axes of a sweep: `[axes]` of a SPEC, one axis a key of the accelerator file, or several keys under a name.

    "array.rows" = [8, 16, 32]                                a list of values
    "array.columns" = { from = 1, to = 64, log2 = true }      1, 2, 4, ... 64; with step = 4: 1, 5, 9, ...
    [axes.word_bits]                                          named choices, each of which sets several keys
    8 = { "numerics.activation" = "Q4.4", "numerics.weight" = "Q2.6" }

Keys may be quoted or dotted ([axes.array] rows = [...]). Whether a key exists and takes the value is asked of the
accelerator file's own schema, so that messages are those of a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import ValidationError

from accel.config.dump import toml_value
from accel.config.lines import KeyPath
from accel.config.overrides import key_path, override
from accel.config.problems import Problem, shape_problems
from accel.config.profile import with_profile
from accel.config.schema import AcceleratorTable
from accel.errors import ConfigError

Value: TypeAlias = Any
"""What a key can be set to: a text, a number, true or false, or a list of these."""

Settings: TypeAlias = tuple[tuple[str, Value], ...]
"""Keys of the accelerator file and their values."""

MAX_VALUES = 100_000
"""Values of one axis."""

_RANGE = frozenset({"from", "to", "step", "log2"})
_TABLES = frozenset(AcceleratorTable.model_fields)


@dataclass(frozen=True)
class Choice:
    """One value of an axis: how it is shown, and which keys it sets."""

    label: Value
    settings: Settings


@dataclass(frozen=True)
class Axis:
    """One direction of a sweep; choices in the order of the file."""

    name: str
    choices: tuple[Choice, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the accelerator file that it sets, in order of first appearance."""
        return tuple(dict.fromkeys(key for choice in self.choices for key, _ in choice.settings))

    @property
    def extremes(self) -> tuple[Choice, ...]:
        """The choices that have to be checked: of many numbers of one type the first and the last, else all."""
        is_run = self.is_ordered and len({type(choice.label) for choice in self.choices}) == 1
        is_key = self.keys == (self.name,)
        return (self.choices[0], self.choices[-1]) if is_run and is_key else self.choices

    @property
    def is_ordered(self) -> bool:
        """Whether the labels are numbers in ascending order."""
        labels = [choice.label for choice in self.choices]
        return all(type(label) in (int, float) for label in labels) and labels == sorted(labels)


def read_axes(table: Mapping[str, Any], problems: list[Problem]) -> tuple[tuple[KeyPath, Axis], ...]:
    """Return the axes of `[axes]` with their places in the file, and note in `problems` what is wrong with them."""
    found: list[tuple[KeyPath, Axis]] = []
    for path, name, value in _entries(table, ("axes",)):
        before = len(problems)
        if isinstance(value, Mapping) and not value.keys() <= _RANGE:
            axis = _named(path, name, value, problems)
        else:
            values = _range(path, value, problems) if isinstance(value, Mapping) else _listed(path, value, problems)
            axis = Axis(name, tuple(Choice(each, ((name, each),)) for each in values))
        if len(problems) == before:
            found.append((path, axis))
    return tuple(found)


def _entries(table: Mapping[str, Any], path: KeyPath) -> Iterator[tuple[KeyPath, str, Any]]:
    """Yield place, name and value of every axis; tables of the accelerator file are gone into."""
    for key, value in table.items():
        here = (*path, key)
        inside = len(path) > 1 or key in _TABLES
        if inside and isinstance(value, Mapping) and not (value and value.keys() <= _RANGE):
            yield from _entries(value, here)
        else:
            yield here, ".".join(here[1:]), value


def _listed(path: KeyPath, value: object, problems: list[Problem]) -> list[Value]:
    name = ".".join(path[1:])
    if not isinstance(value, list):
        problems.append(
            Problem(path, name, ": not an axis; give a list of values, or { from = 1, to = 64, log2 = true }")
        )
        return []
    if not value:
        problems.append(Problem(path, name, ": has no values, so the grid is empty; give at least one"))
    if any(isinstance(each, Mapping) for each in value):
        problems.append(Problem(path, name, ": a value is a text, a number or a list; name tables: [axes.NAME]"))
        return []
    texts = [toml_value(each) for each in value]
    twice = [text for text, count in Counter(texts).items() if count > 1]
    problems += [Problem(path, name, f": {text} stands there twice; leave one out") for text in twice]
    return value


def _range(path: KeyPath, table: Mapping[str, Any], problems: list[Problem]) -> list[Value]:
    """Return the numbers of a range, its ends included."""
    name = ".".join(path[1:])
    low: Any = table.get("from")
    high: Any = table.get("to")
    step: Any = table.get("step", 1)
    log2 = table.get("log2", False)
    why = ""
    if not (_is_number(low) and _is_number(high) and _is_number(step)):
        why = "a range wants numbers, for example { from = 1, to = 64, step = 1 }"
    elif not isinstance(log2, bool):
        why = "log2 is true or false"
    elif log2 and "step" in table:
        why = "give either step or log2, not both"
    elif step <= 0 or (log2 and low <= 0):
        why = "a step, and the start of a log2 range, must be greater than 0"
    elif low > high:
        why = f"from {low} to {high} holds nothing, so the grid is empty; swap them"
    elif not log2 and (high - low) / step >= MAX_VALUES:
        why = f"more than {MAX_VALUES} values; use a larger step"
    if why:
        problems.append(Problem(path, name, f": {why}"))
        return []
    if log2:
        values = []
        while low <= high:
            values.append(low)
            low *= 2
        return values
    return [low + index * step for index in range(int((high - low) / step + 1e-9) + 1)]


def _named(path: KeyPath, name: str, table: Mapping[str, Any], problems: list[Problem]) -> Axis:
    """Return an axis whose choices have names and set keys of their own."""
    choices = []
    for label, settings in table.items():
        if not isinstance(settings, Mapping) or not settings:
            why = f": choice '{label}' is a table of keys, for example {{ \"array.rows\" = 8 }}"
            problems.append(Problem((*path, label), name, why))
            continue
        choices.append(Choice(_as_number(label), tuple(flattened(settings))))
    if not table:
        problems.append(Problem(path, name, ": has no choices, so the grid is empty; give at least one"))
    return Axis(name, tuple(choices))


def flattened(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Yield the keys of tables within tables as dotted keys of the file, with their values."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _as_number(label: str) -> Value:
    """Return a name that is a whole number as one, so that word lengths are an axis of numbers."""
    return int(label) if label.isdecimal() else label


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1 << 53


def override_text(key: str, value: Value) -> str:
    """Return a setting as `-s` of the command line takes it: KEY=VALUE."""
    return f"{key}={toml_value(value)}"


def refusals(document: Mapping[str, Any], settings: Settings, path: KeyPath) -> list[Problem]:
    """Return why the accelerator file `document` would not take these keys and values, each blamed on `path`.

    Only what is wrong of a key by itself: what depends on others is for the points of the sweep to find out.
    """
    problems: list[Problem] = []
    for key, value in settings:
        try:
            key_path(key)
        except ConfigError as error:
            problems.append(Problem(path, key, f": {error}"))
            continue
        changed = override(document, [override_text(key, value)])
        problems += [Problem(path, key, f": {refused.partition(': ')[2]}") for refused in changed.refused]
        try:
            AcceleratorTable.model_validate(with_profile(changed.document))
        except ValidationError as error:
            found = shape_problems(error, AcceleratorTable)
            problems += [Problem(path, fault.what, fault.why) for fault in found]
    return problems
