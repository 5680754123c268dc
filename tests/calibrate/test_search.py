"""The search for word lengths, on machines whose noise is a formula."""

from dataclasses import dataclass, field

import pytest

from accel.calibrate.evaluate import Evaluation, Figures, Target
from accel.calibrate.search import narrow, removable, total_bits
from accel.calibrate.slots import Slot, Tensor
from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer

SLOTS = [Slot("input", "input"), Slot("C", "weight"), Slot("C", "activation"), Slot("F", "weight")]
VALUES = [10, 2000, 300, 50]


@dataclass
class Noisy:
    """Noise of every slot: gain * 4^-width; what is measured is kept in `seen`."""

    gains: list[float]
    forbidden: tuple[int, int] = (-1, -1)
    seen: list[dict] = field(default_factory=list)

    def place(self, widths):
        return Chosen(widths)

    def noise(self, widths):
        return sum(gain * 4.0 ** -widths[slot] for slot, gain in zip(SLOTS, self.gains, strict=True))

    def evaluate(self, widths, near=None):
        self.seen.append(dict(widths))
        index, width = self.forbidden
        if index >= 0 and widths[SLOTS[index]] < width:
            raise ConfigError("no unit can be built so narrow")
        return Evaluation(widths, Figures(1, None, None, 1.0, self.noise(widths)), ())


@dataclass
class Chosen:
    widths: dict

    def numerics(self, base):
        return self.widths


def tensors(width: int) -> dict[Slot, Tensor]:
    before = Quantizer(QFormat(True, width, 1))
    return {slot: Tensor(before, values) for slot, values in zip(SLOTS, VALUES, strict=True)}


def searched(machine: Noisy, target: Target, width: int = 16):
    """The search, and how many bits its progress spoke of."""
    told = []
    places = tensors(width)
    widths = dict.fromkeys(SLOTS, width)
    search = narrow(machine, None, machine, places, widths, target, told.append)
    assert sum(told) == removable(widths)
    assert search.evaluations == len(machine.seen)
    return search, places


@pytest.mark.parametrize("sqnr", [10, 25, 40])
@pytest.mark.parametrize("gains", [[1, 1, 1, 1], [1e-4, 30, 1, 1e3], [5, 1e-6, 1e-6, 5]])
def test_no_slot_could_give_another_bit(gains, sqnr):
    """At the end the target holds, and with one bit less in any slot it does not (or there is none to give)."""
    machine, target = Noisy(gains), Target("sqnr", sqnr)
    search, _ = searched(machine, target)
    last = search.trail[-1]
    limit = 10 ** (-sqnr / 10)
    assert machine.noise(last) <= limit
    for slot in SLOTS:
        assert last[slot] == 2 or machine.noise({**last, slot: last[slot] - 1}) > limit


def test_bits_go_where_many_values_are():
    """Equal noise, unequal counts: the slot with most values ends narrowest, and better than equal word lengths."""
    machine = Noisy([1, 1, 1, 1])
    search, places = searched(machine, Target("sqnr", 40))
    last = search.trail[-1]
    assert last[SLOTS[1]] < last[SLOTS[2]] <= last[SLOTS[3]] <= last[SLOTS[0]]
    equal = next(width for width in range(2, 17) if machine.noise(dict.fromkeys(SLOTS, width)) <= 1e-4)
    assert total_bits(places, last) < total_bits(places, dict.fromkeys(SLOTS, equal))


def test_the_trail_goes_down_a_bit_at_a_time():
    """Every entry is narrower than the one before it: together at first, then one bit of one slot."""
    search, _ = searched(Noisy([1, 2, 3, 4]), Target("sqnr", 30))
    assert search.trail[0] == dict.fromkeys(SLOTS, 16)
    for before, after in zip(search.trail, search.trail[1:], strict=False):
        differences = [before[slot] - after[slot] for slot in SLOTS]
        assert set(differences) <= {0, 1}
        assert sum(differences) in (1, len(SLOTS))


def test_machines_that_cannot_be_built_stop_their_slot_only():
    """A slot whose unit refuses narrow formats stays; the others go on."""
    free, _ = searched(Noisy([1e-9, 1e-9, 1, 1]), Target("sqnr", 20))
    bound, _ = searched(Noisy([1e-9, 1e-9, 1, 1], forbidden=(0, 7)), Target("sqnr", 20))
    assert free.trail[-1][SLOTS[0]] == 2
    assert bound.trail[-1] == {**free.trail[-1], SLOTS[0]: 7}


def test_a_narrowing_that_helps_does_not_hang():
    """Prices may be negative: a slot whose loss of a bit lowers the noise gives it, and the search ends."""
    machine = Noisy([-1e-3, -2e-3, 1, 1])
    search, _ = searched(machine, Target("sqnr", 20), width=6)
    assert search.evaluations < 100


def test_narrow_formats_are_left_alone():
    """With nothing to take there is nothing to measure but the start."""
    search, _ = searched(Noisy([1, 1, 1, 1]), Target("sqnr", -60), width=2)
    assert search.trail == (dict.fromkeys(SLOTS, 2),)
