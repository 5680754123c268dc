"""A finished sweep as plain values: `sweep.json`, `points.csv`, and Parquet where pyarrow is there.

The table is columns and rows, so that a hundred thousand points stay a small file. Columns: hash, status, network, the
axes, the figures by measure, error. Nothing in it depends on when, where or in how many pieces the sweep was run.
"""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from accel import __version__
from accel.errors import ConfigError, DataError
from accel.files import write_file
from accel.sweep.front import front
from accel.sweep.measure import DONE, FAILED, OUTSIDE, Row
from accel.sweep.measures import MEASURES
from accel.sweep.optional import optional
from accel.sweep.points import Point
from accel.sweep.scaling import scaling_of
from accel.sweep.spec import Spec

SCHEMA = "bitcycle-sweep-1"
JSON, CSV, PAGE = "sweep.json", "points.csv", "sweep.html"


def document_of(spec: Spec, points: Sequence[Point], rows: Mapping[str, Row], command: str = "") -> dict[str, Any]:
    """Return the document of a sweep; points without a row (it was interrupted) are left out."""
    made = [(point, rows[point.hash]) for point in points if point.hash in rows]
    axes = list(dict.fromkeys(name for point, _ in made for name, _ in point.labels))
    present = {name for _, row in made for name, value in row.figures.items() if value is not None}
    measures = [name for name in MEASURES if name in present]
    best = front([row.figures if row.status == DONE else None for _, row in made], spec.objectives)
    statuses = [row.status for _, row in made]
    known = {axis.name: axis for axis in spec.axes}
    listed = [
        {
            "name": name,
            "keys": list(known[name].keys) if name in known else [],
            "values": [choice.label for choice in known[name].choices] if name in known else _labels(name, made),
        }
        for name in axes
    ]
    columns = ["hash", "status", *axes, *measures, "error"]
    table = [_table_row(point, row, axes, measures) for point, row in made]
    return {
        "schema": SCHEMA,
        "name": spec.name,
        "model": spec.sweep.model,
        "search": spec.sweep.search,
        "accelerator": str(spec.base.get("name", "")),
        "networks": list(dict.fromkeys(point.network for point, _ in made)),
        "inputs": _inputs(spec),
        "objectives": dict(spec.objectives),
        "constraints": [str(constraint) for constraint in spec.constraints],
        "axes": listed,
        "measures": [
            {"name": name, "better": MEASURES[name].better, "meaning": MEASURES[name].meaning} for name in measures
        ],
        "planned": len(points),
        "counts": {status: statuses.count(status) for status in (DONE, OUTSIDE, FAILED)},
        "columns": columns,
        "rows": table,
        "front": best,
        "scaling": scaling_of(listed, columns, table),
        "accelerator_document": dict(spec.base),
        "spec": dict(spec.document),
        "provenance": {
            "command": command,
            "spec_sha256": spec.digest,
            "seed": spec.sweep.seed,
            "versions": {
                "python": platform.python_version(),
                "bitcycle": __version__,
                "numpy": version("numpy"),
                "numba": version("numba"),
            },
        },
    }


def _inputs(spec: Spec) -> dict[str, Any] | None:
    """Return what was classified, None for a sweep of cycles."""
    sweep = spec.sweep
    return {"data": sweep.data, "inputs": sweep.inputs, "weights": sweep.weights} if spec.wants_bits else None


def _labels(axis: str, made: Iterable[tuple[Point, Row]]) -> list[Any]:
    """Return the values of networks or of a key of a list, in order of appearance, numbers in ascending order."""
    found = {repr(label): label for point, _ in made for name, label in point.labels if name == axis}
    values = list(found.values())
    return sorted(values) if all(type(value) in (int, float) for value in values) else values


def _table_row(point: Point, row: Row, axes: Sequence[str], measures: Sequence[str]) -> list[Any]:
    labels = dict(point.labels)
    figures = [row.figures.get(name) for name in measures]
    return [point.hash[:16], row.status, *(labels.get(name) for name in axes), *figures, row.error]


def write_sweep(directory: Path, document: Mapping[str, Any], page: str) -> None:
    """Write sweep.json, points.csv and sweep.html, each whole or not at all. Raises ConfigError when it cannot."""
    text = json.dumps({key: value for key, value in document.items() if key != "rows"}, indent=1, ensure_ascii=False)
    rows = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in document["rows"])
    # One line a row: the file reads well and stays small.
    whole = f'{text[:-2]},\n "rows": [\n{rows}\n ]\n}}\n'
    write_file(directory / JSON, whole.encode())
    write_file(directory / CSV, csv_text(document).encode())
    write_file(directory / PAGE, page.encode())


def load_sweep(directory: Path) -> dict[str, Any]:
    """Read a finished sweep. Raises DataError when it is missing, corrupt or of another kind."""
    file = directory / JSON if directory.is_dir() else directory
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise DataError(f"{file}: not JSON ({error}); make it again with accel sweep --resume") from None
    found = document.get("schema") if isinstance(document, dict) else None
    if found != SCHEMA:
        raise DataError(f"{file}: schema {json.dumps(found)}, expected {SCHEMA!r}; is this a sweep of another version?")
    return dict(document)


def csv_text(document: Mapping[str, Any]) -> str:
    """Return one line a point under a header; what is absent is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(document["columns"])
    writer.writerows(document["rows"])
    return text.getvalue()


def check_export(path: Path) -> None:
    """Raise, before a sweep is run for it, what `export` would raise for this name: ConfigError or ToolError."""
    if path.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"--export {path}: the name must end in .csv or .parquet")
    if path.suffix == ".parquet":
        _pyarrow()


def export(path: Path, document: Mapping[str, Any]) -> None:
    """Write the table as CSV or Parquet, as the name says. Raises as `check_export` does."""
    check_export(path)
    if path.suffix == ".csv":
        write_file(path, csv_text(document).encode())
        return
    columns = zip(*document["rows"], strict=True) if document["rows"] else ([] for _ in document["columns"])
    pyarrow, parquet = _pyarrow()
    table = {name: _typed(list(values)) for name, values in zip(document["columns"], columns, strict=True)}
    buffer = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(table), buffer)
    write_file(path, buffer.getvalue().to_pybytes())


def _typed(values: list[Any]) -> list[Any]:
    """Return a column of one type, as Parquet wants it: numbers stay numbers, anything mixed becomes text."""
    known = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in known) or all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in known
    ):
        return values
    return [None if value is None else value if isinstance(value, str) else json.dumps(value) for value in values]


def _pyarrow() -> tuple[Any, Any]:
    remedy = "pip install 'bitcycle[parquet]', or export to a .csv"
    pyarrow, parquet = (optional(name, "Parquet", remedy) for name in ("pyarrow", "pyarrow.parquet"))
    return pyarrow, parquet
