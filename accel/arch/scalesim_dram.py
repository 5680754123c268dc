"""When SCALE-Sim 3.0.0 starts to read DRAM and ends to write it, for the "incl. prefetch" column of its reports.

This is its memory model with InterfaceBandwidth = CALC, in which nothing ever stalls; the constants are those of its
code (`read_buffer_estimate_bw.py`, `write_buffer.py`, `single_layer_sim.py`). Words are its elements, one byte each. It
is not our memory model (see `accel.arch.memory`): it is here so that reports can be compared column by column.

Reading: a buffer is cut into 100 sets, half of them are active. What is asked for first, up to that half, is fetched
before the array starts, ten words a cycle. Writing: results fill lines of C words; when more than half of the buffer
is taken, half a buffer of lines is written out, one a cycle, and all that is left follows after the last cycle. The
surprise: a line that is cut short by such a drain may stay behind and then counts as a whole line of freed space.
"""

from __future__ import annotations

from typing import NamedTuple

from accel.arch.dataflows.folds import Tiles

SMALLEST_BUFFER_WORDS = 100
"""With less, a set has no words, and the tool fails."""

_SETS = 100
_ACTIVE_SETS = 50
_PREFETCH_WORDS_PER_CYCLE = 10


class Blocks(NamedTuple):
    """When results leave the array: fold after fold, word (i, j) of an h x w block `lag_cycles` + i + j into its fold.

    heights: how the words of a column are cut into blocks, the inner loop of the folds; a block that is shorter than
    `height_limit` comes that much later (the sums of an output-stationary edge fold leave from its lowest rows).
    widths: how the columns are cut, the outer loop. repeats: blocks of the same words one after another, as partial
    sums leave a stationary array once for every tile of K; then heights is one tile.
    """

    fold_cycles: int
    lag_cycles: int
    heights: Tiles
    widths: Tiles
    repeats: int
    height_limit: int

    @property
    def words(self) -> int:
        """Words written in all, partial sums included."""
        whole = self._strip_words(self.widths.first) * (int(self.widths.number) - 1)
        return whole + self._strip_words(self.widths.last)

    def cycle(self, word: int) -> int:
        """Return the cycle in which a word (from 0, in order of writing) leaves."""
        strip, rest = divmod(word, self._strip_words(self.widths.first))
        width = self._width(strip)
        inner = min(rest // (int(self.heights.first) * width), self._inner - 1)
        height = self._height(inner)
        place = rest - inner * int(self.heights.first) * width
        low, high = 0, height + width - 2
        while low < high:
            middle = (low + high) // 2
            if _entered(middle, height, width) > place:
                high = middle
            else:
                low = middle + 1
        start = (strip * self._inner + inner) * self.fold_cycles
        return start + self._lag(height) + low

    @property
    def _inner(self) -> int:
        return int(self.heights.number * self.repeats)

    def _strip_words(self, width: int) -> int:
        column = self.heights.first * (self.heights.number - 1) + self.heights.last
        return int(self.repeats * column * width)

    def _width(self, strip: int) -> int:
        return int(self.widths.last if strip == self.widths.number - 1 else self.widths.first)

    def _height(self, inner: int) -> int:
        return int(self.heights.last if inner == self._inner - 1 else self.heights.first)

    def _lag(self, height: int) -> int:
        return self.lag_cycles + self.height_limit - height


def _entered(diagonal: int, height: int, width: int) -> int:
    """Return how many cells (i, j) of a block lie on its diagonals i + j = 0 .. `diagonal`."""
    side = diagonal + 1
    return _triangle(side) - _triangle(side - width) - _triangle(side - height) + _triangle(side - width - height)


def _triangle(side: int) -> int:
    return side * (side + 1) // 2 if side > 0 else 0


def read_start(words: int, first_cycle: int, buffer_words: int) -> int:
    """Return the cycle (negative: before the array starts) in which the first words arrive from DRAM.

    words: different words of the operand. first_cycle: in which the array asks for the first.
    """
    set_words = buffer_words // _SETS
    if words >= _ACTIVE_SETS * set_words:
        return first_cycle - _ceiling(_ACTIVE_SETS * set_words, _PREFETCH_WORDS_PER_CYCLE)
    return -_ceiling(_ceiling(words, set_words) * set_words, _PREFETCH_WORDS_PER_CYCLE)


def write_stop(blocks: Blocks, line_words: int, buffer_words: int, last_cycle: int) -> int:
    """Return the cycle in which the last line is written to DRAM; last_cycle: in which the last word leaves."""
    half_words = buffer_words // 2
    written = _words_at_last_drain(blocks.words, line_words, half_words)
    left_lines = _ceiling(blocks.words - written, line_words)
    if not written:
        return last_cycle + left_lines - 1
    # Lines that end within half a buffer leave the word that was one too many behind, in a line of its own.
    left_lines += half_words % line_words == 0
    drain_end = blocks.cycle(written - 1) + _ceiling(half_words, line_words) - 1
    return max(drain_end, last_cycle + left_lines - 1)


def _words_at_last_drain(words: int, line_words: int, half_words: int) -> int:
    """Return how many words are written when the last drain before the array's end begins; 0: there is none.

    A drain begins when more than half a buffer is taken, and cuts the line that is being filled. Its lines leave one a
    cycle, and no more than a line of words comes in a cycle, so it has ended before the next can begin: only the words
    count. Where lines do not end within half a buffer, the cut line is the last one drained, and everything repeats
    after half + 1 words. Where they do, it stays behind, and as one of the next drain's lines it counts in full: one
    drain every half a buffer from then on. Only if a drain is a single line does it count as the one word that it is.
    """
    if words <= half_words:
        return 0
    if half_words % line_words:
        return words // (half_words + 1) * (half_words + 1)
    if half_words > line_words:
        return (words - 1) // half_words * half_words + 1
    rounds, rest = divmod(words, half_words + 1)
    return rounds * (half_words + 1) + (half_words if rest == half_words else 0)


def _ceiling(number: int, divisor: int) -> int:
    return -(-number // divisor)
