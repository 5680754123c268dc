"""Energy of counts: cited figures per operation, sums that are conserved, what has no figure is named."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.arch.energy import Access, Counts, Widths, estimated, layer_energy, total_energy, unpriced
from accel.config.technology import load_technology

HOROWITZ = load_technology("horowitz-45nm")
EYERISS = load_technology("eyeriss-relative")
WORD = Widths(activation=16, weight=16, accumulator=32, unit=16)

counted = st.integers(0, 1 << 40)
accesses = st.builds(Access, st.integers(1, 1 << 30), counted)
every = st.builds(
    Counts,
    macs=counted,
    multiplies=counted,
    adds=counted,
    lookups=st.lists(accesses, max_size=2).map(tuple),
    memories=st.dictionaries(st.sampled_from(["input buffer", "weight buffer", "output buffer"]), accesses),
    refill=st.lists(accesses, max_size=2).map(tuple),
    register_bits=counted,
    network_bits=counted,
    dram_bits=counted,
)
technologies = st.sampled_from([HOROWITZ, EYERISS])


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        (Widths(8, 8, 16, 8), {"multiply": 0.2, "add": 0.05}),
        (Widths(16, 16, 32, 8), {"multiply": 1.0, "add": 0.1}),
        (Widths(32, 32, 32, 8), {"multiply": 3.1, "add": 0.1}),
        (Widths(8, 32, 8, 8), {"multiply": 1.0, "add": 0.03}),
        (Widths(32, 8, 8, 8), {"multiply": 1.0, "add": 0.03}),
    ],
)
def test_a_multiply_accumulate_costs_the_cited_figures(widths, expected):
    """45 nm by the bits of its operands; 8 x 32 bits have as many cells as 16 x 16."""
    assert layer_energy(Counts(macs=1), widths, HOROWITZ) == expected


@pytest.mark.parametrize(("capacity", "energy"), [(8 << 10, 10), (32 << 10, 20), (1 << 20, 100)])
def test_a_word_of_64_bits_costs_the_cited_figures(capacity, energy):
    """A memory's word by its capacity; half a word half of it; the same for a look-up and for a refill."""
    word, half = Access(capacity, 64), Access(capacity, 32)
    assert layer_energy(Counts(memories={"buffer": word}), WORD, HOROWITZ) == {"buffer": energy}
    assert layer_energy(Counts(memories={"buffer": half}), WORD, HOROWITZ) == {"buffer": energy / 2}
    assert layer_energy(Counts(lookups=(word,), refill=(half, half)), WORD, HOROWITZ) == {
        "unit tables": energy,
        "refill": energy,
    }


def test_an_energy_as_plain_values():
    """Everything that is told of it, the total included, and nothing shared with the record."""
    energy = estimated(Counts(macs=10, dram_bits=640), Widths(8, 8, 8, 8), HOROWITZ)
    plain = energy.to_dict()
    assert plain == {
        "technology": "horowitz-45nm",
        "unit": "pJ",
        "total": energy.total,
        "components": {"multiply": 2.0, "add": 0.3, "dram": 19500.0},
        "low": energy.low,
        "high": energy.high,
        "unpriced": ["register file", "network"],
    }
    plain["components"]["dram"] = 0.0
    assert energy.components["dram"] == 19500.0


def test_dram_costs_its_mean_and_keeps_its_range():
    """1300 to 2600 pJ for 64 bits; what does not come from DRAM has no range."""
    energy = estimated(Counts(macs=10, dram_bits=640), Widths(8, 8, 8, 8), HOROWITZ)
    assert energy.components == {"multiply": 2.0, "add": 0.3, "dram": 19500.0}
    assert (energy.low, energy.high) == pytest.approx((13002.3, 26002.3), rel=1e-12)
    assert energy.total_pj == energy.total == pytest.approx(19502.3, rel=1e-12)


def test_eyeriss_energies_are_1_1_2_6_200():
    """One multiply-accumulate, and one word of 16 bits at every level."""
    counts = Counts(macs=1, memories={"buffer": Access(108 << 10, 16)}, register_bits=16, network_bits=16, dram_bits=16)
    energy = estimated(counts, WORD, EYERISS)
    assert energy.components == {"mac": 1, "register file": 1, "network": 2, "buffer": 6, "dram": 200}
    assert (energy.total, energy.low, energy.high, energy.total_pj) == (210, 210, 210, None)


