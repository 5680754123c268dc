"""Codes held against stored codes, node by node, and the first difference told in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accel.check.case import Case
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat


@dataclass(frozen=True)
class Divergence:
    """Where a node first differs, by how much, and how many of its codes do; index starts with the input's number.

    got, wanted: codes. largest_lsb: the largest difference, in steps of the format.
    """

    layer: str
    index: tuple[int, ...]
    format: QFormat
    got: int
    wanted: int
    differing: int
    total: int
    largest_lsb: int

    def __str__(self) -> str:
        place = ", ".join(map(str, self.index))
        return (
            f"{self.layer} [{place}] {self.format}: got {self._code(self.got)}, wanted {self._code(self.wanted)}; "
            f"{self.differing} of {self.total} differ, largest {self.largest_lsb} lsb"
        )

    def _code(self, code: int) -> str:
        """Write a code as its bits in hex, and as its value."""
        bits, digits = code & ((1 << self.format.width) - 1), -(-self.format.width // 4)
        return f"0x{bits:0{digits}x} ({float(code * self.format.lsb):.10g})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, codes with their values beside them."""
        lsb = self.format.lsb
        return {
            "layer": self.layer,
            "index": list(self.index),
            "format": str(self.format),
            "got": {"code": self.got, "value": float(self.got * lsb)},
            "wanted": {"code": self.wanted, "value": float(self.wanted * lsb)},
            "differing": self.differing,
            "total": self.total,
            "largest_lsb": self.largest_lsb,
        }


def compare(wanted: Mapping[str, FxArray], got: Mapping[str, FxArray]) -> tuple[tuple[Case, ...], Divergence | None]:
    """Compare node by node, in the order of `wanted`: a case for each, and the first difference of codes.

    A node whose format or shape is another one fails, and its codes are not compared.
    """
    cases: list[Case] = []
    first: Divergence | None = None
    for name, reference in wanted.items():
        label = f"codes of {name}"
        codes = got.get(name)
        if codes is None or (codes.format, codes.shape) != (reference.format, reference.shape):
            found = "absent" if codes is None else f"{codes.format} {codes.shape}"
            cases.append(Case(label, False, f"{found}, golden has {reference.format} {reference.shape}"))
            continue
        divergence = _diverge(name, reference, codes)
        first = first or divergence
        detail = str(divergence) if divergence else f"{codes.codes.size} codes equal"
        cases.append(Case(label, divergence is None, detail))
    return tuple(cases), first


def _diverge(layer: str, wanted: FxArray, got: FxArray) -> Divergence | None:
    """Return how two arrays of one format and shape differ, None when they do not."""
    # Formats have at most 32 bits here, so that a difference of codes fits 33.
    difference = got.codes.astype(np.int64) - wanted.codes.astype(np.int64)
    places = np.flatnonzero(difference)
    if not places.size:
        return None
    index = np.unravel_index(int(places[0]), difference.shape)
    return Divergence(
        layer,
        tuple(int(i) for i in index),
        got.format,
        int(got.codes[index]),
        int(wanted.codes[index]),
        int(places.size),
        int(difference.size),
        int(np.abs(difference).max()),
    )
