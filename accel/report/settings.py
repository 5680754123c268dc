"""Files and records as pairs of a key and its value in words: no braces, no quotes, no long decimals (`flat`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accel.report import humane

Setting = tuple[str, str]
"""A key and its value as text."""

_LISTED = 16


def flat(table: Mapping[str, Any], prefix: str = "") -> list[Setting]:
    """Return a table and the tables in it as (key, value) pairs; keys of inner tables are dotted."""
    pairs: list[Setting] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            pairs += flat(value, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", in_words(value)))
    return pairs


def in_words(value: object) -> str:
    """Write one value; of a long list the first entries; a list of records stays in the file."""
    if value is None or value == "":
        return humane.DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return humane.integer(value)
    if isinstance(value, float):
        return humane.integer(value) if value.is_integer() else f"{value:.6g}"
    if isinstance(value, list | tuple):
        if any(isinstance(each, Mapping) for each in value):
            return f"{humane.integer(len(value))} entries, in run.json"
        shown = ", ".join(in_words(each) for each in value[:_LISTED]) or humane.DASH
        return shown if len(value) <= _LISTED else f"{shown}, … ({humane.integer(len(value))} in all)"
    return humane.label(value)