@given(every, technologies)
def test_components_sum_to_the_total(counts, technology):
    """The total is its components, lies within its range, and nothing is negative."""
    energy = estimated(counts, WORD, technology)
    assert energy.components == layer_energy(counts, WORD, technology)
    assert energy.total == pytest.approx(math.fsum(energy.components.values()), rel=1e-12)
    assert min(energy.components.values(), default=0) >= 0
    assert energy.low <= energy.total * (1 + 1e-12)
    assert energy.high >= energy.total * (1 - 1e-12)


@given(every, every, technologies)
def test_two_layers_add(first, second, technology):
    """Total, range and every component of a sum are the sums."""
    parts = [estimated(counts, WORD, technology) for counts in (first, second)]
    both = total_energy(parts)
    for field in ("total", "low", "high"):
        assert getattr(both, field) == pytest.approx(sum(getattr(part, field) for part in parts), rel=1e-9)
    for name, energy in both.components.items():
        assert energy == sum(part.components.get(name, 0) for part in parts)
    assert set(both.unpriced) == set(parts[0].unpriced) | set(parts[1].unpriced)


@given(every, st.integers(1, 5), technologies)
def test_energy_is_linear_in_the_counts(counts, factor, technology):
    """As often again costs as much again."""
    more = Counts(
        *(factor * number for number in counts[:3]),
        lookups=tuple(Access(size, factor * bits) for size, bits in counts.lookups),
        memories={name: Access(size, factor * bits) for name, (size, bits) in counts.memories.items()},
        refill=tuple(Access(size, factor * bits) for size, bits in counts.refill),
        register_bits=factor * counts.register_bits,
        network_bits=factor * counts.network_bits,
        dram_bits=factor * counts.dram_bits,
    )
    once, often = (layer_energy(each, WORD, technology) for each in (counts, more))
    assert often == pytest.approx({name: factor * energy for name, energy in once.items()}, rel=1e-9)


@pytest.mark.parametrize("field", ["activation", "weight", "accumulator", "unit"])
def test_wider_operands_never_cost_less(field):
    """Energy rises with every width, of 45 nm strictly."""
    counts = Counts(macs=5, multiplies=7, adds=11)
    totals = [sum(layer_energy(counts, WORD._replace(**{field: bits}), HOROWITZ).values()) for bits in range(2, 64)]
    assert totals == sorted(totals)
    assert len(set(totals)) == len(totals)


def test_what_has_no_figure_is_named_and_not_priced():
    """Nothing is free silently: what took place without a figure stands in `unpriced`, what did not does not."""
    counts = Counts(1, 1, 1, (Access(64, 8),), {"buffer": Access(64, 8)}, (Access(64, 8),), 8, 8, 8)
    assert unpriced(counts, HOROWITZ) == ("register file", "network")
    assert unpriced(counts, EYERISS) == ("unit multiply", "unit add")
    bare = replace(HOROWITZ, multiply=None, add=None, mac=EYERISS.mac, sram=None, dram=None)
    assert unpriced(counts, bare) == ("register file", "network", "sram", "unit multiply", "unit add", "dram")
    assert layer_energy(counts, WORD, bare) == {"mac": 1}
    assert unpriced(Counts(dram_bits=8), HOROWITZ) == ()
    assert estimated(Counts(), WORD, bare).components == {}


def test_counts_over_many_machines():
    """Arrays of counts and capacities are priced element by element."""
    sizes, bits, macs = np.array([8192, 100_000, 1 << 22]), np.array([64, 0, 640]), np.array([0, 3, 9])
    found = layer_energy(Counts(macs=macs, memories={"buffer": Access(sizes, bits)}, dram_bits=bits), WORD, HOROWITZ)
    for index, (size, moved, count) in enumerate(zip(sizes.tolist(), bits.tolist(), macs.tolist(), strict=True)):
        alone = layer_energy(
            Counts(macs=count, memories={"buffer": Access(size, moved)}, dram_bits=moved), WORD, HOROWITZ
        )
        here = {name: float(energy[index]) for name, energy in found.items() if energy[index]}
        assert here == pytest.approx(alone, rel=1e-12)
