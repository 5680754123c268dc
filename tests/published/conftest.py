"""Comparisons of each machine, made once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accel.config import load_accelerator
from accel.published.comparison import Comparison
from accel.published.figures import published
from accel.published.survey import MACHINES

Compare = Callable[..., dict[tuple[str, str], Comparison]]


@pytest.fixture(scope="session")
def compare() -> Compare:
    """Return a machine's comparisons by (quantity, row), with overrides laid over its preset."""

    def comparisons(name: str, *overrides: str) -> dict[tuple[str, str], Comparison]:
        made = MACHINES[name](published(name), load_accelerator(name, overrides))
        found = {(one.quantity, one.row): one for one in made}
        assert len(found) == len(made)
        return found

    return comparisons
