"""Output places cut into tiles, and the input positions that each of them sees (batch, rows and columns of a map).

Images come first: a tile is whole images, or rows of one image, or columns of one row. Windows overlap, so tiles of
rows share inputs. `Cut.inputs` counts what a tile sees, `Cut.fresh` what no tile before it has seen: a buffer that
keeps the whole map loads the fresh ones, one that keeps two tiles loads all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from accel.loopnest import LoopNest, touched

_EVERY = 8
"""Cuts into up to so many tiles are all tried, then four in every octave, then the finest."""


class Cut(NamedTuple):
    """One tile of places: outputs of one filter, positions that they see, and those of them not seen before."""

    outputs: int
    inputs: int
    fresh: int


Cuts: TypeAlias = "tuple[tuple[int, Cut | Cuts], ...]"
"""(count, body) one after another; a body is a tile or again a sequence."""


class Places(NamedTuple):
    """One way to cut: extents of a tile, the sequence, its length, the largest tile, and sums over all tiles."""

    images: int
    rows: int
    columns: int
    cuts: Cuts
    number: int
    largest: Cut
    inputs: int
    fresh: int


def even_sizes(extent: int, grain: int = 1) -> list[int]:
    """Return tile sizes, multiples of `grain` or all, that cut an axis into as even tiles as can be, the largest first.

    Which sizes are tried depends on nothing else, so that a larger buffer has all the choices of a smaller one.
    """
    units = -(-extent // grain)
    numbers = [*range(1, _EVERY)]
    octave = _EVERY
    while octave < units:
        numbers += [octave + quarter * octave // 4 for quarter in range(4)]
        octave *= 2
    return list(dict.fromkeys(min(extent, -(-units // min(number, units)) * grain) for number in [*numbers, units]))


def place_cuts(nest: LoopNest, least: int) -> tuple[Places, ...]:
    """Return the ways to cut the places of a nest into tiles of at least `least` outputs (or all of them)."""
    rows = (nest.P, nest.R, nest.stride[0], nest.padding[0], nest.dilation[0], nest.height)
    columns = (nest.Q, nest.S, nest.stride[1], nest.padding[1], nest.dilation[1], nest.width)
    return _place_cuts(nest.N, rows, columns, min(least, nest.N * nest.P * nest.Q))


Axis: TypeAlias = tuple[int, int, int, int, int, int]
"""Positions, kernel size, stride, padding, dilation, input extent."""


@lru_cache(maxsize=4096)
def _place_cuts(images: int, rows: Axis, columns: Axis, least: int) -> tuple[Places, ...]:
    found = []
    of_row = columns[0]
    of_image = rows[0] * of_row
    if least > of_image:
        smallest = (-(-least // of_image), rows[0], of_row)
    elif least > of_row:
        smallest = (1, -(-least // of_row), of_row)
    else:
        smallest = (1, 1, least)
    for tile in dict.fromkeys((*_tiles(images, rows[0], of_row), smallest)):
        if tile == smallest or tile[0] * tile[1] * tile[2] > smallest[0] * smallest[1] * smallest[2]:
            cuts = _cuts(images, rows, columns, *tile)
            number, inputs, fresh = _sums(cuts)
            largest = Cut(*(max(column) for column in zip(*_leaves(cuts), strict=True)))
            found.append(Places(*tile, cuts, number, largest, inputs, fresh))
    return tuple(found)


def _tiles(images: int, rows: int, columns: int) -> list[tuple[int, int, int]]:
    whole = [(size, rows, columns) for size in even_sizes(images)]
    of_rows = [(1, size, columns) for size in even_sizes(rows)]
    return list(dict.fromkeys([*whole, *of_rows, *((1, 1, size) for size in even_sizes(columns))]))


def _cuts(number: int, rows: Axis, columns: Axis, images: int, height: int, width: int) -> Cuts:
    """Return the sequence of tiles: all images, within an image all rows, within a row all columns."""
    across = _axis(*columns, width)
    down = _axis(*rows, height)
    if images > 1 or (height, width) == (rows[0], columns[0]):
        ((_, row),), ((_, column),) = down, across
        whole, rest = divmod(number, images)
        sizes = ((whole, images), (1, rest)) if rest else ((whole, images),)
        return tuple((count, Cut(*(size * r * c for r, c in zip(row, column, strict=True)))) for count, size in sizes)
    of_image: Cuts = tuple(
        (count, tuple((times, Cut(*(r * c for r, c in zip(row, column, strict=True)))) for times, column in across))
        for count, row in down
    )
    return ((number, of_image),)


@lru_cache(maxsize=4096)
def _axis(
    positions: int, size: int, stride: int, padding: int, dilation: int, extent: int, tile: int
) -> tuple[tuple[int, Cut], ...]:
    """Cut one axis into tiles of `tile` positions, equal neighbours together.

    Windows that lie within the map, behind as many as can share inputs with them, all see and share the same. So only
    tiles near the two ends are counted one by one.
    """
    number = -(-positions // tile)

    def cut(index: int) -> Cut:
        first, last = index * tile, min(positions, (index + 1) * tile)
        inputs = touched(last - first, size, stride, padding - first * stride, dilation, extent)
        before, until = (touched(end, size, stride, padding, dilation, extent) for end in (first, last))
        return Cut(last - first, inputs, until - before)

    reach = dilation * (size - 1)
    from_start = max(-(-reach // stride), -(-padding // stride))
    within = (extent - 1 + padding - reach) // stride + 1  # positions before the first that looks past the end
    begin, end = min(number, -(-from_start // tile)), min(within, positions) // tile
    counted = [(1, cut(index)) for index in range(begin)]
    if begin < end:
        counted.append((end - begin, cut(begin)))
    counted += [(1, cut(index)) for index in range(max(begin, end), number)]
    return tuple((sum(count for count, _ in equal), each) for each, equal in groupby(counted, itemgetter(1)))


def _leaves(cuts: Cuts) -> Iterator[Cut]:
    for _, body in cuts:
        if isinstance(body, Cut):
            yield body
        else:
            yield from _leaves(body)


def _sums(cuts: Cuts) -> tuple[int, int, int]:
    """Return how many tiles there are, and what they see and see first in all."""
    number = inputs = fresh = 0
    for count, body in cuts:
        one = (1, body.inputs, body.fresh) if isinstance(body, Cut) else _sums(body)
        number, inputs, fresh = number + count * one[0], inputs + count * one[1], fresh + count * one[2]
    return number, inputs, fresh
