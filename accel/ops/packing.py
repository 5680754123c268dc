"""`Packing`: weights as the kernels read them, made at first use and kept with the node they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numpy.typing import NDArray

T = TypeVar("T")


class Packing:
    """What was last made of one node's weights, under a key that tells how.

    It is made again when other codes come; codes are told apart by identity, because nothing writes to those of an
    `FxArray`. Two threads that come first may both make it, and either result is right.
    """

    def __init__(self) -> None:
        self._kept: dict[object, tuple[NDArray[Any], Any]] = {}

    def of(self, codes: NDArray[Any], key: object, make: Callable[[], T]) -> T:
        """Return what was made of these codes under that key, or make it."""
        kept = self._kept.get(key)
        if kept is None or kept[0] is not codes:
            kept = self._kept[key] = codes, make()
        made: T = kept[1]
        return made
