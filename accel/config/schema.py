"""What an accelerator file may say: one pydantic model a table, strict types, unknown keys forbidden.

Fields hold records already (`QFormat`, `Rounding`, ...); what only makes sense together is checked in
`accel.config.build`. A key without a default is one whose absence nobody should guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from accel.arch.cores import PARTITIONS, SCHEDULES
from accel.errors import ConfigError, suggestion
from accel.numeric.accumulator import Mode
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.profiles import PROFILES
from kernels.modes import Overflow, Rounding

MAX_DATA_WIDTH = 32
MAX_CONSTANT_WIDTH = 18
MAX_WEIGHT_SHIFT = 31
MAX_BANDWIDTH = 1e9

SHIFT = "shift"
"""A learning rate that is a power of two and costs no multiplier."""

NOT_MODELLED = "none"
"""A bandwidth that takes the channel out of a machine whose file has one."""


def _one_of(kind: str, names: Callable[[], Iterable[str]], make: Callable[[str], Any] = str) -> PlainValidator:
    """Accept one of `names` and turn it into `make(name)`; the error suggests the closest."""

    def check(value: object) -> Any:
        known = tuple(names())
        if isinstance(value, str) and value in known:
            return make(value)
        raise ConfigError(f"not a {kind}.{suggestion(str(value), known)}")

    return PlainValidator(check)


def _data_format(value: object) -> QFormat:
    parsed = QFormat.parse(str(value))
    if not 2 <= parsed.width <= MAX_DATA_WIDTH:
        raise ConfigError(f"{parsed.width} bits; data formats have 2..{MAX_DATA_WIDTH}")
    return parsed


def _accumulator_format(value: object) -> QFormat:
    parsed = QFormat.parse(str(value))
    if not parsed.signed:
        raise ConfigError(f"an accumulator is signed; use {QFormat(True, parsed.width, parsed.int_bits)}")
    return parsed


def _signed_format(value: object) -> QFormat:
    parsed = _data_format(value)
    if not parsed.signed:
        raise ConfigError(f"it has both signs; use {QFormat(True, parsed.width, parsed.int_bits)}")
    return parsed


def _constant_format(value: object) -> QFormat:
    parsed = _data_format(value)
    if parsed.signed or parsed.width > MAX_CONSTANT_WIDTH:
        raise ConfigError(f"a constant is positive and an operand of a multiplier; use up to UQ0.{MAX_CONSTANT_WIDTH}")
    return parsed


def _rate(value: object) -> QFormat | None:
    return None if value == SHIFT else _constant_format(value)


def _name(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        return value
    raise ConfigError("it names files too; use letters, digits, '.', '_' and '-', a letter or digit first, at most 64")


def _shifts(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        raise ConfigError("a list with one whole number for every output channel is needed, for example [0, 1, -2]")
    for index, shift in enumerate(value):
        if type(shift) is not int or abs(shift) > MAX_WEIGHT_SHIFT:
            raise ConfigError(f"number {index + 1} is {shift!r:.40}; use whole numbers of ±{MAX_WEIGHT_SHIFT}")
    return tuple(value)


def _bandwidth(value: object) -> float | None:
    if value == NOT_MODELLED:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError('a number is needed, or "none" for a channel that is not modelled')
    if not -MAX_BANDWIDTH <= value <= MAX_BANDWIDTH:
        if value != value or value in (float("inf"), float("-inf")):
            raise ConfigError("a finite number is needed")
        raise ConfigError(f"it must be at most {MAX_BANDWIDTH:g}")
    if value <= 0:
        raise ConfigError(
            f"a channel of {value:g} bytes a cycle moves nothing; give more than 0, or leave the key out (or write "
            '"none") for a machine whose channel is not modelled'
        )
    return float(value)


def _dataflows() -> Iterable[str]:
    from accel.arch.dataflows import DATAFLOWS

    return DATAFLOWS


def _timings() -> Iterable[str]:
    from accel.arch.dataflows import DATAFLOWS

    return dict.fromkeys(name for dataflow in DATAFLOWS.values() for name in dataflow.timings)


DataFormat = Annotated[QFormat, PlainValidator(_data_format)]
SignedFormat = Annotated[QFormat, PlainValidator(_signed_format)]
ConstantFormat = Annotated[QFormat, PlainValidator(_constant_format)]
RoundingMode = Annotated[Rounding, _one_of("rounding mode", lambda: Rounding.__members__, lambda n: Rounding[n])]
OverflowMode = Annotated[Overflow, _one_of("overflow mode", lambda: Overflow.__members__, lambda n: Overflow[n])]
Natural = Annotated[int, Field(ge=0, lt=1 << 63)]
Lanes = Annotated[int, Field(ge=1, le=1 << 16)]
Bytes = Annotated[int, Field(ge=1, le=1 << 50, examples=[65536])]


class Table(BaseModel):
    """A table of the file: types as written, no unknown keys."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True
    )


