"""The run directory: `run.json`, `layers.csv` and `report.html`, written whole or not at all, and read again.

A run directory is written beside its place and renamed into it; whatever fails on the way, what stood there before
stands there still. An earlier run directory is replaced; files in it that are not ours move along.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from accel.errors import ConfigError, DataError
from accel.report.export import layers_csv, plain, run_json
from accel.report.page import render
from accel.report.prose import Document

SCHEMA = "bitcycle-run-1"
"""What `run.json` calls itself."""

RUN_FILES = ("run.json", "layers.csv", "report.html")

# fmt: off
_RUN_KEYS = (
    "network", "network_source", "accelerator", "accelerator_source", "inputs", "dataset", "accuracy", "agreement",
    "latency_cycles", "latency_us", "interval_cycles", "interval_us", "inputs_per_second", "clock_hz", "pes", "array",
    "schedule", "softmax", "layers", "encoded", "first_disagreement", "provenance", "accelerator_document",
    "not_modelled",
)
_LAYER_KEYS = (
    "name", "kind", "shape", "format", "macs", "cycles", "hidden_cycles", "prefetch_cycles", "folds", "utilization",
    "mapping_efficiency", "bytes", "bound", "saturated", "error", "range", "histogram", "accumulator",
)
_EXPLAIN_KEYS = ("inputs", "threshold", "layers", "changed", "diagnosis")
_ENERGY_KEYS = ("technology", "unit", "total", "components", "low", "high", "unpriced")
# fmt: on
_LACKS_NAMED = 4


def write_run(directory: str | Path, document: Document, page: str | None = None) -> Path:
    """Write a run directory and return its path; page: the document's HTML where it has been rendered already.

    Raises ConfigError when the place holds something that is not a run of ours, or cannot be written.
    """
    target = Path(directory).expanduser().resolve()
    run = plain(document)
    texts = {"run.json": run_json(run), "layers.csv": layers_csv(run), "report.html": page or render(run)}
    with _refusals(target):
        kept = _others(target)
        with _beside(target) as fresh:
            for name, text in texts.items():
                (fresh / name).write_text(text, encoding="utf-8", newline="\n")
            for other in kept:
                copy = shutil.copytree if other.is_dir() and not other.is_symlink() else shutil.copy2
                copy(other, fresh / other.name)
            _swap(fresh, target)
    return target


def check_place(directory: str | Path) -> None:
    """Raise the ConfigError that `write_run` would raise for this place, before a long run is computed for it."""
    target = Path(directory).expanduser().resolve()
    with _refusals(target):
        _others(target)
        ground = next(folder for folder in target.parents if folder.exists())
        with _beside(ground / target.name):  # the parents that are still missing are made by `write_run`
            pass


@contextmanager
def _refusals(target: Path) -> Iterator[None]:
    """Turn what the file system refuses into a ConfigError."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"cannot write the run into {target}: {error.strerror or error}; free space there or choose another "
            "directory with -o. Nothing was changed"
        ) from None


def load_run(path: str | Path) -> dict[str, Any]:
    """Read a run from its directory or its `run.json`. Raises DataError when it is missing, corrupt or another kind."""
    place = Path(path).expanduser()
    file = place / "run.json" if place.is_dir() else place
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{file}: no such file; a run is the directory that `accel run -o DIR` wrote") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise DataError(f"{file}: not JSON ({error}); run again to write it anew") from None
    found = document.get("schema") if isinstance(document, dict) else None
    if found != SCHEMA:
        raise DataError(f"{file}: schema {json.dumps(found)}, expected {SCHEMA!r}; is this a run of another version?")
    lacks = _lacks(document)
    if lacks:
        named = ", ".join(lacks[:_LACKS_NAMED])
        more = f" and {len(lacks) - _LACKS_NAMED} more" if len(lacks) > _LACKS_NAMED else ""
        raise DataError(f"{file}: lacks {named}{more}; it was cut short or edited, run again to write it anew")
    return dict(document)


def _lacks(document: Document) -> list[str]:
    """Return the keys that a run has and this document has not."""
    lacks = [key for key in _RUN_KEYS if key not in document]
    for section, keys in (("explain", _EXPLAIN_KEYS), ("energy", _ENERGY_KEYS)):
        found = document.get(section)
        if found is not None:
            lacks += [f"{section}.{key}" for key in keys if not isinstance(found, Mapping) or key not in found]
    layers = document.get("layers", [])
    if not isinstance(layers, list) or not all(isinstance(layer, Mapping) for layer in layers):
        return [*lacks, "a list of layers"]
    return lacks + [
        f"layers[{index}].{key}" for index, layer in enumerate(layers) for key in _LAYER_KEYS if key not in layer
    ]


def _others(target: Path) -> list[Path]:
    """Return what is in an earlier run directory beside our files. Raises ConfigError for a place that is not ours."""
    if not target.exists():
        return []
    if not target.is_dir():
        raise ConfigError(f"{target} is a file, a run needs a directory; choose another with -o")
    found = sorted(target.iterdir())
    if found and not _is_run(target / "run.json"):
        raise ConfigError(
            f"{target} holds {found[0].name} and no run.json of ours; choose a new or an empty directory with -o"
        )
    return [path for path in found if path.name not in RUN_FILES]


def _is_run(file: Path) -> bool:
    """Tell whether a file is the `run.json` of any version."""
    try:
        schema = json.loads(file.read_text(encoding="utf-8")).get("schema", "")
    except (OSError, ValueError, AttributeError):
        return False
    return isinstance(schema, str) and schema.startswith("bitcycle-run-")


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Offer a new hidden directory next to `target`, removed again if it is still there at the end."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    fresh.mkdir()
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _swap(fresh: Path, target: Path) -> None:
    """Put `fresh` in the place of `target`; if that fails, put the old one back."""
    if not target.exists():
        fresh.rename(target)
        return
    old = fresh.with_suffix(".old")
    target.rename(old)
    try:
        fresh.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
