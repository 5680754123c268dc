"""Estimates: network x numerics x architecture -> cycles, bytes and bounds; no value is computed."""

from accel.estimator.join import estimate, schedules

__all__ = ["estimate", "schedules"]
