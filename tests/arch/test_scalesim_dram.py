"""When words leave an array and its buffers, in the model of SCALE-Sim: closed forms against walking every word."""

import pytest

from accel.arch.dataflows.folds import tiles
from accel.arch.scalesim_dram import Blocks, read_start, write_stop

CASES = [
    Blocks(30, 4, tiles(7, 3), tiles(5, 2), 1, 3),
    Blocks(30, 4, tiles(6, 3), tiles(6, 2), 1, 3),
    Blocks(12, 0, tiles(2, 4), tiles(1, 3), 1, 4),
    Blocks(40, 7, tiles(9, 9), tiles(7, 4), 3, 9),
    Blocks(11, 0, tiles(1, 1), tiles(11, 11), 2, 1),
    Blocks(99, 1, tiles(90, 90), tiles(2, 1), 3, 90),
]


def cycles_of(blocks: Blocks) -> list[int]:
    """The cycle of every word, in order of writing, by walking folds, diagonals and columns."""
    found = []
    fold = 0
    for strip in range(blocks.widths.number):
        width = blocks.widths.last if strip == blocks.widths.number - 1 else blocks.widths.first
        for _ in range(blocks.repeats):
            for band in range(blocks.heights.number):
                height = blocks.heights.last if band == blocks.heights.number - 1 else blocks.heights.first
                start = fold * blocks.fold_cycles + blocks.lag_cycles + blocks.height_limit - height
                found += sorted(start + i + j for i in range(height) for j in range(width))
                fold += 1
    return found


@pytest.mark.parametrize("blocks", CASES)
def test_cycles_of_words(blocks):
    """Every word's cycle."""
    expected = cycles_of(blocks)
    assert blocks.words == len(expected)
    assert [blocks.cycle(word) for word in range(blocks.words)] == expected


def walked_stop(cycles: list[int], line_words: int, buffer_words: int, last_cycle: int) -> int:
    """The tool's write buffer word by word, with explicit lines (None fills a line that a drain cuts short)."""
    active = -(-buffer_words // 2)
    free, lines, current = buffer_words, [], []
    drained = end = stop = 0
    for cycle in cycles:
        current.append(1)
        free -= 1
        if len(current) == line_words:
            lines.append(current)
            current = []
        if cycle >= end and free < active:
            if current:
                lines.append(current + [None] * (line_words - len(current)))
                current = []
            taken = lines[drained : drained + -(-(buffer_words - active) // line_words)]
            drained += len(taken)
            free += len(taken) * line_words - taken[-1].count(None)
            end = cycle + len(taken) - 1
            stop = max(stop, end)
    left = len(lines) - drained + bool(current)
    return max(stop, last_cycle + left - 1)


@pytest.mark.parametrize("blocks", [*CASES, Blocks(60, 9, tiles(50, 20), tiles(45, 10), 1, 20)])
@pytest.mark.parametrize("buffer_words", [4, 5, 10, 20, 21, 100, 101, 200, 4000])
@pytest.mark.parametrize("idle_columns", [0, 1, 2, 8, 39])
def test_drains(blocks, buffer_words, idle_columns):
    """The last line leaves when walking every word says so; a line has a word for every column of the array."""
    line_words = blocks.widths.first + idle_columns
    last_cycle = blocks.heights.number * blocks.widths.number * blocks.repeats * blocks.fold_cycles - 1
    expected = walked_stop(cycles_of(blocks), line_words, buffer_words, last_cycle)
    assert write_stop(blocks, line_words, buffer_words, last_cycle) == expected


@pytest.mark.parametrize(
    ("words", "first_cycle", "buffer_words", "start"),
    [
        (1, 5, 1000, -1),  # one set of 10 words, ten a cycle
        (11, 5, 1000, -2),
        (499, 5, 1000, -50),
        (500, 5, 1000, -45),  # half the buffer: done just before the first is asked for
        (10**6, 0, 1000, -50),
        (10**6, 7, 65536, 7 - 3275),
    ],
)
def test_prefetches(words, first_cycle, buffer_words, start):
    """Worked by hand."""
    assert read_start(words, first_cycle, buffer_words) == start
