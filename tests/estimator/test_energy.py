"""Energy and area of machines: figures worked by hand, laws that hold for every network, what a technology lacks."""

from __future__ import annotations

import math
import tomllib
from dataclasses import replace
from importlib.resources import files

import pytest

from accel.accelerator import Accelerator
from accel.arch.dataflows import DATAFLOWS
from accel.arch.energy import Energy, total_energy
from accel.arch.hardware import Cores, UnitChoice
from accel.config.technology import load_technology
from accel.estimator import estimate
from accel.estimator.energy import PARTS, area_of
from accel.estimator.topology import estimate_topology
from accel.layers import Activation, Dense, Flatten, Pool2d, Softmax
from accel.network.graph import Network, chain
from accel.network.scalesim import parse_topology
from accel.network.zoo import build
from tests.machines import UNITS, layer_numerics, machine, quantizer

ALL_UNITS = {**UNITS, "normalisation": UnitChoice("two-pass", 2), "exp": UnitChoice("lut")}
DENSE = chain("dense", (4,), {"fc": Dense(3, bias=False)})
UNITS_ONLY = chain(
    "units",
    (2, 4, 4),
    {"relu": Activation("relu"), "pool": Pool2d("max", 2), "flatten": Flatten(), "softmax": Softmax()},
)


def with_technology(accelerator: Accelerator, name: str) -> Accelerator:
    """The same machine, estimated with a built-in technology."""
    technology = load_technology(name)
    return replace(accelerator, architecture=replace(accelerator.architecture, technology=technology))


def with_cores(accelerator: Accelerator, **cores: object) -> Accelerator:
    """The same machine with other cores."""
    return replace(accelerator, architecture=replace(accelerator.architecture, cores=Cores(**cores)))


def energies(network: Network, accelerator: Accelerator, batch: int = 1) -> dict[str, Energy]:
    """Energy by layer."""
    return {layer.name: layer.energy for layer in estimate(network, accelerator, batch).layers}


def figures(name: str) -> dict[str, dict[str, object]]:
    """What a technology file says, read without the code under test."""
    return tomllib.loads((files("accel.arch") / "technologies" / f"{name}.toml").read_text(encoding="utf-8"))


def test_a_dense_layer_by_hand():
    """12 products of 8 x 12 bits into 40 bits, out of buffers of three sizes, in and out of DRAM once: term by term."""
    accelerator = with_technology(
        machine("ws", 4, 4, input_bytes=8192, weight_bytes=32768, output_bytes=1 << 20), "horowitz-45nm"
    )
    energy = energies(DENSE, accelerator)["fc"]
    # Inputs 4 x 8 bits, weights 12 x 12 bits, outputs 3 x 16 bits; the array reads or writes each once.
    inputs, weights, outputs = 4 * 1, 18, 3 * 2
    word = 8 / 64
    costs = figures("horowitz-45nm")["energy"]
    narrow, wide = costs["multiply"]["8"], costs["multiply"]["16"]
    small, middle, large = (costs["sram"][str(size)] for size in (8192, 32768, 1 << 20))
    assert word == 8 / costs["word_bits"]
    expected = {
        "multiply": 12 * narrow * (math.sqrt(8 * 12) / 8) ** math.log2(wide / narrow),
        "add": 12 * (costs["add"]["32"] / 32 * 40),
        "input buffer": inputs * word * small,
        "weight buffer": weights * word * middle,
        "output buffer": outputs * word * large,
        "refill": (inputs * small + weights * middle + outputs * large) * word,
        "dram": (inputs + weights + outputs) * word * (costs["dram"]["low"] + costs["dram"]["high"]) / 2,
    }
    assert energy.components == pytest.approx(expected, rel=1e-12)
    assert energy.total == pytest.approx(sum(expected.values()), rel=1e-12)
    assert energy.high - energy.low == pytest.approx((inputs + weights + outputs) * word * 1300, rel=1e-9)
    assert energy.unpriced == ("register file", "network")


