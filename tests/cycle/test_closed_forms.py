"""Two rungs held against each other: the stepper's cycles and the closed forms, its sums and the bit-accurate kernels.

Accumulators are narrow, so that most sums leave their range on the way and every other order would give other bits.
"""

from __future__ import annotations

import itertools

import numba
import numpy as np
import pytest

from accel.arch.dataflows import DATAFLOWS, schedule
from accel.arch.hardware import Array
from accel.cycle import STEPPERS
from accel.cycle.product import Product
from accel.loopnest import AccumulationOrder, Gemm, LoopNest
from kernels.chain import Steps
from kernels.matmul import matmul_stepwise
from kernels.modes import Rounding

LARGEST_EXTENT, LARGEST_SIDE = (3, 2) if numba.config.DISABLE_JIT else (7, 5)
EXTENTS, SIDES = range(1, LARGEST_EXTENT + 1), range(1, LARGEST_SIDE + 1)
MODES = {"saturating": {}, "wrapping": {"wrap": 1}, "late": {"late": 1}}
LIMIT = 63
NO_RECORDING = np.zeros((0, 0), dtype=np.int64)


def steps_of(order: AccumulationOrder, **mode: int) -> Steps:
    """A 7-bit accumulator at the product's point."""
    rule = {"wrap": 0, "late": 0} | mode
    return Steps(0, int(Rounding.TRN), order.group, order.fold, int(order.bias_first), -LIMIT - 1, LIMIT, **rule)


def by_kernels(product: Product, order: AccumulationOrder) -> tuple[np.ndarray, int]:
    """What the bit-accurate kernels hold at the end, and how many additions overflowed."""
    groups, m, _, n = product.gemm
    sums = np.empty((groups, m, n), dtype=np.int64)
    sequence = np.array(order.sequence(*product.window))
    overflows = 0
    for group in range(groups):
        weight = np.ascontiguousarray(product.weight[group].T)
        overflows += matmul_stepwise(
            product.x[group], weight, product.bias[group], product.steps, sequence, sums[group]
        )
    return sums, overflows


def random_product(rng, gemm: Gemm, window: tuple[int, int, int], steps: Steps) -> Product:
    """Codes whose products of 5 bits fill the accumulator fast."""
    x, weight = (rng.integers(-9, 10, (gemm.groups, rows, gemm.k)).astype(np.int32) for rows in (gemm.m, gemm.n))
    return Product(x, weight, rng.integers(-LIMIT, LIMIT, (gemm.groups, gemm.n)), steps, window)


def stepped(product: Product, array: Array):
    """Step a product -> what the array did, the sums."""
    stepper = STEPPERS[array.dataflow]
    registers = stepper.registers(array) if stepper.registers else 0
    done, sums = stepper.run(product, array, registers, NO_RECORDING)
    assert done.conflicts == 0
    return done, sums


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dataflow", STEPPERS)
def test_every_small_shape_on_every_small_array(dataflow, mode, rng):
    """All products up to 7 x 7 x 7 on all arrays up to 5 x 5: cycles, first result, sums and overflows are equal."""
    shapes = list(itertools.product(EXTENTS, EXTENTS, EXTENTS, SIDES, SIDES))
    m, k, n, rows, columns = np.array(shapes).T
    timing = DATAFLOWS[dataflow].timings["pipelined"](Gemm(1, m, k, n), rows, columns)
    cycles, results = [], []
    total_overflows = 0
    for number, (m, k, n, rows) in enumerate(itertools.product(EXTENTS, EXTENTS, EXTENTS, SIDES)):
        arrays = [Array(dataflow, rows, columns, bias=("last", "first")[number % 2]) for columns in SIDES]
        order = STEPPERS[dataflow].order(arrays[0])
        product = random_product(rng, Gemm(1, m, k, n), (k, 1, 1), steps_of(order, **MODES[mode]))
        want, overflows = by_kernels(product, order)
        for array in arrays:
            done, sums = stepped(product, array)
            assert np.array_equal(sums, want), (array, product.gemm)
            assert done.overflows == overflows
            cycles.append(done.cycles)
            results.append(done.cycles - done.first_output)
        total_overflows += overflows
    assert cycles == timing.total.tolist()
    assert results == timing.results.tolist()
    assert total_overflows > len(shapes) // 20


