"""From a tiling to the steps that the channel and the array go through (see `accel.arch.transfer`).

Steps come as run-length encoded loops, edge tiles at their real size. The operand that changes with the outer loops
only is loaded in parts, one with every step of the inner loop but the first, in which its other slot is still in use;
the others are loaded with the step that needs them. Outputs and spilled sums are stored after their step. The array's
time is shared out among the steps by their products. The very first loads are not in the program: they are its fill.
What divides unevenly goes to the first step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from accel.arch.demand import Demand
from accel.arch.places import Cut
from accel.arch.tiling import Tiling
from accel.arch.transfer import Channel, Program, Step

Runs: TypeAlias = "tuple[tuple[int, Any], ...]"
"""(count, body) one after another; a body is a leaf (a named tuple) or again runs (a plain tuple)."""


class Fill(NamedTuple):
    """Bits that must be there before a layer starts: of weights with their biases, and of inputs."""

    weight_bits: int
    input_bits: int


class LayerProgram(NamedTuple):
    """A layer as the channel sees it: what fills the buffers, the first step (which loads nothing), and all others."""

    fill: Fill
    first: Step
    rest: Program


class Part(NamedTuple):
    """A tile of one axis: its extent (of places: the cut), and whether it is the first or the last of the axis."""

    size: Any
    is_first: bool = False
    is_last: bool = False


class Tile(NamedTuple):
    """A tile of all axes; an axis of the inner loop is None while the outer loops are made."""

    groups: Part | None = None
    places: Part | None = None
    filters: Part | None = None
    channels: Part | None = None


class Turn(NamedTuple):
    """One turn of the outer loops, and the one after it."""

    tile: Tile
    following: Tile | None


OUTER = {
    "weights outer": ("groups", "filters", "channels"),
    "activations outer": ("groups", "places", "channels"),
    "sums outer": ("groups", "places", "filters"),
}
INNER = {"weights outer": "places", "activations outer": "filters", "sums outer": "channels"}
"""The loops over tiles by order, from the outermost."""


def layer_program(demand: Demand, tiling: Tiling, compute_cycles: int, channel: Channel) -> LayerProgram:
    """Return the steps of a layer whose schedule takes `compute_cycles`, in ticks of the channel."""
    nest = demand.nest
    loops = {
        "groups": _parts(nest.G, tiling.groups),
        "places": _marked(tiling.places.cuts),
        "filters": _parts(nest.K, tiling.filters),
        "channels": _parts(nest.C, tiling.channels),
    }
    turns = _followed(_nested([(axis, loops[axis]) for axis in OUTER[tiling.order]], Tile()), None)
    inner = INNER[tiling.order]
    steps = _Steps(demand, tiling, compute_cycles * channel.cycle, channel.bit, _number(loops[inner]))

    def of_turn(turn: Turn) -> Runs:
        return _mapped(loops[inner], lambda part: steps.step(turn.tile._replace(**{inner: part}), turn.following))

    _, rest = _peeled(_mapped(turns, of_turn))
    compute, store = _totals(rest)
    start = Step(0, steps.compute - compute, demand.stored_bits * channel.bit + steps.spilled - store)
    return LayerProgram(steps.fill(_leaf(turns).tile._replace(**{inner: _leaf(loops[inner])})), start, rest)


def stream_program(
    weight_bits: int, input_bits: int, stored_bits: int, parts: int, compute_cycles: int, channel: Channel
) -> LayerProgram:
    """Return the steps of a unit whose values come and go in equal parts, its parameters before the first."""
    compute, load, store = compute_cycles * channel.cycle, input_bits // parts, stored_bits // parts
    later = Step(load * channel.bit, compute // parts, store * channel.bit)
    fill = Fill(weight_bits, input_bits - (parts - 1) * load)
    left = stored_bits - (parts - 1) * store
    first = Step(0, compute - (parts - 1) * later.compute, left * channel.bit)
    return LayerProgram(fill, first, ((parts - 1, later),) if parts > 1 else ())


class _Steps:
    """What a tile loads, computes and stores."""

    def __init__(self, demand: Demand, tiling: Tiling, compute: int, bit: int, inner_steps: int) -> None:
        self.demand, self.tiling = demand, tiling
        self.compute, self.bit, self.inner_steps = compute, bit, inner_steps
        self.keeps_inputs = "input" in tiling.resident
        self.keeps_weights = "weight" in tiling.resident

    @property
    def spilled(self) -> int:
        """Ticks of all sums that are spilled (half of what spilling moves: they come back)."""
        return self.tiling.dram_bits.get("partial_sum", 0) // 2 * self.bit

    def fill(self, tile: Any) -> Fill:
        """Return what the first tile of a layer brings along."""
        return Fill(self._weights(tile), self._inputs(tile))

    def step(self, tile: Any, following: Any) -> Step:
        """Return the step of a tile; following: the tile of the next turn of the outer loops."""
        demand, order = self.demand, self.tiling.order
        bits = 0
        if order == "weights outer":
            bits += self._inputs(tile) if tile.filters.is_first or not self.keeps_inputs else 0
            bits += self._part(tile, tile.places, following, self._weights)
        elif order == "activations outer":
            bits += self._weights(tile) if tile.places.is_first or not self.keeps_weights else 0
            bits += self._part(tile, tile.filters, following, self._inputs)
        else:
            bits += self._inputs(tile) if tile.filters.is_first or not self.keeps_inputs else 0
            bits += self._weights(tile) if tile.places.is_first or not self.keeps_weights else 0
        outputs = tile.groups.size * tile.filters.size * tile.places.size.outputs
        stored = 0
        if self.tiling.sums == "spilled":
            bits += 0 if tile.channels.is_first else outputs * demand.sum_bits
            stored += 0 if tile.channels.is_last else outputs * demand.sum_bits
        if tile.channels.is_last:
            stored += demand.stored_bits * outputs // demand.nest.outputs
        nest = demand.nest
        compute = self.compute * outputs * tile.channels.size // (nest.outputs * nest.C)
        return Step(bits * self.bit, compute, stored * self.bit)

    def _part(self, tile: Any, inner: Part, following: Any, bits: Callable[[Any], int]) -> int:
        """Return the bits of the outer operand that come with a step: its own if every step has its own."""
        if self.inner_steps == 1:
            return bits(tile)
        return 0 if inner.is_first or following is None else -(-bits(following) // (self.inner_steps - 1))

    def _inputs(self, tile: Any) -> int:
        cut: Cut = tile.places.size
        seen = cut.fresh if self.keeps_inputs else cut.inputs
        return int(tile.groups.size * tile.channels.size * seen * self.demand.input_bits)

    def _weights(self, tile: Any) -> int:
        demand, nest = self.demand, self.demand.nest
        of_filter = tile.channels.size * nest.R * nest.S * demand.weight_bits
        of_filter += demand.bias_bits if tile.channels.is_first else 0
        return int(tile.groups.size * tile.filters.size * of_filter)


def _parts(extent: int, size: int) -> Runs:
    """Cut an axis into tiles of `size`, the last one as large as what is left."""
    number = -(-extent // size)
    if number == 1:
        return ((1, Part(extent, True, True)),)
    last = Part(extent - (number - 1) * size, is_last=True)
    between = ((number - 2, Part(size)),) if number > 2 else ()
    return ((1, Part(size, is_first=True)), *between, (1, last))


def _marked(cuts: Runs) -> Runs:
    """Return cuts of the places as parts, of which the first knows that it is."""
    first, rest = _peeled(cuts)
    return ((1, Part(first, is_first=True)), *_mapped(rest, Part))


def _nested(loops: Sequence[tuple[str, Runs]], tile: Tile) -> Any:
    """Return the runs of loops within each other; leaves are tiles."""
    if not loops:
        return tile
    (axis, runs), *inner = loops
    return _mapped(runs, lambda part: _nested(inner, tile._replace(**{axis: part})))


def _mapped(runs: Runs, function: Callable[[Any], Any]) -> Runs:
    """Put `function(leaf)`, which may be runs, in the place of every leaf."""
    return tuple((count, _mapped(body, function) if _is_runs(body) else function(body)) for count, body in runs)


def _followed(runs: Runs, after: Any) -> Runs:
    """Return runs whose leaves know the leaf after them; `after` follows the last."""
    found: list[tuple[int, Any]] = []
    for index, (count, body) in enumerate(runs):
        following = _leaf(runs[index + 1 :]) if index + 1 < len(runs) else after
        first = _leaf(((count, body),))
        for times, next_leaf in ((count - 1, first), (1, following)):
            if times:
                found.append((times, _followed(body, next_leaf) if _is_runs(body) else Turn(body, next_leaf)))
    return tuple(found)


def _peeled(runs: Runs) -> tuple[Any, Runs]:
    """Return the first leaf, and the runs without it."""
    (count, body), *rest = runs
    left = ((count - 1, body),) if count > 1 else ()
    if not _is_runs(body):
        return body, (*left, *rest)
    leaf, inner = _peeled(body)
    return leaf, (*(((1, inner),) if inner else ()), *left, *rest)


def _leaf(runs: Runs) -> Any:
    body = runs[0][1]
    return _leaf(body) if _is_runs(body) else body


def _number(runs: Runs) -> int:
    return sum(count * (_number(body) if _is_runs(body) else 1) for count, body in runs)


def _totals(program: Program) -> tuple[int, int]:
    """Return the ticks of computing and of storing in a program."""
    compute = store = 0
    for count, body in program:
        one = (body.compute, body.store) if isinstance(body, Step) else _totals(body)
        compute, store = compute + count * one[0], store + count * one[1]
    return compute, store


def _is_runs(body: object) -> bool:
    return type(body) is tuple