def test_eyeriss_ratios_by_hand():
    """The same layer in multiply-accumulates: weights stay, inputs and sums are on their way, words of 16 bits."""
    energy = energies(DENSE, with_technology(machine("ws", 4, 4), "eyeriss-relative"))["fc"]
    bits = {"input": 4 * 8, "weight": 12 * 12, "output": 3 * 16}
    assert energy.components == pytest.approx(
        {
            "mac": 12,
            "register file": 12 * 12 / 16,
            "network": 2 * (12 * 8 + 12 * 12 + 12 * 40) / 16,
            "input buffer": 6 * bits["input"] / 16,
            "weight buffer": 6 * bits["weight"] / 16,
            "output buffer": 6 * bits["output"] / 16,
            "refill": 6 * sum(bits.values()) / 16,
            "dram": 200 * sum(bits.values()) / 16,
        },
        rel=1e-12,
    )
    assert (energy.unit, energy.total_pj, energy.unpriced) == ("MAC", None, ())


@pytest.mark.parametrize("technology", ["horowitz-45nm", "eyeriss-relative"])
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_laws(dataflow, technology):
    """Components sum to the total, layers to the network; DRAM and buffers cost what the report's bytes cost."""
    network = build("lenet5")
    accelerator = with_technology(machine(dataflow, 12, 14, units=ALL_UNITS), technology)
    costs = load_technology(technology)
    found = energies(network, accelerator)
    for report in estimate(network, accelerator).layers:
        energy = found[report.name]
        assert energy.total == pytest.approx(sum(energy.components.values()), rel=1e-12)
        assert min(energy.components.values(), default=0) >= 0
        dram = sum(report.byte_counts["dram"].values()) * 8 / costs.word_bits * sum(costs.dram) / 2
        assert energy.components.get("dram", 0) == pytest.approx(dram, rel=1e-12)
        capacity = 1 << 20
        on_chip = sum(report.byte_counts["sram"].values()) * 8 / costs.word_bits * costs.sram.at(capacity)
        buffers = sum(cost for name, cost in energy.components.items() if name.endswith("buffer"))
        assert buffers == pytest.approx(on_chip, rel=1e-12)
        assert bool(energy.components) == (report.engine != "none")
        assert ("multiply" in energy.components or "mac" in energy.components) == (report.macs > 0)
    whole = estimate(network, accelerator).energy
    assert whole == total_energy(found.values())
    assert whole.total == pytest.approx(sum(energy.total for energy in found.values()), rel=1e-12)
    assert whole.low <= whole.total * (1 + 1e-12)
    assert whole.total <= whole.high * (1 + 1e-12)


def test_larger_buffers_and_wider_words_cost_more():
    """The same traffic out of larger buffers, and the same layer with wider words."""

    def total(**changes: int) -> float:
        return total_energy(
            energies(build("mlp"), with_technology(machine("ws", 8, 8, **changes), "horowitz-45nm")).values()
        ).total

    totals = [total(weight_bytes=1 << shift) for shift in range(20, 26)]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]
    narrow, wide = (
        with_technology(machine("ws", 8, 8, overrides={"fc1": layer_numerics(output)}), "horowitz-45nm")
        for output in ("Q6.10", "Q6.18")
    )
    network = chain("two", (9,), {"fc1": Dense(8), "fc2": Dense(4)})
    for name in ("fc1", "fc2"):
        assert energies(network, narrow)[name].total < energies(network, wide)[name].total


def test_units_cost_by_their_records():
    """Two adders a value of relu, one a value of 8 windows of 4, 0.05 pJ at 16 bits. A change of shape is free."""
    found = energies(UNITS_ONLY, with_technology(machine(), "horowitz-45nm"))
    assert found["relu"].components["unit add"] == pytest.approx(2 * 32 * 0.05, rel=1e-12)
    assert found["pool"].components["unit add"] == pytest.approx(8 * 4 * 0.05, rel=1e-12)
    assert found["flatten"].components == {}
    assert {"unit multiply", "unit add", "unit tables"} <= found["softmax"].components.keys()
    lacking = energies(UNITS_ONLY, with_technology(machine(), "eyeriss-relative"))
    assert lacking["softmax"].unpriced == ("unit multiply", "unit add")


def test_every_kind_of_layer_is_priced():
    """A transformer block and a residual network: products of activations, norms, softmax and sums."""
    for name in ("transformer", "resnet18"):
        network = build(name)
        accelerator = with_technology(machine("os", 16, 16, units=ALL_UNITS), "horowitz-45nm")
        found = energies(network, accelerator)
        for report in estimate(network, accelerator).layers:
            assert (found[report.name].total > 0) == (report.engine != "none")


