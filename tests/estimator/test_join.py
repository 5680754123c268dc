"""The join: laws that hold for every network and machine, figures worked by hand, and what stays unloaded."""

import math
import subprocess
import sys
from dataclasses import replace

import pytest

from accel.arch.hardware import UnitChoice
from accel.arch.result import Cycles, LayerReport
from accel.estimator import estimate, schedules
from accel.layers import Activation, Add, Conv2d, Dense, Flatten, Pool2d, Softmax
from accel.network.graph import INPUT, Model, Network, Node, chain
from accel.network.zoo import ZOO, build
from accel.units.registry import build_softmax, build_unit
from tests.machines import UNITS, machine, quantizer

SMALL = chain(
    "small",
    (1, 6, 6),
    {
        "conv": Conv2d(3, 3),
        "tanh": Activation("tanh"),
        "pool": Pool2d("average", 2),
        "flatten": Flatten(),
        "out": Dense(5),
    },
)


def by_name(network: Network | str, accelerator, batch: int = 1) -> dict[str, LayerReport]:
    """Reports by node."""
    return {layer.name: layer for layer in estimate(network, accelerator, batch).layers}


@pytest.mark.parametrize("network", ZOO)
@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
@pytest.mark.parametrize("bandwidth", [None, 1.5, 64.0])
def test_laws(network, dataflow, bandwidth):
    """Totals add up, utilization <= mapping efficiency <= 1, and no network is faster than its bytes or its MACs."""
    accelerator = machine(dataflow, 16, 12, dram_bytes_per_cycle=bandwidth)
    report = estimate(network, accelerator)
    structure = build(network)
    assert [layer.name for layer in report.layers] == [node.name for node in structure.nodes]
    assert report.latency_cycles == sum(layer.cycles.total for layer in report.layers)
    assert report.interval_cycles >= sum(layer.cycles.compute for layer in report.layers)
    assert bandwidth is not None or report.interval_cycles == report.latency_cycles
    for layer in report.layers:
        cycles = layer.cycles
        assert min(cycles.fill, cycles.steady, cycles.drain, cycles.stall, layer.hidden_cycles) >= 0
        assert cycles.total == cycles.fill + cycles.steady + cycles.drain + cycles.stall
        assert layer.utilization <= layer.mapping_efficiency * (1 + 1e-12) <= 1 + 2e-12
        assert (layer.engine == "array") == (layer.macs > 0) == (layer.folds > 0)
        assert layer.bound in {
            "array": {"compute", "fill/drain", "weights", "activations", "output bandwidth"},
            "none": {"none"},
        }.get(layer.engine, {"unit", "activations", "output bandwidth"})
    macs = sum(layer.macs for layer in report.layers)
    assert macs == sum(nest.macs for _, nest in structure.loop_nests())
    assert macs <= report.pes * report.latency_cycles
    moved = sum(sum(layer.byte_counts["dram"].values()) for layer in report.layers)
    assert bandwidth is None or moved <= bandwidth * report.interval_cycles


@pytest.mark.parametrize("network", ["lenet5", "mlp", "alexnet"])
def test_compulsory_traffic(network):
    """With room for everything, DRAM carries parameters, the network input and its output once, in declared widths."""
    structure = build(network)
    report = estimate(structure, machine(input_bytes=1 << 30, output_bytes=1 << 30))
    totals: dict[str, int] = {}
    for layer in report.layers:
        for operand, size in layer.byte_counts["dram"].items():
            totals[operand] = totals.get(operand, 0) + size
    widths = {"weight": 12, "bias": 20}
    expected = {
        "input": math.prod(structure.input_shape),
        "output": 2 * math.prod(structure.shapes[structure.output.name]),
    }
    for specs in structure.parameter_specs().values():
        for tensor, spec in specs.items():
            size = math.ceil(math.prod(spec.shape) * widths[tensor] / 8)
            expected[tensor] = expected.get(tensor, 0) + size
    if network == "alexnet":
        # The windows of conv1 reach all of 227 x 227: 54 * 4 + 11 = 227.
        assert structure.input_shape == (3, 227, 227)
    assert totals == expected