def written(table: Table) -> dict[str, Any]:
    """Return the keys that the file writes in `table`, tables within it left out."""
    values = {key: getattr(table, key) for key in table.model_fields_set}
    return {key: value for key, value in values.items() if not isinstance(value, Table)}


class AccumulatorTable(Table):
    """[numerics.accumulator]: only the keys that are written count; `Accumulator` has the defaults."""

    width: int | None = Field(default=None, ge=2, le=MAX_WIDTH)
    frac_bits: int | None = Field(default=None, ge=-1024, le=1024)
    format: Annotated[QFormat | None, PlainValidator(_accumulator_format)] = None
    mode: Annotated[Mode | None, _one_of("way to accumulate", lambda: [m.value for m in Mode], Mode)] = None
    overflow: OverflowMode | None = None
    rounding: RoundingMode | None = None


class RandomTable(Table):
    """[numerics.random]: where stochastic rounding takes its bits; what is left out is the generator's own default."""

    generator: Annotated[str, _one_of("generator", lambda: ("lfsr", "numpy"))] = "lfsr"
    width: Natural | None = None
    seed: Natural | None = None
    bits: Natural | None = None
    stream: Natural | None = None
    centred: bool | None = None


class LayerTable(Table):
    """[numerics.layers.NAME]: what one node does differently; only the keys that are written count.

    weight_shifts: fraction bits that the weights of each output channel have more than the weight's format.
    """

    activation: DataFormat | None = None
    weight: DataFormat | None = None
    weight_shifts: Annotated[tuple[int, ...], PlainValidator(_shifts)] = ()
    bias: DataFormat | None = None
    softmax: DataFormat | None = None
    rounding: RoundingMode | None = None
    overflow: OverflowMode | None = None
    saturation_bits: Natural | None = None
    accumulator: AccumulatorTable = AccumulatorTable()


class NumericsTable(Table):
    """[numerics]: formats of every node; `rounding` and `overflow` act on layer outputs.

    profile: what a tool or a DSP slice does where the file says nothing; laid under the table before it is checked.
    """

    profile: Annotated[str | None, _one_of("profile", lambda: PROFILES)] = None
    input: DataFormat = Field(examples=["Q2.14"])
    activation: DataFormat = Field(examples=["Q6.10"])
    weight: DataFormat = Field(examples=["Q2.14"])
    bias: DataFormat = Field(examples=["Q6.10"])
    softmax: DataFormat = QFormat(False, 16, 0)
    rounding: RoundingMode = Rounding.RND_CONV
    overflow: OverflowMode = Overflow.SAT
    saturation_bits: Natural = 0
    accumulator: AccumulatorTable = AccumulatorTable()
    random: RandomTable = RandomTable()
    layers: dict[str, LayerTable] = {}


class ArrayTable(Table):
    """[array]: the multiply-accumulate array; bias: accumulators start from it ("first") or add it ("last")."""

    dataflow: Annotated[str, _one_of("dataflow", _dataflows)] = Field(examples=["os"])
    rows: int = Field(ge=1, le=1 << 16, examples=[16])
    columns: int = Field(ge=1, le=1 << 16, examples=[16])
    timing: Annotated[str, _one_of("timing model", _timings)] = "pipelined"
    bias: Annotated[str, _one_of("place of the bias", lambda: ("last", "first"))] = "last"


