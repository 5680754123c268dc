"""`-s KEY=VALUE`: values laid over an accelerator file before it is checked.

KEY is the dotted path of the file's own keys; VALUE is TOML, and text when it is not. Names of nodes hold dots
("C1.tanh"), so that after `numerics.layers.` everything up to the last known key is one name.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accel.config.lines import KeyPath
from accel.config.schema import AccumulatorTable, LayerTable
from accel.errors import ConfigError

_LAYER_KEY = re.compile(
    rf"numerics\.layers\.(?P<node>[^\"'].*)(?<!\.accumulator)\.(?P<key>{'|'.join(LayerTable.model_fields)}"
    rf"|accumulator\.(?:{'|'.join(AccumulatorTable.model_fields)}))"
)
"""Some keys stand in a layer's table and in its accumulator's; `x.accumulator.overflow` is the accumulator's of x."""

_ONE_OR_OTHER = {"format": ("width", "frac_bits"), "width": ("format",), "frac_bits": ("format",)}
"""Keys of an accumulator that say the same thing; the override is the last word."""


@dataclass(frozen=True)
class Overridden:
    """A document after its overrides: which argument set which key, and which arguments could not be used."""

    document: dict[str, Any]
    origins: dict[KeyPath, str]
    refused: list[str]


def override(document: Mapping[str, Any], overrides: Sequence[str]) -> Overridden:
    """Return a copy of `document` with the overrides in place; later ones win."""
    result = Overridden(copy.deepcopy(dict(document)), {}, [])
    for argument in overrides:
        try:
            path, value = _parse(argument)
            _put(result.document, path, value)
            result.origins[path] = argument
        except ConfigError as error:
            result.refused.append(f"-s {argument}: {error}")
    return result


def _parse(argument: str) -> tuple[KeyPath, object]:
    key, equals, text = argument.partition("=")
    if not equals:
        raise ConfigError("not KEY=VALUE; write for example array.rows=8")
    return key_path(key.strip()), _value(text.strip())


def key_path(key: str) -> KeyPath:
    """Return the keys that a dotted KEY names. Raises ConfigError for what is no key."""
    layer = _LAYER_KEY.fullmatch(key)
    if layer:
        return ("numerics", "layers", layer["node"], *layer["key"].split("."))
    table = _toml(f"{key} = 0")
    if table is None:
        raise ConfigError(f"'{key}' is not a key; write for example array.rows=8")
    path: KeyPath = ()
    while isinstance(table, dict):
        ((part, table),) = table.items()
        path = (*path, part)
    return path


def _value(text: str) -> object:
    table = _toml(f"value = {text}")
    return table["value"] if table is not None and table.keys() == {"value"} else text


def _toml(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _put(document: dict[str, Any], path: KeyPath, value: object) -> None:
    table = document
    for depth, part in enumerate(path[:-1], start=1):
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{'.'.join(path[:depth])} is a value, not a table")
        table = inner
    table[path[-1]] = value
    if path[-2:-1] == ("accumulator",):
        for other in _ONE_OR_OTHER.get(path[-1], ()):
            table.pop(other, None)
