"""The smallest word lengths that keep a target: bit after bit is taken where it costs least per bit saved.

What a bit costs is the noise that its loss adds at the network's output, which moves smoothly where accuracy moves in
jumps; what it saves is one bit of every value in its slot: weights and biases count once, inputs and activations once
per input (bits-weighted). First all slots narrow together, down to `SLACK` bits above the least common word length that
keeps the target: there no slot needs more, and noise is down by 4^SLACK. Then sensitivity is measured one slot at a
time, and the cheapest slot gives a bit if the target still holds on the calibration inputs; a slot that cannot, stays
as it is (noise only grows). The next bit of a slot is expected to cost four times as much: half the resolution, four
times the noise power. A slot that turns out far dearer than expected, and than the next in the queue, goes back into it
with its measured price.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from accel.calibrate.evaluate import Bench, Evaluation, Target
from accel.calibrate.slots import Placer, Slot, Tensor
from accel.errors import ConfigError
from accel.numeric.plan import Numerics

NARROWEST = 2
"""Data formats have at least 2 bits."""

SLACK = 2
NEXT_BIT = 4.0
FAR_DEARER = 2.0

Widths = Mapping[Slot, int]


@dataclass(frozen=True)
class Search:
    """Word lengths from the first to the narrowest, each a bit (or a bit of every slot) below the one before it.

    evaluations: how many sets of formats were measured.
    """

    trail: tuple[Widths, ...]
    evaluations: int


def narrow(
    bench: Bench,
    numerics: Numerics,
    placer: Placer,
    tensors: Mapping[Slot, Tensor],
    widths: Widths,
    target: Target,
    advance: Callable[[int], object],
) -> Search:
    """Take bits from `widths`, at which the target holds, until no slot can give another.

    advance: called with how many bits have just been decided, `removable(widths)` in all.
    """
    trial = _Trial(bench, numerics, placer, target)
    trail, current = _together(trial, widths)
    advance(removable(widths) - removable(trail[-1]))
    widths = trail[-1]
    queue: list[tuple[float, Slot]] = []
    for slot, width in widths.items():
        if width > NARROWEST:
            narrower = trial.measured(_without_bit(widths, slot), current)
            if narrower is None:
                advance(width - NARROWEST)
            else:
                heapq.heappush(queue, (_price(narrower, current, tensors[slot]), slot))
    while queue:
        expected, slot = heapq.heappop(queue)
        fewer = _without_bit(widths, slot)
        narrower = trial.measured(fewer, current)
        if narrower is None or not target.holds(narrower.figures):
            advance(widths[slot] - NARROWEST)
            continue
        price = _price(narrower, current, tensors[slot])
        # It ends: a slot that comes up again before anything has changed costs what it was queued with.
        if queue and price > FAR_DEARER * max(queue[0][0], expected, 0.0):
            heapq.heappush(queue, (price, slot))
            continue
        widths, current = fewer, narrower
        trail.append(widths)
        advance(1)
        if widths[slot] > NARROWEST:
            heapq.heappush(queue, (NEXT_BIT * max(price, 0.0), slot))
    return Search(tuple(trail), trial.count)


def removable(widths: Widths) -> int:
    """Return how many bits there are above the narrowest formats."""
    return sum(width - NARROWEST for width in widths.values() if width > NARROWEST)


def total_bits(tensors: Mapping[Slot, Tensor], widths: Widths) -> int:
    """Return the bits of all slots: parameters, and inputs and activations of one input."""
    return sum(tensor.values * widths[slot] for slot, tensor in tensors.items())


class _Trial:
    """Measures word lengths and counts how often."""

    def __init__(self, bench: Bench, numerics: Numerics, placer: Placer, target: Target) -> None:
        self.bench, self.numerics, self.placer, self.target = bench, numerics, placer, target
        self.count = 0

    def measured(self, widths: Widths, near: Evaluation | None = None) -> Evaluation | None:
        """Return the evaluation, None when no machine can be built so."""
        self.count += 1
        try:
            return self.bench.evaluate(self.placer.place(widths).numerics(self.numerics), near)
        except ConfigError:
            return None

    def kept(self, widths: Widths) -> Evaluation | None:
        """Return the evaluation if the target holds."""
        evaluation = self.measured(widths)
        return evaluation if evaluation is not None and self.target.holds(evaluation.figures) else None


def _together(trial: _Trial, widths: Widths) -> tuple[list[Widths], Evaluation]:
    """Narrow all slots together; return the trail down to where they part, and the evaluation there."""
    widest = max(widths.values())
    lost, held = NARROWEST - 1, widest
    while held - lost > 1:
        middle = (held + lost) // 2
        if trial.kept(_at_most(widths, middle)) is not None:
            held = middle
        else:
            lost = middle
    level = min(held + SLACK, widest)
    current = trial.kept(_at_most(widths, level))
    while current is None and level < widest:  # wider is not always better
        level += 1
        current = trial.kept(_at_most(widths, level))
    assert current is not None, "the target was to hold at the word lengths given"
    return [_at_most(widths, width) for width in range(widest, level - 1, -1)], current


def _at_most(widths: Widths, level: int) -> Widths:
    return {slot: min(width, level) for slot, width in widths.items()}


def _without_bit(widths: Widths, slot: Slot) -> Widths:
    return {**widths, slot: widths[slot] - 1}


def _price(narrower: Evaluation, current: Evaluation, tensor: Tensor) -> float:
    return (narrower.figures.noise - current.figures.noise) / tensor.values
