"""Convolutions of packed filters: a product of filters, as rows, and pixels, as lanes.

The lanes are the input maps, two channels side by side, and nothing else: the tap (r, s) of a window sees the map moved
by r rows and s columns, and a strided window sees one of stride_h * stride_w thinned maps ("phases"), so a pair of
products is an offset into the maps and the patches of im2col never exist. What that costs are the lanes between the end
of one output row and the start of the next, which belong to no window.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.amx import QUAD
from kernels.chunks import bound_of, code_range, longest_chunk, run_masses
from kernels.gemm import HALF, Task, inside, pack_rows, pair
from kernels.moves import unite_channels
from kernels.packed import (
    ALONE,
    aligned,
    best_engine,
    compute,
    in_limbs,
    in_pairs,
    limbs_for,
    spans,
    together,
    worthwhile,
)
from kernels.tile import tiles
from kernels.vnni import HEIGHT, WIDTH

MAPS_BYTES = 1 << 20  # packed maps of the inputs that go through together


class Filters:
    """Filters of a convolution, packed as rows at first use: in pairs, whole or in halves, or in limbs.

    codes: (K, C/groups * R * S) int8 or int16 in reduction order (c, r, s).
    """

    def __init__(self, codes, geometry):
        self.codes = codes
        self.geometry = geometry
        self._packed = {}

    def _ordered(self, together):
        """Return (groups, filters, terms) with that many channels side by side, in the order of `offsets_of`."""
        K, terms = self.codes.shape
        taps = self.geometry.R * self.geometry.S
        channels = terms // taps
        coupled = np.zeros((K, tiles(channels, together) * together, taps), dtype=self.codes.dtype)
        coupled[:, :channels] = self.codes.reshape(K, channels, taps)
        # (c, tap) with c = (set, which) becomes (set, tap, which)
        ordered = np.ascontiguousarray(coupled.reshape(K, -1, together, taps).swapaxes(2, 3))
        return ordered.reshape(self.geometry.groups, K // self.geometry.groups, -1)

    @cached_property
    def ordered(self):
        """Return the codes in pairs of channels."""
        return self._ordered(2)

    @cached_property
    def masses(self):
        """Return `kernels.chunks.run_masses`."""
        return run_masses(self.ordered.reshape(-1, self.ordered.shape[2]))

    @cached_property
    def limbs(self):
        """Return how many limbs a code has and the rows: (groups * couples, blocks, 2, SIDE, BLOCK) int8."""
        limbs = limbs_for(*code_range(self.codes))
        return limbs, np.concatenate([in_limbs(group, limbs) for group in self._ordered(QUAD)])

    def rows(self, parts):
        """Return (groups * tiles, pairs, HEIGHT, 2) int16."""
        if parts not in self._packed:
            groups, filters, terms = self.ordered.shape
            rows = aligned((groups, tiles(filters * parts, HEIGHT), terms // 2, HEIGHT, 2))
            for group in range(groups):
                pack_rows(self.ordered[group], parts, in_pairs(rows[group]))
            self._packed[parts] = rows.reshape(-1, *rows.shape[2:])
        return self._packed[parts]

    def parts(self, low, high, chunk):
        """Return in how many parts rows are to be packed for maps of such codes, and the chunk of a part."""
        chunk = longest_chunk(self.masses, low, high, chunk)
        if chunk >= worthwhile(self.ordered.shape[2]):
            return 1, chunk
        return 2, ((1 << 31) - 1) // (HALF * max(high, -low, 1))


class Phases(NamedTuple):
    """How maps are thinned and where a window's taps find them.

    rows, columns: (n,) int64, the offsets within a stride that some tap has. shape: rows and columns of a thinned map.
    """

    rows: np.ndarray
    columns: np.ndarray
    shape: tuple[int, int]


def convolve(x, filters, geometry, chunk, out, cast=None, engine=None, workers=ALONE):
    """Convolve x: (N, C, H, W) int8 or int16, C-contiguous, with packed filters; returns what `gemm` returns.

    out: (N, K, P, Q), int64 for exact sums or int16 for codes (then with a `cast`) · chunk: what the caller proved;
    sums are longer where these very codes allow it.
    """
    N, C, _, _ = x.shape
    _, K, P, Q = out.shape
    groups = geometry.groups
    phases, offsets, size = layout(geometry, P, Q, tiles(C // groups, 2))
    low, high = code_range(x)
    bound = bound_of(filters.masses, low, high)
    parts, chunk = filters.parts(low, high, chunk)
    rows = filters.rows(parts)
    task = Task(
        engine=best_engine() if engine is None else engine,
        images=0,
        groups=groups,
        M=K // groups,
        size=size,
        parts=parts,
        chunk=chunk,
        first=0,
        last=len(rows) // groups,
        panel=WIDTH,
        **line(phases, P, Q),
        shift=0 if cast is None else cast.shift,
        by_row=1,
    )
    x, phases = in_one_row(x, geometry, phases)
    maps = out.reshape(N * K, P * Q)
    held = max(1, min(N, MAPS_BYTES // (4 * groups * size)))

    def images(span):
        begin, end = span
        lanes = aligned((min(held, end - begin), groups, size, 2))
        found = []
        for first in range(begin, end, held):
            last = min(first + held, end)
            pack_maps(x[first:last], geometry, phases, 2, in_pairs(lanes)[:, :, None])
            mine = task._replace(images=(last - first) * groups)
            found.append(compute(rows, lanes.reshape(-1, 2), offsets, mine, cast, bound, maps[first * K : last * K]))
        return together(found)

    if workers.count == 1 or N >= workers.count:
        return together(workers.map(images, spans(N, workers.count)))
    lanes = aligned((N, groups, size, 2))
    pack_maps(x, geometry, phases, 2, in_pairs(lanes)[:, :, None])

    def tiles_of_filters(span):
        mine = task._replace(images=N * groups, first=span[0], last=span[1])
        return compute(rows, lanes.reshape(-1, 2), offsets, mine, cast, bound, maps)

    return together(workers.map(tiles_of_filters, spans(task.last, workers.count)))


def line(phases, P, Q):
    """Return Q and pitch of a task: where no lane lies between two rows of outputs, all rows are one."""
    pitch = phases.shape[1]
    return {"Q": max(P * Q, 1), "pitch": max(P * Q, 1)} if pitch == Q else {"Q": max(Q, 1), "pitch": max(pitch, 1)}


def in_one_row(x, geometry, phases):
    """Return maps and phases for `pack_maps`: maps that become lanes as they are, as rows of one code after the other.

    Short rows cost more than the codes in them.
    """
    N, C, H, W = x.shape
    if geometry[:4] != (1, 1, 0, 0) or phases.shape != (H, W):
        return x, phases
    return x.reshape(N, C, 1, H * W), phases._replace(shape=(1, H * W))


@kernel
def pack_maps(x, geometry, phases, together, lanes):
    """Write the maps as lanes: channels side by side, thinned by the strides, padding included.

    x: (N, C, H, W) int8 or int16 · together: channels in a set, 2 or QUAD · lanes: (at least N, groups, planes, size)
    in order (set of channels, phase of rows, phase of columns, map), zeros behind: int32, pairs of codes in one plane,
    or uint32, quads in as many planes as a code has limbs.
    """
    N, C, H, W = x.shape
    channels = C // geometry.groups
    height, width = phases.shape
    for n in range(N):
        for group in range(geometry.groups):
            at = 0
            for first in range(group * channels, (group + 1) * channels, together):
                count = min(together, (group + 1) * channels - first)
                for row in phases.rows:
                    for column in phases.columns:
                        # Lane q sees column start + q * step, which the map has for begin <= q < end.
                        start, step = column - geometry.pad_w, geometry.stride_w
                        begin = min(width, max(0, (step - 1 - start) // step))
                        end = max(begin, min(width, (W - 1 - start) // step + 1))
                        for p in range(height):
                            h = p * geometry.stride_h + row - geometry.pad_h
                            if 0 <= h < H:
                                source = start + begin * step
                                clear(lanes, n, group, at, at + begin)
                                if together == 2:
                                    couple(
                                        x, n, first, count, h, source, step, lanes[n, group, 0, at + begin : at + end]
                                    )
                                else:
                                    unite(x, n, first, count, h, source, step, lanes, group, at + begin, end - begin)
                                clear(lanes, n, group, at + end, at + width)
                            else:
                                clear(lanes, n, group, at, at + width)
                            at += width
            clear(lanes, n, group, at, lanes.shape[3])


@inline
def couple(x, n, first, count, h, source, step, into):
    """Write a row of codes beside that of the next channel, or beside zeros; source: the first column read."""
    if count == 1:
        for q in range(len(into)):
            into[q] = pair(x[n, first, h, inside(source, q * step)], 0)
    elif step == 1:
        for q in range(len(into)):
            into[q] = pair(x[n, first, h, inside(source, q)], x[n, first + 1, h, inside(source, q)])
    else:
        for q in range(len(into)):
            into[q] = pair(x[n, first, h, inside(source, q * step)], x[n, first + 1, h, inside(source, q * step)])


@inline
def unite(x, n, first, count, h, source, step, lanes, group, at, columns):
    """Write the limbs of a row of codes beside those of the next `count` - 1 channels, zeros for the rest of a quad."""
    _, C, H, W = x.shape
    _, groups, limbs, size = lanes.shape
    if step == 1:
        to = (n * groups + group) * limbs * size + at
        unite_channels(x, ((n * C + first) * H + h) * W + source, H * W, count, limbs, lanes, to, size, columns)
        return
    for plane in range(limbs):
        shift = np.int32(8 if plane == 0 and limbs == 2 else 0)
        for k in range(count):
            for q in range(columns):
                byte = np.uint32((np.int32(x[n, first + k, h, inside(source, q * step)]) >> shift) & np.int32(255))
                word = lanes[n, group, plane, inside(at, q)] if k else np.uint32(0)
                lanes[n, group, plane, inside(at, q)] = word | byte << np.uint32(8 * k)


@inline
def clear(lanes, n, group, begin, end):
    """Write zeros."""
    for plane in range(lanes.shape[2]):
        for q in range(end - begin):
            lanes[n, group, plane, inside(begin, q)] = 0


@lru_cache(maxsize=256)
def layout(geometry, P, Q, sets):
    """Return the phases, the offset of every set's taps and the lanes of one input, with WIDTH more for the last tile.

    sets: of channels that stand side by side, 2 or 4 of them.
    """
    phases = _phases(geometry, P, Q)
    size = sets * len(phases.rows) * len(phases.columns) * phases.shape[0] * phases.shape[1] + WIDTH
    return phases, _offsets(geometry, phases, sets), size


def _phases(geometry, P, Q):
    """Return how maps are thinned for P x Q outputs."""
    rows = np.arange(geometry.R) * geometry.dilation_h
    columns = np.arange(geometry.S) * geometry.dilation_w
    shape = (P + int(rows[-1]) // geometry.stride_h, Q + int(columns[-1]) // geometry.stride_w)
    return Phases(np.unique(rows % geometry.stride_h), np.unique(columns % geometry.stride_w), shape)


def _offsets(geometry, phases, sets):
    """Return where the first lane of every (set of channels, r, s) stands, (sets * R * S,) int64."""
    each, r, s = np.ogrid[:sets, : geometry.R, : geometry.S]
    h, v = r * geometry.dilation_h, s * geometry.dilation_w
    phase = np.searchsorted(phases.rows, h % geometry.stride_h)
    across = np.searchsorted(phases.columns, v % geometry.stride_w)
    thinned = (each * len(phases.rows) + phase) * len(phases.columns) + across
    height, width = phases.shape
    return ((thinned * height + h // geometry.stride_h) * width + v // geometry.stride_w).reshape(-1)