@pytest.mark.parametrize("dataflow", ["adder-tree", "conv-engine"])
def test_every_small_window_on_every_small_tree(dataflow, rng):
    """Kernels up to 3 x 2 over up to 5 channels: the order over channels and kernel places is the schedule's."""
    window = range(1, 3) if numba.config.DISABLE_JIT else range(1, 4)
    extents = itertools.product((1, 2, 5), window, (1, 2), (1, 3), (1, 2, 4), SIDES, (1, 2))
    for c, r, s, pixels, n, rows, columns in extents:
        array = Array(dataflow, rows, columns)
        order = STEPPERS[dataflow].order(array)
        product = random_product(rng, Gemm(1, pixels, c * r * s, n), (c, r, s), steps_of(order))
        done, sums = stepped(product, array)
        want, overflows = by_kernels(product, order)
        assert np.array_equal(sums, want)
        assert done.overflows == overflows
        nest = LoopNest("array", K=n, C=c, R=r, S=s, Q=pixels, height=r, width=pixels + s - 1)
        made = schedule(nest, array)
        assert made.order == order
        assert made.compute_cycles == done.cycles
        assert made.result_cycles == done.cycles - done.first_output


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dataflow", STEPPERS)
def test_random_larger_products_with_groups(dataflow, mode, rng):
    """Products of up to 40 with up to 3 groups on arrays of up to 12 x 12, deeper than wide and wider than deep."""
    for _ in range(3 if numba.config.DISABLE_JIT else 60):
        groups, m, k, n = (int(rng.integers(1, most)) for most in (4, 40, 40, 40))
        rows, columns = rng.integers(1, 13, 2).tolist()
        array = Array(dataflow, rows, columns, bias=("last", "first")[int(rng.integers(2))])
        nest = LoopNest("array", G=groups, K=n, C=k, Q=m, width=m)
        order = STEPPERS[dataflow].order(array)
        made = schedule(nest, array)
        assert made.order == order
        product = random_product(rng, nest.gemm, (k, 1, 1), steps_of(order, **MODES[mode]))
        done, sums = stepped(product, array)
        want, overflows = by_kernels(product, order)
        assert np.array_equal(sums, want), (array, nest.gemm)
        assert (done.overflows, done.cycles) == (overflows, made.compute_cycles)
        assert done.cycles - done.first_output == made.result_cycles


def test_the_engine_of_zhang_takes_1008246_cycles(rng):
    """Stepped cycle by cycle on codes, <64, 7> does the five AlexNet layers of Zhang et al. 2015 in the cycles printed.

    Its pipeline has 20 registers, and none in the layer that is one pair of tiles, as in the paper's table.
    """
    layers = {  # (N, M, R = C, K) of the paper, stride: cycles
        (3, 48, 55, 11, 4): 366025,
        (48, 128, 27, 5, 1): 255430,
        (256, 192, 13, 3, 1): 171051,
        (192, 192, 13, 3, 1): 129444,
        (192, 128, 13, 3, 1): 86296,
    }
    if numba.config.DISABLE_JIT:
        layers = {(3, 4, 2, 2, 1): 2 * 2 * 2 * 2}
    total = 0
    for (channels, filters, side, kernel, stride), cycles in layers.items():
        array = Array("conv-engine", 7, 64)
        extent = (side - 1) * stride + kernel
        nest = LoopNest(
            "array", K=filters, C=channels, P=side, Q=side, R=kernel, S=kernel,
            height=extent, width=extent, stride=(stride, stride),
        )  # fmt: skip
        maps = rng.integers(-(1 << 15), 1 << 15, (channels, extent, extent))
        views = np.lib.stride_tricks.sliding_window_view(maps, (kernel, kernel), axis=(1, 2))
        fields = np.ascontiguousarray(views[:, ::stride, ::stride].transpose(1, 2, 0, 3, 4), dtype=np.int32)
        x = fields.reshape(1, side * side, -1)
        weight = rng.integers(-(1 << 15), 1 << 15, (1, filters, x.shape[2])).astype(np.int32)
        steps = steps_of(STEPPERS["conv-engine"].order(array))._replace(low=-(1 << 47), high=(1 << 47) - 1)
        product = Product(x, weight, np.zeros((1, filters), np.int64), steps, (channels, kernel, kernel))
        is_tiled = channels > array.rows or filters > array.columns
        done, sums = STEPPERS["conv-engine"].run(product, array, 20 * is_tiled, NO_RECORDING)
        assert np.array_equal(sums[0], (x[0].astype(np.float64) @ weight[0].T.astype(np.float64)).astype(np.int64))
        assert done.cycles == cycles == schedule(nest, Array("conv-engine", 7, 64, "zhang2015")).compute_cycles
        total += done.cycles
    assert total == 1008246 or numba.config.DISABLE_JIT


@pytest.mark.parametrize("inputs", [1, 2, 3, 7])
def test_any_number_of_pipeline_registers(inputs, rng):
    """Registers only delay: the adder tree ends that much later, the engine waits for them after every fold."""
    gemm = Gemm(2, 3, 5, 4)
    for registers in range(8):
        array = Array("adder-tree", inputs, 3)
        order = STEPPERS["adder-tree"].order(array)
        product = random_product(rng, gemm, (gemm.k, 1, 1), steps_of(order))
        want, overflows = by_kernels(product, order)
        done, sums = STEPPERS["adder-tree"].run(product, array, registers, NO_RECORDING)
        assert np.array_equal(sums, want)
        assert (done.cycles, done.overflows) == (2 * 3 * 2 * -(-5 // inputs) + registers, overflows)
        engine, sums = STEPPERS["conv-engine"].run(product, array, registers, NO_RECORDING)
        assert np.array_equal(sums, want)  # with a kernel of 1 x 1 both orders are one
        assert engine.cycles == 2 * 2 * -(-5 // inputs) * (3 + registers)
