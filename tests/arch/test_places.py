"""Output places cut into tiles: counts against sets of coordinates."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from accel.arch.places import Cut, even_sizes, place_cuts
from accel.loopnest import LoopNest
from tests.arch.demands import nests
from tests.arch.events import positions


def leaves(cuts) -> list[Cut]:
    """Every tile, one after another."""
    found = []
    for count, body in cuts:
        found += count * ([body] if isinstance(body, Cut) else leaves(body))
    return found


def tiles_of(nest, places) -> list[list[tuple[int, int, int]]]:
    """Output places of every tile."""

    def cut(extent, size):
        return [range(first, min(extent, first + size)) for first in range(0, extent, size)]

    return [
        [(n, p, q) for n in images for p in rows for q in columns]
        for images in cut(nest.N, places.images)
        for rows in cut(nest.P, places.rows)
        for columns in cut(nest.Q, places.columns)
    ]


@given(nests(), st.integers(1, 12))
def test_counts_are_those_of_coordinates(nest, least):
    """Outputs, what they see and what nobody before them saw, for every tile of every cut."""
    for places in place_cuts(nest, least):
        seen: set = set()
        expected = []
        for tile in tiles_of(nest, places):
            touched = positions(nest, tile)
            expected.append(Cut(len(tile), len(touched), len(touched - seen)))
            seen |= touched
        assert leaves(places.cuts) == expected
        assert places.number == len(expected)
        assert places.largest == Cut(*(max(column) for column in zip(*expected, strict=True)))
        assert places.inputs == sum(cut.inputs for cut in expected)
        assert places.fresh == len(seen) == nest.inputs // (nest.G * nest.C)


@given(
    st.integers(1, 70), st.integers(1, 7), st.integers(1, 4), st.integers(0, 6), st.integers(1, 4), st.integers(1, 5)
)
def test_long_axes(extent, size, stride, padding, dilation, least):
    """Tiles far from the ends are alike; those near them are counted, whatever the window looks like."""
    positions_ = (extent + 2 * padding - dilation * (size - 1) - 1) // stride + 1
    assume(positions_ >= 1)
    nest = LoopNest(
        "array", P=positions_, R=size, height=extent, stride=(stride, 1), padding=(padding, 0), dilation=(dilation, 1)
    )
    for places in place_cuts(nest, least):
        tiles, seen = [], set()
        for tile in tiles_of(nest, places):
            touched = positions(nest, tile)
            tiles.append(Cut(len(tile), len(touched), len(touched - seen)))
            seen |= touched
        assert leaves(places.cuts) == tiles


def test_a_billion_places_take_no_longer_than_a_few():
    """The work grows with the number of different tiles."""
    number = 10**9
    nest = LoopNest("array", P=number, R=3, height=number, padding=(1, 0))
    finest = place_cuts(nest, 1)[-1]
    assert (finest.number, finest.fresh, finest.inputs) == (number, number, 3 * number - 2)
    assert finest.largest == Cut(1, 3, 2)


@given(nests(), st.integers(1, 40))
def test_the_whole_comes_first_and_the_smallest_last(nest, least):
    """The smallest cut is the smallest of its kind that has `least` outputs; no cut has fewer, nor is there twice."""
    cuts = place_cuts(nest, least)
    everything = nest.N * nest.P * nest.Q
    assert cuts[0].largest.outputs == everything
    sizes = [(each.images, each.rows, each.columns) for each in cuts]
    assert len(set(sizes)) == len(sizes)
    assert all(each.largest.outputs >= min(least, everything) for each in cuts)
    assert cuts[-1].largest.outputs == min(each.largest.outputs for each in cuts)
    assert cuts[-1].largest.outputs < min(least, everything) + nest.Q * (nest.P if least > nest.P * nest.Q else 1)


@given(st.integers(1, 3000), st.integers(1, 70))
def test_even_sizes(extent, grain):
    """Multiples of the grain or all, falling; all small numbers of tiles are there, and the finest."""
    sizes = even_sizes(extent, grain)
    assert sizes == sorted(set(sizes), reverse=True)
    assert (sizes[0], sizes[-1]) == (extent, min(extent, grain))
    assert all(size == extent or size % grain == 0 for size in sizes)
    for number in range(1, 8):
        units = -(-extent // grain)
        assert min(extent, grain * -(-units // min(number, units))) in sizes


@pytest.mark.parametrize("rows", [1, 2, 4, 8])
def test_rows_overlap(rows):
    """3 x 3 windows over rows of 18: a tile of rows sees two rows more than it makes."""
    nest = LoopNest("array", P=16, Q=16, R=3, S=3, height=18, width=18)
    (found,) = [each for each in place_cuts(nest, 1) if (each.rows, each.columns) == (rows, 16)]
    assert found.largest == Cut(16 * rows, 18 * (rows + 2), 18 * (rows + 2))
    assert found.inputs == 16 // rows * 18 * (rows + 2)
    assert found.fresh == 18 * 18