def test_small_buffers_send_activations_to_dram():
    """What does not fit is written once by its maker and read once by its reader."""
    roomy = by_name(SMALL, machine(input_bytes=40))
    tight = by_name(SMALL, machine(input_bytes=40, output_bytes=16))
    pooled = 3 * 2 * 2 * 2
    assert "output" not in roomy["pool"].byte_counts["dram"]
    assert tight["pool"].byte_counts["dram"] == {"output": pooled}
    assert tight["out"].byte_counts["dram"] == {"weight": 90, "bias": 13, "input": pooled, "output": 10}
    assert tight["conv"].byte_counts == roomy["conv"].byte_counts


def test_layers_worked_by_hand():
    """conv: M 16, K 9, N 3 on 4 x 4: 4 folds, 4 * 9 + R - 1 + c - 1 + r - 1; tanh and pool hide behind its results."""
    layers = by_name(SMALL, machine())
    conv = layers["conv"]
    assert conv.folds == 4
    assert conv.cycles == Cycles(fill=3, steady=36, drain=5, stall=0)
    assert conv.mapping_efficiency == 0.75
    assert conv.utilization == 16 * 9 * 3 / (16 * 44)
    assert conv.bound == "compute"
    # Each fold reads 4 rows of 9 inputs (8 bits) and 3 columns of 9 weights (12 bits), 3 biases of 20 bits.
    assert conv.byte_counts["sram"] == {"input": 4 * 36, "weight": 162, "bias": 30}
    assert conv.byte_counts["dram"] == {"weight": 41, "bias": 8, "input": 36}
    assert conv.prefetch_cycles == 10 + 1
    tanh, pool = layers["tanh"], layers["pool"]
    depth = build_unit("tanh", "lut-linear", quantizer("Q6.10").format, quantizer("Q6.10").format).cost.latency_cycles
    assert tanh.cycles == Cycles(0, 0, depth, 0)
    assert tanh.hidden_cycles == 48 // 4
    # 12 windows of 4 values on 4 lanes; adding takes a stage, shifting and rounding another.
    assert pool.cycles == Cycles(0, 0, 2, 0)
    assert pool.hidden_cycles == 12
    assert pool.byte_counts["sram"] == {"output": 24}
    assert layers["flatten"].cycles.total == 0
    assert layers["flatten"].bound == "none"
    assert layers["flatten"].byte_counts == {"dram": {}, "sram": {}}


def test_slow_units_lag_behind():
    """With one lane, tanh takes 48 values while results come for 33 cycles and lags by 15; pooling keeps its pace."""
    narrow = UNITS | {"tanh": UnitChoice("lut-linear", 1), "pooling": UnitChoice("window", 1)}
    layers = by_name(SMALL, machine(units=narrow))
    results = schedules(SMALL, machine().architecture)["conv"].result_cycles
    assert results == 44 - 3 - 8 == 33
    assert layers["tanh"].cycles.steady == 48 - results
    assert layers["tanh"].hidden_cycles == results
    assert layers["pool"].cycles.steady == 0
    assert layers["pool"].hidden_cycles == 48


def test_softmax_waits_for_its_row():
    """Softmax follows its layer without overlap, a row at a time, and reads its row as often as it has passes."""
    network = chain("classes", (1, 2, 2), {"flatten": Flatten(), "dense": Dense(10), "softmax": Softmax()})
    unit = build_softmax("reference", quantizer("Q6.10").format, quantizer("UQ0.16").format)
    row = unit.row_cost(10, 1)
    for batch in (1, 3):
        softmax = by_name(network, machine(), batch)["softmax"]
        assert softmax.cycles.total == row.latency_cycles + (batch - 1) * row.interval_cycles
        assert softmax.hidden_cycles == 0
        assert softmax.byte_counts["sram"] == {"input": batch * 20 * row.passes, "output": batch * 20}


