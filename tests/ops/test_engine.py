"""Which engine multiplies, and that it never changes a bit of a layer."""

import ctypes
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.loopnest import AccumulationOrder, Window
from accel.numeric.accumulator import Accumulator
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat
from accel.numeric.ledger import Ledger
from accel.numeric.quantizer import Quantizer
from accel.numeric.sums import plan_sums
from accel.ops import blas
from accel.ops.datapath import Datapath
from accel.ops.engine import VARIABLE, Multiplier, _multiplier_for, forced_engine, multiplier
from accel.ops.fixed import FixedArithmetic
from accel.ops.packing import Packing
from accel.ops.sums import ConvProducts, DenseProducts
from kernels import amx, vnni
from kernels.conv import Geometry
from kernels.modes import Overflow, Rounding
from tests import naive


@pytest.fixture(autouse=True)
def forgetful():
    """The choice is made once per value of the variable; a test that changes the processor asks anew."""
    _multiplier_for.cache_clear()
    yield
    _multiplier_for.cache_clear()


def test_the_processor_decides(monkeypatch):
    """AMX before VNNI before tiles; nothing is forced on a layer."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(amx, "has_amx", lambda: True)
    assert multiplier() is Multiplier.AMX
    monkeypatch.setattr(amx, "has_amx", lambda: False)
    monkeypatch.setattr(vnni, "has_vnni", lambda: True)
    _multiplier_for.cache_clear()
    assert multiplier() is Multiplier.VNNI
    assert forced_engine() is None
    monkeypatch.setattr(vnni, "has_vnni", lambda: False)
    _multiplier_for.cache_clear()
    assert multiplier() is Multiplier.TILE


@pytest.mark.parametrize("name", ["tile", "blas", " BLAS "])
def test_the_environment_forces(monkeypatch, name):
    """ACCEL_ENGINE names an engine, in any case."""
    monkeypatch.setenv(VARIABLE, name)
    assert multiplier() == name.strip().lower()
    assert forced_engine() == vnni.TILE


def test_what_the_processor_lacks_is_refused(monkeypatch):
    """An engine that does not exist, or not here, is an error that names the others."""
    monkeypatch.setenv(VARIABLE, "vnnni")
    with pytest.raises(ConfigError, match=r"ACCEL_ENGINE=vnnni is not an engine.* 'vnni'"):
        multiplier()
    monkeypatch.setenv(VARIABLE, "vnni")
    monkeypatch.setattr(vnni, "has_vnni", lambda: False)
    with pytest.raises(ConfigError, match="ACCEL_ENGINE=vnni needs AVX-512 VNNI; use another one, or unset it"):
        multiplier()
    monkeypatch.setenv(VARIABLE, "amx")
    monkeypatch.setattr(amx, "has_amx", lambda: False)
    with pytest.raises(ConfigError, match="needs AMX and a system that grants it"):
        multiplier()


@pytest.mark.parametrize(
    ("features", "found"), [("+avx2,+avx512vnni", True), ("+avx2,-avx512vnni", False), ("", False)]
)
def test_features_that_numba_leaves_out_do_not_count(monkeypatch, features, found):
    """Code is built for the features that Numba was told, not for those of the host."""
    monkeypatch.setattr("numba.core.config.CPU_FEATURES", features)
    assert vnni.has_vnni.__wrapped__() == found
    assert not amx.has_amx.__wrapped__()


@pytest.mark.parametrize(("platform", "answer"), [("linux", -1), ("darwin", 0)])
def test_tile_registers_need_leave(monkeypatch, platform, answer):
    """A system that refuses the registers, or has nobody to ask, is one without AMX."""
    monkeypatch.setattr("numba.core.config.CPU_FEATURES", "+amx-tile,+amx-int8")
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(syscall=lambda *_: answer))
    assert not amx.has_amx.__wrapped__()


def engines():
    """The engines of this processor, by name."""
    return ["tile", "blas", *(["vnni"] if vnni.has_vnni() else []), *(["amx"] if amx.has_amx() else [])]


@pytest.mark.parametrize("engine", engines())
@pytest.mark.parametrize("bits", [8, 16, 24])
def test_products_do_not_depend_on_the_engine(rng, monkeypatch, engine, bits):
    """Dense and convolved products of narrow and wide codes are those of Python integers."""
    monkeypatch.setenv(VARIABLE, engine)
    half = 1 << (bits - 1)
    chunk = ((1 << 31) - 1) // half**2 if bits <= 16 else 0
    dtype = QFormat(True, bits, bits).dtype
    x = rng.integers(-half, half, (3, 4, 7, 6)).astype(dtype)
    w = rng.integers(-half, half, (6, 2, 3, 2)).astype(dtype)
    g = Geometry(2, 1, 1, 0, 1, 2, 2, 3, 2)
    P, Q = naive.output_size(7, 6, g)
    assert ConvProducts(x, w, g, (P, Q)).exact(chunk).tolist() == naive.conv2d(x, w.reshape(6, -1), g)
    columns = w.reshape(6, -1)
    rows = x.reshape(12, -1)[:, : columns.shape[1]]  # strided
    assert DenseProducts(rows, columns).exact(chunk).tolist() == naive.matmul(rows, columns)


def test_blas_wants_its_proof(rng):
    """Sums of magnitudes that can reach 2^53 are not left to floats."""
    x = np.full((1, 2), 1 << 26, np.int32)
    assert not blas.is_exact(x, x)
    assert blas.is_exact(x - 1, x)
    assert DenseProducts(x, x + 1).exact(0).tolist() == [[2 * (1 << 26) * ((1 << 26) + 1)]]


def test_blas_convolves_block_by_block(rng, monkeypatch):
    """Blocks of single output rows give the whole."""
    monkeypatch.setattr(blas, "PATCH_BYTES", 1)
    g = Geometry(1, 2, 1, 2, 2, 1, 1, 2, 3)
    x, w = rng.integers(-99, 99, (2, 3, 6, 7)), rng.integers(-99, 99, (4, 18))
    pixels = naive.output_size(6, 7, g)
    assert blas.convolve(x, w, g, pixels).tolist() == naive.conv2d(x, w, g)


def test_weights_are_packed_once():
    """The same codes are packed once for every key; other codes take their place."""
    packing, made = Packing(), []
    codes, others = np.zeros(2), np.zeros(2)
    for given, key in ((codes, "a"), (codes, "a"), (codes, "b"), (others, "a"), (codes, "a")):
        packing.of(given, key, lambda: made.append(1))
    assert len(made) == 4


def node(weight, bias, target):
    """A datapath of Q4.12 inputs and Q2.14 weights."""
    x = QFormat.parse("Q4.12")
    weights, biases = FxArray(weight, "Q2.14"), FxArray(bias, "Q4.12")
    plan = plan_sums("n", x, weights, biases, Accumulator(48), AccumulationOrder())
    output = Quantizer(target, Rounding.RND_CONV, Overflow.SAT)
    return Datapath("n", x, target, {"weight": weights, "bias": biases}, plan, output, {}, weights)


@pytest.mark.parametrize("target", ["Q4.12", "Q4.4", "UQ0.16", "Q8.16"])
@pytest.mark.parametrize("threads", [1, 3])
def test_one_pass_equals_two(rng, monkeypatch, target, threads):
    """Sums cast as they come, sums cast from memory (a detailed ledger) and BLAS: one result, one count of events."""
    weight = rng.integers(-32768, 32768, (7, 3, 3, 3))
    path = node(weight, rng.integers(-32768, 32768, 7), QFormat.parse(target))
    x = FxArray(rng.integers(-32768, 32768, (2, 3, 8, 8)), "Q4.12")
    made, events = [], []
    for engine, detailed in (("tile", False), ("tile", True), ("blas", False)):
        monkeypatch.setenv(VARIABLE, engine)
        ledger = Ledger(detailed)
        ops = FixedArithmetic({"n": path}, ledger, threads=threads).at("n")
        window = Window((3, 3), (1, 1), (1, 1), (1, 1))
        made.append(ops.conv2d(x, path.parameters["weight"], path.parameters["bias"], window, 1))
        seen = [ledger.at("n", kind) for kind in ("accumulator", "output")]
        events.append([(e.total, e.overflowed, e.low, e.high) for e in seen])
    assert made[0].codes.dtype == path.target.dtype
    for other in (1, 2):
        assert np.array_equal(made[0].codes, made[other].codes)
        assert events[0] == events[other]
