"""Estimates: network x numerics x architecture -> cycles, bytes and bounds; no value is computed."""

from accel.estimator.cores import ScalingPoint, scaling
from accel.estimator.join import estimate, schedules

__all__ = ["ScalingPoint", "estimate", "scaling", "schedules"]
