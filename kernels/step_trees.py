"""Adder trees stepped register by register: the products of one step meet in trees, sums wait in a buffer.

In every cycle `inputs` operands are broadcast to `outputs` trees; each multiplies them by weights of its own, adds the
products up, level by level, and adds the sum to an accumulator. Multiplication and the levels are operations in a row.
The first `registers` of them end in a pipeline register, the others share the cycle of the accumulation, and registers
beyond the last operation only delay: a step is accumulated `registers` cycles after its operands entered.

This is the array of `accel.arch.dataflows.adder_tree` (a register after every operation, one accumulator a tree, one
place of the output after another) and the engine of Zhang et al., "Optimizing FPGA-based Accelerator Design for Deep
Convolutional Neural Networks", FPGA 2015, sections 3 and 4 (an accumulator for every place in an output buffer, places
innermost, and a pipeline that runs empty after every tile of channels).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.quantize import TRN, floor_shift, round_shift
from kernels.step_registers import EMPTY, add, added_late, held, rule_of, settle
from kernels.systolic import Stepped


class Trees(NamedTuple):
    """An array of trees and its loops, from the outermost: group, block of places, tile of trees, part, step, place.

    inputs, outputs: operands of a step, trees. registers: pipeline registers between operands and accumulators.
    places: rows of the product in a block, which must divide them. steps: of a part, which must divide all of them.
    flushes: 1 if the pipeline runs empty after every part.
    """

    inputs: int
    outputs: int
    registers: int
    places: int
    steps: int
    flushes: int


BLOCK, TILE, PART, STEP, PLACE = range(1, 6)  # digits of a position in the loops; digit 0 is the group


@kernel
def step_trees(x, w, bias, steps, trees, out, recordings):
    """Step an array of adder trees, from the first operand to the last output, and return `Stepped`.

    x: (G, M, L) · w: (G, tiles, L, outputs), both int32 or int64 in machine order, `inputs` neighbours of L a step,
    zeros where there is no channel or no output · bias: (G, N) int64 at the accumulator's point · steps:
    `kernels.chain.Steps`, whose order is not read · trees: `Trees` · out: (G, M, N) int64, becomes what the
    accumulators hold · recordings: (cycles, cells) int64 takes, for every cycle, operands (inputs), weights
    (inputs * outputs), all operations (`rows_of_operations`, each outputs wide), accumulators and what left (outputs
    each).
    """
    G, M, L = x.shape
    N = out.shape[2]
    inputs, outputs, registers = trees.inputs, trees.outputs, trees.registers
    limits = np.array([G, M // trees.places, w.shape[1], L // (inputs * trees.steps), trees.steps, trees.places])
    entering, arriving = np.zeros(6, dtype=np.int64), np.zeros(6, dtype=np.int64)
    rows = rows_of_operations(inputs, registers)
    operations, root = len(rows) - 1, rows[-1] - 1
    tree = np.zeros((rows[-1], outputs), dtype=np.int64)
    sums = np.zeros((trees.places, outputs), dtype=np.int64)
    operands, fed = np.full(inputs, EMPTY, dtype=np.int64), np.zeros(registers + 1, dtype=np.int64)
    shown, leaving = np.full(outputs, EMPTY, dtype=np.int64), np.full(outputs, EMPTY, dtype=np.int64)
    rule = rule_of(steps)
    to_feed, awaited, pause, cycle, first_output, overflows = limits.prod(), G * M * N, 0, 0, -1, 0
    group, tile, k = 0, 0, 0
    while awaited > 0:
        for stage in range(registers, 0, -1):
            fed[stage] = fed[stage - 1]
        fed[0] = to_feed > 0 and pause == 0
        if fed[0] == 1:
            group, tile = entering[0], entering[TILE]
            m = entering[BLOCK] * trees.places + entering[PLACE]
            k = (entering[PART] * trees.steps + entering[STEP]) * inputs
            for i in range(inputs):
                operands[i] = x[group, m, k + i]
            to_feed -= 1
            _advance(entering, limits)
            pause = registers if trees.flushes == 1 and entering[STEP] == 0 and entering[PLACE] == 0 else 0
        else:
            for i in range(inputs):
                operands[i] = EMPTY
            pause = max(pause - 1, 0)

        # Operations without a register follow the last one that has one, in this cycle; the others take what their
        # predecessor held before the clock edge, so they are done from the last to the first.
        if registers == 0:
            _multiply(operands, w, group, tile, k, steps, tree)
        for operation in range(max(registers, 1), operations):
            _add_neighbours(tree, rows[operation - 1], rows[operation], rows[operation + 1])
        if fed[registers] == 1:
            g, m = arriving[0], arriving[BLOCK] * trees.places + arriving[PLACE]
            place, n = arriving[PLACE], arriving[TILE] * outputs
            used = min(outputs, N - n)
            if arriving[PART] == 0 and arriving[STEP] == 0:
                for j in range(outputs):
                    sums[place, j] = bias[g, n + j] if steps.bias_first == 1 and j < used else 0
            if steps.late == 1:
                overflows += _accumulate_late(sums, place, tree, root, steps)
            else:
                overflows += _accumulate(sums, place, tree, root, rule)
            is_last = arriving[PART] == limits[PART] - 1 and arriving[STEP] == limits[STEP] - 1
            for j in range(outputs):
                shown[j] = settle(sums[place, j], steps)
                leaving[j] = EMPTY
                if is_last and j < used:
                    total = sums[place, j]
                    if steps.bias_first == 0:
                        total, overflowed = add(total, bias[g, n + j], steps, rule)
                        overflows += overflowed
                    leaving[j] = settle(total, steps)
                    out[g, m, n + j] = leaving[j]
            if is_last:
                awaited -= used
                first_output = cycle if first_output < 0 else first_output
            _advance(arriving, limits)
        for operation in range(registers - 1, 0, -1):
            _add_neighbours(tree, rows[operation - 1], rows[operation], rows[operation + 1])
        if registers > 0:
            _multiply(operands, w, group, tile, k, steps, tree)
        if len(recordings) > 0:
            weights = w[group, tile, k : k + inputs]
            _record(operands, weights, tree, shown, leaving, fed[registers] == 1, recordings[cycle])
        cycle += 1
    return Stepped(cycle, first_output, overflows, 0)


@inline
def rows_of_operations(inputs, registers):
    """Return where the numbers that each operation makes begin in a column of a tree, and at last where all end.

    A tree of n inputs has n products, then half as many numbers a level, rounded up, until one is left; and that one
    again for every register more. inputs >= 1 · registers >= 0 -> (operations + 1,) int64.
    """
    operations = 1
    while inputs > 1 << (operations - 1):
        operations += 1
    rows = np.zeros(max(operations, registers) + 1, dtype=np.int64)
    height = inputs
    for operation in range(len(rows) - 1):
        rows[operation + 1] = rows[operation] + height
        height = (height + 1) // 2
    return rows


@inline
def _advance(position, limits):
    """Count on by one in the loops."""
    carry = 1
    for digit in range(len(position) - 1, -1, -1):
        value = position[digit] + carry
        carry = 1 if value == limits[digit] else 0
        position[digit] = 0 if carry == 1 else value


@inline
def _multiply(operands, w, group, tile, k, steps, tree):
    """Write operands[i] * w[group, tile, k + i] cut to the accumulator's point, zeros where no operand enters."""
    for i in range(len(operands)):
        factor = 0 if operands[i] == EMPTY else operands[i]
        for j in range(tree.shape[1]):
            tree[i, j] = factor * w[group, tile, k + i, j]
    if steps.shift != 0:
        for i in range(len(operands)):
            if steps.rounding == TRN:
                for j in range(tree.shape[1]):
                    tree[i, j] = floor_shift(tree[i, j], steps.shift)
            else:
                for j in range(tree.shape[1]):
                    tree[i, j] = round_shift(tree[i, j], steps.shift, steps.rounding)


