"""Every array x every kind of layer: loops that visit each product once, and laws that no mapping can break."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.arch.dataflows import DATAFLOWS, schedule
from accel.arch.hardware import Array
from accel.arch.mapping import Loop, Schedule
from accel.errors import ConfigError
from accel.loopnest import LoopNest

LAYERS = {
    "conv": LoopNest("array", K=5, C=3, P=4, Q=3, R=3, S=2, height=6, width=4, has_bias=True),
    "grouped": LoopNest("array", G=2, K=3, C=4, P=3, Q=3, R=2, S=2, height=4, width=4),
    "depthwise": LoopNest("array", G=7, P=4, Q=4, R=3, S=3, height=4, width=4, padding=(1, 1), has_bias=True),
    "dense": LoopNest("array", K=11, C=23, has_bias=True),
    "dense batch": LoopNest("array", N=3, K=10, C=9),
    "1x1": LoopNest("array", N=2, K=7, C=6, P=3, Q=5, height=3, width=5),
    "strided": LoopNest("array", K=4, C=2, P=3, Q=4, R=3, S=3, height=7, width=9, stride=(2, 2)),
    "sparse strides": LoopNest("array", K=3, C=2, P=3, Q=3, height=7, width=7, stride=(3, 3)),
    "dilated": LoopNest("array", K=3, C=3, P=3, Q=4, R=3, S=2, height=7, width=6, dilation=(2, 2), has_bias=True),
}
SIZES = ((12, 14), (4, 4), (3, 5), (7, 2))
ARRAYS = [
    Array(name, rows, columns, timing)
    for name, dataflow in DATAFLOWS.items()
    for timing in dataflow.timings
    for rows, columns in SIZES
]

nests = st.builds(
    LoopNest,
    st.just("array"),
    N=st.integers(1, 3),
    G=st.integers(1, 3),
    K=st.integers(1, 20),
    C=st.integers(1, 9),
    P=st.integers(1, 9),
    Q=st.integers(1, 9),
    R=st.integers(1, 3),
    S=st.integers(1, 3),
    height=st.just(30),
    width=st.just(30),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    has_bias=st.booleans(),
)


def array_id(array: Array) -> str:
    """How a test names an array."""
    return f"{array.dataflow}-{array.rows}x{array.columns}-{array.timing}"


def walk(loops: tuple[Loop, ...], at: dict[str, int], ends: dict[str, int]) -> Iterator[dict[str, int]]:
    """Enter every loop as the records say: a tile at a time, and not beyond the axis."""
    if not loops:
        yield at
        return
    loop, begin = loops[0], at[loops[0].dim]
    for start in range(begin, min(begin + loop.extent, ends[loop.dim]), loop.tile):
        yield from walk(loops[1:], {**at, loop.dim: start}, ends)


def visited(loops: tuple[Loop, ...], extents: dict[str, int]) -> list[tuple[int, ...]]:
    """Return the product (n, g, k, c, p, q, r, s) of every visit."""
    ends: dict[str, int] = {}
    for loop in loops:
        ends.setdefault(loop.dim, loop.extent)
    letters = "".join(ends)
    assert sorted(letters) == sorted(extents), "every letter belongs to one axis"
    places = []
    for at in walk(loops, dict.fromkeys(ends, 0), ends):
        place: dict[str, int] = {}
        for dim, index in at.items():
            for letter in reversed(dim):
                index, place[letter] = divmod(index, extents[letter])
            assert index == 0
        places.append(tuple(place[letter] for letter in extents))
    return places


@pytest.mark.parametrize("array", ARRAYS, ids=array_id)
@pytest.mark.parametrize("layer", LAYERS)
def test_loops_visit_every_product_once(array, layer):
    """Walking the loops of a schedule gives every (n, g, k, c, p, q, r, s) of the layer, each once."""
    nest = LAYERS[layer]
    extents = {letter: getattr(nest, letter) for letter in "NGKCPQRS"}
    places = visited(schedule(nest, array).loops, extents)
    assert len(places) == nest.macs
    assert set(places) == set(itertools.product(*map(range, extents.values())))


@pytest.mark.parametrize("array", ARRAYS, ids=array_id)
@pytest.mark.parametrize("layer", LAYERS)
def test_conservation(array, layer):
    """Products, compulsory traffic and sums of parts hold for every array x every kind of layer."""
    check(LAYERS[layer], array)


@settings(max_examples=150)
@given(nests, st.sampled_from(ARRAYS))
def test_conservation_at_random(nest, array):
    """And for random layers."""
    check(nest, array)


def places_at_once(made: Schedule) -> int:
    """Count what the spatial loops reach, place by place: the last row of an axis dealt over rows may be short."""
    axes: dict[str, list[Loop]] = {}
    for loop in made.loops:
        if loop.kind in ("rows", "columns"):
            axes.setdefault(loop.dim, []).append(loop)
    count = 1
    for loops in axes.values():
        offsets = {0}
        for loop in loops:
            offsets = {offset + step * loop.tile for offset in offsets for step in range(loop.steps)}
        count *= sum(offset < loops[0].extent for offset in offsets)
    return count


def check(nest: LoopNest, array: Array) -> None:
    """Assert the laws."""
    made = schedule(nest, array)
    lacking = array.timing == "scalesim"  # its total is an index
    total = made.compute_cycles + lacking
    assert made.compute_cycles == made.fill_cycles + made.steady_cycles + made.drain_cycles
    assert min(made.fill_cycles, made.steady_cycles, made.drain_cycles) >= 0
    assert array.pes * (made.steady_cycles + lacking) >= nest.macs
    assert 1 - lacking <= made.result_cycles <= total
    assert nest.macs / (array.pes * total) <= made.mapping_efficiency * (1 + 1e-12) <= 1 + 2e-12
    if made.pace == "compute":
        steady = made.steady_cycles + lacking
        assert made.mapping_efficiency * steady * array.pes == pytest.approx(nest.macs)
    assert 1 <= made.parallel <= array.pes
    assert made.parallel == places_at_once(made)
    reads, writes = made.sram_reads, made.sram_writes
    assert reads["input"] >= nest.inputs
    assert reads["weight"] >= nest.weights
    assert reads.get("bias", 0) >= nest.biases
    assert writes["output"] == nest.outputs
    assert reads.get("partial_sum", 0) == writes.get("partial_sum", 0)
    assert reads.get("partial_sum", 0) % nest.outputs == 0
    for operand, first in made.first_fold.items():
        assert 0 < first <= reads[operand]


@pytest.mark.parametrize("array", ARRAYS, ids=array_id)
def test_windows_and_sums_of_tensors(array):
    """Average pooling and the sum of two tensors are products with constants, except on lanes, which just add."""
    pooling = LoopNest(
        "pooling", "average", N=2, G=3, P=2, Q=3, R=2, S=2, height=4, width=6, stride=(2, 2), padding=(0, 0)
    )
    addition = LoopNest("elementwise", "add", N=2, G=3, P=2, Q=3, height=2, width=3, operands=2)
    for nest, values in ((pooling, 4), (addition, 2)):
        made = schedule(nest, array)
        assert made.steady_cycles + (array.timing == "scalesim") >= -(-nest.outputs * values // array.pes)
        assert made.sram_reads["input"] >= nest.inputs
        assert made.sram_writes["output"] == nest.outputs
        assert (made.sram_reads["weight"] == 0) == (array.dataflow == "vector")
        places = {tuple(at.items()) for at in walk(made.loops, {x.dim: 0 for x in made.loops}, _ends(made.loops))}
        assert len(places) == nest.outputs * values


def _ends(loops: tuple[Loop, ...]) -> dict[str, int]:
    return {loop.dim: loop.extent for loop in reversed(loops)}


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_what_is_no_sum_of_products_is_refused(dataflow):
    """Comparing takes lanes, a root takes a unit."""
    array = Array(dataflow, 4, 4)
    maximum = LoopNest("pooling", "max", G=3, P=2, Q=2, R=2, S=2, height=4, width=4, stride=(2, 2))
    if dataflow == "vector":
        assert schedule(maximum, array).steady_cycles == 4
    else:
        with pytest.raises(ConfigError, match=r"pooling 'max' is no sum of products.*give the machine a unit"):
            schedule(maximum, array)
    with pytest.raises(ConfigError, match=r"'l2'.* give the machine a unit for it"):
        schedule(LoopNest("pooling", "l2", G=3, P=2, Q=2, R=2, S=2), array)
    with pytest.raises(ConfigError, match="softmax"):
        schedule(LoopNest("softmax", "", G=10), array)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("extents", [{"K": 0}, {"N": 0}, {"C": -1}, {"P": 0}, {"R": -1, "S": -2}])
def test_empty_layers_are_refused(dataflow, extents):
    """No extent may be less than 1."""
    with pytest.raises(ConfigError, match="every extent and the batch must be at least 1"):
        schedule(LoopNest("array", **extents), Array(dataflow, 4, 4))
