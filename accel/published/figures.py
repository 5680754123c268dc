"""What papers say of a machine: `Published`, one file per machine in `accel/published/figures`.

A file holds the figures as they are printed, their source, what our model of the machine has and lacks, and where
every constant of that model is from. Nothing predicted stands in it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from typing import Any

STANDINGS = {
    "chosen": "chosen with this table in view",
    "assumed": "assumed",
    "paper": "from the paper",
}
"""Where a constant of a machine is from, in the order in which a reader should see them."""


@dataclass(frozen=True)
class Constant:
    """A constant that predictions depend on, the same for every layer.

    key: in the accelerator file ("array.rows"), or of the dataflow ("chip.weights"; see `accel.published.constants`).
    says: what it is, where that is no number. standing: one of STANDINGS.
    """

    key: str
    standing: str
    note: str
    says: str = ""

    def __post_init__(self) -> None:
        assert self.standing in STANDINGS, (self.key, self.standing)


@dataclass(frozen=True)
class Published:
    """One machine in print.

    machine: the preset. setting: what was run. modelled, left_out: what predictions have and lack, and which way their
    errors go. reasons: why a quantity is far off, by its name. recalled: which figures nobody could read again, ""
    for none. tables: the figures themselves, by the keys of the file.
    """

    machine: str
    title: str
    setting: str
    source: str
    modelled: str
    left_out: str
    reasons: Mapping[str, str]
    constants: Sequence[Constant]
    tables: Mapping[str, Any]
    recalled: str = ""


def published(machine: str) -> Published:
    """Return what is published of a preset that has such a file (see `accel.published.survey.MACHINES`)."""
    file = resources.files("accel.published") / "figures" / f"{machine}.toml"
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    constants = tuple(Constant(**row) for row in document.pop("constants"))
    known = {field.name for field in fields(Published)}
    described = {key: value for key, value in document.items() if key in known}
    tables = {key: value for key, value in document.items() if key not in known}
    return Published(**described, constants=constants, tables=tables)
