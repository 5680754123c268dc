"""Presets as they were built last, kept beside the compiled kernels, so that a verb starts without pydantic.

A preset is ours and the same every time; checking it again takes as long as everything else that an estimate loads.
What is kept is a pickle behind a line that stands for all it was made from: Python, and size and time of last change
of every source file that has a part in it. Another line, a damaged file or none: the preset is built and kept again.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from accel.accelerator import Accelerator
from accel.errors import ConfigError
from kernels.cache import cache_root

_PACKAGE = Path(__file__).parents[1]
_SOURCES = ("", "arch", "arch/dataflows", "arch/technologies", "config", "numeric", "presets", "units")
"""Folders of the package in which a machine's records, the files that describe it and what reads them lie."""


def kept_or_built(name: str, build: Callable[[str], Accelerator]) -> Accelerator:
    """Return the preset of that name as it is kept, else what `build` makes of it, which is then kept."""
    file = cache_root() / f"preset-{name}.pickle"
    try:
        written, _, content = file.read_bytes().partition(b"\n")
        if written == _line():
            machine = pickle.loads(content)  # noqa: S301 - our own file, in the folder whose machine code we run
            if isinstance(machine, Accelerator):
                return machine
    except Exception:  # noqa: S110 - a file can fail in any way, and none matters: the preset itself is at hand
        pass
    machine = build(name)
    _keep(file, machine)
    return machine


def _keep(file: Path, machine: Accelerator) -> None:
    """Write the file; a folder that cannot be written costs the next start its time, nothing else."""
    from accel.files import write_file

    try:
        write_file(file, _line() + b"\n" + pickle.dumps(machine, pickle.HIGHEST_PROTOCOL))
    except (ConfigError, OSError):
        return


def _line() -> bytes:
    """Return the SHA-256, as text, of what decides the machines and how they are pickled."""
    return hashlib.sha256(repr((sys.version, *_stamps())).encode()).hexdigest().encode()


def _stamps() -> Iterator[tuple[str, int, int]]:
    """Yield path, size and time of last change of every source file, sorted. Raises OSError where there are none."""
    for folder in (*(_PACKAGE / source for source in _SOURCES), _PACKAGE.parent / "kernels"):
        with os.scandir(folder) as entries:
            files = sorted((entry.path, entry.stat()) for entry in entries if entry.name.endswith((".py", ".toml")))
        for path, about in files:
            yield path, about.st_size, about.st_mtime_ns