class PartTable(Table):
    """[units.exp] and the like: what is built inside another unit, in as many lanes as that one has.

    Any other key is an option of the design; `accel.config.units` holds it against what the design offers.
    """

    model_config = ConfigDict(extra="allow")

    design: str | None = None


class UnitTable(PartTable):
    """[units.KEY]: one function unit; without a design the plain one is built."""

    lanes: Lanes = 1


class UnitsTable(Table):
    """[units]: the function units behind the array, and parts of them that are chosen separately."""

    sigmoid: UnitTable = UnitTable()
    tanh: UnitTable = UnitTable()
    relu: UnitTable = UnitTable()
    identity: UnitTable = UnitTable()
    softmax: UnitTable = UnitTable()
    pooling: UnitTable = UnitTable()
    elementwise: UnitTable = UnitTable()
    normalisation: UnitTable = UnitTable()
    exp: PartTable = PartTable()
    reciprocal: PartTable = PartTable()
    sqrt: PartTable = PartTable()
    rsqrt: PartTable = PartTable()
    average: PartTable = PartTable()


class MemoryTable(Table):
    """[memory]: on-chip bytes and the channel off chip; without a bandwidth the channel is not modelled."""

    input_bytes: Bytes
    weight_bytes: Bytes
    output_bytes: Bytes
    dram_bytes_per_cycle: Annotated[float | None, PlainValidator(_bandwidth)] = None
    dram_latency_cycles: int = Field(default=0, ge=0, le=1 << 32)


class CoresTable(Table):
    """[cores]: copies of the array and its units, how a layer is cut for them, or which layers each has."""

    number: int | None = Field(default=None, ge=1, le=1 << 16)
    partition: Annotated[str, _one_of("partition", lambda: PARTITIONS)] = "output channel"
    schedule: Annotated[str, _one_of("schedule of layers", lambda: SCHEDULES)] = "layer by layer"


class TrainingRoundingTable(Table):
    """[training.rounding]: how each kind of tensor rounds; random bits where they decide whether learning goes on."""

    activation: RoundingMode = Rounding.RND_CONV
    error: RoundingMode = Rounding.RND_CONV
    gradient: RoundingMode = Rounding.RND_CONV
    update: RoundingMode = Rounding.STOCHASTIC
    momentum: RoundingMode = Rounding.STOCHASTIC


class TrainingTable(Table):
    """[training]: one format for every kind of tensor; input, activation and weight default to those of [numerics].

    bias: defaults to the weight's. update: defaults to what is stepped. master: stored parameters, if not the working
    copies themselves. rate: a format, or "shift" for powers of two.
    """

    input: DataFormat | None = None
    activation: DataFormat | None = None
    weight: DataFormat | None = None
    bias: DataFormat | None = None
    error: SignedFormat = QFormat(True, 16, 2)
    gradient: SignedFormat = QFormat(True, 16, 0)
    update: SignedFormat | None = None
    momentum: SignedFormat = QFormat(True, 16, 0)
    master: SignedFormat | None = None
    rate: Annotated[QFormat | None, PlainValidator(_rate)] = QFormat(False, 16, 0)
    coefficient: ConstantFormat = QFormat(False, 16, 0)
    decay: ConstantFormat = QFormat(False, 16, -8)
    loss_scale: int = Field(default=0, ge=-32, le=32)
    loss_scale_steps: int = Field(default=0, ge=0, le=1 << 31)
    rounding: TrainingRoundingTable = TrainingRoundingTable()
    random: RandomTable = RandomTable()


class AcceleratorTable(Table):
    """The whole file; technology: name or path of what energy and area are estimated with."""

    name: Annotated[str, PlainValidator(_name)] = Field(examples=["edge"])
    description: str = ""
    source: str = ""
    assumed: str = ""
    clock_hz: float = Field(gt=0, le=1e12, examples=[166_000_000])
    technology: str | None = None
    numerics: NumericsTable
    array: ArrayTable
    units: UnitsTable = UnitsTable()
    memory: MemoryTable
    cores: CoresTable = CoresTable()
    training: TrainingTable = TrainingTable()
