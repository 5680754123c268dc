"""Random bits for stochastic rounding: a named generator, never global state.

A draw is a pure function of (seed, stream, row, column): results depend neither on threads nor on the order in which
batches are computed. `Lfsr` is what hardware builds (one register per output column); its sequence is stated in
`kernels.bits`. `NumpyRandom` is the research mode, statistically better and not buildable: SplitMix64 (Steele, Lea,
Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) evaluated at index row * 2^32 + column.

The surprise: an LFSR never draws from the all-zero state, so over one period the draw 0 comes once less often than
every other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError


class Register(NamedTuple):
    """One register: the stages that feed back, and the phases between neighbouring lanes and streams, in steps.

    Each polynomial is primitive, so the period is 2^width - 1. A phase is the number next to period * (sqrt(5) - 1)/2
    (lanes) or period * (sqrt(3) - 1) (streams) that has no factor in common with the period: lanes meet again only
    after a whole period, and near lanes and streams stand far apart.
    """

    taps: tuple[int, ...]
    lane_phase: int
    stream_phase: int


REGISTERS: dict[int, Register] = {
    8: Register((8, 6, 5, 4), 158, 188),
    12: Register((12, 6, 4, 1), 2531, 2998),
    16: Register((16, 15, 13, 4), 40502, 47977),
    32: Register((32, 22, 2, 1), 2654435768, 3144134276),
}

MAX_BITS = 32


@dataclass(frozen=True)
class Lfsr:
    """A maximal-length linear feedback shift register in every lane, leaping `bits` steps per draw.

    width: stages (8, 12, 16, 32). seed: state of lane 0 of stream 0 before its first draw, 1..2^width - 1.
    bits: bits per draw, 1..width. stream: which of several independent uses (tensors, nodes) draws.
    centred: cast as if every draw stood half a unit higher, which removes the bias of draws shorter than the shift.
    """

    width: int = 16
    seed: int = 1
    bits: int = 16
    stream: int = 0
    centred: bool = False

    def __post_init__(self) -> None:
        if self.width not in REGISTERS:
            raise ConfigError(
                f"an LFSR of width {self.width} is not offered; use one of {', '.join(map(str, REGISTERS))}"
            )
        if not 1 <= self.seed < 1 << self.width:
            raise ConfigError(
                f"LFSR seed {self.seed} cannot be used (0 would never leave 0); use 1..{(1 << self.width) - 1}"
            )
        _check_draw(self.bits, self.width, self.stream)

    def draws(self, rows: int, columns: int, first_row: int = 0) -> NDArray[np.int64]:
        """Return the draws of rows first_row..first_row+rows-1: (rows, columns) int64, each 0..2^bits - 1."""
        from kernels.bits import LfsrSpec, lfsr_draws  # compiled code only when bits are drawn

        register = REGISTERS[self.width]
        taps = sum(1 << (stage - 1) for stage in register.taps)
        start = (self.stream * register.stream_phase + first_row * self.bits) % ((1 << self.width) - 1)
        out = np.empty((rows, columns), np.int64)
        lfsr_draws(LfsrSpec(self.width, taps, self.seed, self.bits, start, register.lane_phase), out)
        return out


@dataclass(frozen=True)
class NumpyRandom:
    """Statistically good draws for research, seen by no hardware; fields as in `Lfsr`, any seed of 0..2^63 - 1."""

    seed: int = 0
    bits: int = 32
    stream: int = 0
    centred: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 1 << 63:
            raise ConfigError(f"seed {self.seed} cannot be used; use 0..{(1 << 63) - 1}")
        _check_draw(self.bits, MAX_BITS, self.stream)

    def draws(self, rows: int, columns: int, first_row: int = 0) -> NDArray[np.int64]:
        """Return the draws of rows first_row..first_row+rows-1: (rows, columns) int64, each 0..2^bits - 1."""
        row = np.arange(first_row, first_row + rows, dtype=np.uint64)[:, None]
        column = np.arange(columns, dtype=np.uint64)[None, :]
        # Hashing seed and stream one after the other keeps (seed 0, stream 1) apart from (seed 1, stream 0).
        key = _split_mix(_split_mix(np.array([self.seed], np.uint64)) ^ np.array([self.stream], np.uint64))
        hashed = _split_mix(key + ((row << np.uint64(32)) | column) * _GAMMA)
        return (hashed >> np.uint64(64 - self.bits)).astype(np.int64)


Random = Lfsr | NumpyRandom

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def _split_mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return SplitMix64's output for those states; array arithmetic wraps modulo 2^64, as it must."""
    z = state + _GAMMA
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _check_draw(bits: int, most: int, stream: int) -> None:
    if not 1 <= bits <= most:
        raise ConfigError(f"{bits} random bits per draw cannot be used; use 1..{most}")
    if not 0 <= stream < 1 << 31:
        raise ConfigError(f"random stream {stream} cannot be used; use 0..{(1 << 31) - 1}")
