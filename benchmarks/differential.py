"""Casts, products and sums against independent oracles, at random: `python benchmarks/differential.py [--quick]`.

Ten million casts, products and sums each, compared code by code with arrays of Python integers, with APyTypes where it
has the mode, and with float64 BLAS (exact for 16-bit operands up to 2^22 terms). No figure here is a time. A mismatch
is reported with everything needed to repeat it, and the command fails.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import oracles
from harness import write
from numpy.typing import NDArray
from oracles import Objects, Register, Target

from accel.numeric.cast import cast_codes, encode
from accel.numeric.format import QFormat
from accel.numeric.proof import chunk_terms
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import Lfsr
from kernels.matmul import Steps, matmul, matmul_stepwise, matmul_wide
from kernels.modes import Overflow, Rounding

FULL = 10_000_000
QUICK = 100_000
BATCH = 512

DETERMINISTIC = tuple(mode for mode in Rounding if mode != Rounding.STOCHASTIC)
APYTYPES = {
    "TRN": "TO_NEG",
    "TRN_ZERO": "TO_ZERO",
    "RND": "TIES_POS",
    "RND_ZERO": "TIES_ZERO",
    "RND_MIN_INF": "TIES_NEG",
    "RND_INF": "TIES_AWAY",
    "RND_CONV": "TIES_EVEN",
}
"""What APyTypes calls the roundings; it is signed only, and of the overflows it has SAT and WRAP."""

Codes = NDArray[np.int64]
Draw = np.random.Generator


@dataclass
class Tally:
    """How many results were compared, how many differed, and the first that did."""

    oracle: str
    compared: int = 0
    mismatches: int = 0
    first: str | None = None

    def compare(self, ours: NDArray[Any], theirs: NDArray[Any], what: str) -> None:
        """Count one batch of results; what: the case, in words that repeat it."""
        differ = np.asarray(ours != theirs, dtype=bool)
        self.compared += differ.size
        self.mismatches += int(differ.sum())
        if self.first is None and differ.any():
            place = tuple(int(i) for i in np.argwhere(differ)[0])
            self.first = f"{what} at {place}: {ours[place]}, the oracle says {theirs[place]}"


def casts_of_integers(count: int, draw: Draw) -> Tally:
    """All deterministic roundings and overflows, formats of 2..63 bits; how many overflow is compared too."""
    tally = Tally("Python integers")
    while tally.compared < count:
        source, quantizer = _formats(draw), None
        while quantizer is None or not source.width - _shift(source, quantizer) <= 63:
            quantizer = _quantizer(source, draw)
        codes = _codes(source, quantizer.format, draw)
        made, overflowed = cast_codes(codes, source, quantizer)
        shift, v = _shift(source, quantizer), oracles.exact(codes)
        target = Target(quantizer.format.signed, quantizer.format.width, quantizer.saturation_bits)
        above = oracles.bit_above(v, shift, target.width, source.width)
        u = oracles.rounded(v, shift, quantizer.rounding.name)
        expected, outside = oracles.confined(u, above, target, quantizer.overflow.name)
        tally.compare(made.codes, expected, f"{source} -> {quantizer}")
        tally.compare(np.array([overflowed]), np.array([outside]), f"overflows of {source} -> {quantizer}")
    return tally


def casts_of_apytypes(count: int, draw: Draw) -> Tally:
    """The seven roundings and two overflows that APyTypes shares; within 60 bits, where its shifts are right."""
    import apytypes

    tally = Tally("APyTypes casts")
    while tally.compared < count:
        source = QFormat(True, int(draw.integers(2, 33)), int(draw.integers(-4, 12)))
        rounding = DETERMINISTIC[draw.integers(len(DETERMINISTIC))]
        overflow = (Overflow.SAT, Overflow.WRAP)[draw.integers(2)]
        target = QFormat(True, int(draw.integers(2, 33)), int(draw.integers(-4, 12)))
        codes = _codes(source, target, draw)
        cast = apytypes.APyFixedArray(codes.tolist(), int_bits=source.int_bits, bits=source.width).cast(
            int_bits=target.int_bits,
            bits=target.width,
            quantization=getattr(apytypes.QuantizationMode, APYTYPES[rounding.name]),
            overflow=getattr(apytypes.OverflowMode, overflow.name),
        )
        made, _ = cast_codes(codes, source, Quantizer(target, rounding, overflow))
        what = f"{source} -> {target} {rounding.name} {overflow.name}"
        tally.compare(made.codes, _signed(cast.to_bits(numpy=True), target.width), what)
    return tally


def drawn_casts(count: int, draw: Draw) -> Tally:
    """Stochastic rounding with given random bits, fewer and more than the bits discarded, centred and not."""
    tally = Tally("Python integers")
    while tally.compared < count:
        shift, bits, centred = int(draw.integers(-2, 40)), int(draw.integers(1, 33)), bool(draw.integers(2))
        source, width = QFormat(True, 48, 48), int(draw.integers(8, 49))
        target = QFormat(True, width, width + shift)
        quantizer = Quantizer(target, Rounding.STOCHASTIC, random=Lfsr(32, bits=bits, centred=centred))
        codes = _codes(source, target, draw)
        draws = draw.integers(0, 1 << bits, codes.size)
        made, _ = cast_codes(codes, source, quantizer, draws)
        v = oracles.exact(codes)
        u = oracles.drawn(v, shift, oracles.exact(draws), bits, centred)
        expected, _ = oracles.confined(u, v * 0, Target(True, target.width), "SAT")
        tally.compare(made.codes, expected, f"{source} -> {quantizer}")
    return tally


def encoded_values(count: int, draw: Draw) -> Tally:
    """float64 of any magnitude, its exact fraction taken apart by Python."""
    tally = Tally("Python integers, float.as_integer_ratio")
    while tally.compared < count:
        quantizer = _quantizer(QFormat(True, 61, int(draw.integers(-8, 40))), draw, widest=61)
        scale = 2.0 ** draw.integers(-30, 12, BATCH)
        values = np.concatenate([draw.normal(0, 1, BATCH) * scale, np.round(draw.normal(0, 4, 64) * 2) / 2])
        values *= float(quantizer.format.lsb) * 2.0 ** draw.integers(-2, quantizer.format.width)
        made, _ = encode(values, quantizer)
        ratios = [(float(value) / float(quantizer.format.lsb)).as_integer_ratio() for value in values]
        places = max(bottom.bit_length() - 1 for _, bottom in ratios)
        v = np.array([top << (places - bottom.bit_length() + 1) for top, bottom in ratios], dtype=object)
        target = Target(quantizer.format.signed, quantizer.format.width, quantizer.saturation_bits)
        above = v // 2 ** (places + target.width) % 2
        u = oracles.rounded(v, places, quantizer.rounding.name)
        expected, _ = oracles.confined(u, above, target, quantizer.overflow.name)
        tally.compare(made.codes, expected, f"values -> {quantizer}")
    return tally


def products_of_apytypes(count: int, draw: Draw) -> Tally:
    """Every product of two vectors of full-range codes, 2..31 bits wide."""
    import apytypes

    tally, size = Tally("APyTypes products"), 256
    while tally.compared < count:
        bits = [int(width) for width in draw.integers(2, 32, 2)]
        x, w = (_ends(draw.integers(-(1 << (b - 1)), 1 << (b - 1), (size, 1)), b) for b in bits)
        left = apytypes.APyFixedArray(x.tolist(), int_bits=bits[0], bits=bits[0])
        right = apytypes.APyFixedArray(w.T.tolist(), int_bits=bits[1], bits=bits[1])
        theirs = left * right
        tally.compare(_sums(x, w, bits), _signed(theirs.to_bits(numpy=True), theirs.bits), f"products {bits}")
    return tally


def sums_of_apytypes(count: int, draw: Draw) -> Tally:
    """Matrix products of full-range codes; `compared` counts the products within."""
    import apytypes

    def theirs(x: Codes, w: Codes, bits: list[int]) -> Codes:
        left = apytypes.APyFixedArray(x.tolist(), int_bits=bits[0], bits=bits[0])
        right = apytypes.APyFixedArray(w.T.tolist(), int_bits=bits[1], bits=bits[1])
        product = left @ right
        return _signed(product.to_bits(numpy=True), product.bits)

    return _matrices("APyTypes matrix products", count, draw, theirs, widths=(2, 25), terms=(1, 300))


def sums_of_blas(count: int, draw: Draw) -> Tally:
    """Matrix products of 16-bit codes in float64, exact below 2^53."""

    def theirs(x: Codes, w: Codes, bits: list[int]) -> Codes:
        return (x.astype(np.float64) @ w.T.astype(np.float64)).astype(np.int64)

    return _matrices("float64 BLAS", count, draw, theirs, widths=(2, 17), terms=(1, 2000))


def sums_of_integers(count: int, draw: Draw) -> Tally:
    """Matrix products of codes as wide as sums of 62 bits allow, in Python integers."""

    def theirs(x: Codes, w: Codes, bits: list[int]) -> Objects:
        return oracles.exact(x) @ oracles.exact(w).T

    return _matrices("Python integers", count, draw, theirs, widths=(17, 28), terms=(1, 100))


def steps_of_integers(count: int, draw: Draw) -> Tally:
    """Accumulators of every kind and order, stepped side by side; `compared` counts the additions within."""
    tally, size = Tally("one NumPy statement a step"), 64
    while tally.compared < count:
        terms, width, bits = int(draw.integers(1, 120)), int(draw.integers(18, 44)), int(draw.integers(4, 17))
        shift, rounding = int(draw.integers(-4, 9)), DETERMINISTIC[draw.integers(len(DETERMINISTIC))]
        kind = ("SAT", "SAT_SYM", "WRAP", "LATE")[draw.integers(4)]
        high = 2 ** (width - 1) - 1
        register = Register(
            low=-high - (kind != "SAT_SYM"),
            high=high,
            wraps=kind == "WRAP",
            late=kind == "LATE",
            group=int(draw.choice([1, 1, 2, 5, 8])),
            fold=int(draw.choice([0, 0, 1, 3, 16])),
            bias_first=bool(draw.integers(2)),
        )
        x, w = (_ends(draw.integers(-(1 << (bits - 1)), 1 << (bits - 1), (size, terms)), bits) for _ in range(2))
        x, w = np.abs(x) * draw.choice([1, 1, -1], (1, terms)), np.abs(w)  # long runs of one sign leave the range
        bias = draw.integers(register.low, high + 1, size)
        order = np.concatenate([draw.permutation(terms), np.full(-terms % register.group, -1)])
        steps = Steps(shift, int(rounding), *register[4:], register.low, high, int(register.wraps), int(register.late))
        sums = np.empty((size, size), np.int64)
        operands = (np.ascontiguousarray(m, dtype=np.int32) for m in (x, w.T))
        overflows = matmul_stepwise(*operands, bias, steps, order, sums)
        products = x.T[order[order >= 0], :, None] * w.T[order[order >= 0], None, :]
        cut = oracles.rounded(products, shift, rounding.name) if shift <= 0 else _cut(products, shift, rounding.name)
        expected, outside = oracles.accumulated(cut, np.broadcast_to(bias, sums.shape), register)
        tally.compare(sums, expected, f"{kind} of {terms} terms of {bits} bits, {steps}")
        tally.compare(np.array([overflows]), np.array([outside]), f"overflows of {kind}, {steps}")
        tally.compared += sums.size * (terms - 1)
    return tally


SECTIONS: dict[str, tuple[Callable[[int, Draw], Tally], float]] = {
    "casts, Python integers": (casts_of_integers, 1),
    "casts, APyTypes": (casts_of_apytypes, 1),
    "stochastic casts": (drawn_casts, 0.1),
    "values to codes": (encoded_values, 0.1),
    "products, APyTypes": (products_of_apytypes, 1),
    "sums, APyTypes": (sums_of_apytypes, 1),
    "sums, float64 BLAS": (sums_of_blas, 10),
    "sums, Python integers": (sums_of_integers, 0.1),
    "accumulators step by step": (steps_of_integers, 1),
}
"""What is compared, and how much of the count it takes."""


def tallies(count: int, seed: int = 0) -> Iterator[tuple[str, Tally]]:
    """Compare every section; each draws from the seed and its own name, so that sections can be repeated alone."""
    for name, (section, share) in SECTIONS.items():
        yield name, section(max(1, int(count * share)), np.random.default_rng([seed, zlib.crc32(name.encode())]))


def _formats(draw: Draw) -> QFormat:
    return QFormat(bool(draw.integers(4)), int(draw.integers(2, 64)), int(draw.integers(-8, 40)))


def _quantizer(source: QFormat, draw: Draw, widest: int = 63) -> Quantizer:
    """Return a random cast that means something for that source: shifts from a few bits up to all of them away."""
    signed, width = bool(draw.integers(4)), int(draw.integers(2, widest + 1))
    shift = int(draw.integers(-4, source.width + 3))
    overflow = Overflow(int(draw.integers(len(Overflow))))
    if overflow == Overflow.WRAP_SM and not signed:
        overflow = Overflow.WRAP
    wraps = overflow in (Overflow.WRAP, Overflow.WRAP_SM)
    saturation_bits = int(draw.integers(0, min(width, 5) + 1)) if wraps else 0
    target = QFormat(signed, width, width - (source.frac_bits - shift))
    return Quantizer(target, DETERMINISTIC[draw.integers(len(DETERMINISTIC))], overflow, saturation_bits)


def _shift(source: QFormat, quantizer: Quantizer) -> int:
    return source.frac_bits - quantizer.format.frac_bits


def _codes(source: QFormat, target: QFormat, draw: Draw) -> Codes:
    """Return codes of the source: uniform ones, ties and their neighbours, and what lands around the target's ends."""
    shift = source.frac_bits - target.frac_bits
    uniform = draw.integers(source.min_code, source.max_code, BATCH // 2, endpoint=True)
    lsb = 2 ** max(shift, 0)
    whole = draw.integers(-40, 41, BATCH // 4)
    near = [int(k) * lsb + lsb // 2 + int(d) for k, d in zip(whole, draw.integers(-1, 2, BATCH // 4), strict=True)]
    ends = [target.min_code, target.max_code + 1]
    near += [
        (ends[int(e)] * lsb >> max(-shift, 0)) + int(d) * max(lsb // 2, 1) + int(d) % 2
        for e, d in zip(draw.integers(0, 2, BATCH // 4), draw.integers(-3, 4, BATCH // 4), strict=True)
    ]
    chosen = [min(max(code, source.min_code), source.max_code) for code in near]
    return np.concatenate([uniform, np.array(chosen, dtype=np.int64)])


def _ends(codes: Codes, bits: int) -> Codes:
    """Put both ends of the range among the codes."""
    codes.reshape(-1)[:2] = [-(1 << (bits - 1)), (1 << (bits - 1)) - 1]
    return codes


def _signed(patterns: NDArray[Any], width: int) -> Codes:
    """Read bit patterns of up to 64 bits as two's complement."""
    wide = np.asarray(patterns).astype(np.uint64) << np.uint64(64 - width)
    return wide.view(np.int64) >> (64 - width)


def _sums(x: Codes, w: Codes, bits: list[int]) -> Codes:
    """Return x w^T by our kernels: the 16-bit one where both fit."""
    sums = np.empty((len(x), len(w)), np.int64)
    if max(bits) <= 16:
        matmul(x.astype(np.int16), w.astype(np.int16), chunk_terms(*(1 << (b - 1) for b in bits)), sums)
    else:
        matmul_wide(np.ascontiguousarray(x), np.ascontiguousarray(w), sums)
    return sums


def _cut(products: Codes, shift: int, mode: str) -> Codes:
    """Round products to the accumulator's point, in Python integers."""
    return oracles.rounded(oracles.exact(products), shift, mode).astype(np.int64)


def _matrices(
    oracle: str,
    count: int,
    draw: Draw,
    theirs: Callable[[Codes, Codes, list[int]], NDArray[Any]],
    widths: tuple[int, int],
    terms: tuple[int, int],
) -> Tally:
    tally = Tally(oracle)
    while tally.compared < count:
        bits = [int(width) for width in draw.integers(*widths, 2)]
        M, N, K = (int(extent) for extent in (*draw.integers(1, 70, 2), draw.integers(*terms)))
        x, w = (draw.integers(-(1 << (b - 1)), 1 << (b - 1), (rows, K)) for rows, b in zip((M, N), bits, strict=True))
        tally.compare(_sums(x, w, bits), theirs(x, w, bits), f"({M}, {K}) x ({K}, {N}) of {bits} bits")
        tally.compared += M * N * (K - 1)
    return tally


def main() -> None:
    """Compare, print a table, write results/differential.json; exit with 1 when anything differed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the comparisons, no result file")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    figures: dict[str, object] = {"seed": arguments.seed}
    mismatches = 0
    for name, tally in tallies(QUICK if arguments.quick else FULL, arguments.seed):
        print(f"{name:28} {tally.oracle:42} {tally.compared:>13,} compared {tally.mismatches:>4,} mismatches")
        if tally.first:
            print(f"  first: {tally.first}")
        figures[name] = vars(tally)
        mismatches += tally.mismatches
    if not arguments.quick:
        print(f"written: {write('differential', figures).name}")
    sys.exit(1 if mismatches else 0)


if __name__ == "__main__":
    main()
