"""Saturating at every addition: `python benchmarks/bench_stepwise.py [--quick]`.

A 40-bit accumulator that saturates after every addition, 512 x 512 x 512, 16-bit codes, one thread. Typical: normal
codes, no sum near its limit; blocks that provably cannot clip are added exactly. Hovering: every sum starts at its
limit and drifts along it, so that every addition is stepped. Proved: what `accel.ops.sums` makes of the typical codes
when a proof holds, one exact product.

The peer is APyTypes' accumulator context, which casts every product and sum to 40 bits but does not saturate the
running sum (its issue 857): it is compared where no sum overflows, and equal there. The other peer is the same chain as
a plain Numba loop that vectorises over the outputs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable
from typing import Any

import apytypes
import numba
import numpy as np
from apytypes import APyFixedAccumulatorContext, APyFixedArray, OverflowMode, QuantizationMode
from harness import options, paired, publish

from accel.numeric.proof import chunk_terms
from kernels.chain import Steps
from kernels.matmul import matmul, matmul_stepwise
from kernels.modes import Rounding

SIZE = 512
WIDTH = 40
HIGH = (1 << (WIDTH - 1)) - 1
STEPS = Steps(0, int(Rounding.TRN), 1, 0, 1, -HIGH - 1, HIGH, 0, 0)  # the bias, where sums start, comes first
MACS = SIZE**3


@numba.njit(nogil=True)
def plain_chain(x, w_t, bias, low, high, out):
    """The chain as a plain loop that vectorises over the outputs of a row."""
    for m in range(x.shape[0]):
        total = out[m]
        total[:] = bias
        for k in range(x.shape[1]):
            factor = np.int64(x[m, k])
            column = w_t[k]
            for n in range(len(total)):
                total[n] = min(max(total[n] + factor * column[n], low), high)


def their_product(x: np.ndarray, w_t: np.ndarray) -> APyFixedArray:
    """APyTypes' matrix product with a 40-bit saturating accumulator context."""
    a, b = (APyFixedArray(codes.tolist(), int_bits=16, bits=16) for codes in (x, w_t))

    def product() -> APyFixedArray:
        with APyFixedAccumulatorContext(
            int_bits=WIDTH, bits=WIDTH, quantization=QuantizationMode.TRN, overflow=OverflowMode.SAT
        ):
            return a @ b

    return product


def codes_of(array: APyFixedArray) -> np.ndarray:
    """The signed integers of an array of 40-bit codes."""
    bits = np.array(array.to_bits(), dtype=np.int64)
    return np.where(bits > HIGH, bits - 2 * (HIGH + 1), bits)


def measure(x: np.ndarray, w: np.ndarray, start: int, peer: Callable[[], object], runs: int) -> dict[str, Any]:
    """Time ours on these codes against a peer; also billions of steps a second."""
    out = np.empty((SIZE, SIZE), dtype=np.int64)
    w_t = np.ascontiguousarray(w.T)
    bias, order = np.full(SIZE, start), np.arange(SIZE)
    plain = np.empty_like(out)
    overflows = matmul_stepwise(x, w_t, bias, STEPS, order, out)
    plain_chain(x, w_t, bias, -HIGH - 1, HIGH, plain)
    assert np.array_equal(out, plain), "the fast kernel changed a bit"
    figure = paired(lambda: matmul_stepwise(x, w_t, bias, STEPS, order, out), peer, runs)
    rate = {name: MACS / figure["ours_seconds"][name] / 1e9 for name in ("min", "median", "max")}
    return {"additions_overflowed": int(overflows), "gmacs_per_second": rate, **figure}


def main() -> None:
    """Measure and write benchmarks/results/bench_stepwise.json."""
    is_look = options("Time accumulators that saturate at every addition.").parse_args().quick
    runs = 1 if is_look else 7
    rng = np.random.default_rng(1)
    typical, filters = (np.clip(rng.normal(0, 4000, (SIZE, SIZE)), -32768, 32767).astype(np.int16) for _ in range(2))
    full, wide = (rng.integers(-32768, 32768, (SIZE, SIZE)).astype(np.int16) for _ in range(2))
    theirs = their_product(typical, filters.T)
    exact = np.empty((SIZE, SIZE), dtype=np.int64)
    matmul(typical, filters, chunk_terms(32768, 32768), exact)
    assert np.array_equal(codes_of(theirs()), exact), "APyTypes disagrees where nothing overflows"
    scratch = np.empty((SIZE, SIZE), dtype=np.int64)
    start = np.full(SIZE, HIGH)

    def plain(x: np.ndarray, w: np.ndarray) -> Callable[[], object]:
        w_t = np.ascontiguousarray(w.T)
        return lambda: plain_chain(x, w_t, start, -HIGH - 1, HIGH, scratch)

    figures = {
        "typical codes / APyTypes context": {"peer": f"apytypes {apytypes.__version__}, accumulator context"}
        | measure(typical, filters, 0, theirs, runs),
        "hovering at the limit / APyTypes context": {"peer": "the same, on the typical codes"}
        | measure(full, wide, HIGH, theirs, runs),
        "typical codes / plain Numba chain": {"peer": "plain loop, vectorised over outputs"}
        | measure(typical, filters, 0, plain(typical, filters), runs),
        "hovering at the limit / plain Numba chain": {"peer": "plain loop, vectorised over outputs"}
        | measure(full, wide, HIGH, plain(full, wide), runs),
        "proved / APyTypes context": {"peer": "the same"}
        | paired(lambda: matmul(typical, filters, chunk_terms(32768, 32768), scratch), theirs, runs),
    }
    publish("bench_stepwise", figures, is_look)


if __name__ == "__main__":
    main()
