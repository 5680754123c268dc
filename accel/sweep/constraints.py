"""Constraints of a sweep: "area_mm2 <= 5", a measure held against a number."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from accel.errors import ConfigError, suggestion
from accel.sweep.measures import MEASURES

_RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_TEXT = re.compile(r"\s*(?P<measure>[^<>=\s]*)\s*(?P<relation><=|>=|<|>)\s*(?P<limit>\S+)\s*")


@dataclass(frozen=True)
class Constraint:
    """A measure, a relation ("<=", ">=", "<", ">") and a limit."""

    measure: str
    relation: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Read "area_mm2 <= 5". Raises ConfigError that offers what is known."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ConfigError(f'"{text}" is not a constraint; write for example "area_mm2 <= 5" (<=, >=, < or >)')
        name = found["measure"]
        if name not in MEASURES:
            raise ConfigError(f"\"{text}\": '{name}' is not measured.{suggestion(name, MEASURES)}")
        try:
            limit = float(found["limit"])
        except ValueError:
            limit = math.nan
        if not math.isfinite(limit):
            raise ConfigError(f"\"{text}\": '{found['limit']}' is not a number")
        return cls(name, found["relation"], limit)

    def holds(self, figures: Mapping[str, float | None]) -> bool:
        """Whether a point keeps it; what has no such figure does not."""
        value = figures.get(self.measure)
        return value is not None and _RELATIONS[self.relation](value, self.limit)

    def excess(self, figures: Mapping[str, float | None]) -> float:
        """Return by how much it is missed, 0 or less where it is kept, for a search that has to find its way back."""
        value = figures.get(self.measure)
        if value is None:
            return math.inf
        over = value - self.limit if self.relation.startswith("<") else self.limit - value
        return over if over > 0 or self.holds(figures) else math.ulp(self.limit)

    def __str__(self) -> str:
        return f"{self.measure} {self.relation} {self.limit:g}"
