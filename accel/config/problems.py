"""What is wrong with an accelerator file, and how it is said: `unknown key 'colls' edge.toml:14 [array]. Did ...`.

Every message reads: what is wrong; where (file and line, or the -s argument, and the table); why or how to mend it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from accel.config.lines import KeyPath
from accel.errors import ConfigError, suggestion

T = TypeVar("T")

_LONGEST_ECHO = 40
"""Characters of a refused value that a message repeats."""

_LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class Problem:
    """One fault at one key: `what` is wrong; `why` or how to mend it, with its own leading punctuation.

    is_combination: the key is sound on its own, so that a neighbour may be to blame as well.
    """

    path: KeyPath
    what: str
    why: str
    is_combination: bool = False


@dataclass(frozen=True)
class Places:
    """Where the keys of a document come from: the lines of its file, and the overrides put in their place."""

    file: str
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    overrides: Mapping[KeyPath, str] = field(default_factory=dict)

    def locate(self, path: KeyPath) -> str:
        """Return `edge.toml:14` or `-s array.rows=0` of the key or the nearest table around it, else the file alone."""
        for prefix in _outwards(path):
            if prefix in self.overrides:
                return f"-s {self.overrides[prefix]}"
            if prefix in self.lines:
                return f"{self.file}:{self.lines[prefix]}"
        return self.file

    def line(self, path: KeyPath) -> int:
        """Return the line of the key or of the nearest table around it, 0 when the file has neither."""
        return next((self.lines[prefix] for prefix in _outwards(path) if prefix in self.lines), 0)

    def error(self, problems: Iterable[Problem]) -> ConfigError:
        """Return one error that tells every problem, in the order of the file."""
        ordered = sorted(problems, key=lambda problem: self.line(problem.path))
        return ConfigError(f"{p.what} {self._where(p)}{_table(p.path)}{p.why}" for p in ordered)

    def _where(self, problem: Problem) -> str:
        """Return the place, and for a combination also the overrides that may have brought it about."""
        place, path = self.locate(problem.path), problem.path
        if not problem.is_combination:
            return place
        near = [f"-s {o}" for key, o in self.overrides.items() if key[:-1] == path[:-1] or key[: len(path)] == path]
        return " with ".join(dict.fromkeys([place, *near]))


def _outwards(path: KeyPath) -> Iterable[KeyPath]:
    return (path[:length] for length in range(len(path), 0, -1))


def _table(path: KeyPath) -> str:
    return f" [{'.'.join(path[:-1])}]" if len(path) > 1 else ""


def attempt(
    problems: list[Problem], path: KeyPath, make: Callable[..., T], *args: object, **kwargs: object
) -> T | None:
    """Return what `make` makes, or note in `problems` why the value at `path` prevents it."""
    try:
        return make(*args, **kwargs)
    except ConfigError as error:
        problems.extend(Problem(path, path[-1], f": {problem}", is_combination=True) for problem in error.problems)
        return None


def shape_problems(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Return in our words what pydantic found when it checked a document against `model`."""
    return [_shape_problem(fault, model) for fault in error.errors(include_url=False)]


def _shape_problem(fault: ErrorDetails, model: type[BaseModel]) -> Problem:
    path = tuple(str(part) for part in fault["loc"])
    key, table = path[-1], path[:-1]
    if fault["type"] == "extra_forbidden":
        return Problem(path, f"unknown key '{key}'", f".{_known(key, fault['input'], _model_at(model, table))}")
    if fault["type"] == "missing":
        examples = _model_at(model, table).model_fields[key].examples
        if examples is None:
            return Problem(path, f"missing table '{key}'", f". Add [{'.'.join(path)}].")
        return Problem(path, f"missing key '{key}'", f". Add for example {key} = {echo(examples[0])}")
    return Problem(path, f"{key} = {echo(fault['input'])}", f": {_reason(fault)}")


def _known(key: str, value: object, table: type[BaseModel]) -> str:
    if isinstance(value, Mapping) and table.__name__ == "LayerTable":
        return ' A layer\'s name with a dot in it needs quotes: [numerics.layers."C1.tanh"]'
    return suggestion(key, table.model_fields)


def _model_at(model: Any, path: KeyPath) -> Any:
    """Return the model of the table at `path`; a mapping from names to tables takes any name."""
    for part in path:
        is_table = isinstance(model, type) and issubclass(model, BaseModel)
        model = model.model_fields[part].annotation if is_table else get_args(model)[1]
    return model


_REASONS = {
    "int_type": "a whole number is needed",
    "float_type": "a number is needed",
    "finite_number": "a finite number is needed",
    "string_type": "a text in quotes is needed",
    "string_unicode": "the text is not valid Unicode",
    "bool_type": "true or false is needed",
    "model_type": "a table is needed",
    "dict_type": "a table is needed",
    "greater_than": "it must be greater than {gt}",
    "greater_than_equal": "it must be at least {ge}",
    "less_than_equal": "it must be at most {le}",
    "less_than": "it must be less than {lt}",
}


def _reason(fault: ErrorDetails) -> str:
    """Return why a value was refused; our own errors speak for themselves."""
    context = {key: f"{limit:g}" if isinstance(limit, float) else limit for key, limit in fault.get("ctx", {}).items()}
    if isinstance(context.get("error"), ConfigError):
        return str(context["error"])
    return _REASONS.get(fault["type"], fault["msg"]).format_map(context)


def one_line(text: str) -> str:
    """Return a message as one printable line, its middle left out when a user's value made it very long."""
    line = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    half = _LONGEST_MESSAGE // 2
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:half]} ... {line[-half:]}"


def echo(value: object) -> str:
    """Return a value as the file would write it, shortened."""
    if isinstance(value, Mapping):
        return "{...}"
    if isinstance(value, list):
        return "[...]"
    if isinstance(value, int) and value.bit_length() > _LONGEST_ECHO:
        text = f"{value:#x}"  # decimal digits of huge integers are refused by Python itself
    else:
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else str(value)
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}..."