def test_a_machine_without_technology_has_no_energy():
    """No figure is better than one that nobody cited."""
    accelerator = machine()
    assert set(energies(DENSE, accelerator).values()) == {None}
    assert area_of(accelerator) is None
    report = estimate(DENSE, accelerator)
    assert (report.energy, report.area, report.technology) == (None, None, None)
    assert (report.energy_pj_per_input, report.average_power_w) == (None, None)


@pytest.mark.parametrize("schedule", ["layer by layer", "layer pipelined"])
def test_a_technology_changes_nothing_else(schedule):
    """Cycles, bytes and bounds are those of the same machine without one."""
    network = build("lenet5")
    plain = with_cores(machine(dram_bytes_per_cycle=2.0), number=3, schedule=schedule)
    report = estimate(network, with_technology(plain, "horowitz-45nm"))
    bare = replace(
        report, layers=tuple(replace(layer, energy=None) for layer in report.layers), technology=None, area=None
    )
    assert bare == estimate(network, plain)
    assert all(layer.energy is not None for layer in report.layers)


def test_a_batch():
    """Array work and inputs grow with the batch, weights come once, so an input of a batch takes less."""
    accelerator = with_technology(machine("ws"), "horowitz-45nm")
    one, four = (estimate(DENSE, accelerator, batch) for batch in (1, 4))
    assert four.energy.components["multiply"] == pytest.approx(4 * one.energy.components["multiply"], rel=1e-12)
    assert four.energy_pj_per_input < one.energy_pj_per_input == one.energy.total
    # Of the bytes that cross DRAM, those of 4 inputs (4 of 1 byte in, 3 of 2 bytes out) and 12 weights of 12 bits.
    assert four.energy.components["dram"] == pytest.approx((4 * (4 + 6) + 18) / 8 * 1950, rel=1e-12)


def test_power_is_energy_over_the_interval():
    """Half the clock is half the power; ratios to a multiply-accumulate have none."""
    report = estimate(build("lenet5"), with_technology(machine(clock_hz=1e8), "horowitz-45nm"), 2)
    seconds = report.interval_cycles / 1e8
    assert report.average_power_w == pytest.approx(report.energy.total * 1e-12 / seconds, rel=1e-12)
    slow = estimate(build("lenet5"), with_technology(machine(clock_hz=5e7), "horowitz-45nm"), 2)
    assert slow.average_power_w == pytest.approx(report.average_power_w / 2, rel=1e-12)
    relative = estimate(DENSE, with_technology(machine(), "eyeriss-relative"))
    assert (relative.energy_pj_per_input, relative.average_power_w) == (None, None)
    assert relative.energy.total > 0


@pytest.mark.parametrize("partition", ["batch", "output channel", "pixel"])
def test_cores_share_the_work(partition):
    """Cut for 3 cores, a layer multiplies as often and moves the bytes that its report says."""
    network = build("lenet5")
    single = with_technology(machine("row-stationary", 12, 14), "eyeriss-relative")
    one = estimate(network, single, 3)
    three = estimate(network, with_cores(single, number=3, partition=partition), 3)
    assert three.energy.components["mac"] == one.energy.components["mac"] == 3 * 416_520
    # Elements read and write their registers for every product, wherever it is computed.
    assert three.energy.components["register file"] == pytest.approx(one.energy.components["register file"], rel=1e-12)
    for layer in three.layers:
        moved = 200 * sum(layer.byte_counts["dram"].values()) * 8 / 16
        assert layer.energy.components.get("dram", 0) == pytest.approx(moved, rel=1e-12)


def test_cores_of_a_pipeline_keep_their_weights():
    """A weight that stays between inputs costs no transfer; every core has arrays, units and memories of its own."""
    network = build("lenet5")
    alone = with_technology(machine(), "horowitz-45nm")
    pipeline = with_cores(alone, schedule="layer pipelined")
    one, staged = estimate(network, alone), estimate(network, pipeline)
    assert staged.cores == 5
    assert staged.energy.components["dram"] < one.energy.components["dram"]
    assert staged.energy.components["multiply"] == pytest.approx(one.energy.components["multiply"], rel=1e-12)
    for name, size in one.area.components.items():
        assert staged.area.components[name] == pytest.approx(5 * size, rel=1e-12)


