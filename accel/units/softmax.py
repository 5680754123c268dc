"""Softmax designs by name; each stands in a file of its own and says there what it does and what it gets wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accel.units.softmax_divider import divider
from accel.units.softmax_hls4ml import hls4ml_stable
from accel.units.softmax_path import DEFAULT_TARGET
from accel.units.softmax_reference import reference
from accel.units.softmax_softermax import softermax
from accel.units.softmax_tflite import tflite_s16
from accel.units.softmax_unshifted import unshifted
from accel.units.unit import SoftmaxUnit

__all__ = ["DEFAULT_TARGET", "PARTS", "SOFTMAX", "SoftmaxBuilder", "reference"]

SoftmaxBuilder = Callable[..., SoftmaxUnit]
"""(source, target, exp choice or None, reciprocal choice or None) -> unit."""

SOFTMAX: Mapping[str, SoftmaxBuilder] = {
    "reference": reference,
    "divider": divider,
    "unshifted": unshifted,
    "hls4ml-stable": hls4ml_stable,
    "tflite-s16": tflite_s16,
    "softermax": softermax,
}
"""Builders by design; the first is the default."""

PARTS: Mapping[str, tuple[str, ...]] = {
    "reference": ("exp", "reciprocal"),
    "divider": ("exp",),
    "unshifted": ("reciprocal",),
    "hls4ml-stable": (),
    "tflite-s16": (),
    "softermax": (),
}
"""Which part units of a design can be chosen."""
