"""Dataflows by name, one a file: each maps a loop nest onto an array and knows nothing of layers, bits or memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from accel.arch.dataflows import (
    adder_tree,
    conv_engine,
    input_stationary,
    output_stationary,
    row_stationary,
    vector_lanes,
    weight_stationary,
)
from accel.arch.dataflows.folds import TimingModel, as_product, timing_model
from accel.arch.hardware import Array
from accel.arch.mapping import Schedule
from accel.errors import ConfigError, suggestion
from accel.loopnest import LoopNest


@dataclass(frozen=True)
class Dataflow:
    """One way to use an array: what it is called, how it maps a nest, and its closed-form cycles by timing model.

    multiplies_only: pooling windows and sums of tensors reach it as products with constants (`folds.as_product`).
    """

    description: str
    schedule: Callable[[LoopNest, Array], Schedule]
    timings: Mapping[str, TimingModel]
    multiplies_only: bool = True


DATAFLOWS: Mapping[str, Dataflow] = {
    "os": Dataflow("output-stationary systolic array", output_stationary.schedule, output_stationary.TIMINGS),
    "ws": Dataflow("weight-stationary systolic array", weight_stationary.schedule, weight_stationary.TIMINGS),
    "is": Dataflow("input-stationary systolic array", input_stationary.schedule, input_stationary.TIMINGS),
    "adder-tree": Dataflow("adder trees over input channels", adder_tree.schedule, adder_tree.TIMINGS),
    "conv-engine": Dataflow("<Tm, Tn> convolution engine", conv_engine.schedule, conv_engine.TIMINGS),
    "row-stationary": Dataflow("row-stationary array", row_stationary.schedule, row_stationary.TIMINGS),
    "vector": Dataflow("vector lanes", vector_lanes.schedule, vector_lanes.TIMINGS, multiplies_only=False),
}


def chosen(array: Array) -> Dataflow:
    """Return the dataflow that an array names. Raises ConfigError for an unknown dataflow or timing model."""
    if array.dataflow not in DATAFLOWS:
        raise ConfigError(f"'{array.dataflow}' is not a dataflow.{suggestion(array.dataflow, DATAFLOWS)}")
    dataflow = DATAFLOWS[array.dataflow]
    timing_model(array, dataflow.timings)
    return dataflow


@lru_cache(maxsize=1 << 12)
def schedule(nest: LoopNest, array: Array) -> Schedule:
    """Map a nest onto an array by the dataflow it names; the same nest on the same array gives the same record.

    Raises ConfigError for unknown names, for empty extents and for what the array cannot do.
    """
    dataflow = chosen(array)
    return dataflow.schedule(as_product(nest) if dataflow.multiplies_only else nest, array)