@inline
def _add_neighbours(tree, source, target, end):
    """Write the sums of neighbouring rows source..target to rows target..end; an odd one passes, and so does one."""
    for row in range(target, end):
        left = source + 2 * (row - target)
        right = min(left + 1, target - 1)
        passes = left == right
        for j in range(tree.shape[1]):
            a, b = tree[left, j], tree[right, j]
            tree[row, j] = a + (0 if passes else b)


@inline
def _accumulate(sums, place, tree, root, rule):
    """Add what the trees made to the accumulators of a place and return how many sums were out of range."""
    overflows = 0
    for j in range(sums.shape[1]):
        v = sums[place, j] + tree[root, j]
        sums[place, j] = held(v, rule)
        overflows += sums[place, j] != v
    return overflows


@inline
def _accumulate_late(sums, place, tree, root, steps):
    """Do the same for late-saturating accumulators."""
    overflows = 0
    for j in range(sums.shape[1]):
        kept = added_late(sums[place, j], tree[root, j], steps)
        sums[place, j] = kept
        overflows += (kept < steps.low) | (kept > steps.high)
    return overflows


@inline
def _record(operands, weights, tree, shown, leaving, arrives, recording):
    """Copy what entered, all operations, and, if a step arrived, its accumulators and what left of them."""
    at = _copy(operands, True, recording, 0)
    for i in range(len(operands)):
        at = _copy(weights[i], operands[i] != EMPTY, recording, at)
    at = _copy(tree.reshape(-1), True, recording, at)
    at = _copy(shown, arrives, recording, at)
    _copy(leaving, arrives, recording, at)


@inline
def _copy(values, there, recording, at):
    """Copy values, or EMPTY for each, and return where the next go."""
    for p in range(len(values)):
        recording[at + p] = values[p] if there else EMPTY
    return at + len(values)
