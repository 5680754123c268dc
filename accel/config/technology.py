"""Technology files: one TOML document becomes one `Technology`, or every problem it has at once.

Built-in ones by name (`accel/arch/technologies`), any other by path; `technology = "..."` in an accelerator file names
either, a path starting at that file. Tables of costs have their sizes for keys ("8 = 0.2": 8 bits, 0.2 pJ). A key that
is left out means that the source does not tell; estimates then name what they lack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationError

from accel.arch.technology import LINEAR, POWER, Curve, Technology
from accel.config.lines import KeyPath, key_lines
from accel.config.problems import Places, Problem, attempt, one_line, shape_problems
from accel.config.read import Shelf
from accel.config.schema import NOT_MODELLED, Table
from accel.errors import ConfigError, suggestion

SHELF = Shelf(
    package="accel.arch",
    folder="technologies",
    kind="technology",
    phrase="a technology file",
    start="a technology file has name, source and the table [energy]",
)

UNITS = ("pJ", "MAC")
"""What energies are told in: picojoules, or ratios to one multiply-accumulate."""

_EXAMPLE, _EXAMPLES = "16 = 1.0", {"sram": "8192 = 10"}
_MOST_DIGITS = 15

MOST_EXPONENT = 4
"""Of a cost over a size; a multiplication is quadratic. Steeper ones are slips, and run out of numbers elsewhere."""

_CURVES = {
    "mac": ("energy", "mac", POWER),
    "multiply": ("energy", "multiply", POWER),
    "add": ("energy", "add", LINEAR),
    "sram": ("energy", "sram", POWER),
    "multiply_area": ("area", "multiply", POWER),
    "add_area": ("area", "add", LINEAR),
}
"""Where each curve of a technology stands in its file, and how it is interpolated."""


def _unit(value: object) -> str:
    if value in UNITS:
        return str(value)
    raise ConfigError(f"not a unit of energy.{suggestion(str(value), UNITS)}")


Cost = Annotated[float, Field(gt=0, le=1e12)]
Costs = dict[str, Cost]


class DramTable(Table):
    """[energy.dram]: least and most that a word costs; both 0: not told."""

    low: float = Field(default=0.0, ge=0, le=1e12)
    high: float = Field(default=0.0, ge=0, le=1e12)


class EnergyTable(Table):
    """[energy]: costs of operations, and of words of `word_bits`."""

    unit: Annotated[str, PlainValidator(_unit)] = Field(examples=["pJ"])
    word_bits: int = Field(ge=1, le=1 << 16, examples=[64])
    register_file: Cost | None = None
    network: Cost | None = None
    mac: Costs = Field(default_factory=dict)
    multiply: Costs = Field(default_factory=dict)
    add: Costs = Field(default_factory=dict)
    sram: Costs = Field(default_factory=dict)
    dram: DramTable = DramTable()


class AreaTable(Table):
    """[area]: um2 of arithmetic; of a bit cell, and the share of a memory that its cells fill."""

    multiply: Costs = Field(default_factory=dict)
    add: Costs = Field(default_factory=dict)
    bit_cell: Cost | None = None
    cell_share: float | None = Field(default=None, gt=0, le=1)


class TechnologyTable(Table):
    """The whole file."""

    name: str = Field(min_length=1, examples=["my-45nm"])
    description: str = ""
    source: str = Field(min_length=1, examples=["who measured it, and where"])
    assumed: str = ""
    energy: EnergyTable
    area: AreaTable = AreaTable()


def technology_names() -> tuple[str, ...]:
    """Return the names of the built-in technologies, sorted."""
    return SHELF.names()


def load_technology(name_or_path: str | Path, folder: Path = Path()) -> Technology:
    """Return a built-in technology or that of a file; relative paths start at `folder`.

    Raises ConfigError that tells every problem at once, each with file and line and its table.
    """
    try:
        label, text = SHELF.read(name_or_path, folder)
        return _built(SHELF.parse(label, text), Places(label, key_lines(text)))
    except ConfigError as error:
        raise ConfigError(one_line(problem) for problem in error.problems) from None


def named_technology(name: object, places: Places, problems: list[Problem]) -> Technology | None:
    """Return what the key `technology` of an accelerator file names, noting in `problems` why it cannot be used.

    A path in the file starts at the file, one in an override (-s technology=...) where the command runs; "none" takes
    away what the file names.
    """
    if not isinstance(name, str) or name == NOT_MODELLED:
        return None  # left out, or refused already for its type
    path: KeyPath = ("technology",)
    folder = Path() if path in places.overrides else Path(places.file).parent
    return attempt(problems, path, load_technology, name, folder)


def _built(document: Mapping[str, Any], places: Places) -> Technology:
    """Return the technology of a document. Raises ConfigError that tells every problem, with its place."""
    found: list[Problem] = []
    table = None
    try:
        table = TechnologyTable.model_validate(document)
    except ValidationError as error:
        found = shape_problems(error, TechnologyTable)
    curves = {name: _curve((section, key), law, document, found) for name, (section, key, law) in _CURVES.items()}
    if table is not None:
        found.extend(_combinations(table.energy, table.area))
    if found or table is None:
        raise places.error(found)
    energy, area = table.energy, table.area
    return Technology(
        name=table.name,
        description=table.description,
        source=table.source,
        assumed=table.assumed,
        unit=energy.unit,
        word_bits=energy.word_bits,
        register_file=energy.register_file,
        network=energy.network,
        dram=(energy.dram.low, energy.dram.high) if energy.dram.high else None,
        bit_area=area.bit_cell / area.cell_share if area.bit_cell and area.cell_share else None,
        **curves,
    )


def _curve(path: KeyPath, law: str, document: Mapping[str, Any], problems: list[Problem]) -> Curve | None:
    """Return a table as a curve, None for an empty one, noting keys that are no sizes and costs that fall.

    Costs that are noted as broken already are passed over, so that nothing waits its turn.
    """
    noted = {problem.path for problem in problems}
    if noted & {path[:1], path}:
        return None
    costs: Mapping[str, float] = document.get(path[0], {}).get(path[1], {})
    keys: dict[int, str] = {}
    for key in (key for key in costs if (*path, key) not in noted):
        size = int(key) if key.isascii() and key.isdigit() and len(key) <= _MOST_DIGITS else 0
        if size == 0 or size in keys:
            why = f"the size {size} stands here twice" if size else "a size is needed, a whole number from 1"
            example = f"; write for example {_EXAMPLES.get(path[1], _EXAMPLE)}"
            problems.append(Problem((*path, key), f"{key:.40} = {costs[key]:g}", f": {why}{example}"))
        else:
            keys[size] = key
    for smaller, size in pairwise(sorted(keys)):
        key, cost, less = keys[size], costs[keys[size]], costs[keys[smaller]]
        if cost < less:
            why = f": less than {less:g}, the cost of {smaller}; costs do not fall with the size"
            problems.append(Problem((*path, key), f"{key} = {cost:g}", why))
        elif cost > less * (size / smaller) ** MOST_EXPONENT:
            why = f": {smaller} costs {less:g}, so this is more than the power {MOST_EXPONENT} of the size; check both"
            problems.append(Problem((*path, key), f"{key} = {cost:g}", why))
    points = tuple((float(size), float(costs[keys[size]])) for size in sorted(keys))
    return Curve(points, law) if points else None


def _combinations(energy: EnergyTable, area: AreaTable) -> Iterable[Problem]:
    """Yield what does not go together."""
    parts = [key for key in ("multiply", "add") if getattr(energy, key)]
    if not energy.mac and len(parts) < 2:
        why = ": does not price a multiply-accumulate; add [energy.multiply] and [energy.add], or [energy.mac]"
        yield Problem(("energy",), "energy", why)
    if energy.mac and parts:
        why = f": a multiply-accumulate is priced twice; leave out [energy.mac] or [energy.{parts[0]}]"
        yield Problem(("energy", "mac"), "mac", why)
    if energy.dram.low > energy.dram.high:
        why = f": the least is more than the most, {energy.dram.high:g}; exchange them"
        yield Problem(("energy", "dram", "low"), f"low = {energy.dram.low:g}", why)
    if (area.bit_cell is None) != (area.cell_share is None):
        given, missing = ("bit_cell", "cell_share") if area.cell_share is None else ("cell_share", "bit_cell")
        yield Problem(("area", given), given, f": without {missing} it says nothing; add {missing}")
