"""Finding and reading accelerator files: presets by name, any other file by path.

What checks a file (pydantic and all that knows its keys) is loaded when there is a file to check: presets are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from accel.accelerator import Accelerator
from accel.config.kept import kept_or_built
from accel.config.read import Shelf
from accel.errors import ConfigError
from accel.presets import DEFAULT

_SHELF = Shelf(
    package="accel.presets",
    folder="",
    kind="accelerator",
    phrase="an accelerator file",
    start=f"`accel show accelerator {DEFAULT}` prints a file to start from",
)


def preset_names() -> tuple[str, ...]:
    """Return the names of the built-in machines, sorted."""
    return _SHELF.names()


def load_accelerator(name_or_path: str | Path = DEFAULT, overrides: Sequence[str] = ()) -> Accelerator:
    """Return a preset or the machine of a file (TOML, or a SCALE-Sim .cfg), with `overrides` laid over it.

    overrides: "KEY=VALUE", keys of the file.
    Raises ConfigError that tells every problem at once, each with file and line (or the override) and its table.
    """
    if not overrides and name_or_path in preset_names():
        return _preset(str(name_or_path))
    from accel.config.problems import one_line
    from accel.config.scalesim_cfg import is_scalesim_cfg, load_scalesim_cfg  # reads a preset through this module

    try:
        if is_scalesim_cfg(name_or_path):
            return load_scalesim_cfg(name_or_path, overrides)
        return _load(name_or_path, overrides)
    except ConfigError as error:
        raise ConfigError(one_line(problem) for problem in error.problems) from None


@cache
def _preset(name: str) -> Accelerator:
    """Return a preset as it is, which everybody shares; it never changes."""
    return kept_or_built(name, lambda preset: _load(preset, ()))


def _load(name_or_path: str | Path, overrides: Sequence[str]) -> Accelerator:
    from accel.config.build import build
    from accel.config.lines import key_lines
    from accel.config.overrides import override
    from accel.config.problems import Places

    label, text = _SHELF.read(name_or_path)
    changed = override(_SHELF.parse(label, text), overrides)
    problems = list(changed.refused)
    try:
        accelerator = build(changed.document, Places(label, key_lines(text), changed.origins))
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return accelerator
