"""SCALE-Sim topology files: a layer a line, as sizes of a convolution or as M, N, K, told apart by their header.

    Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,[ Sparsity,]
    Layer, M, N, K,[ Sparsity,]

Source: `topology_utils.py` of SCALE-Sim 3.0.0, read more leniently: with or without the trailing comma, spaces, empty
lines, comments and columns of one's own after the sizes. The surprise: sizes are already padded, and the last window
may hang over the edge, so that there are ceil((H - r + s) / s) of them. An N:M sparsity is checked and kept, but not
used: no array here skips zeros, and neither does the tool unless its .cfg file says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from accel.errors import ModelError
from accel.loopnest import LoopNest, Pair

SUFFIX = ".csv"

DEPTHWISE = "DP"
"""A convolution with this in its name stands for one layer a channel, each with one channel and all filters."""

MAX_EXTENT = (1 << 31) - 1
MAX_FILTER_EXTENT = 1 << 20
MAX_LAYERS = 1_000_000

_CONV = ("IFMAP Height", "IFMAP Width", "Filter Height", "Filter Width", "Channels", "Num Filter")
_STRIDES = ("Stride Height", "Stride Width")
_GEMM = ("M", "N", "K")
_HEADERS = "'Layer name, IFMAP Height, IFMAP Width, Filter Height, ...' or 'Layer, M, N, K'"
_LONGEST_ECHO = 40


@dataclass(frozen=True)
class TopologyRow:
    """One layer: kind "conv" or "gemm"; line of the file; sparsity (N, M): N of M weights are not zero."""

    name: str
    kind: str
    nest: LoopNest
    line: int
    sparsity: Pair = (1, 1)


@dataclass(frozen=True)
class Topology:
    """The layers of a file in its order; they do not say what feeds them, so each stands alone."""

    name: str
    rows: tuple[TopologyRow, ...]


def is_topology(name: str) -> bool:
    """Tell the path of a topology file from the name of a network."""
    return Path(name).suffix.lower() == SUFFIX


def read_topology(path: str | Path) -> Topology:
    """Read a file. Raises ModelError that tells all that is wrong with it, each with its line."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        reasons = {FileNotFoundError: "no such file", IsADirectoryError: "a folder; give one of its .csv files"}
        reason = reasons.get(type(error), f"cannot be read ({error.strerror})")
        raise ModelError(f"{path}: {reason}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ModelError(f"{path}:{line}: not UTF-8 (byte 0x{raw[error.start]:02x}); save the file as UTF-8") from None
    return parse_topology(text, str(path))


def parse_topology(text: str, file: str) -> Topology:
    """Read the text of a file; `file` is its path in messages. Raises ModelError as `read_topology` does."""
    lines = enumerate(re.split(r"\r\n|\r|\n", text), start=1)
    written = [(number, cells) for number, line in lines if any(cells := [cell.strip() for cell in line.split(",")])]
    if not written:
        raise ModelError(f"{file}: empty; the first line is a header, expected {_HEADERS}")
    (number, header), *layers = written
    kind = _kind(header)
    if kind is None:
        raise ModelError(f"{file}:{number}: found the header {_echo(','.join(header))}, expected {_HEADERS}")
    if not layers:
        raise ModelError(f"{file}: no layers after the header in line {number}; write one a line, sizes after its name")
    rows: list[TopologyRow] = []
    problems: list[str] = []
    for number, cells in layers:
        try:
            rows += _layers(kind, header, cells, number, MAX_LAYERS - len(rows))
        except ModelError as error:
            problems += [f"{file}:{number}: {problem}" for problem in error.problems]
    if problems:
        raise ModelError(problems)
    return Topology(Path(file).stem, tuple(rows))


def _kind(header: Sequence[str]) -> str | None:
    """Return the kind of layers that a header announces; a line of sizes is no header."""
    words = [" ".join(cell.lower().split()) for cell in header]
    if [word.upper() for word in words[1:4]] == list(_GEMM):
        return "gemm"
    return "conv" if len(words) > len(_CONV) + 1 and words[1].startswith("ifmap") else None


def _layers(kind: str, header: Sequence[str], cells: Sequence[str], line: int, room: int) -> list[TopologyRow]:
    """Return the layers of one line, at most `room`. Raises ModelError that tells all that is wrong with it."""
    name, problems = cells[0], []
    if not name:
        problems.append("found no name in the first column, expected one")
    fields = _fields(kind, header)
    sizes = {field: _size(field, cell, problems) for field, cell in zip_longest(fields, cells[1 : len(fields) + 1])}
    sparsity = _sparsity(header[len(fields) + 1 :], cells[len(fields) + 1 :], problems)
    if kind == "conv":
        _check_filter(sizes, problems)
    if problems:
        raise ModelError(problems)
    if kind == "gemm":
        nest = LoopNest("array", K=sizes["N"], C=sizes["K"], P=sizes["M"], height=sizes["M"])
        return [TopologyRow(name, kind, nest, line, sparsity)]
    nest, channels = _convolution(sizes), sizes["Channels"]
    if DEPTHWISE not in name:
        return [TopologyRow(name, kind, replace(nest, C=channels), line, sparsity)]
    if channels > room:
        raise ModelError(
            f"Channels: found {channels} in a '{DEPTHWISE}' line, which is as many layers, expected at most {room} here"
        )
    return [TopologyRow(f"{name}Channel_{channel}", kind, nest, line, sparsity) for channel in range(channels)]


def _fields(kind: str, header: Sequence[str]) -> tuple[str, ...]:
    """Return what the columns after the name are; a stride of its own for columns is told by the header."""
    if kind == "gemm":
        return _GEMM
    second_stride = header[len(_CONV) + 2 : len(_CONV) + 3]
    return (*_CONV, *(_STRIDES if any("stride" in word.lower() for word in second_stride) else ("Strides",)))


def _size(field: str, found: str | None, problems: list[str]) -> int:
    """Return a size, or 0 after noting why it is none."""
    limit = MAX_FILTER_EXTENT if field.startswith("Filter") else MAX_EXTENT
    if found and re.fullmatch(r"\+?0*[1-9][0-9]{0,9}", found, re.ASCII) and int(found) <= limit:
        return int(found)
    what = _echo(found) if found else "nothing"
    problems.append(f"{field}: found {what}, expected a whole number from 1 to {limit}")
    return 0


def _check_filter(sizes: Mapping[str, int], problems: list[str]) -> None:
    for axis in ("Height", "Width"):
        filter_extent, extent = sizes[f"Filter {axis}"], sizes[f"IFMAP {axis}"]
        if 0 < extent < filter_extent:
            problems.append(
                f"Filter {axis}: found {filter_extent} over an input of {extent}, expected at most {extent} "
                "(the sizes of the file include its padding)"
            )


def _convolution(sizes: Mapping[str, int]) -> LoopNest:
    """Return the loops over one channel."""
    stride = sizes.get("Strides", 0)
    rows, columns = (sizes.get(name, stride) for name in _STRIDES)
    return LoopNest(
        "array",
        K=sizes["Num Filter"],
        P=-(-(sizes["IFMAP Height"] - sizes["Filter Height"]) // rows) + 1,
        Q=-(-(sizes["IFMAP Width"] - sizes["Filter Width"]) // columns) + 1,
        R=sizes["Filter Height"],
        S=sizes["Filter Width"],
        height=sizes["IFMAP Height"],
        width=sizes["IFMAP Width"],
        stride=(rows, columns),
    )


def _sparsity(headings: Sequence[str], extras: Sequence[str], problems: list[str]) -> Pair:
    """Return the N:M among the cells after the sizes, (1, 1) without; any text there is the user's own."""
    ratio = (1, 1)
    for heading, found in zip_longest(headings, extras, fillvalue=""):
        if ":" in found or (found and heading.lower().startswith("sparsity")):
            match = re.fullmatch(r"([0-9]{1,9}) *: *([0-9]{1,9})", found, re.ASCII)
            if match and 1 <= int(match[1]) <= int(match[2]):
                ratio = (int(match[1]), int(match[2]))
            else:
                problems.append(f"Sparsity: found {_echo(found)}, expected N:M with 1 <= N <= M, for example 2:4")
        elif not heading and re.fullmatch(r"[+-]?[0-9.]+", found, re.ASCII):
            problems.append(f"found one more number, {_echo(found)}, expected the end of the line or a sparsity N:M")
    return ratio


def _echo(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}...")
