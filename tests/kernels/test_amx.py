"""Do the byte tiles do what they mean? Instructions against plain NumPy, casts against the one place that rounds."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from kernels import amx, moves
from kernels.amx import BLOCK, BLOCKS, SIDE, TILE_BYTES, has_amx
from kernels.amx_cast import cast_tiles
from kernels.chunks import code_range
from kernels.limbs import pack_limbs
from kernels.modes import Overflow, Rounding
from kernels.packed import Panels, in_limbs, limbs_for
from kernels.products import multiply
from kernels.quantize import confine, round_shift
from kernels.vector_cast import is_vector_cast, vector_cast

INTERPRETED = bool(numba.config.DISABLE_JIT)
compiled = pytest.mark.skipif(INTERPRETED or not has_amx(), reason="there are no compiled tiles to compare")
LIMBS = [(1, 1), (1, 2), (2, 1), (2, 2)]
MODES = [mode for mode in Rounding if mode != Rounding.STOCHASTIC]


def operands(rng, blocks):
    """Couples of tiles of random bytes."""
    return tuple(rng.integers(-128, 128, (3, blocks, 2, SIDE, BLOCK)).astype(np.int8) for _ in range(2))


@compiled
@pytest.mark.parametrize("limbs", LIMBS)
@pytest.mark.parametrize(("first", "blocks"), [(0, 0), (0, 1), (0, 5), (2, 3)])
@pytest.mark.parametrize("height", [1, 7, 16])
def test_compiled_tiles_equal_their_plain_meaning(rng, limbs, first, blocks, height):
    """Sums are written, or added where blocks went before, and nothing around them is touched."""
    rows, lanes = operands(rng, 6)

    def run(rows, lanes, totals):
        amx.configure(height)
        amx.sum_tiles(rows, 1, lanes, 1, 2, limbs, height, first, first + blocks, totals, 3, 5)
        amx.release()

    before = rng.integers(-(1 << 40), 1 << 40, (40, 80))
    plain, fast = before.copy(), before.copy()
    run(rows, lanes, plain)
    numba.njit(run)(rows, lanes, fast)
    assert np.array_equal(plain, fast)
    assert not np.array_equal(fast, before)
    tall, wide = (2 * SIDE // each for each in limbs)
    assert np.array_equal(fast[3 + tall :], before[3 + tall :])
    assert np.array_equal(fast[:, 5 + 2 * wide :], before[:, 5 + 2 * wide :])


@compiled
@pytest.mark.parametrize("rounding", MODES)
@pytest.mark.parametrize("by_row", [0, 1])
@pytest.mark.parametrize("limbs", LIMBS)
def test_compiled_casts_equal_their_plain_meaning(rng, limbs, by_row, rounding):
    """Codes, extremes and counts of partly filled tiles; nothing behind the last lane is written."""
    rows, lanes = operands(rng, 2)
    target = Quantizer(QFormat(True, 13, 6), rounding, Overflow.SAT)
    how = vector_cast(target.lower(QFormat(True, 48, 36)), 2)
    bias = rng.integers(-(1 << 20), 1 << 20, 96)

    def run(rows, lanes, codes, found):
        amx.configure(11)
        cast_tiles(rows, 1, lanes, 1, 2, limbs, 11, 9, how, bias, by_row, codes, 1, 3, 21, found)
        amx.release()

    seen = []
    for function in (run, numba.njit(run)):
        codes, found = np.full((40, 70), 77, np.int16), np.zeros((3, SIDE), np.int64)
        found[0], found[1] = (1 << 63) - 1, -(1 << 63)
        function(rows, lanes, codes, found)
        seen.append((codes, found[0].min(), found[1].max(), found[2].sum()))
    assert np.array_equal(seen[0][0], seen[1][0])
    assert seen[0][1:] == seen[1][1:]
    assert (seen[1][0][:, 24:] == 77).all()


@pytest.mark.parametrize("rounding", MODES)
@pytest.mark.parametrize("overflow", [Overflow.SAT, Overflow.SAT_SYM])
@pytest.mark.parametrize("frac_bits", [-2, 0, 3, 45])
@pytest.mark.parametrize("signed", [True, False])
def test_addends_round_as_the_truth_tables(rng, rounding, overflow, frac_bits, signed):
    """Ties and all others, far out of range and at both ends: the addend of a mode is its rounding."""
    source = QFormat(True, 62, 62 - frac_bits)
    rq = Quantizer(QFormat(signed, 9, 9), rounding, overflow).lower(source)
    assert is_vector_cast(rq)
    by = vector_cast(rq, 0)
    values = [*range(-70, 70), *(int(v) for v in rng.integers(-(1 << 61), 1 << 61, 100)), (1 << 61) - 1, -(1 << 61)]
    values += [(m << frac_bits - 1) + d for m in range(-1030, 1030, 7) for d in (-1, 0, 1) if frac_bits > 0]
    for v in values:
        scaled = v << by.left
        addend = by.base + (by.negative if v < 0 else 0) + (by.odd & (scaled >> by.right))
        code = min(max((scaled + addend) >> by.right, by.low), by.high)
        assert code == confine(round_shift(np.int64(v), rq.shift, rq.rounding), 0, rq)[0], v


def test_what_tiles_cannot_cast_is_left_to_others():
    """Wrapping, random bits and points more than 61 bits apart."""
    for rounding, overflow, frac_bits in (
        (Rounding.RND, Overflow.WRAP, 4),
        (Rounding.STOCHASTIC, Overflow.SAT, 4),
        (Rounding.RND, Overflow.SAT, 62),
    ):
        quantizer = Quantizer(QFormat(True, 9, 9), Rounding.RND, overflow)
        rq = quantizer.lower(QFormat(True, 63, 63 - frac_bits))._replace(rounding=int(rounding))
        assert not is_vector_cast(rq)


@compiled
@pytest.mark.parametrize("container", [np.int8, np.int16])
@pytest.mark.parametrize("limbs", [1, 2])
def test_compiled_moves_equal_their_plain_meaning(rng, container, limbs):
    """Limbs of codes, transposed tiles, copied rows."""
    info = np.iinfo(container)
    codes = rng.integers(info.min, info.max, 100, endpoint=True).astype(container)
    packed = rng.integers(-128, 128, 3 * TILE_BYTES).astype(np.int8)
    words = packed.view(np.uint32)

    def split(codes, packed):
        moves.split_codes(codes, 7, limbs, packed, 33)

    def turn(_, words):
        moves.turn_tile(words, 64)

    def move(words, target):
        moves.move_lanes(words, 3, target, 9)

    for function, source, target in ((split, codes, packed), (turn, codes, words), (move, words, words.copy())):
        plain, fast = target.copy(), target.copy()
        function(source, plain)
        numba.njit(function)(source, fast)
        assert np.array_equal(plain, fast)
        assert not np.array_equal(plain, target)


@compiled
@pytest.mark.parametrize("container", [np.int8, np.int16])
@pytest.mark.parametrize(("channels", "limbs"), [(1, 1), (3, 2), (4, 2), (4, 1)])
def test_compiled_unions_equal_their_plain_meaning(rng, container, channels, limbs):
    """Four channels side by side, limb by limb; absent ones are zeros, and nothing else is written."""
    info = np.iinfo(container)
    x = rng.integers(info.min, info.max, (5, 37), endpoint=True).astype(container)
    target = rng.integers(0, 1 << 32, 120, dtype=np.uint32)

    def unite(x, lanes):
        moves.unite_channels(x, 2, 37, channels, limbs, lanes, 7, 60, 33)

    plain, fast = target.copy(), target.copy()
    unite(x, plain)
    numba.njit(unite)(x, fast)
    assert np.array_equal(plain, fast)
    for t in range(limbs):
        shift = 8 if limbs == 2 and t == 0 else 0
        words = [sum(((int(x[k, 2 + q]) >> shift) & 255) << 8 * k for k in range(channels)) for q in range(33)]
        assert plain[7 + 60 * t : 40 + 60 * t].tolist() == words


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("bits", "limbs"), [(8, 1), (8, 2), (16, 2)])
def test_limbs_make_the_codes_again(rng, bits, limbs, turned):
    """256 * high + low is the code, wherever it stands; rows and columns behind the last one are zeros."""
    half = 1 << (bits - 1)
    codes = rng.integers(-half, half, (19, 70)).astype(np.int8 if bits == 8 else np.int16)
    codes[0, :2] = -half, half - 1
    assert limbs_for(*code_range(codes)) == (1 if bits == 8 else 2)
    packed = in_limbs(codes, limbs, turned)
    tiles = packed.reshape(-1, 2, 2, SIDE, BLOCK)
    if turned:
        tiles = tiles.reshape(*tiles.shape[:-1], SIDE, 4).swapaxes(3, 4).reshape(*tiles.shape)
    if limbs == 1:
        made = tiles.astype(np.int64).transpose(0, 2, 3, 1, 4)
    else:
        high, low = tiles[:, :, 0].astype(np.int64), tiles[:, :, 1].view(np.uint8)
        made = (256 * high + low).transpose(0, 2, 1, 3)
    made = made.reshape(-1, 128)
    assert np.array_equal(made[:19, :70], codes)
    assert not made[19:].any()
    assert not made[:, 70:].any()


@pytest.mark.skipif(not has_amx(), reason="this processor or system has no AMX")
@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("codes", [(255, 255), (-32768, 255), (-1, -1), (-32768, -32768)])
def test_longest_sums_of_limbs_do_not_overflow(codes, extra):
    """Low limbs of 255, and the largest products of any limbs, over as many terms as one int32 takes and beyond."""
    if INTERPRETED and extra:
        pytest.skip("one such sum is enough for the plain meaning")
    terms = BLOCKS * BLOCK + extra
    x, w = (np.full((1, terms), code, np.int16) for code in codes)
    out = np.zeros((1, 1), np.int64)
    multiply(x, Panels(w), 1, out, engine=amx.AMX)
    assert out.tolist() == [[codes[0] * codes[1] * terms]]


def test_nobody_computes_with_registers_that_are_not_granted(monkeypatch):
    """Forced limbs without the system's leave are an error, not an illegal instruction."""
    monkeypatch.setattr("kernels.products.has_amx", lambda: False)
    with pytest.raises(RuntimeError, match="not granted"):
        multiply(np.ones((1, 1), np.int8), Panels(np.ones((1, 1), np.int8)), 1, np.zeros((1, 1), np.int64), engine=2)


def test_codes_of_no_rows_are_packed():
    """An empty operand is no tile."""
    packed = np.zeros((0, 1, 2, SIDE, BLOCK), np.int8)
    pack_limbs(np.zeros((0, 5), np.int16), 2, 0, packed)
    assert in_limbs(np.zeros((0, 5), np.int16), 2).size == 0