def test_l2_pooling_ends_with_a_root():
    """A window of squares is gathered value by value; the root, slower than a window, sets the pace."""
    network = chain("root", (1, 4, 4), {"pool": Pool2d("l2", 2)})
    pool = by_name(network, machine(units=UNITS | {"pooling": UnitChoice("window", 1)}))["pool"]
    # Four squares of Q1.7 reach 4 * 128^2 = 2^16: 17 bits; the root has 11 fraction bits, so (17 + 8 + 1) / 2 digits.
    digits = 13
    assert pool.cycles == Cycles(fill=0, steady=3 * digits + 4, drain=2 + digits + 1 - 1, stall=0)


def test_overlapping_windows_are_read_again():
    """A pooling that waits reads every window from on-chip memory, and every value once from DRAM."""
    pool = by_name(chain("overlap", (1, 4, 4), {"pool": Pool2d("max", 3, stride=1)}), machine())["pool"]
    assert pool.byte_counts == {"sram": {"input": 4 * 9, "output": 4}, "dram": {"input": 16, "output": 4}}
    assert pool.cycles == Cycles(fill=0, steady=9, drain=0, stall=0)


def test_prefetch_brings_overlapping_windows_once():
    """The first fold of 16 windows of 9 values needs no more than the 36 values of the map, 3 x 9 weights, 3 biases."""
    assert by_name(SMALL, machine(rows=16, dram_bytes_per_cycle=1.0))["conv"].prefetch_cycles == 10 + 36 + 40.5 + 7.5


def test_sum_of_branches_reads_both():
    """An elementwise sum reads two tensors, each in its own width, and waits for them."""
    nodes = (
        Node("conv", Conv2d(1, 1), (INPUT,)),
        Node("sum", Add(), ("conv", INPUT)),
        Node("relu", Activation("relu"), ("sum",)),
    )
    layers = by_name(Network("skip", (1, 4, 4), nodes), machine())
    assert layers["sum"].cycles == Cycles(0, 4, 0, 0)
    assert layers["sum"].byte_counts["sram"] == {"input": 32 + 16}
    assert layers["sum"].byte_counts["dram"] == {"input": 16}
    assert layers["relu"].hidden_cycles == 4


def test_partial_sums_move_in_the_accumulator_width():
    """Stationary weights with K = 36 on 16 rows: two of three folds write a 40-bit sum that the next one reads."""
    network = chain("sums", (36, 1, 1), {"conv": Conv2d(4, 1)})
    conv = by_name(network, machine("ws", 16, 4))["conv"]
    assert conv.folds == 3
    assert conv.byte_counts["sram"]["partial_sum"] == (2 + 2) * 4 * 5


def test_a_starved_array_names_the_operand():
    """A dense layer behind a thin channel waits for weights: first fill and total are all its bytes and the last tile.

    Weights pass 16 of 100 filters at a time, so the last tile has 4 of them and 4/100 of the array's time.
    """
    hidden = by_name("mlp", machine("os", 16, 16, dram_bytes_per_cycle=0.5))["hidden"]
    assert (hidden.bound, hidden.next_bound, hidden.next_cycles) == ("weights", "compute", hidden.cycles.compute)
    assert hidden.cycles.stall > 0
    channel_cycles = math.ceil(sum(hidden.byte_counts["dram"].values()) / 0.5)
    last_tile_cycles = math.ceil(0.04 * hidden.cycles.compute)
    assert hidden.prefetch_cycles + hidden.cycles.total == 10 + channel_cycles + last_tile_cycles


def test_the_output_of_a_unit_crosses_the_channel_behind_the_layer_that_feeds_it():
    """Input, weights, biases and the pooled output keep the channel busy; with room on it all of that is hidden."""
    network = chain("out", (1, 6, 6), {"conv": Conv2d(3, 3), "pool": Pool2d("max", 2)})
    size = 36 + 40.5 + 7.5 + 3 * 2 * 2 * 2
    for bandwidth in (0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 50.0):
        report = estimate(network, machine(dram_bytes_per_cycle=bandwidth, dram_latency_cycles=0))
        conv, pool = report.layers
        compute = conv.cycles.compute + pool.cycles.compute
        assert sum(sum(layer.byte_counts["dram"].values()) for layer in report.layers) == 36 + 41 + 8 + 24
        assert pool.cycles.stall == 0
        assert max(compute, size / bandwidth) <= report.interval_cycles <= compute + math.ceil(size / bandwidth)
        assert report.latency_cycles <= report.interval_cycles
    assert report.interval_cycles == report.latency_cycles == compute
    # 0.25 bytes a cycle: the channel is never idle, whatever the array does.
    starved = estimate(network, machine(dram_bytes_per_cycle=0.25, dram_latency_cycles=0))
    assert starved.interval_cycles <= size / 0.25 + 44


