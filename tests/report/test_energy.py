"""Energy and area in words and tables."""

from __future__ import annotations

import pytest

from accel.report import energy
from tests.report.examples import with_energy


def test_a_document_without_energies_says_nothing(run):
    """A run of before, and one on a machine without a technology."""
    for document in (run, {**run, "energy": None, "area": None, "average_power_w": None}):
        assert (energy.totals(document), energy.caveat(document), energy.unit_of(document)) == ([], "", "")
        assert energy.table(document) is None


def test_totals(run):
    """Energy of one input with its range, power and area; the sums are those of the document."""
    document = with_energy(run)
    dram = sum(sum(layer["bytes"]["dram"].values()) for layer in run["layers"])
    total = document["energy"]["total"]
    rows = {name: words for name, *words in energy.totals(document)}
    low, high = (f"{(total + side * 50 * dram) / 1e6:#.3g} µJ" for side in (-1, 1))
    assert rows["energy"] == [f"{total / 1e6:#.3g} µJ per input", f"{low} to {high}"]
    seconds = run["interval_cycles"] / 200e6
    assert rows["power"] == [f"{total * 1e-9 / seconds:.0f} mW", "on average"]
    assert rows["area"] == ["1.75 mm²", ""]
    batch = {name: words for name, words, _ in energy.totals({**document, "batch": 4})}
    assert batch["energy"] == f"{total / 4e6:#.3g} µJ per input"


def test_ratios_have_no_joules(run):
    """A technology of ratios tells energies in multiply-accumulates, and no power."""
    document = with_energy(run, "MAC")
    document["area"]["total"] = None
    document["energy"]["high"] = document["energy"]["low"]
    ((name, words, remark),) = energy.totals(document)
    assert (name, remark) == ("energy", "")
    assert words == f"that of {document['energy']['total'] / 1e6:#.3g} M MACs per input"
    assert energy.heading("MAC") == "energy in MACs"
    assert energy.caveat(document) == (
        "energy is an estimate by round; energy lacks register file, network; area has no figure there"
    )


def test_estimates_are_called_estimates(run):
    """The caveat names the technology and what has no figure in it."""
    document = with_energy(run)
    assert energy.caveat(document) == (
        "energy and area are estimates by round; the range is that of DRAM; energy lacks register file, network; "
        "area lacks registers, wires"
    )
    document["energy"]["unpriced"] = document["area"]["unpriced"] = []
    document["energy"]["high"] = document["energy"]["low"]
    assert energy.caveat(document) == "energy and area are estimates by round"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.5, "pJ", "0.500 pJ"),
        (1234.0, "pJ", "1.23 nJ"),
        (3.4e7, "pJ", "34.0 µJ"),
        (2.5e9, "pJ", "2.50 mJ"),
        (4e12, "pJ", "4.00 J"),
        (903_000, "MAC", "903 k"),
        (1.5e10, "MAC", "15.0 G"),
        (12.0, "MAC", "12"),
        (0.0, "MAC", "0"),
        (None, "pJ", "–"),
    ],
)
def test_amounts(value, unit, words):
    """Three digits and a prefix; joules only where there are any."""
    assert energy.amount(value, unit) == words


def test_the_table_adds_up(run):
    """Components, groups and layers each sum to the total; what has no figure stands there without one."""
    document = with_energy(run)
    total = document["energy"]["total"]
    found = energy.table(document)
    assert sum(component.energy or 0 for component in found.components) == pytest.approx(total, rel=1e-12)
    assert sum(component.share or 0 for component in found.components) == pytest.approx(1, rel=1e-12)
    assert [component.name for component in found.components if component.energy is None] == [
        "register file",
        "network",
    ]
    assert sum(found.sums) == pytest.approx(total, rel=1e-12)
    assert sum(row[2] for row in found.rows) == pytest.approx(total, rel=1e-12)
    for column in range(len(found.groups)):
        assert sum(row[1][column] or 0 for row in found.rows) == pytest.approx(found.sums[column], rel=1e-12)
    assert found.groups == ["arithmetic", "on-chip memories", "DRAM"]


def test_every_component_belongs_to_a_group(run):
    """Registers and network are a group of their own; a name that is not known counts as a memory, and is listed."""
    layer = with_energy(run)["layers"][0]["energy"]
    layer["components"] = {
        "mac": 1.0,
        "register file": 2.0,
        "network": 3.0,
        "unit tables": 4.0,
        "else": 5.0,
        "dram": 6.0,
    }
    assert energy.by_group(layer) == {"arithmetic": 1, "inside the array": 5, "on-chip memories": 9, "DRAM": 6}
    found = energy.table({"energy": {**layer, "total": 21.0}, "layers": [{"name": "x"}]})
    assert [component.name for component in found.components][:6] == [
        "mac",
        "register file",
        "network",
        "unit tables",
        "dram",
        "else",
    ]
    assert found.rows == [("x", [None] * 4, None)]
