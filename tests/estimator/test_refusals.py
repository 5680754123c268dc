"""What the join refuses: machines that cannot be, layers without a cost, names that nobody has."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from accel.arch.hardware import Cores, UnitChoice
from accel.errors import ConfigError, ModelError
from accel.estimator import estimate, schedules
from accel.layers import Layer, ParameterSpec
from accel.loopnest import LoopNest
from accel.network.graph import chain
from accel.network.zoo import build
from tests.machines import UNITS, machine


def with_cores(**choice):
    """The small machine with other cores."""
    accelerator = machine()
    return replace(accelerator, architecture=replace(accelerator.architecture, cores=Cores(**choice)))


def test_missing_units_are_named_all_at_once():
    """Every layer without a unit is named, with a line that mends it."""
    with pytest.raises(ConfigError) as error:
        estimate("lenet5", machine(units={"tanh": UnitChoice("lut-linear"), "softmax": UnitChoice("nothing")}))
    *missing, unknown = error.value.problems
    assert missing == [
        "lenet5: S2: the machine has no unit 'pooling'; add for example [units.pooling] design = \"window\"",
        "lenet5: S4: the machine has no unit 'pooling'; add for example [units.pooling] design = \"window\"",
    ]
    assert unknown.startswith("lenet5: softmax: the unit 'softmax' has no design 'nothing'. Known: ")


@dataclass(frozen=True)
class Other(Layer):
    """A layer on any engine and function."""

    kind: ClassVar[str] = "other"
    engine: str
    function: str = ""

    def output_shape(self, *inputs):
        return inputs[0]

    def parameters(self, *inputs) -> dict[str, ParameterSpec]:
        return {}

    def forward(self, ops, parameters: Mapping, *inputs):
        raise NotImplementedError

    def backward(self, ops, parameters: Mapping, inputs, output, delta):
        raise NotImplementedError

    def loop_nest(self, *inputs) -> LoopNest:
        return LoopNest(self.engine, self.function, G=4)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Other("fft"), "odd: strange: engine 'fft' has no cost model, and nothing is free"),
        (Other("activation", "gelu"), "odd: strange: activation 'gelu' has no cost model"),
        (Other("pooling", "median"), "odd: strange: pooling 'median' has no cost model"),
        (Other("elementwise", "divide"), "odd: strange: elementwise 'divide' has no cost model"),
    ],
)
def test_nothing_costs_zero_silently(layer, message):
    """An engine or a function without a cost model is refused by name."""
    with pytest.raises(ConfigError, match=message):
        estimate(chain("odd", (4,), {"strange": layer}), machine())


@pytest.mark.parametrize(
    ("accelerator", "batch", "message"),
    [
        (machine(), 0, "batch = 0 is too small; use 1 or more"),
        (machine(rows=0), 1, "array.rows = 0"),
        (machine(columns=-4), 1, "array.columns = -4"),
        (machine(dataflow="rows"), 1, "'rows' is not a dataflow"),
        (machine(timing="exact"), 1, "timing 'exact'"),
        (machine(clock_hz=0), 1, "clock_hz = 0 is too small; use more than 0"),
        (machine(clock_hz=math.inf), 1, "clock_hz = inf has no end; use a finite number"),
        (machine(dram_bytes_per_cycle=math.inf), 1, "dram_bytes_per_cycle = inf has no end; use a finite number, or"),
        (machine(dram_bytes_per_cycle=math.nan), 1, "dram_bytes_per_cycle = nan moves nothing; use more than 0, or"),
        (machine(dram_bytes_per_cycle=-1.0), 1, "memory.dram_bytes_per_cycle = -1.0 moves nothing"),
        (
            machine(dram_bytes_per_cycle=0),
            1,
            "memory.dram_bytes_per_cycle = 0 moves nothing; use more than 0, or leave",
        ),
        (with_cores(number=0), 1, "cores.number = 0"),
        (with_cores(partition="rows"), 1, "cores.partition = 'rows'"),
        (with_cores(schedule="at once"), 1, "cores.schedule = 'at once'"),
        (machine(units=UNITS | {"relu": UnitChoice("relu", 0)}), 1, "units.relu.lanes = 0"),
    ],
)
def test_impossible_machines(accelerator, batch, message):
    """Sizes that cannot be, unknown dataflows and timings are refused with a remedy."""
    with pytest.raises(ConfigError, match=message):
        estimate("lenet5", accelerator, batch)
    if not message.startswith("units"):
        with pytest.raises(ConfigError, match=message):
            schedules(build("lenet5"), accelerator.architecture, batch)


def test_all_impossible_sizes_are_told_at_once():
    """One error names every size and name that cannot be, each once however many layers there are."""
    broken = machine("rows", rows=0, columns=0, dram_latency_cycles=-1)
    with pytest.raises(ConfigError) as error:
        estimate("lenet5", broken)
    assert len(error.value.problems) == 4


def test_unknown_network():
    """A name that is not in the zoo is refused with the closest one."""
    with pytest.raises(ModelError, match="lenet5"):
        estimate("lenet", machine())
