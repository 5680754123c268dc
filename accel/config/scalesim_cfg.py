"""SCALE-Sim's .cfg files as accelerators: one INI file becomes one `Accelerator`, or every problem it has at once.

Source: `scale_config.py` of SCALE-Sim 3.0.0; files of version 2, without its newer sections, are read as well. Taken
from a file: run_name, the array's height, width and dataflow, the three SRAMs, and the bandwidth where
InterfaceBandwidth is USER. All else is that of the preset `scalesim-32x32`, and the machine's `source` says so. The
surprise: the tool counts elements of one byte; here the same kilobytes hold the preset's 16-bit codes.
"""

from __future__ import annotations

import configparser
import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accel.accelerator import Accelerator
from accel.config.build import build
from accel.config.lines import KeyPath
from accel.config.load import load_accelerator
from accel.config.overrides import override
from accel.config.problems import Places, Problem, echo, one_line
from accel.errors import ConfigError, suggestion

SUFFIX = ".cfg"

BASE = "scalesim-32x32"
"""The preset that says what these files leave open."""

_DATAFLOWS = ("os", "ws", "is")
_BANDWIDTH_MODES = ("CALC", "USER")
_WORD_BYTES = 2
_MAX_SIDE = 1 << 16
_MAX_KILOBYTES = 1 << 40
_MAX_BANDWIDTH = 10**8
_EXAMPLES = {"Dataflow": "os", "Bandwidth": "10"}
_ASSUMED = (
    f"Numerics, clock and function units of the preset {BASE}, with as many lanes as columns; the SRAMs' kilobytes "
    "hold 16-bit codes where the tool counts elements of one byte"
)


def is_scalesim_cfg(name_or_path: str | Path) -> bool:
    """Tell the path of such a file from a preset and from an accelerator file."""
    return Path(name_or_path).suffix.lower() == SUFFIX


def load_scalesim_cfg(path: str | Path, overrides: Sequence[str] = ()) -> Accelerator:
    """Return the machine of a .cfg file, with `overrides` ("KEY=VALUE", keys of an accelerator file) laid over it.

    Raises ConfigError that tells every problem at once, each with file and line and section, or with the override.
    """
    file = str(path)
    try:
        changed = override(_document(_Ini(file, _text(file))), overrides)
        problems = list(changed.refused)
        try:
            accelerator = build(changed.document, Places(file, {}, changed.origins))
        except ConfigError as error:
            problems += error.problems
        if problems:
            raise ConfigError(problems)
    except ConfigError as error:
        raise ConfigError(one_line(problem) for problem in error.problems) from None
    return accelerator


@dataclass
class _Ini:
    """The values of one file; `problems` collects what is wrong with those that were asked for."""

    file: str
    text: str
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=("#", ";"))
        try:
            self.values.read_string(self.text)
        except configparser.MissingSectionHeaderError as error:
            raise ConfigError(
                f"{self.file}:{error.lineno}: a value before the first section; start with [general]"
            ) from None
        except (configparser.DuplicateSectionError, configparser.DuplicateOptionError) as error:
            twice = getattr(error, "option", None) or f"[{error.section}]"
            raise ConfigError(f"{self.file}:{error.lineno}: '{twice}' stands here a second time; keep one") from None
        except configparser.ParsingError as error:
            raise ConfigError(
                f"{self.file}:{line}: not 'key: value': {echo(self.text.splitlines()[line - 1].strip())}"
                for line, _ in error.errors
            ) from None

    def find(self, section: str, key: str, fallback: str | None = None) -> str | None:
        """Return the text of a key; without a fallback its absence is a problem."""
        found = self.values.get(section, key, fallback=fallback)
        if found is None:
            example = f". Add for example {key}: {_EXAMPLES.get(key, 32)}"
            self.problems.append(Problem((section, key), f"missing key '{key}'", example))
        return found

    def whole(self, section: str, key: str, limit: int) -> int:
        """Return a number from 1 to `limit`, or 0 after noting why there is none."""
        found = self.find(section, key)
        if found is None:
            return 0
        if re.fullmatch(r"0*[1-9][0-9]{0,15}", found, re.ASCII) and int(found) <= limit:
            return int(found)
        self.refuse(section, key, found, f"a whole number from 1 to {limit} is needed")
        return 0

    def choice(self, section: str, key: str, known: Sequence[str], fallback: str | None = None) -> str:
        """Return one of `known`, or "" after noting what was found instead."""
        found = self.find(section, key, fallback)
        if found is None or found in known:
            return found or ""
        self.refuse(section, key, found, f"not one of SCALE-Sim's.{suggestion(found, known)}")
        return ""

    def refuse(self, section: str, key: str, found: str, why: str) -> None:
        """Note what is wrong with a value."""
        self.problems.append(Problem((section, key), f"{key} = {echo(found)}", f": {why}"))

    def error(self) -> ConfigError:
        """Return all problems with their lines, a missing key with that of its section."""
        lines: dict[tuple[str, ...], int] = {}
        section = ""
        for number, line in enumerate(self.text.splitlines(), start=1):
            header = re.match(r"\[(.+)\]", line.strip())
            section = header[1] if header else section
            key = re.split(r"[=:]", line, maxsplit=1)[0].strip().lower()
            lines.setdefault((section,) if header else (section, key), number)
        spelt = {(p.path[0], p.path[1]): lines.get((p.path[0], p.path[1].lower())) for p in self.problems}
        places: dict[KeyPath, int] = {path: line for path, line in spelt.items() if line}
        places |= {path: line for path, line in lines.items() if len(path) == 1}
        return Places(self.file, places).error(self.problems)


