"""Runs: network x parameters x arithmetic -> values of every layer, golden and fixed, compared."""

from accel.runner.execute import layer_codes, run

__all__ = ["layer_codes", "run"]
