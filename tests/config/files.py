"""Machine files for tests, and how refusals are read."""

from pathlib import Path

import pytest

from accel.config import dump, load_accelerator, preset_names
from accel.errors import ConfigError

MINIMAL = """name = "edge"
clock_hz = 1e9
[numerics]
input = "Q2.6"
activation = "Q4.4"
weight = "Q2.6"
bias = "Q4.4"
[array]
dataflow = "ws"
rows = 4
columns = 8
[memory]
input_bytes = 1024
weight_bytes = 2048
output_bytes = 4096
dram_bytes_per_cycle = "none"
"""

PRESET_TEXTS = {name: dump(load_accelerator(name).document) for name in preset_names()}


def problems(path: str | Path, overrides: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return what is wrong, which must be something."""
    with pytest.raises(ConfigError) as error:
        load_accelerator(path, overrides)
    return error.value.problems