def _text(file: str) -> str:
    try:
        return Path(file).read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise ConfigError(f"{file}: {reason}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: not UTF-8; save the file as UTF-8") from None


def _document(ini: _Ini) -> dict[str, Any]:
    """Return the file as an accelerator document. Raises ConfigError that tells every problem."""
    section = "architecture_presets"
    array = {
        "dataflow": ini.choice(section, "Dataflow", _DATAFLOWS),
        "rows": ini.whole(section, "ArrayHeight", _MAX_SIDE),
        "columns": ini.whole(section, "ArrayWidth", _MAX_SIDE),
        "timing": "scalesim",
    }
    kilobytes = {
        f"{operand}_bytes": ini.whole(section, f"{name}SramSzkB", _MAX_KILOBYTES)
        for operand, name in (("input", "Ifmap"), ("weight", "Filter"), ("output", "Ofmap"))
    }
    words = _bandwidth(ini, section)
    if ini.values.get("sparsity", "SparsitySupport", fallback="false").lower() == "true":
        ini.refuse("sparsity", "SparsitySupport", "true", "no array here skips zeros; set it to false")
    if ini.problems:
        raise ini.error()
    memory = {name: 1024 * size for name, size in kilobytes.items()}
    channel = "no DRAM, as InterfaceBandwidth is not USER"
    if words:
        channel = f"one DRAM channel of {words} words of 16 bits a cycle for all operands; the tool has one for each"
    document = _base()
    lanes = {kind: {**unit, "lanes": array["columns"]} for kind, unit in document["units"].items() if kind != "softmax"}
    return {
        **document,
        "name": _name(ini.values.get("general", "run_name", fallback=""), Path(ini.file).stem),
        "description": "a SCALE-Sim configuration",
        "source": f"Array and memories of the SCALE-Sim configuration {Path(ini.file).name}.",
        "assumed": f"{_ASSUMED}; {channel}.",
        "array": array,
        "units": {**document["units"], **lanes},
        "memory": memory | ({"dram_bytes_per_cycle": _WORD_BYTES * words} if words else {}),
    }


def _bandwidth(ini: _Ini, section: str) -> int:
    """Return the words a cycle that the file gives its interface, the first of a list; 0: left to be calculated."""
    mode = ini.choice("run_presets", "InterfaceBandwidth", _BANDWIDTH_MODES, fallback="CALC")
    found = ini.find(section, "Bandwidth") if mode == "USER" else None
    if found is None:
        return 0
    first = found.split(",")[0].strip()
    if re.fullmatch(r"0*[1-9][0-9]{0,8}", first, re.ASCII) and int(first) <= _MAX_BANDWIDTH:
        return int(first)
    ini.refuse(section, "Bandwidth", found, f"words a cycle are needed, a whole number from 1 to {_MAX_BANDWIDTH}")
    return 0


def _base() -> dict[str, Any]:
    """Return the document of the preset to start from."""
    document: Mapping[str, Any] = load_accelerator(BASE).document
    return copy.deepcopy(dict(document))


def _name(run_name: str, stem: str) -> str:
    """Return what the machine is called: the run's name as far as it can name a file, else the file's."""
    for text in (run_name, stem):
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:64]
        if name:
            return name
    return "scalesim"
