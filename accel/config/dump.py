"""An accelerator document written back as TOML: what `accel show accelerator` prints and a file can start from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def dump(document: Mapping[str, Any]) -> str:
    """Return TOML that reads back as `document` (texts, numbers, booleans, lists and tables of them)."""
    return "\n".join(_table(document, "")).lstrip("\n") + "\n"


def _table(table: Mapping[str, Any], path: str) -> list[str]:
    """Return the lines of one table: its own values first, as TOML wants it, then the tables within."""
    values = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {toml_value(value)}" for key, value in values.items()]
    if path and (values or not table):
        lines = ["", f"[{path}]", *lines]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += _table(value, f"{path}.{_key(key)}" if path else _key(key))
    return lines


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def toml_value(value: object) -> str:
    """Return a value (text, number, boolean, or a list of them) as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    # JSON's escapes are TOML's; TOML also wants DEL escaped, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
