"""Accelerator files: one TOML document becomes one `Accelerator`, or every problem it has at once.

A file is checked whole (keys, types, ranges, then combinations) and each problem names file, line and table, so that
one reading mends them all. The surprise: TOML readers give no lines, so `lines` scans the keys a second time.
"""

from accel.config.dump import dump
from accel.config.layers import check_layers
from accel.config.load import load_accelerator, preset_names

__all__ = ["check_layers", "dump", "load_accelerator", "preset_names"]
