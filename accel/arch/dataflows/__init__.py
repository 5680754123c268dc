"""Dataflows by name, one a file: each maps a loop nest onto an array and knows nothing of layers, bits or memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from accel.arch.dataflows import input_stationary, output_stationary, weight_stationary
from accel.arch.dataflows.folds import TimingModel, timing_model
from accel.arch.hardware import Array
from accel.arch.mapping import Schedule
from accel.errors import ConfigError, suggestion
from accel.loopnest import LoopNest


@dataclass(frozen=True)
class Dataflow:
    """One way to use an array: what it is called, how it maps a nest, and its closed-form cycles by timing model."""

    description: str
    schedule: Callable[[LoopNest, Array], Schedule]
    timings: Mapping[str, TimingModel]


DATAFLOWS: Mapping[str, Dataflow] = {
    "os": Dataflow("output-stationary systolic array", output_stationary.schedule, output_stationary.TIMINGS),
    "ws": Dataflow("weight-stationary systolic array", weight_stationary.schedule, weight_stationary.TIMINGS),
    "is": Dataflow("input-stationary systolic array", input_stationary.schedule, input_stationary.TIMINGS),
}


def chosen(array: Array) -> Dataflow:
    """Return the dataflow that an array names. Raises ConfigError for an unknown dataflow or timing model."""
    if array.dataflow not in DATAFLOWS:
        raise ConfigError(f"'{array.dataflow}' is not a dataflow.{suggestion(array.dataflow, DATAFLOWS)}")
    dataflow = DATAFLOWS[array.dataflow]
    timing_model(array, dataflow.timings)
    return dataflow


def schedule(nest: LoopNest, array: Array) -> Schedule:
    """Map a nest onto an array by the dataflow it names. Raises ConfigError for unknown names and empty extents."""
    return chosen(array).schedule(nest, array)
