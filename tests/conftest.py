"""Fixtures for all tests."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest
from hypothesis import settings

# The same examples on every machine, and no deadline that a busy one would miss.
settings.register_profile("bitcycle", derandomize=True, deadline=None)
settings.load_profile("bitcycle")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers seeded by the test's own name and parameters: the same in any order and on any machine."""
    return np.random.default_rng(crc32(request.node.name.encode()))
