"""Eyeriss: predictions recomputed from the preset, the chip's table as printed, and the errors between them, frozen."""

from __future__ import annotations

import pytest

import accel
from accel.arch.dataflows import row_mapping
from accel.arch.dataflows.row_stationary import cycles
from accel.layers import Conv2d
from accel.network.graph import chain

# processing ms, total ms, active PEs, MB of global buffer, MB of DRAM; batch 4, 200 MHz (IEEE JSSC 52(1), 2017)
MEASURED = {
    "conv1": (16.5, 20.9, 154, 18.5, 5.0),
    "conv2": (39.2, 41.9, 135, 77.6, 4.0),
    "conv3": (21.8, 23.6, 156, 50.2, 3.0),
    "conv4": (16.0, 18.4, 156, 37.4, 2.1),
    "conv5": (10.0, 10.5, 156, 24.9, 1.3),
}
LAYERS = {
    "conv1": ((3, 227, 227), Conv2d(96, 11, stride=4, bias=False)),
    "conv2": ((96, 27, 27), Conv2d(256, 5, padding=2, groups=2, bias=False)),
    "conv3": ((256, 13, 13), Conv2d(384, 3, padding=1, bias=False)),
    "conv4": ((384, 13, 13), Conv2d(384, 3, padding=1, groups=2, bias=False)),
    "conv5": ((384, 13, 13), Conv2d(256, 3, padding=1, groups=2, bias=False)),
}
ERRORS = {  # percent, as they are: conv1 to conv5, then all of them
    "cycles": (-3.19, -9.27, -1.85, -0.41, 6.23, -3.87),
    "active PEs": (0.0, 0.0, 0.0, 0.0, 0.0),
    "buffer": (-0.77, -0.38, 2.45, 2.09, 2.23, 1.02),
    "latency": (17.80, -12.98, -5.28, -8.41, 6.88, -3.29),
    "DRAM": (133.09, 110.74, 173.72, 199.45, 222.48, 151.79),
    "DRAM of the mapping": (21.14, 41.85, 68.45, 86.66, 101.02, 51.41),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_predictions_are_those_of_an_estimate(compare, layer):
    """The layer as a network of its own, written down here, estimated on the preset: the same figures."""
    found = compare("eyeriss")
    shape, convolution = LAYERS[layer]
    (report,) = accel.estimate(chain(layer, shape, {layer: convolution}), "eyeriss", batch=4).layers
    assert found["cycles", layer].predicted == report.cycles.compute
    assert found["latency", layer].predicted == report.cycles.total / 200e3
    assert found["buffer", layer].predicted == sum(report.byte_counts["sram"].values()) / 1e6
    assert found["DRAM", layer].predicted == sum(report.byte_counts["dram"].values()) / 1e6


@pytest.mark.parametrize("layer", MEASURED)
def test_figures_are_the_published_ones(compare, layer):
    """The table as printed, milliseconds as cycles of 200 MHz; all of it measured, none from memory."""
    found = compare("eyeriss")
    processing, total, active, buffer, dram = MEASURED[layer]
    assert found["cycles", layer].published == round(processing * 200_000)
    assert found["latency", layer].published == total
    assert found["active PEs", layer].published == active
    assert found["buffer", layer].published == buffer
    assert found["DRAM", layer].published == found["DRAM of the mapping", layer].published == dram
    assert {(one.origin, one.is_recalled) for one in found.values()} == {("measured", False)}


def test_errors_are_what_they_are(compare):
    """Every error to a hundredth of a percent: a better model changes them here, in the open."""
    found = compare("eyeriss")
    errors = {
        quantity: tuple(round(100 * one.error, 2) for (name, _), one in found.items() if name == quantity)
        for quantity, _ in found
    }
    assert errors == ERRORS


def test_sums(compare):
    """What adds up over the layers does; active PEs have no sum. 115.3 ms, 208.6 and 15.4 MB stand in the paper."""
    found = compare("eyeriss")
    for quantity in ERRORS:
        layers = [found[quantity, layer] for layer in LAYERS]
        if quantity == "active PEs":
            assert (quantity, "all") not in found
            continue
        assert found[quantity, "all"].predicted == pytest.approx(sum(one.predicted for one in layers), rel=1e-12)
        assert found[quantity, "all"].published == pytest.approx(sum(one.published for one in layers), rel=1e-12)
    assert [found[name, "all"].published for name in ("latency", "buffer", "DRAM")] == [115.3, 208.6, 15.4]


def test_dram_of_the_mapping_by_hand(compare):
    """conv1 goes in 8 strips of 7 rows, 4 images one by one: inputs and weights once a strip, outputs once."""
    rows = 7 * (6 * 4 + 11) + (5 * 4 + 11)
    words = 4 * 3 * rows * 227 + 4 * 8 * 96 * 3 * 11 * 11 + 4 * 96 * 55 * 55
    assert compare("eyeriss")["DRAM of the mapping", "conv1"].predicted == 2 * words / 1e6


@pytest.mark.parametrize(
    ("override", "moved"),
    [
        ("array.columns=13", {"cycles", "active PEs", "buffer", "latency", "DRAM of the mapping"}),
        ("clock_hz=100e6", {"latency"}),
        ("memory.dram_bytes_per_cycle=4.8", {"latency"}),
        ("memory.dram_latency_cycles=500", {"latency"}),
        ("memory.input_bytes=102400", {"latency", "DRAM"}),
        ("memory.output_bytes=102400", {"latency", "DRAM"}),
        ("memory.weight_bytes=16384", {"latency", "DRAM"}),
    ],
)
def test_constants_move_what_the_table_says(compare, override, moved):
    """Another constant in the preset moves exactly these predictions, and no published figure."""
    before, after = compare("eyeriss"), compare("eyeriss", override)
    assert {name for (name, row), one in before.items() if one.predicted != after[name, row].predicted} == moved
    assert [one.published for one in before.values()] == [one.published for one in after.values()]


@pytest.mark.parametrize("field", row_mapping.Chip._fields)
def test_constants_of_the_chip_move_the_mapping(field, monkeypatch):
    """A quarter of any memory or bus (twice the narrow ones) changes how layers are mapped or how long they take."""

    def mapped():
        for shape, convolution in LAYERS.values():
            nest = convolution.loop_nest(shape).batched(4)
            mapping = row_mapping.best_mapping.__wrapped__(nest, 12, 14)
            yield mapping, cycles(nest, mapping), row_mapping.words(nest, mapping)

    before, value = list(mapped()), getattr(row_mapping.EYERISS, field)
    other = 2 * value if field in ("inputs", "input_bus") else value // 4
    monkeypatch.setattr(row_mapping, "EYERISS", row_mapping.EYERISS._replace(**{field: other}))
    assert list(mapped()) != before