def test_rows_of_a_topology_have_energies():
    """A row costs what its layer costs in a network of its own."""
    accelerator = with_technology(machine("ws"), "horowitz-45nm")
    report = estimate_topology(parse_topology("L,M,N,K\ng,1,3,4\nh,1,3,4\n", "g.csv"), accelerator)
    expected = energies(DENSE, accelerator)["fc"]
    assert [layer.energy for layer in report.layers] == [expected, expected]
    assert report.energy.total == pytest.approx(2 * expected.total, rel=1e-12)
    assert report.area == area_of(accelerator)


def test_eyeriss_spends_most_in_register_files():
    """Chen, Emer and Sze, ISCA 2016, section VII: of AlexNet's convolutions register files take most, of its dense
    layers DRAM; a convolution takes less than 10 multiply-accumulates' worth for each of its own."""
    report = estimate("alexnet", "eyeriss")
    largest = {
        layer.name: max(layer.energy.components, key=layer.energy.components.__getitem__)
        for layer in report.layers
        if layer.macs
    }
    assert largest == {**dict.fromkeys(("conv1", "conv2", "conv3", "conv4", "conv5"), "register file")} | dict.fromkeys(
        ("fc6", "fc7", "fc8"), "dram"
    )
    for layer in report.layers:
        if layer.name.startswith("conv") and layer.macs:
            assert 5 * layer.macs < layer.energy.total < 10 * layer.macs


def test_area_by_hand():
    """16 multipliers of 16 x 12 bits and adders of 40 bits, three megabytes, four lanes of relu, two adders each."""
    accelerator = with_technology(machine(units={"relu": UnitChoice("relu", 4)}), "horowitz-45nm")
    area = area_of(accelerator)
    bits = 8 * (1 << 20)
    # Between 8 and 32 bits by the power log4(3495 / 282) of the side.
    side = 282 * ((16 * 12) ** 0.5 / 8) ** 1.8158
    assert area.components == pytest.approx(
        {
            "array multipliers": 16 * side / 1e6,
            "array adders": 16 * 137 / 32 * 40 / 1e6,
            "relu unit adders": 4 * 2 * 67 / 1e6,
            "input buffer memory": bits * 0.346 / 0.7 / 1e6,
            "weight buffer memory": bits * 0.346 / 0.7 / 1e6,
            "output buffer memory": bits * 0.346 / 0.7 / 1e6,
        },
        rel=1e-4,
    )
    assert area.total_mm2 == pytest.approx(sum(area.components.values()), rel=1e-12)


def test_area_is_of_the_widest_layer_and_of_all_cores():
    """One wide layer widens every multiplier; two cores have two arrays and share the buffers."""
    plain = with_technology(machine(), "horowitz-45nm")
    wider = replace(layer_numerics(), weight=quantizer("Q2.22"))
    wide = with_technology(machine(overrides={"C1": wider}), "horowitz-45nm")
    assert area_of(wide).components["array multipliers"] > area_of(plain).components["array multipliers"]
    cores = replace(plain.architecture.cores, number=2)
    two = area_of(replace(plain, architecture=replace(plain.architecture, cores=cores)))
    for name, size in area_of(plain).components.items():
        assert two.components[name] == pytest.approx(size if "buffer" in name else 2 * size, rel=1e-12)


def test_every_unit_has_its_area():
    """Each unit of a machine appears by its name; what is built inside another does not appear twice."""
    area = area_of(with_technology(machine(units=ALL_UNITS), "horowitz-45nm"))
    units = {name.split(" unit ")[0] for name in area.components if " unit " in name}
    assert units == ALL_UNITS.keys() - PARTS
    more = {kind: replace(choice, lanes=2 * choice.lanes) for kind, choice in ALL_UNITS.items()}
    larger = area_of(with_technology(machine(units=more), "horowitz-45nm"))
    assert larger.total_mm2 > area.total_mm2


def test_units_that_cannot_be_built_are_named():
    """A format out of a unit's reach takes that unit out of the area, not the area from the machine."""
    far = replace(layer_numerics(), output=quantizer("Q-40.56"))
    accelerator = machine()
    accelerator = replace(accelerator, numerics=replace(accelerator.numerics, defaults=far))
    area = area_of(with_technology(accelerator, "horowitz-45nm"))
    assert "tanh unit" in area.unpriced
    assert {"array multipliers", "weight buffer memory"} <= area.components.keys()
    assert not any(name.startswith("tanh") for name in area.components)
