"""The tables of `accel show`: each topic as records of plain values, so that a screen and JSON say the same."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING

from accel.cli import aliases
from accel.numeric import exact
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from kernels.modes import Overflow, Rounding

if TYPE_CHECKING:
    from accel.arch.technology import Curve
    from accel.network.graph import Network

Value = str | int | float


@dataclass(frozen=True)
class Listing:
    """A titled table."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    def to_dict(self) -> list[dict[str, Value]]:
        """Return one record per row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def networks() -> tuple[Listing, ...]:
    """The built-in networks."""
    from accel.network.weights import SETS, trained_path
    from accel.network.zoo import ZOO, build

    rows = []
    for name in ZOO:
        network = build(name)
        macs = sum(nest.macs for _, nest in network.loop_nests())
        trained = ", ".join(data for data in SETS if trained_path(name, data).is_file()) or "-"
        rows.append((name, _shape(network.input_shape), len(network.nodes), _parameter_count(network), macs, trained))
    return (Listing("networks", ("name", "input", "layers", "parameters", "MACs", "trained on"), tuple(rows)),)


def one_network(name: str) -> tuple[Listing, ...]:
    """The layers of a network, and where it is from."""
    from accel.network.zoo import build

    network = build(name)
    specs = network.parameter_specs()
    rows = tuple(
        (
            node.name,
            node.layer.kind,
            ", ".join(node.inputs),
            _shape(network.shapes[node.name]),
            sum(prod(spec.shape) for spec in specs.get(node.name, {}).values()),
            nest.macs,
        )
        for node, nest in network.loop_nests()
    )
    layers = Listing(f"{name} layers", ("name", "kind", "reads", "output", "parameters", "MACs"), rows)
    return layers, Listing(f"{name} source", ("source",), ((network.source,),))


def accelerators() -> tuple[Listing, ...]:
    """The built-in machines."""
    from accel.config import load_accelerator, preset_names

    rows = []
    for name in preset_names():
        machine = load_accelerator(name)
        array, bits = machine.architecture.array, machine.numerics.defaults
        size = f"{array.rows}x{array.columns} {array.dataflow}"
        formats = f"{bits.weight.format} x {bits.output.format}"
        clock_mhz = machine.architecture.clock_hz / 1e6
        rows.append((name, size, array.timing, clock_mhz, formats, str(machine.document["description"])))
    columns = ("name", "array", "timing", "clock MHz", "weights x activations", "description")
    return (Listing("accelerators", columns, tuple(rows)),)


def formats() -> tuple[Listing, ...]:
    """Every spelling of a format, with an example of each."""
    rows = (
        ("Q4.12", "signed, 4 integer bits with the sign, 12 fraction bits"),
        ("UQ4.12", "unsigned"),
        ("ap_fixed<16,4>", "width 16, of which 4 integer bits with the sign (Vitis HLS)"),
        ("ap_ufixed<16,4>", "unsigned"),
        ("sfix16_En12", "width 16, 12 fraction bits (MATLAB)"),
        ("ufix16_En12", "unsigned"),
    )
    return (Listing("formats", ("spelling", "reads as"), rows),)


def one_format(spelling: str) -> tuple[Listing, ...]:
    """What one format means. Raises ConfigError when it is none."""
    q = QFormat.parse(spelling)
    rows: tuple[tuple[Value, ...], ...] = (
        ("spellings", f"{q}, ap_{'' if q.signed else 'u'}fixed<{q.width},{q.int_bits}>, {_matlab(q)}"),
        ("signed", "yes" if q.signed else "no"),
        ("width", f"{q.width} bits"),
        ("integer bits", f"{q.int_bits}{' with the sign' if q.signed else ''}"),
        ("fraction bits", str(q.frac_bits)),
        ("lsb", f"2^{-q.frac_bits} = {_decimal(q.lsb)}"),
        ("values", f"{_decimal(q.min_code * q.lsb)} .. {_decimal(q.max_code * q.lsb)}"),
        ("codes", f"{q.min_code} .. {q.max_code}"),
        ("container", str(q.dtype)),
    )
    return (Listing(str(q), ("property", "value"), rows),)


_ROUNDING_MEANS = {
    Rounding.TRN: "toward -inf (floor)",
    Rounding.TRN_ZERO: "toward zero",
    Rounding.RND: "nearest, half up",
    Rounding.RND_ZERO: "nearest, half toward zero",
    Rounding.RND_MIN_INF: "nearest, half down",
    Rounding.RND_INF: "nearest, half away from zero",
    Rounding.RND_CONV: "nearest, half to even",
    Rounding.STOCHASTIC: "up with probability of the fraction",
}
_OVERFLOW_MEANS = {
    Overflow.SAT: "clip to the range",
    Overflow.SAT_ZERO: "0 when out of range",
    Overflow.SAT_SYM: "clip to [-max, max]",
    Overflow.WRAP: "keep the low bits",
    Overflow.WRAP_SM: "sign-magnitude wrap",
}
_TIES = (-1.5, -0.5, 0.5, 1.5, 1.75)
_EXCESSES = (-9, -8, 7, 8, 13)


def rounding() -> tuple[Listing, ...]:
    """Rounding modes with what they make of ties, and their names elsewhere."""
    integer = QFormat.parse("Q8.0")
    rows = []
    for mode, means in _ROUNDING_MEANS.items():
        if mode == Rounding.STOCHASTIC:
            made: tuple[Value, ...] = ("-2 or -1", "-1 or 0", "0 or 1", "1 or 2", "1 or 2")
        else:
            made = tuple(exact.cast_value(value, Quantizer(integer, mode)) for value in _TIES)
        rows.append((mode.name, means, *made))
    modes = Listing("rounding", ("mode", "reads as", *map(str, _TIES)), tuple(rows))
    return (
        modes,
        _elsewhere(aliases.ROUNDING),
        Listing("traps", ("trap",), tuple((text,) for text in aliases.TRAPS)),
    )


def overflow() -> tuple[Listing, ...]:
    """Overflow modes with what they make of values beyond Q4.0 (-8..7), and their names elsewhere."""
    narrow = QFormat.parse("Q4.0")
    rows = tuple(
        (
            mode.name,
            means,
            *(exact.cast_value(value, Quantizer(narrow, overflow=mode)) for value in _EXCESSES),
        )
        for mode, means in _OVERFLOW_MEANS.items()
    )
    modes = Listing("overflow into Q4.0", ("mode", "reads as", *map(str, _EXCESSES)), rows)
    return modes, _elsewhere(aliases.OVERFLOW)


def profiles() -> tuple[Listing, ...]:
    """What [numerics] profile can say, and what each stands for."""
    from accel.numeric.profiles import PROFILES

    rows = []
    for name, profile in PROFILES.items():
        sums = profile.accumulator
        formats = ", ".join(f"{key} {spec}" for key, spec in profile.formats.items()) or "-"
        rule = f"{sums.width} bits, {sums.mode.value}, {sums.overflow.name}"
        rows.append((name, profile.rounding.name, profile.overflow.name, rule, formats, profile.means))
    columns = ("profile", "rounding", "overflow", "accumulator", "formats", "in words")
    sources = tuple((name, profile.source) for name, profile in PROFILES.items())
    return Listing("profiles", columns, tuple(rows)), Listing("sources", ("profile", "source"), sources)


def units() -> tuple[Listing, ...]:
    """Designs of function units, what each lets one choose, and their cost between two common formats."""
    from accel.config.units import sample_unit
    from accel.units.average import average_cost
    from accel.units.registry import DESIGNS

    rows = []
    for function, designs in DESIGNS.items():
        for design in designs:
            if function == "average":
                # Not a function of one number: it follows the sum of a window, here of 3 x 3 values.
                spelt, cost = ("9 x Q6.10", "Q6.10"), average_cost(9)
            else:
                unit = sample_unit(function, design)
                spelt, cost = (str(unit.source), str(unit.target)), unit.cost
            time = (cost.latency_cycles, cost.interval_cycles, cost.passes)
            hardware = (cost.table_bits, cost.multipliers, cost.adders)
            rows.append((function, design, _options(function, design), *spelt, *time, *hardware))
    # fmt: off
    columns = (
        "function", "design", "options", "from", "to", "latency", "interval", "passes", "table bits", "multipliers",
        "adders",
    )
    # fmt: on
    return (Listing("units", columns, tuple(rows)),)


def technologies() -> tuple[Listing, ...]:
    """The built-in technologies: what some operations and a word of every memory cost, and where that is from."""
    from accel.config.technology import load_technology, technology_names

    known = [load_technology(name) for name in technology_names()]
    rows = tuple(
        (
            technology.name,
            technology.unit,
            _costs(technology.mac or technology.multiply, (8, 16, 32)),
            _costs(technology.add, (8, 16, 32)),
            technology.word_bits,
            _costs(technology.sram, (8 << 10, 32 << 10, 1 << 20)),
            "-" if technology.dram is None else " .. ".join(f"{cost:g}" for cost in dict.fromkeys(technology.dram)),
            "-" if technology.register_file is None else f"{technology.register_file:g}",
            "-" if technology.network is None else f"{technology.network:g}",
        )
        for technology in known
    )
    # fmt: off
    columns = (
        "technology", "unit", "multiply 8, 16, 32 bits (or MAC)", "add", "word bits", "SRAM of 8 KB, 32 KB, 1 MB",
        "DRAM", "register file", "network",
    )
    # fmt: on
    said = tuple((technology.name, technology.source, technology.assumed) for technology in known)
    energies = Listing("technologies", columns, rows)
    return energies, Listing("sources", ("technology", "source", "assumed and interpolated"), said)


def _costs(curve: Curve | None, sizes: tuple[int, ...]) -> str:
    return "-" if curve is None else ", ".join(f"{curve.at(size):.3g}" for size in sizes)


def _options(function: str, design: str) -> str:
    """Return what a design lets one choose, with its defaults; of a softmax the parts that a machine may name."""
    from accel.units.registry import UNARY, unit_options
    from accel.units.softmax import PARTS

    if function == "softmax":
        return ", ".join(f"[units.{part}]" for part in PARTS.get(design, ())) or "-"
    parameters = inspect.signature(UNARY[function][design]).parameters if function in UNARY else {}
    return ", ".join(f"{name} = {parameters[name].default}" for name in unit_options(function, design)) or "-"


def _elsewhere(names: Mapping[str, tuple[str, ...]]) -> Listing:
    return Listing("names elsewhere", ("mode", *aliases.TOOLS), tuple((mode, *row) for mode, row in names.items()))


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _parameter_count(network: Network) -> int:
    return sum(prod(spec.shape) for specs in network.parameter_specs().values() for spec in specs.values())


def _decimal(value: Fraction) -> str:
    """Write a value in 12 digits, however far its binary point is from the range of a float."""
    context = Context(prec=12)
    quotient = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    return f"{quotient.normalize(context):g}"


def _matlab(q: QFormat) -> str:
    exponent = "" if q.frac_bits == 0 else f"_E{'n' if q.frac_bits > 0 else ''}{abs(q.frac_bits)}"
    return f"{'s' if q.signed else 'u'}fix{q.width}{exponent}"
