"""COMPUTE_REPORT.csv as SCALE-Sim 3.0.0 writes it without stalls (InterfaceBandwidth = CALC): the same bytes.

Layers are numbered from 0 and have no names; every line ends with a comma, as `simulator.py` of the tool has it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from accel.arch.hardware import Array, Memory
from accel.arch.scalesim import check_machine, compute_line
from accel.errors import ConfigError
from accel.files import write_file
from accel.loopnest import LoopNest

FILE = "COMPUTE_REPORT.csv"

_HEADER = (
    "LayerID, Total Cycles (incl. prefetch), Total Cycles, Stall Cycles, Overall Util %, Mapping Efficiency %,"
    " Compute Util %,\n"
)


def compute_report(layers: Sequence[tuple[str, LoopNest]], array: Array, memory: Memory) -> str:
    """Return the text of the report of layers, given with their names, on a machine.

    Raises ConfigError for a machine, or naming the layers, of which the tool has no report.
    """
    check_machine(array, memory)
    lines: dict[LoopNest, str] = {}
    problems: list[str] = []
    for name, nest in layers:
        if nest not in lines:
            try:
                lines[nest] = ", ".join(str(value) for value in compute_line(nest, array, memory))
            except ConfigError as error:
                lines[nest] = ""
                problems += [f"{name}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return _HEADER + "".join(f"{number}, {lines[nest]},\n" for number, (_, nest) in enumerate(layers))


def write_compute_report(directory: Path, text: str) -> Path:
    """Write the report into a directory, made with it or not at all, and return the file's path.

    Other files of an existing directory stay. Raises ConfigError when the place cannot be written.
    """
    if directory.is_dir():
        write_file(directory / FILE, text.encode())
        return directory / FILE
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".accel-") as scratch:
            arriving = Path(scratch) / "arriving"
            arriving.mkdir()
            (arriving / FILE).write_text(text, encoding="utf-8", newline="\n")
            arriving.rename(directory)
    except OSError as error:
        raise ConfigError(f"{directory}: cannot be written ({error.strerror}); choose another directory") from None
    return directory / FILE
