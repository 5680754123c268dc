"""All published machines at once: the document of `accel show published` and of reports/published.html (`survey`).

Integers and a few divisions, so that the same document comes out on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from accel import __version__
from accel.accelerator import Accelerator
from accel.config import load_accelerator
from accel.published import diannao, eyeriss, tpuv1, zhang2015
from accel.published.comparison import Comparison
from accel.published.constants import constants
from accel.published.figures import STANDINGS, Published, published

SCHEMA = "bitcycle-published-1"

MACHINES: Mapping[str, Callable[[Published, Accelerator], tuple[Comparison, ...]]] = {
    "eyeriss": eyeriss.compare,
    "zhang2015": zhang2015.compare,
    "tpuv1": tpuv1.compare,
    "diannao": diannao.compare,
}
"""Presets with published figures, and how each is compared."""


def survey() -> dict[str, Any]:
    """Return every comparison, what it rests on, and where everything is from, as plain values."""
    return {
        "schema": SCHEMA,
        "machines": [_machine(name) for name in MACHINES],
        "standings": dict(STANDINGS),
        "provenance": {"command": "accel show published --html reports/published.html", "bitcycle": __version__},
    }


def _machine(name: str) -> dict[str, Any]:
    found, machine = published(name), load_accelerator(name)
    return {
        "machine": name,
        "title": found.title,
        "description": str(machine.document["description"]),
        "setting": found.setting,
        "source": found.source,
        "modelled": found.modelled,
        "left_out": found.left_out,
        "recalled": found.recalled,
        "reasons": dict(found.reasons),
        "comparisons": [comparison.to_dict() for comparison in MACHINES[name](found, machine)],
        "constants": constants(found, machine),
        "roofline": tpuv1.roof(found, machine) if name == "tpuv1" else None,
    }
