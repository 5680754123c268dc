"""How many bits the sums of a network need on a machine: by formats alone, by its weights, by what it was shown.

Each is a proof (`accel.numeric.proof`), from fewer assumptions to more: any weights of the format, the actual weights,
the actual weights and inputs of a layer within the range seen on given data. The last one holds for that data only. The
surprise: the table is also made for an accumulator that is too narrow to run with, because that is when it is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from accel.accelerator import Accelerator
from accel.cli.listings import Listing, Value
from accel.network.graph import Model
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.ledger import Ledger
from accel.numeric.plan import LayerNumerics
from accel.numeric.proof import needed_bits, worst_case, worst_case_between
from kernels.modes import Overflow

if TYPE_CHECKING:
    from accel.ops.datapath import Datapath
    from accel.runner.program import Program

Range = tuple[int, int]


@dataclass(frozen=True)
class SumWidths:
    """The accumulator of one layer, at its binary point. by_format, by_weights, by_range: signed bits that hold every
    partial sum in any order; the latter two for each output channel, by_range () without data.

    product: spelling of the products' format. accumulator: as the machine has it. observed: smallest and largest code
    that entered the layer, None without data.
    """

    layer: str
    terms: int
    product: str
    accumulator: QFormat
    by_format: int
    by_weights: tuple[int, ...]
    by_range: tuple[int, ...] = ()
    observed: Range | None = None

    @property
    def margin(self) -> int:
        """Bits that the machine has beyond what its weights need; negative: some sum may not fit."""
        return self.accumulator.width - max(self.by_weights)

    def to_dict(self) -> dict[str, object]:
        """Return plain values, channel by channel."""
        return {
            "layer": self.layer,
            "terms": self.terms,
            "product": self.product,
            "accumulator": str(self.accumulator),
            "accumulator_bits": self.accumulator.width,
            "needed_bits": {
                "by_format": self.by_format,
                "by_weights": max(self.by_weights),
                "by_range": max(self.by_range, default=None),
            },
            "channels_bits": {"by_weights": list(self.by_weights), "by_range": list(self.by_range)},
            "observed_codes": None if self.observed is None else list(self.observed),
            "margin_bits": self.margin,
        }


def sum_widths(model: Model, machine: Accelerator, inputs: NDArray[np.float64] | None = None) -> tuple[SumWidths, ...]:
    """Return what every layer of the array needs; inputs: (N, *input_shape) whose ranges count, None for the formats'.

    Raises ConfigError and ModelError for machines that could not compute this network with any accumulator.
    """
    from accel.config import check_layers
    from accel.runner.program import lower

    check_layers(machine, model.network)
    program = lower(model, _widened(machine))
    observed = {} if inputs is None else _observed(program, inputs)
    return tuple(_widths(program, machine, observed))


def listing(widths: tuple[SumWidths, ...], title: str) -> Listing:
    """Return the table: one row a layer, the narrowest and the widest output channel by weights, as bits (channel)."""
    with_data = any(layer.by_range for layer in widths)
    seen = ("in range seen",) if with_data else ()
    proofs = ("by formats", "by weights", *seen, "narrowest", "widest", "margin")
    columns = ("layer", "terms", "products", "accumulator", "bits", *proofs)
    return Listing(title, columns, tuple(_row(layer, with_data) for layer in widths))


def _row(layer: SumWidths, with_data: bool) -> tuple[Value, ...]:
    bits = layer.by_weights
    seen = (max(layer.by_range),) if with_data else ()
    shape = (layer.layer, layer.terms, layer.product, str(layer.accumulator), layer.accumulator.width)
    ends = tuple(f"{bits[channel]} ({channel})" for channel in (bits.index(min(bits)), bits.index(max(bits))))
    return (*shape, layer.by_format, max(bits), *seen, *ends, layer.margin)


def _widened(machine: Accelerator) -> Accelerator:
    """Return the machine with accumulators that refuse nothing, their binary points where they were."""

    def wide(bits: LayerNumerics) -> LayerNumerics:
        sums = replace(bits.accumulator, width=MAX_WIDTH, mode=Mode.STEPWISE, overflow=Overflow.WRAP)
        return replace(bits, accumulator=sums)

    numerics = machine.numerics
    overrides = {node: wide(bits) for node, bits in numerics.overrides.items()}
    return replace(machine, numerics=replace(numerics, defaults=wide(numerics.defaults), overrides=overrides))


def _observed(program: Program, inputs: NDArray[np.float64]) -> dict[str, Range]:
    """Return the range of codes that leave the input and every node, 0 (padding, an empty sum) included."""
    from accel.runner.execute import run_fixed
    from accel.runner.inputs import batch_size

    found: dict[str, Range] = {}
    size = batch_size(program.model)
    for start in range(0, len(inputs), size):
        for name, tensor in run_fixed(program, inputs[start : start + size], Ledger(), start).items():
            low, high = found.get(name, (0, 0))
            found[name] = (min(low, int(tensor.codes.min())), max(high, int(tensor.codes.max())))
    return found


def _widths(program: Program, machine: Accelerator, observed: Mapping[str, Range]) -> Iterator[SumWidths]:
    for node in program.model.network.nodes:
        path = program.nodes[node.name]
        if path.sums is None or path.weight is None:
            continue
        weight = path.weight
        codes = weight.codes.reshape(len(weight), -1)
        rule = machine.numerics.at(node.name).accumulator
        seen = observed.get(node.inputs[0])
        by_range = () if seen is None else _per_channel(path, worst_case_between(codes, *seen))
        yield SumWidths(
            node.name,
            codes.shape[1],
            _product(path.source, weight.format),
            rule.resolve(path.source.frac_bits + weight.format.frac_bits),
            _by_format(path, rule),
            _per_channel(path, worst_case(codes, path.source)),
            by_range,
            seen,
        )


def _per_channel(path: Datapath, worst: NDArray[np.int64]) -> tuple[int, ...]:
    """Return the bits of each channel from the largest magnitude of its products' sums, at the products' point."""
    assert path.sums is not None
    assert path.weight is not None
    shift, terms = path.sums.shift, path.weight.codes[0].size
    bounds = [_moved(int(bound), shift, terms) for bound in worst]
    return tuple(needed_bits([bound + abs(int(b))]) for bound, b in zip(bounds, path.sums.bias, strict=True))


def _by_format(path: Datapath, rule: Accumulator) -> int:
    """Return the bits that hold the sums of any weights and biases that their formats can write."""
    weight, bias = path.weight, path.parameters.get("bias")
    assert path.sums is not None
    assert weight is not None
    terms = weight.codes[0].size
    largest = terms * _magnitude(path.source) * _magnitude(weight.format)
    bound = _moved(largest, path.sums.shift, terms)
    if bias is not None:
        point = rule.resolve(path.source.frac_bits + weight.format.frac_bits).frac_bits
        finest = point + max(path.sums.weight_shifts, default=0)
        bound += _moved(_magnitude(bias.format), finest - bias.format.frac_bits, 1)
    return needed_bits([bound])


def _moved(bound: int, shift: int, terms: int) -> int:
    """Return a bound with `shift` more fraction bits; with fewer, each of its terms may be rounded up by one."""
    return bound << shift if shift >= 0 else (bound >> -shift) + terms


def _magnitude(spec: QFormat) -> int:
    return max(-spec.min_code, spec.max_code)


def _product(x: QFormat, weight: QFormat) -> str:
    """Return the spelling of the products' format, which may be wider than a format that anything is kept in."""
    sign = "" if x.signed or weight.signed else "U"
    return f"{sign}Q{x.int_bits + weight.int_bits}.{x.frac_bits + weight.frac_bits}"
