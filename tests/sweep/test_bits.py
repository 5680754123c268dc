"""Equal keys mean equal bits: every code of every layer, on machines that differ in everything the key leaves out."""

from __future__ import annotations

from itertools import combinations

import pytest

from accel.config import load_accelerator
from accel.network.zoo import build
from accel.runner import layer_codes
from accel.sweep.bits import Source, bits_key, workload_digests
from accel.sweep.points import machine_of
from accel.workload import load_workload

ARRAYS = {
    "os": {"array.dataflow": "os"},
    "ws": {"array.dataflow": "ws"},
    "ws, tall": {"array.dataflow": "ws", "array.rows": 64, "memory.input_bytes": 4096},
    "os, other": {"array.rows": 5, "array.columns": 3, "clock_hz": 1e6, "cores.number": 2, "units.tanh.lanes": 3},
    "tree": {"array.dataflow": "adder-tree", "array.rows": 8, "array.columns": 8},
}
SATURATING = {"numerics.accumulator.overflow": "SAT"}
SUMS = {
    "narrow": {**SATURATING, "numerics.accumulator.width": 11, "numerics.accumulator.frac_bits": 8},
    "cut": {**SATURATING, "numerics.accumulator.width": 24, "numerics.accumulator.frac_bits": 6},
    "wide": {**SATURATING, "numerics.accumulator.width": 40},
    "wrapping": {"numerics.accumulator.width": 16, "numerics.accumulator.overflow": "WRAP"},
}
FORMATS = {
    "numerics.input": "Q2.6",
    "numerics.activation": "Q3.5",
    "numerics.weight": "Q2.6",
    "numerics.bias": "Q3.5",
}


def machine(*settings):
    """The default machine with settings over it."""
    merged = {**FORMATS, **{key: value for part in settings for key, value in part.items()}}
    return machine_of(load_accelerator().document, tuple(merged.items()))


@pytest.mark.parametrize("sums", SUMS)
def test_equal_keys_mean_equal_codes(sums):
    """Bits are computed on every array; arrays whose keys agree have the same codes everywhere."""
    work = load_workload("lenet5", "digits", 3, None, 1)
    digests = workload_digests(Source("lenet5", "digits", 3, None, 1))
    found = {}
    for name, array in ARRAYS.items():
        made = machine(SUMS[sums], array)
        codes = layer_codes(work.model, made, work.inputs)
        found[name] = bits_key(build("lenet5"), made, digests), {n: t.codes.tobytes() for n, t in codes.items()}
    for (key, codes), (other_key, other_codes) in combinations(found.values(), 2):
        assert key != other_key or codes == other_codes
    if sums in ("wide", "wrapping"):  # the order cannot matter, so all arrays share one computation
        assert len({key for key, _ in found.values()}) == 1
    if sums == "narrow":  # it does matter here, and the keys know
        assert len({tuple(codes.values()) for _, codes in found.values()}) > 2
        assert found["os"][0] == found["os, other"][0]
        assert found["os"][0] != found["tree"][0]


def test_what_the_key_knows():
    """Formats, modes, units' designs and inputs change it; sizes, clocks, memories, lanes and cores do not."""
    network = build("lenet5")
    base = bits_key(network, machine(), {"inputs": "a"})
    same = ({"array.rows": 3}, {"clock_hz": 5.0}, {"memory.dram_bytes_per_cycle": 1.0}, {"units.softmax.lanes": 4})
    other = (
        {"numerics.activation": "Q4.4"},
        {"numerics.rounding": "TRN"},
        {"numerics.overflow": "WRAP"},
        {"units.tanh.design": "plan"},
        {"units.tanh.design": "lut", "units.tanh.entries": 64},
        {"numerics.layers.C3.weight": "Q1.7"},
        {"numerics.accumulator.width": 16},
    )
    for settings in same:
        assert bits_key(network, machine(settings), {"inputs": "a"}) == base, settings
    for settings in other:
        assert bits_key(network, machine(settings), {"inputs": "a"}) != base, settings
    assert bits_key(network, machine(), {"inputs": "b"}) != base
    assert bits_key(build("lenet5-table"), machine(), {"inputs": "a"}) != base
