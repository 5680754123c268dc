"""Finding and reading accelerator files: presets by name, any other file by path."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from accel.accelerator import Accelerator
from accel.config.build import build
from accel.config.lines import key_lines
from accel.config.overrides import override
from accel.config.problems import Places, one_line
from accel.errors import ConfigError, suggestion
from accel.presets import DEFAULT

_SUFFIX = ".toml"


def preset_names() -> tuple[str, ...]:
    """Return the names of the built-in machines, sorted."""
    files = (entry.name for entry in resources.files("accel.presets").iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX)))


def load_accelerator(name_or_path: str | Path = DEFAULT, overrides: Sequence[str] = ()) -> Accelerator:
    """Return a preset or the machine of a file, with `overrides` ("KEY=VALUE", keys of the file) laid over it.

    Raises ConfigError that tells every problem at once, each with file and line (or the override) and its table.
    """
    try:
        return _load(name_or_path, overrides)
    except ConfigError as error:
        raise ConfigError(one_line(problem) for problem in error.problems) from None


def _load(name_or_path: str | Path, overrides: Sequence[str]) -> Accelerator:
    label, text = _read(name_or_path)
    changed = override(_parse(label, text), overrides)
    problems = list(changed.refused)
    try:
        accelerator = build(changed.document, Places(label, key_lines(text), changed.origins))
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return accelerator


def _read(name_or_path: str | Path) -> tuple[str, str]:
    """Return how messages call the file, and its text. Raises ConfigError when there is no such thing or no text."""
    name, presets = str(name_or_path), preset_names()
    if name in presets:
        file = f"{name}{_SUFFIX}"
        return file, resources.files("accel.presets").joinpath(file).read_text(encoding="utf-8")
    if not _is_path(name_or_path):
        hint = suggestion(name, presets).partition(" Known:")[0]  # the list follows in any case
        raise ConfigError(
            f"no accelerator '{name}'.{hint} Known: {', '.join(presets)}; or give the path of a .toml file"
        )
    try:
        raw = Path(name_or_path).read_bytes()
    except OSError as error:
        reasons = {
            FileNotFoundError: "no such file",
            IsADirectoryError: "a folder; give one of its .toml files",
        }
        raise ConfigError(f"{name}: {reasons.get(type(error), f'cannot be read ({error.strerror})')}") from None
    return name, _text(name, raw)


def _is_path(name_or_path: str | Path) -> bool:
    """Tell a path from the name of a preset: it has a suffix or a separator, or there is such a file."""
    if isinstance(name_or_path, Path):
        return True
    if not name_or_path.isprintable() or not name_or_path:
        return False
    path = Path(name_or_path)
    return bool(path.suffix) or path.name != name_or_path or path.exists()


def _text(label: str, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{label}:{line}: not UTF-8 (byte 0x{raw[error.start]:02x}); save the file as UTF-8"
        ) from None
    if not text.strip():
        raise ConfigError(f"{label}: empty; `accel show accelerator {DEFAULT}` prints a file to start from")
    return text


def _parse(label: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{label}: nested too deeply for an accelerator file") from None
    except ValueError as error:
        found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL)
        if found is None:
            raise ConfigError(f"{label}: not TOML: {error}") from None
        line = found[2] or str(text.rstrip().count("\n") + 1)
        column = f" at column {found[3]}" if found[3] else " at the end"
        raise ConfigError(f"{label}:{line}: not TOML: {found[1]}{column}") from None
