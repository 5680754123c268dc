"""Casts and element-wise layers: `python benchmarks/bench_casts.py [--quick]`.

Casts: 65 536 codes of Q8.24 to Q6.10 by `accel.requantize`, in every pair of rounding and overflow, against APyTypes
(`APyFixedArray.cast`) where it has the pair; and values to codes by `accel.quantize` against APyTypes and fxpmath where
they have it. A sixteenth of the codes overflows. Results are compared with APyTypes before they are timed.

Layers: pooling, activation units and softmax of the default machine on the largest tensor of each kind in LeNet-5, 100
inputs, against a plain NumPy copy that moves as many bytes: a ratio of 1 is the speed of memory. One thread.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import apytypes
import fxpmath
import numpy as np
from apytypes import APyFixedArray, OverflowMode, QuantizationMode
from harness import alone, options, paired, publish

import accel
from accel import FxArray, Overflow, QFormat, Rounding
from accel.network.graph import Node
from accel.numeric.ledger import Ledger
from accel.ops.fixed import FixedArithmetic
from accel.runner.program import lower

COUNT = 65_536
SOURCE, TARGET = QFormat(True, 32, 8), QFormat(True, 16, 6)
INPUTS = 100
NETWORKS = ("lenet5", "lenet5-relu")
MACHINE = "gupta2015"

QUANTIZATIONS = {
    Rounding.TRN: QuantizationMode.TO_NEG,
    Rounding.TRN_ZERO: QuantizationMode.TO_ZERO,
    Rounding.RND: QuantizationMode.TIES_POS,
    Rounding.RND_ZERO: QuantizationMode.TIES_ZERO,
    Rounding.RND_MIN_INF: QuantizationMode.TIES_NEG,
    Rounding.RND_INF: QuantizationMode.TIES_AWAY,
    Rounding.RND_CONV: QuantizationMode.TIES_EVEN,
    Rounding.STOCHASTIC: QuantizationMode.STOCH_WEIGHTED,
}
OVERFLOWS = {Overflow.SAT: OverflowMode.SAT, Overflow.WRAP: OverflowMode.WRAP}
FXPMATH = {Rounding.TRN: "floor", Rounding.TRN_ZERO: "fix", Rounding.RND_CONV: "around"}
FXPMATH_OVERFLOWS = {Overflow.SAT: "saturate", Overflow.WRAP: "wrap"}

PEER = f"apytypes {apytypes.__version__}"


def casts(codes: np.ndarray, runs: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield codes to codes in every pair of modes."""
    fx = FxArray(codes, SOURCE)
    theirs = APyFixedArray(codes.tolist(), int_bits=SOURCE.int_bits, bits=SOURCE.width)
    for rounding, overflow in product(Rounding, Overflow):

        def ours(rounding: Rounding = rounding, overflow: Overflow = overflow) -> FxArray:
            return accel.requantize(fx, TARGET, rounding, overflow)

        name = f"codes to codes, {rounding.name} {overflow.name}"
        if overflow not in OVERFLOWS:
            yield name, {"elements": codes.size, **alone(ours, runs)}
            continue
        modes = QUANTIZATIONS[rounding], OVERFLOWS[overflow]

        def peer(modes: tuple[QuantizationMode, OverflowMode] = modes) -> APyFixedArray:
            return theirs.cast(TARGET.int_bits, TARGET.frac_bits, *modes)

        if rounding != Rounding.STOCHASTIC:  # whose draws are theirs
            assert np.array_equal(_signed(peer()), ours().codes), f"{name}: APyTypes disagrees"
        yield f"{name} / apytypes", {"elements": codes.size, "peer": PEER, **paired(ours, peer, runs)}


def values(numbers: np.ndarray, runs: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield values to codes: APyTypes rounds half up and wraps, fxpmath has several modes."""

    def ours(rounding: Rounding, overflow: Overflow) -> Callable[[], FxArray]:
        return lambda: accel.quantize(numbers, TARGET, rounding, overflow)

    shape = {"int_bits": TARGET.int_bits, "frac_bits": TARGET.frac_bits}
    timed = paired(ours(Rounding.RND, Overflow.WRAP), lambda: APyFixedArray.from_array(numbers, **shape), runs)
    yield "values to codes, RND WRAP / apytypes", {"elements": numbers.size, "peer": PEER, **timed}
    for (rounding, theirs), (overflow, other) in product(FXPMATH.items(), FXPMATH_OVERFLOWS.items()):

        def peer(theirs: str = theirs, other: str = other) -> fxpmath.Fxp:
            return fxpmath.Fxp(numbers, True, TARGET.width, TARGET.frac_bits, rounding=theirs, overflow=other)

        timed = paired(ours(rounding, overflow), peer, runs)
        about = {"elements": numbers.size, "peer": f"fxpmath {fxpmath.__version__}"}
        yield f"values to codes, {rounding.name} {overflow.name} / fxpmath", {**about, **timed}


def layers(inputs: int, runs: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the largest layer of every kind that is not an array's."""
    for name in NETWORKS:
        model = accel.load_network(name, "digits")
        program = lower(model, accel.load_accelerator(MACHINE))
        arithmetic = FixedArithmetic(program.nodes, Ledger())
        largest: dict[str, Node] = {}
        for node, nest in model.network.loop_nests():
            if nest.engine in ("activation", "pooling", "softmax"):
                largest.setdefault(f"{nest.engine} {nest.function}", node)
        for kind, node in largest.items():
            source = program.nodes[node.name].source
            shape = (inputs, *model.network.input_shapes(node)[0])
            codes = np.clip(np.random.default_rng(2).normal(0, 900, shape), source.min_code, source.max_code)
            x = FxArray(codes.astype(source.dtype), source)
            ops = arithmetic.at(node.name)
            made = node.layer.forward(ops, {}, x)
            moved = x.codes.nbytes + made.codes.nbytes
            block = np.ones(moved // 2, dtype=np.uint8)
            into = np.empty_like(block)

            def ours(node: Node = node, x: FxArray = x, arithmetic: FixedArithmetic = arithmetic) -> FxArray:
                return node.layer.forward(arithmetic.at(node.name), {}, x)

            def copy(block: np.ndarray = block, into: np.ndarray = into) -> None:
                np.copyto(into, block)

            timed = paired(ours, copy, runs, calls=5)
            about = {"elements": x.codes.size, "bytes_moved": moved, "peer": "numpy.copyto of as many bytes"}
            yield f"{name} {node.name}, {kind} / copy", {**about, **timed}


def _signed(array: APyFixedArray) -> np.ndarray:
    """Return the codes of an array of the target format."""
    return np.array(array.to_bits(), dtype=np.int64).astype(np.uint16).astype(np.int16)


def main() -> None:
    """Measure and write benchmarks/results/bench_casts.json (not with --quick)."""
    is_look = options("Time casts and element-wise layers.").parse_args().quick
    runs, count, inputs = (2, 4096, 4) if is_look else (7, COUNT, INPUTS)
    rng = np.random.default_rng(1)
    codes = (rng.normal(0, 1 << 28, count)).astype(np.int64)
    codes[::16] *= 4  # beyond the target
    codes = np.clip(codes, SOURCE.min_code, SOURCE.max_code)
    figures = dict(casts(codes, runs)) | dict(values(codes * float(SOURCE.lsb), runs)) | dict(layers(inputs, runs))
    publish("bench_casts", figures, is_look)


if __name__ == "__main__":
    main()
