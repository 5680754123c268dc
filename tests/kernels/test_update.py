"""One step of descent on integers against exact fractions, and kept registers against a bit-serial model."""

from __future__ import annotations

import numpy as np
import pytest

from accel.numeric.exact import cast, lfsr_bits
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import REGISTERS, Lfsr
from accel.train.streams import NO_LEAP, NO_STATES, Streams
from kernels.modes import Rounding
from kernels.update import ALIVE, DEAD, LOWEST_BIN, Random, Rule, step_rows


def given(*draws: np.ndarray) -> Random:
    """Bits that are given, not drawn."""
    return Random((NO_STATES,) * 3, (NO_LEAP,) * 3, (0, 0, 0), draws)


@pytest.mark.parametrize("width", REGISTERS)
@pytest.mark.parametrize("bits", [1, 5, 8])
def test_kept_registers_draw_what_the_generator_says(width, bits):
    """Steps in a row, and steps out of order, give the draws of `Lfsr.draws`, lane by lane."""
    random = Lfsr(width, 9, bits, stream=3)
    cast_at = Quantizer(QFormat.parse("Q2.6"), Rounding.STOCHASTIC, random=random)
    streams = Streams()
    for first in (0, 4, 8, 400, 404, 0):
        made = streams.draws(cast_at, 4, 7, first)
        assert made.dtype == np.uint32
        assert np.array_equal(made, random.draws(4, 7, first))


@pytest.mark.parametrize("width", REGISTERS)
def test_a_lane_is_the_bit_serial_register(width):
    """Lane 0 of stream 0 leaves the seed and draws the bits that enter stage 1, oldest first."""
    seed, bits, count = 5, min(width, 12), 20
    made = Streams().draws(
        Quantizer(QFormat.parse("Q2.6"), Rounding.STOCHASTIC, random=Lfsr(width, seed, bits)), count, 1, 0
    )
    serial = lfsr_bits(width, seed, count * bits)
    words = [int("".join(map(str, serial[i * bits : (i + 1) * bits])), 2) for i in range(count)]
    assert made[:, 0].tolist() == words


def test_a_cast_without_random_bits_draws_none():
    """Nothing is drawn, and nothing is kept, for deterministic rounding."""
    streams = Streams()
    assert streams.draws(Quantizer(QFormat.parse("Q2.6")), 4, 7, 0).shape == (0, 7)
    assert streams.held == {}


@pytest.mark.parametrize("rounding", [Rounding.RND_CONV, Rounding.TRN, Rounding.STOCHASTIC])
@pytest.mark.parametrize("has_momentum", [False, True])
def test_a_step_is_its_formulas(rng, rounding, has_momentum):
    """Every code of weight, velocity and count follows from Python integers, whatever is rounded and how."""
    K, F = 3, 17
    store, gradient, velocity_format = (QFormat.parse(text) for text in ("Q2.10", "Q2.8", "Q1.9"))
    random = Lfsr(16, 7, 6) if rounding == Rounding.STOCHASTIC else None
    g, v, u = (Quantizer(q, rounding, random=random) for q in (gradient, velocity_format, store))
    rule = Rule(rate=37, decay=3, coefficient=201 if has_momentum else 0, gradient_shift=6, decay_shift=1,
                step_shift=2, velocity_shift=5, weight_shift=0)  # fmt: skip
    sum_point, step_point = 11, 20
    source, moved = QFormat(True, 40, 40 - sum_point), QFormat(True, 60, 60 - step_point)
    after = velocity_format if has_momentum else moved
    casts = (g.lower(source), v.lower(moved), u.lower(after), Quantizer(store).lower(store))
    sums = rng.integers(-(1 << 14), 1 << 14, (K, F))
    weight = rng.integers(store.min_code, store.max_code, (K, F)).astype(np.int16)
    velocity = rng.integers(-300, 300, (K if has_momentum else 0, F)).astype(np.int32)
    draws = tuple(rng.integers(0, 64, (K, F)).astype(np.uint32) for _ in range(3))
    before, past = weight.copy(), velocity.copy()
    counts, bins = np.zeros(6, np.int64), np.zeros(60, np.int64)
    step_rows(sums, (weight, velocity), (weight, velocity), rule, casts, given(*draws), counts, bins)
    alive = dead = 0
    for k, f in np.ndindex(K, F):
        code = cast(int(sums[k, f]), source, g, int(draws[0][k, f]))
        descent = (code << 6) + ((3 * int(before[k, f])) << 1)
        value = -((37 * descent) << 2)
        held = value
        if has_momentum:
            value += (201 * int(past[k, f])) << 5
            held = cast(value, moved, v, int(draws[1][k, f]))
            assert velocity[k, f] == held
        step = cast(held, after, u, int(draws[2][k, f]))
        assert weight[k, f] == min(max(int(before[k, f]) + step, store.min_code), store.max_code)
        alive += value != 0
        dead += value != 0 and step == 0
    assert (counts[ALIVE], counts[DEAD]) == (alive, dead)
    assert bins.sum() == alive


def test_the_histogram_counts_powers_of_two_of_an_lsb():
    """Magnitudes of half an lsb up to just below one stand in bin LOWEST_BIN, one lsb one bin higher."""
    store = QFormat.parse("Q2.10")
    quantizer = Quantizer(store)
    moved = QFormat(True, 40, 26)  # four bits finer
    casts = (quantizer.lower(store), quantizer.lower(moved), quantizer.lower(moved), quantizer.lower(store))
    rule = Rule(1, 0, 0, 0, 0, 0, 0, 0)
    sums = np.array([[8, 15, 16, -8, 1, 0]])
    bins, none = np.zeros(40, np.int64), np.empty((0, 6), np.uint32)
    weight, velocity = np.zeros((1, 6), np.int16), np.empty((0, 6), np.int32)
    step_rows(
        sums,
        (weight, velocity),
        (weight, velocity),
        rule,
        casts,
        given(none, none, none),
        np.zeros(6, np.int64),
        bins,
    )
    assert {int(b) - LOWEST_BIN: int(bins[b]) for b in np.flatnonzero(bins)} == {0: 3, 1: 1, -3: 1}
