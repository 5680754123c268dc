"""Tables for the terminal: a run (`print_run`) and an estimate (`print_estimate`).

The contract: a row is a line at any width. Columns are left out, the least telling first, until the table fits; what
was left out is said below it. Names come from users, so nothing in them is read as markup, and a terminal that cannot
show "µ" or "×" gets plain letters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from accel.report import energy
from accel.report.humane import DASH, byte_size, duration, frequency, integer, label, percent, shape, significant
from accel.report.prose import Document, attention, dataflow_in_words

Layer = Mapping[str, Any]

_PLAIN_LETTERS = str.maketrans({"×": "x", "µ": "u", "–": "-", "…": "~", "·": "."})
_NAME_SIGNS = 24
_NARROW_NAME_SIGNS = 14
_ENERGY_GOES = 5  # after what else can be spared; the totals tell it too


class Column(NamedTuple):
    """A column: heading, cell text of a layer, alignment, style of a cell, and when it goes (1 first, 0 never)."""

    heading: str
    cell: Callable[[Layer], str]
    numeric: bool = True
    style: Callable[[Layer], str] = lambda layer: ""
    dropped: int = 0
    total: str = ""


def print_run(document: Document, console: Console) -> None:
    """Print the layers of a run, then its totals and what deserves attention."""
    say = spoken(console)
    array = document["array"]
    console.print(
        say(f"{label(document['network'])} on {label(document['accelerator'])}", "bold"),
        say(
            f"{array['rows']}×{array['columns']} {dataflow_in_words(array['dataflow'])}, {array['timing']}, "
            f"{frequency(document['clock_hz'])}",
            "dim",
        ),
        sep="   ",
    )
    layers = document["layers"]
    columns = [*_run_columns(layers, document["pes"]), *_energy_columns(document)]
    print_layers(layers, columns, console, say)
    accuracy = document["accuracy"]
    totals = [*_times(document), ("throughput", f"{significant(document['inputs_per_second'])} inputs/s", "")]
    if accuracy["fixed"] is not None:
        totals.append(("accuracy", f"{percent(accuracy['fixed'])} % fixed", f"{percent(accuracy['golden'])} % float64"))
    if document["agreement"] is not None:
        agreeing = round(document["agreement"] * document["inputs"])
        counted = f"{integer(agreeing)} of {integer(document['inputs'])} inputs"
        totals.append(("agreement", f"{percent(document['agreement'])} %", counted))
    _print_totals([*totals, *_energy_totals(document)], console, say)
    _print_caveat(document, console, say)
    for point in attention(document):
        console.print(Text.assemble(say("note ", "yellow"), say(point)))


def print_estimate(document: Document, console: Console) -> None:
    """Print the layers of an estimate (the dictionary of `accel.report.estimate_document`), then its totals."""
    say = spoken(console)
    batch = document["batch"]
    counted = f"{integer(document['pes'])} PEs, {frequency(document['clock_hz'])}, batch {integer(batch)}"
    console.print(
        say(f"{label(document['network'])} on {label(document['accelerator'])}", "bold"), say(counted, "dim"), sep="   "
    )
    layers = document["layers"]
    columns = [*_estimate_columns(layers, document["pes"]), *_energy_columns(document)]
    print_layers(layers, columns, console, say)
    throughput = ("throughput", f"{significant(document['inputs_per_second'])} inputs/s", "")
    _print_totals([*_times(document), throughput, *_energy_totals(document)], console, say)
    _print_caveat(document, console, say)


def _run_columns(layers: Sequence[Layer], pes: int) -> list[Column]:
    """Return the columns of `accel run`, in the order of the table."""
    macs, cycles = _sum(layers, "macs"), sum(layer["cycles"]["total"] for layer in layers)
    return [
        Column("shape", lambda layer: shape(layer["shape"]), numeric=False, dropped=1),
        Column("format", lambda layer: label(layer["format"] or DASH), numeric=False, dropped=4),
        Column(
            "MACs",
            lambda layer: integer(layer["macs"] or None),
            style=_faint_absent("macs"),
            dropped=3,
            total=integer(macs),
        ),
        Column("cycles", lambda layer: integer(layer["cycles"]["total"]), total=integer(cycles)),
        _utilization_column(macs, cycles, pes),
        _bound_column(2),
        Column("sat. %", lambda layer: percent(layer["saturated"]), style=_saturation_style),
        Column("error lsb", lambda layer: significant((layer["error"] or {}).get("max_lsb")), dropped=5),
        Column("SQNR dB", _sqnr),
    ]


def _estimate_columns(layers: Sequence[Layer], pes: int) -> list[Column]:
    """Return the columns of `accel estimate`, in the order of the table."""
    macs, cycles = _sum(layers, "macs"), sum(layer["cycles"]["total"] for layer in layers)
    stalls = sum(layer["cycles"]["stall"] for layer in layers)
    dram = sum(_dram_bytes(layer) for layer in layers)
    return [
        Column("kind", lambda layer: label(layer["kind"], 14), numeric=False, dropped=2),
        Column(
            "MACs",
            lambda layer: integer(layer["macs"] or None),
            style=_faint_absent("macs"),
            dropped=4,
            total=integer(macs),
        ),
        Column("cycles", lambda layer: integer(layer["cycles"]["total"]), total=integer(cycles)),
        Column("stall", lambda layer: integer(layer["cycles"]["stall"]), dropped=5, total=integer(stalls)),
        Column("hidden", lambda layer: integer(layer["hidden_cycles"]), dropped=1),
        _utilization_column(macs, cycles, pes),
        Column("map. %", lambda layer: percent(layer["mapping_efficiency"] if layer["macs"] else None), dropped=3),
        Column("DRAM", lambda layer: byte_size(_dram_bytes(layer)), dropped=6, total=byte_size(dram)),
        _bound_column(0),
    ]


def _energy_columns(document: Document) -> list[Column]:
    """Return the column of a machine with a technology."""
    unit = energy.unit_of(document)
    if not unit:
        return []

    def cell(layer: Layer) -> str:
        return energy.amount((layer.get("energy") or {"total": None})["total"], unit)

    return [
        Column(energy.heading(unit), cell, dropped=_ENERGY_GOES, total=energy.amount(document["energy"]["total"], unit))
    ]


def _energy_totals(document: Document) -> list[tuple[str, str, str]]:
    """Return energy, power and area as rows of the totals, each called an estimate."""
    return [
        (name, words, f"estimate, {remark}" if remark else "estimate")
        for name, words, remark in energy.totals(document)
    ]


def _print_caveat(document: Document, console: Console, say: Callable[..., Text]) -> None:
    """Say below the totals what is an estimate only."""
    words = energy.caveat(document)
    if words:
        console.print(say(words, "dim"))


def _utilization_column(macs: int, cycles: int, pes: int) -> Column:
    return Column(
        "util. %",
        lambda layer: percent(layer["utilization"] if layer["macs"] else None),
        style=_faint_absent("macs"),
        total=percent(macs / (pes * cycles) if cycles else None),
    )


def _bound_column(dropped: int) -> Column:
    return Column("bound", lambda layer: label(layer["bound"], 16), numeric=False, dropped=dropped)


def print_layers(layers: Sequence[Layer], columns: list[Column], console: Console, say: Callable[..., Text]) -> None:
    """Print one line per layer with as many columns as fit, and say which did not."""
    left_out: list[str] = []
    signs = _NAME_SIGNS
    table = _table(layers, columns, signs, say)
    while _width(table, console) > console.width:
        if signs > _NARROW_NAME_SIGNS:
            signs = _NARROW_NAME_SIGNS
        else:
            going = min(
                (column for column in columns if column.dropped), key=lambda column: column.dropped, default=None
            )
            if going is None:
                break
            columns = [column for column in columns if column is not going]
            left_out.append(going.heading)
        table = _table(layers, columns, signs, say)
    console.print(table)
    if left_out:
        console.print(say(f"left out at {console.width} columns: {', '.join(left_out)}\n", "dim"))


def _table(layers: Sequence[Layer], columns: Sequence[Column], signs: int, say: Callable[..., Text]) -> Table:
    """Build the table with layer names of at most `signs` signs."""
    footed = any(column.total for column in columns)
    table = Table(box=SIMPLE_HEAD, show_footer=footed, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column(say("layer"), say("total"), no_wrap=True, style="bold", footer_style="bold")
    for column in columns:
        table.add_column(
            say(column.heading),
            say(column.total),
            justify="right" if column.numeric else "left",
            no_wrap=True,
            footer_style="bold",
        )
    for layer in layers:
        cells = [say(column.cell(layer), column.style(layer)) for column in columns]
        table.add_row(say(label(layer["name"], signs)), *cells)
    return table


def _print_totals(rows: Sequence[tuple[str, str, str]], console: Console, say: Callable[..., Text]) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    for name, first, second in rows:
        grid.add_row(say(name, "dim"), say(first, "bold"), say(second))
    console.print(grid)


def _times(document: Document) -> list[tuple[str, str, str]]:
    """Return latency and interval as rows of the totals."""
    return [
        (
            name,
            duration(document[f"{name}_cycles"] / document["clock_hz"]),
            f"{integer(document[f'{name}_cycles'])} cycles",
        )
        for name in ("latency", "interval")
    ]


def _width(table: Table, console: Console) -> int:
    return Measurement.get(console, console.options.update(width=10_000), table).maximum


def spoken(console: Console) -> Callable[..., Text]:
    """Return what turns words into text for this console, never reading markup."""
    plain = not console.encoding.lower().startswith("utf")

    def say(words: str, style: str = "") -> Text:
        return Text(words.translate(_PLAIN_LETTERS) if plain else words, style=style)

    return say


def _faint_absent(key: str) -> Callable[[Layer], str]:
    return lambda layer: "" if layer[key] else "dim"


def _saturation_style(layer: Layer) -> str:
    return "yellow" if layer["saturated"] else "dim"


def _sqnr(layer: Layer) -> str:
    error = layer["error"] or {"max_lsb": None, "sqnr_db": None}
    return "exact" if error["sqnr_db"] is None and error["max_lsb"] == 0 else significant(error["sqnr_db"])


def _dram_bytes(layer: Layer) -> int:
    return sum(layer["bytes"].get("dram", {}).values())


def _sum(layers: Sequence[Layer], key: str) -> int:
    return sum(layer[key] for layer in layers)