@pytest.mark.parametrize("network", ["lenet5", "alexnet"])
def test_more_bandwidth_never_costs_cycles(network):
    """Latency falls, or stays, as the channel widens, down to the machine without a channel model."""
    latencies = [
        estimate(network, machine("ws", 16, 16, dram_bytes_per_cycle=bandwidth)).latency_cycles
        for bandwidth in (0.25, 1.0, 4.0, 64.0, 1e9, None)
    ]
    assert latencies == sorted(latencies, reverse=True)


def test_batches():
    """A batch multiplies MACs, amortises folds, and is what throughput counts."""
    one, eight = (estimate("mlp", machine("os", 16, 16), batch) for batch in (1, 8))
    assert [b.macs for b in eight.layers] == [8 * a.macs for a in one.layers]
    assert eight.latency_cycles < 8 * one.latency_cycles
    assert eight.inputs_per_second == 8 * 1e8 / eight.latency_cycles
    assert one.inputs_per_second == 1e8 / one.latency_cycles


def test_networks_come_as_names_structures_or_models():
    """A zoo name, its structure and a model of it are the same to an estimate."""
    structure = build("lenet5")
    reports = [estimate(what, machine()) for what in ("lenet5", structure, Model(structure, {}, {}))]
    assert reports[0] == reports[1] == reports[2]


def test_presets_by_name():
    """A preset's name stands for its machine."""
    report = estimate("lenet5", "gupta2015")
    assert report.accelerator == "gupta2015"
    assert report.latency_cycles > 0


def test_schedules_are_those_of_the_array():
    """Array nodes have a schedule, and its cycles are the layer's."""
    accelerator = machine("is", 8, 8)
    made = schedules(SMALL, accelerator.architecture)
    layers = by_name(SMALL, accelerator)
    assert list(made) == ["conv", "out"]
    for name, schedule in made.items():
        assert schedule.compute_cycles == layers[name].cycles.compute
        assert schedule.order.fold == 8
    assert schedules(SMALL, accelerator.architecture, batch=2)["out"].compute_cycles >= made["out"].compute_cycles


def test_alexnet_conv1_as_scalesim():
    """On the array of SCALE-Sim's figures the layer report says 112283 cycles, 36 folds and its utilization."""
    conv1 = by_name("alexnet", machine("ws", 32, 32, "scalesim", dram_bytes_per_cycle=None))["conv1"]
    assert conv1.cycles.total == 112283
    assert conv1.folds == 36
    assert conv1.utilization == pytest.approx(0.9168309650614964)


def test_one_mac_on_one_pe():
    """The smallest product takes one cycle; SCALE-Sim's index of it is 0, and nothing divides by that."""
    network = chain("one", (1,), {"dense": Dense(1, bias=False)})
    assert estimate(network, machine(rows=1, columns=1)).latency_cycles == 1
    assert (
        by_name(network, machine(rows=1, columns=1, timing="scalesim", dram_bytes_per_cycle=None))["dense"].cycles.total
        == 0
    )


def test_estimates_never_load_numba():
    """Importing the estimator and estimating every zoo network loads no compiler."""
    code = (
        "import sys; from accel.estimator import estimate; from accel.network.zoo import ZOO; "
        "from tests.machines import machine; [estimate(name, machine()) for name in ZOO]; print('numba' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "False"


def test_reports_are_values():
    """The same question gets an equal answer, and changing the clock changes no cycle."""
    accelerator = machine()
    slower = replace(accelerator, architecture=replace(accelerator.architecture, clock_hz=1.0))
    assert estimate(SMALL, accelerator) == estimate(SMALL, accelerator)
    assert estimate(SMALL, slower).layers == estimate(SMALL, accelerator).layers
