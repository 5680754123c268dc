"""`[numerics] profile = "dsp48"`: what a tool does by default, laid under what the file says itself.

The file's own keys win one by one; within [numerics.accumulator] too, where `format` stands for width and binary point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accel.numeric.profiles import PROFILES


def with_profile(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the document with the profile that it names, if there is such a profile, as its defaults."""
    numerics = document.get("numerics")
    if not isinstance(numerics, Mapping) or str(numerics.get("profile")) not in PROFILES:
        return document
    settings = PROFILES[str(numerics["profile"])].settings()
    merged = {**settings, **numerics}
    own = numerics.get("accumulator", {})
    if isinstance(own, Mapping):
        sums = {key: value for key, value in settings["accumulator"].items() if not _said(key, own)}
        merged["accumulator"] = {**sums, **own}
    return {**document, "numerics": merged}


def _said(key: str, own: Mapping[str, Any]) -> bool:
    return key in own or (key in ("width", "frac_bits") and "format" in own)
