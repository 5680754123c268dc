"""From a document of plain values to an `Accelerator`: every key on its own first, then what must go together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from accel.accelerator import Accelerator
from accel.arch.hardware import Architecture, Array, Cores, Memory
from accel.config.numerics import build_numerics
from accel.config.problems import Places, Problem, shape_problems
from accel.config.profile import with_profile
from accel.config.schema import AcceleratorTable, NumericsTable, UnitsTable
from accel.config.technology import named_technology
from accel.config.training import build_training
from accel.config.units import build_units


def build(document: Mapping[str, Any], places: Places) -> Accelerator:
    """Return the machine that `document` describes. Raises ConfigError that tells every problem, with its place."""
    complete = with_profile(document)
    try:
        table = AcceleratorTable.model_validate(complete)
    except ValidationError as error:
        problems = shape_problems(error, AcceleratorTable)
        named_technology(complete.get("technology"), places, problems)
        raise places.error([*problems, *_in_sound_tables(complete, problems)]) from None
    found: list[Problem] = []
    numerics = build_numerics(table.numerics, found)
    units = build_units(table.units, found)
    technology = named_technology(table.technology, places, found)
    training = None if numerics is None else build_training(table.training, numerics, found)
    if found or numerics is None or training is None:
        raise places.error(found)
    array, memory = Array(**table.array.model_dump()), Memory(**table.memory.model_dump())
    cores = Cores(**table.cores.model_dump())
    return Accelerator(
        name=table.name,
        numerics=numerics,
        training=training,
        architecture=Architecture(array, units, memory, float(table.clock_hz), cores, technology),
        source=f"{table.source} Assumed: {table.assumed}" if table.assumed else table.source,
        document=document,
        digest=document_digest(document),
    )


def document_digest(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a document's canonical JSON, which the order and layout of a file do not change."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _in_sound_tables(document: Mapping[str, Any], problems: list[Problem]) -> list[Problem]:
    """Return what does not go together within tables that are sound on their own, so that nothing waits its turn."""
    found: list[Problem] = []
    broken = {problem.path for problem in problems}
    if "numerics" not in {path[0] for path in broken if path}:
        build_numerics(NumericsTable.model_validate(document["numerics"]), found)
    if ("units",) not in broken:
        units = {
            key: {option: value for option, value in unit.items() if ("units", key, option) not in broken}
            for key, unit in document.get("units", {}).items()
            if ("units", key) not in broken
        }
        build_units(UnitsTable.model_validate(units), found)
    return found
