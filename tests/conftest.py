"""Fixtures for all tests."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers seeded by the test's own name and parameters: the same in any order and on any machine."""
    return np.random.default_rng(crc32(request.node.name.encode()))
