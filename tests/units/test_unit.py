"""What units share: stored tables, offered values."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.units.unit import frozen_table, line_memories, memory_bits, require_offered, stored_bits


@pytest.mark.parametrize(
    ("entries", "bits"),
    [([0, 1], 1), ([0, 255], 8), ([256], 9), ([-1, 0], 1), ([-1, 1], 2), ([-128, 127], 8), ([-129, 0], 9), ([0], 0)],
)
def test_stored_bits_hold_every_entry_and_no_fewer_would(entries: list[int], bits: int) -> None:
    """The narrowest unsigned field, or two's complement as soon as an entry is negative."""
    assert stored_bits(np.array(entries)) == bits


def test_lines_keep_values_and_rises() -> None:
    """A table of n + 1 points is n values and n rises, signed; one that only falls keeps falls, without a sign."""
    memories = line_memories(frozen_table([0, 5, 3, 4]))
    assert {name: (table.tolist(), bits) for name, (table, bits) in memories.items()} == {
        "value": ([0, 5, 3], 3),
        "rise": ([5, -2, 1], 4),
    }
    memories = line_memories(frozen_table([9, 5, 5, 4]))
    assert {name: (table.tolist(), bits) for name, (table, bits) in memories.items()} == {
        "value": ([9, 5, 5], 4),
        "fall": ([4, 0, 1], 3),
    }
    assert memory_bits(memories) == 3 * 4 + 3 * 3


def test_values_that_are_not_offered() -> None:
    """The message lists what is offered: all of a few, the ends of a range, the neighbours of an odd table size."""
    require_offered("a unit", "entries", 16, (16, 64))
    require_offered("a unit", "steps", 3, range(4))
    with pytest.raises(ConfigError, match=r"^a unit with steps = 4 is not offered; use 0\.\.3$"):
        require_offered("a unit", "steps", 4, range(4))
    with pytest.raises(ConfigError, match=r"^a unit with entries = 32 is not offered; use one of 16, 64, 256$"):
        require_offered("a unit", "entries", 32, (16, 64, 256))
    with pytest.raises(ConfigError, match=r"entries = 100 .* a power of two; the nearest offered: 64 and 256"):
        require_offered("a unit", "entries", 100, (16, 64, 256))
    with pytest.raises(ConfigError, match=r"entries = 1000 .* nearest offered: 256$"):
        require_offered("a unit", "entries", 1000, (16, 64, 256))
    with pytest.raises(ConfigError, match=r"entries = 0 .* nearest offered: 16$"):
        require_offered("a unit", "entries", 0, (16, 64, 256))
