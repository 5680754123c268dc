"""NUMERICS.md says what the code does: its tables are the program's own."""

import re
from pathlib import Path

import pytest

from accel.arch.dataflows import DATAFLOWS
from accel.cli import aliases, listings
from accel.numeric.accumulator import Mode
from accel.numeric.format import QFormat
from accel.numeric.ledger import KINDS
from accel.numeric.profiles import PROFILES
from kernels.modes import Rounding
from kernels.quantize import GOES_UP

PAGE = (Path(__file__).parent.parent / "NUMERICS.md").read_text(encoding="utf-8")


def tables() -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """Every table of the page, by its headings; cells without backticks."""
    found: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    heading: tuple[str, ...] = ()
    for line in [*PAGE.splitlines(), ""]:
        if not line.startswith("|"):
            heading = ()
            continue
        cells = tuple(cell.strip().replace("`", "") for cell in line.strip("|").split("|"))
        if not heading:
            heading = (*cells, str(len(found))) if cells in found else cells
            found[heading] = []
        elif set(cells) != {"---"}:
            found[heading].append(cells)
    return found


TABLES = tables()


def table(first: str, last: str) -> list[tuple[str, ...]]:
    """The rows of the first table with that first and last heading."""
    (rows,) = [rows for heading, rows in TABLES.items() if (heading[0], heading[-1]) == (first, last)]
    return rows


def texts(rows) -> list[tuple[str, ...]]:
    """Rows as the page spells them."""
    return [tuple(str(cell) for cell in row) for row in rows]


def test_names_elsewhere_are_those_of_the_command():
    """Both alias tables, tool by tool, and every trap."""
    heading = ("mode", *aliases.TOOLS)
    assert TABLES[heading] == [(mode, *names) for mode, names in aliases.ROUNDING.items()]
    (second,) = [rows for key, rows in TABLES.items() if key[:-1] == heading]
    assert second == [(mode, *names) for mode, names in aliases.OVERFLOW.items()]
    for trap in aliases.TRAPS:
        assert f"\n- {trap}\n" in PAGE


def test_rounding_and_overflow_are_those_of_the_program():
    """Modes in order, what they read as, and what they make of ties and of numbers out of range."""
    rounding, overflow = listings.rounding()[0], listings.overflow()[0]
    page = table("mode", rounding.columns[-1])
    assert [(row[0], row[1], *row[3:]) for row in page] == texts(rounding.rows)
    assert table("mode", overflow.columns[-1]) == texts(overflow.rows)


@pytest.mark.parametrize("mode", [mode for mode in Rounding if mode != Rounding.STOCHASTIC])
def test_the_conditions_of_the_page_are_those_of_the_kernels(mode):
    """ "goes up when", read as a Python expression, for every h, r, neg and lsb."""
    (condition,) = [row[2] for row in table("mode", "1.75") if row[0] == mode.name]
    expression = "False" if condition == "never" else condition
    for case in range(16):
        half, rest, negative, odd = (case >> place & 1 for place in range(4))
        names = {"h": half, "r": rest, "neg": negative, "lsb": odd}
        said = bool(eval(expression, {"__builtins__": {}}, names))
        assert said == bool(GOES_UP[mode](half, rest, negative, odd)), (condition, names)


def test_formats_are_read_as_the_page_says():
    """Every spelling of the table parses to 16 bits and 12 fraction bits."""
    spellings = [text for row in table("spelling", "reads as") for text in re.split(r"(?<=[>\d]), ", row[0])]
    assert len(spellings) == 6
    for text in spellings:
        assert (QFormat.parse(text).width, QFormat.parse(text).frac_bits) == (16, 12)


def test_profiles_modes_kinds_and_dataflows_are_complete():
    """Nothing that a file can say is missing from the page."""
    assert table("profile", "in words") == texts(listings.profiles()[0].rows)
    for name, profile in PROFILES.items():
        assert f"- `{name}`: {profile.source}" in PAGE
    assert [row[0] for row in table("mode", "what happens")] == [mode.value for mode in Mode]
    assert sorted(row[0] for row in table("dataflow", "order of one output's products")) == sorted(DATAFLOWS)
    assert tuple(row[0] for row in table("kind", "what is counted")) == KINDS
