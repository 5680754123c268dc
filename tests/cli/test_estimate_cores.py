"""`accel estimate` of networks: JSON, tiles and bounds with -v, many cores, and what it refuses."""

from __future__ import annotations

import pytest

LAYER_KEYS = {
    "name", "macs", "cycles", "prefetch_cycles", "utilization", "mapping_efficiency", "bytes", "bound", "energy_pj"
}  # fmt: skip


def test_json_has_what_is_promised(accel):
    """One document: layers with their parts, three numbers for the network, the tiles of every layer of the array."""
    document = accel("estimate lenet5 --json").json
    assert {"layers", "latency_cycles", "interval_cycles", "inputs_per_second"} <= document.keys()
    for layer in document["layers"]:
        assert layer.keys() >= LAYER_KEYS
        cycles = layer["cycles"]
        assert cycles.keys() == {"total", "compute", "fill", "steady", "drain", "stall"}
        assert cycles["total"] == sum(cycles[part] for part in ("fill", "steady", "drain", "stall"))
        assert (layer["tiling"] is None) == (layer["macs"] == 0) == (layer["roofline"] is None)
    assert sum(layer["cycles"]["total"] for layer in document["layers"]) == document["latency_cycles"]
    assert document["layers"][0]["tiling"]["tile"]["filters"] == 6
    assert document["ridge_macs_per_byte"] == pytest.approx(784 / 77)


def test_buffers_and_bandwidth_move_the_numbers(accel):
    """Less on the chip, more across DRAM; less bandwidth, more cycles."""

    def figures(*overrides):
        options = " ".join(f"-s memory.{override}" for override in overrides)
        document = accel(f"estimate alexnet --json {options}").json
        moved = sum(sum(layer["bytes"]["dram"].values()) for layer in document["layers"])
        return moved, document["latency_cycles"]

    plain = figures()
    small = figures("input_bytes=65536", "weight_bytes=65536", "output_bytes=65536")
    thin = figures("dram_bytes_per_cycle=2")
    assert small[0] > plain[0]
    assert thin[0] == plain[0]
    assert thin[1] > plain[1]


def test_verbose_tells_tiles_and_bounds(accel):
    """-v adds a line a layer: bound, the one behind it, orders and tiles."""
    plain, shown = accel("estimate lenet5"), accel("estimate lenet5 -v")
    assert (shown.code, shown.errors) == (0, [])
    assert shown.out.startswith(plain.out)
    added = shown.out[len(plain.out) :]
    assert "then" in added
    assert "1×1×10×28×6×1" in added
    assert "ridge 10.2 MACs/byte" in added
    assert "flatten" not in added


def test_cores_are_compared(accel):
    """--cores makes a table and, in JSON, a list of points."""
    shown = accel("estimate lenet5 --cores 1,2,4")
    assert (shown.code, shown.errors) == (0, [])
    assert "efficiency %" in shown.out
    points = accel("estimate lenet5 --cores 1,2,4 --json").json["scaling"]
    assert [point["cores"] for point in points] == [1, 2, 4]
    assert points[0]["speedup"] == points[0]["efficiency"] == 1.0
    assert points[2]["speedup"] == pytest.approx(4 * points[2]["efficiency"])
    assert "scaling" not in accel("estimate lenet5 --json").json


def test_a_pipeline_is_a_choice_of_the_machine(accel):
    """[cores] schedule: latency and interval part, and the layers of every core are named."""
    document = accel(
        "estimate lenet5 --json -s", "cores.schedule=layer pipelined", "-s", "memory.dram_bytes_per_cycle=none"
    ).json
    assert document["schedule"] == "layer pipelined"
    assert document["interval_cycles"] < document["latency_cycles"]
    assert document["stages"][0] == ["C1", "C1.tanh", "S2"]
    assert document["dram_bytes_per_cycle"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("lenet5 -s memory.dram_bytes_per_cycle=0", "a channel of 0 bytes a cycle moves nothing; give more than 0, or"),
        ("lenet5 -s memory.dram_bytes_per_cycle=-3", "a channel of -3 bytes a cycle moves nothing"),
        ("lenet5 -s memory.dram_bytes_per_cycle=fast", 'a number is needed, or "none"'),
        ("lenet5 -s memory.dram_bytes_per_cycle=1e10", "it must be at most 1e+09"),
        (
            "alexnet -s memory.weight_bytes=100",
            "conv1: the smallest tile of weights (filters: 28, channels: 1, kernel 11 x 11) takes",
        ),
        ("lenet5 -s cores.number=0", "it must be at least 1"),
        ("lenet5 -s cores.partition=rows", "not a partition. Known: batch, output channel, pixel."),
        ("lenet5 --cores 1,x", "--cores 1,x: whole numbers with commas between them are needed"),
        ("lenet5 --cores 0", "cores.number = 0 is too small"),
    ],
)
def test_refusals(accel, arguments, message):
    """One line on stderr that says what, where and how to mend it; exit code 2."""
    refused = accel(f"estimate {arguments}")
    assert (refused.code, refused.out) == (2, "")
    assert message in refused.errors[0]
