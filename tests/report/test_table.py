"""Tables for the terminal: a row is a line at any width."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from accel.report.table import print_estimate, print_run
from tests.report.examples import with_energy

REQUESTED = ["layer", "shape", "format", "MACs", "cycles", "util. %", "bound", "sat. %", "error lsb", "SQNR dB"]


def printed(show, document, width, *, encoding="utf-8", **options):
    """What a console of that width receives, as lines."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    show(document, Console(file=stream, width=width, **options))
    return stream.buffer.getvalue().decode(encoding).split("\n")


def as_estimate(run):
    """A run seen as an estimate."""
    return {**run, "batch": 1}


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("show", [print_run, print_estimate])
@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("unit", ["", "pJ", "MAC"])
def test_a_row_is_a_line(run, show, width, long, unit):
    """No line is wider than the terminal, and every layer has one line that starts with its name."""
    run = with_energy(run, unit) if unit else run
    if long:
        for layer in run["layers"]:
            layer["name"] = f"features.stage1.block2.{layer['name']}"
            layer["kind"], layer["bound"] = "depthwise-convolution", "output bandwidth"
    lines = printed(show, as_estimate(run), width)
    assert max(len(line) for line in lines) <= width
    heading = next(index for index, line in enumerate(lines) if line.strip().startswith("layer"))
    rows = lines[heading + 2 : heading + 14]
    assert all(re.match(r" [\w.…]+ +\S", row) for row in rows)
    assert lines[heading + 14].strip() == ""
    assert lines[heading + 15].split()[0] == "total"
    cells = {len(re.split(r"\s{2,}", row.strip())) for row in rows if not long}
    assert long or cells == {len(re.split(r"\s{2,}", lines[heading].strip()))}


def test_columns_of_a_wide_table(run):
    """At 100 columns every column that was asked for is there, in order."""
    heading = next(line for line in printed(print_run, run, 100) if line.strip().startswith("layer"))
    assert re.split(r"\s{2,}", heading.strip()) == REQUESTED


def test_narrow_tables_say_what_they_left_out(run):
    """At 80 columns only the shape goes; whatever is left out is named below."""
    lines = printed(print_run, run, 80)
    heading = next(line for line in lines if line.strip().startswith("layer"))
    assert re.split(r"\s{2,}", heading.strip()) == [name for name in REQUESTED if name != "shape"]
    assert "left out at 80 columns: shape" in lines
    assert not any("left out" in line for line in printed(print_run, run, 100))


def test_figures(run):
    """A row shows the layer's figures; the totals show sums, times and agreement."""
    lines = [line.split() for line in printed(print_run, run, 120)]
    assert ["C3", "16×10×10", "Q6.10", "240,000", "1,460", "64.2", "compute", "0.0120", "4.02", "55.7"] in lines
    assert ["C3.tanh", "16×10×10", "Q2.14", "–", "4", "–", "unit", "0", "31.6", "54.9"] in lines
    assert ["total", "416,520", "19,575", "8.31"] in lines
    assert ["latency", "97.9", "µs", "19,575", "cycles"] in lines
    assert ["accuracy", "98.0", "%", "fixed", "98.1", "%", "float64"] in lines
    assert ["agreement", "99.9", "%", "999", "of", "1,000", "inputs"] in lines


@pytest.mark.parametrize("show", [print_run, print_estimate])
def test_energies(run, show):
    """A machine with a technology adds a column, three totals and what they lack; one without adds nothing."""
    without = printed(show, as_estimate(run), 120)
    assert not [line for line in without if "energy" in line or "estimate" in line]
    assert printed(show, {**as_estimate(run), "energy": None, "area": None}, 120) == without
    lines = [line.split() for line in printed(show, as_estimate(with_energy(run)), 120)]
    assert next(line for line in lines if line[:1] == ["layer"])[-1] == "energy"
    assert next(line for line in lines if line[:1] == ["C3"])[-2:] == ["801", "nJ"]
    assert next(line for line in lines if line[:1] == ["total"])[-2:] == ["13.8", "µJ"]
    told = [" ".join(line) for line in lines]
    assert "energy 13.8 µJ per input estimate, 7.50 µJ to 20.1 µJ" in told
    assert "power 141 mW estimate, on average" in told
    assert "area 1.75 mm² estimate" in told
    assert any(line.startswith("energy and area are estimates by round") for line in told)


def test_energies_of_ratios(run):
    """Without joules a cell is a plain number, and the heading says what of."""
    lines = printed(print_estimate, as_estimate(with_energy(run, "MAC")), 120)
    assert next(line for line in lines if line.strip().startswith("layer")).strip().endswith("energy in MACs")
    assert next(line for line in lines if line.startswith(" C3 ")).split()[-2:] == ["801", "k"]
    assert not any(line.startswith("power") for line in lines)


def test_absent_values(run):
    """Without labels, agreement, errors and formats there are dashes and no lines for what does not exist."""
    run.update(accuracy={"golden": None, "fixed": None}, agreement=None, first_disagreement=None)
    for layer in run["layers"]:
        layer.update(error=None, format=None, shape=None)
    text = "\n".join(printed(print_run, run, 120))
    assert "None" not in text
    assert "accuracy" not in text
    assert "agreement" not in text


def test_no_error_reads_exact(run):
    """A layer without any error reads "exact"."""
    run["layers"][0]["error"] = {"max_lsb": 0.0, "sqnr_db": None}
    row = next(line for line in printed(print_run, run, 120) if line.startswith(" C1 "))
    assert row.split()[-1] == "exact"


def test_names_are_no_markup(run):
    """A layer called [red] is called [red]; control characters do not reach the terminal."""
    run["layers"][0]["name"] = "[red]C1[/red]"
    run["layers"][1]["name"] = "\x1b[31mC"
    text = "\n".join(printed(print_run, run, 120))
    assert "[red]C1[/red]" in text
    assert "\x1b" not in text


def test_colour_changes_no_word(run):
    """With colour the words are the same, and only then there are escape codes."""
    plain = printed(print_run, run, 100)
    coloured = printed(print_run, run, 100, force_terminal=True, color_system="truecolor")
    assert any("\x1b[" in line for line in coloured)
    assert [re.sub(r"\x1b\[[\d;]*m", "", line).rstrip() for line in coloured] == [line.rstrip() for line in plain]


@pytest.mark.parametrize("show", [print_run, print_estimate])
def test_terminal_without_unicode(run, show):
    """A terminal that knows only ASCII gets plain letters instead of an error."""
    text = "\n".join(printed(show, as_estimate(run), 100, encoding="ascii"))
    assert "97.9 us" in text
    assert text.isascii()
