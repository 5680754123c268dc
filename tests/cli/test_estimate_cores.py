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


def test_what_would_help_is_told(accel):
    """A sentence a layer with -v and in JSON, and the bandwidth that every layer needs."""
    document = accel("estimate lenet5 --json -s memory.dram_bytes_per_cycle=4").json
    layers = {layer["name"]: layer for layer in document["layers"]}
    # 48,000 weights of 16 bits and 120 biases, 2,016 cycles without waiting, 18 of fill and drain, tanh's depth.
    assert layers["C5"]["needed_bytes_per_cycle"] == pytest.approx(96_240 / (layers["C5"]["cycles"]["compute"] + 4))
    assert layers["C5"]["advice"].startswith("waits for weights")
    assert layers["C5"]["advice"].endswith("would make it compute-bound")
    assert layers["C5"]["remedies"]["bytes_per_cycle"] > 4
    assert layers["flatten"]["advice"] is None
    assert layers["flatten"]["needed_bytes_per_cycle"] is None
    assert layers["C1"]["busy"] == {"rows": 28.0, "columns": 6.0, "of_rows": 28, "of_columns": 28}
    for layer in document["layers"]:
        if layer["macs"]:
            assert sum(layer["lost"].values()) + layer["utilization"] == pytest.approx(1)
    shown = accel("estimate lenet5 -v -s memory.dram_bytes_per_cycle=4").out
    assert layers["C5"]["advice"] in shown
    assert layers["C1.tanh"]["advice"] not in shown
    quiet = accel("estimate lenet5 -s memory.dram_bytes_per_cycle=4").out
    assert "would make it" not in quiet


def test_cores_that_cannot_be_are_left_out(accel):
    """Those that can are compared; for the others there is one reason each on stderr, and all of them in JSON."""
    shown = accel("estimate lenet5 -a diannao --cores 1,2,4")
    assert shown.code == 0
    assert [line.partition(": lenet5: C5: the smallest tile")[0] for line in shown.errors] == [
        "with 2 cores",
        "with 4 cores",
    ]
    document = accel("estimate lenet5 -a diannao --cores 1,2,4 --json").json
    assert [point["cores"] for point in document["scaling"]] == [1]
    assert [refused["cores"] for refused in document["scaling_refused"]] == [2, 4]
    none = accel("estimate lenet5 -a diannao --cores 2,4")
    assert (none.code, len(none.errors)) == (2, 2)


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
        ("lenet5 --cores 1,2,-4", "cores.number = -4 is too small"),
    ],
)
def test_refusals(accel, arguments, message):
    """One line on stderr that says what, where and how to mend it; exit code 2."""
    refused = accel(f"estimate {arguments}")
    assert (refused.code, refused.out) == (2, "")
    assert message in refused.errors[0]
