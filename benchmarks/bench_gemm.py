"""Exact integer matrix products: `python benchmarks/bench_gemm.py [--quick]`.

Ours multiplies int16 or int8 codes into int64 sums, packing of both operands included, by every engine that this
processor has, on one thread and two. Peers in the same run: float32 and float64 BLAS (NumPy's, limited to as many
threads; float32 is not exact), APyTypes (exact, threads of its own choice), fxpmath (int64 products of NumPy, so slow
that its matrices are smaller). Every product is first compared with float64 BLAS, which is exact here: sums stay below
2^53. Codes: "11-bit" below 2^10 in magnitude, "16-bit" over all of int16, "8-bit" over all of int8.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import apytypes
import fxpmath
import numpy as np
from harness import options, paired, publish
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from accel.numeric.proof import chunk_terms
from kernels.amx import AMX, has_amx
from kernels.packed import Panels, Workers
from kernels.products import multiply
from kernels.vnni import TILE, VNNI, has_vnni

Codes = NDArray[np.integer[Any]]
Task = Callable[[], object]

ENGINES = {"amx": AMX} if has_amx() else {}
ENGINES |= {"vnni": VNNI, "tile": TILE} if has_vnni() else {"tile": TILE}
THREADS = (1, 2)
FLOATS = {"float32 BLAS": np.float32, "float64 BLAS": np.float64}


class Kind(NamedTuple):
    """Codes of one kind: container and largest magnitude, which the smallest code has."""

    container: type[np.integer[Any]]
    largest: int


KINDS = {"11-bit": Kind(np.int16, 1 << 10), "16-bit": Kind(np.int16, 1 << 15), "8-bit": Kind(np.int8, 1 << 7)}
SQUARE = (1024, 1024, 1024)
SHAPES = ((256, 256, 256), (512, 512, 512), (2048, 1024, 512), (1000, 784, 100), (1, 4096, 1000), (4096, 64, 64))
FXPMATH_SHAPE = (256, 256, 256)


def operands(shape: tuple[int, int, int], kind: Kind) -> tuple[Codes, Codes]:
    """Return x: (M, K) and w: (N, K), one filter per row, with the smallest code in both."""
    M, K, N = shape
    rng = np.random.default_rng(1)
    x, w = (rng.integers(-kind.largest, kind.largest, (rows, K)).astype(kind.container) for rows in (M, N))
    x[0, 0] = w[0, 0] = -kind.largest
    return x, w


def our_product(x: Codes, w: Codes, kind: Kind, engine: int, pool: ThreadPoolExecutor | None) -> Task:
    """Return the product by one engine, checked; pool: None for one thread."""
    out = np.empty((len(x), len(w)), dtype=np.int64)
    workers = Workers(1, map) if pool is None else Workers(pool._max_workers, pool.map)

    def product() -> None:
        multiply(x, Panels(w), chunk_terms(kind.largest, kind.largest), out, engine=engine, workers=workers)

    product()
    assert np.array_equal(out, x.astype(np.float64) @ w.astype(np.float64).T), "a sum is wrong"
    return product


def blas(x: Codes, w: Codes, number: type[np.floating[Any]]) -> Task:
    """Return the same product in floating point, operands converted beforehand."""
    a, b = x.astype(number), np.ascontiguousarray(w.T.astype(number))
    out = np.empty((len(x), len(w)), dtype=number)
    return lambda: np.dot(a, b, out=out)


def their_fixed_point(x: Codes, w: Codes, kind: Kind) -> dict[str, Task]:
    """Return the product in the fixed-point libraries, operands converted beforehand."""
    bits = kind.largest.bit_length()
    a, b = (apytypes.APyFixedArray(codes.tolist(), int_bits=bits, bits=bits) for codes in (x, w.T))
    c, d = (fxpmath.Fxp(codes, signed=True, n_word=bits, n_frac=0, raw=True) for codes in (x, w.T))
    return {f"apytypes {apytypes.__version__}": lambda: a @ b, f"fxpmath {fxpmath.__version__}": lambda: np.dot(c, d)}


def compare(name: str, ours: Task, peer: Task, shape: tuple[int, int, int], threads: int, runs: int) -> dict[str, Any]:
    """Time ours against one peer; also the multiply-accumulates of ours per second."""
    with threadpool_limits(threads):
        timed = paired(ours, peer, runs, calls=max(1, 20_000_000 // (shape[0] * shape[1] * shape[2])))
    macs = shape[0] * shape[1] * shape[2]
    rate = {key: macs / timed["ours_seconds"][other] / 1e9 for key, other in (("min", "max"), ("max", "min"))}
    rate["median"] = macs / timed["ours_seconds"]["median"] / 1e9
    return {"peer": name, "threads": threads, "gmacs_per_second": rate, **timed}


def main() -> None:
    """Measure and write benchmarks/results/bench_gemm.json (not with --quick)."""
    is_look = options("Time exact matrix products of codes.").parse_args().quick
    runs = 2 if is_look else 9
    square, shapes, kinds = (SHAPES[0], SHAPES[:1], ("16-bit",)) if is_look else (SQUARE, SHAPES, tuple(KINDS))
    figures: dict[str, Any] = {}

    def title(shape: tuple[int, int, int], kind: str, engine: str, threads: int, peer: str) -> str:
        return f"{'x'.join(map(str, shape))} {kind}, {engine} on {threads} / {peer}"

    with ThreadPoolExecutor(max(THREADS)) as pool:
        for threads in THREADS:
            mine = None if threads == 1 else pool
            cases = [(square, kind, engine, peer) for kind in kinds for engine in ENGINES for peer in FLOATS]
            best = next(iter(ENGINES))
            cases += [(shape, kinds[0], best, "float32 BLAS") for shape in shapes]
            for shape, kind, engine, peer in cases:
                x, w = operands(shape, KINDS[kind])
                ours = our_product(x, w, KINDS[kind], ENGINES[engine], mine)
                figures[title(shape, kind, engine, threads, peer)] = compare(
                    peer, ours, blas(x, w, FLOATS[peer]), shape, threads, runs
                )
        kind = KINDS["16-bit"]
        for peer in ("apytypes", "fxpmath"):
            shape = FXPMATH_SHAPE if peer == "fxpmath" else square
            x, w = operands(shape, kind)
            ours = our_product(x, w, kind, ENGINES[best], None)
            (full, task) = next(pair for pair in their_fixed_point(x, w, kind).items() if pair[0].startswith(peer))
            figures[title(shape, "16-bit", best, 1, peer)] = compare(full, ours, task, shape, 1, min(runs, 3))
    publish("bench_gemm", figures, is_look)


if __name__ == "__main__":
    main()
