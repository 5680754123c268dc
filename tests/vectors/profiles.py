"""Makes profiles.json: `python tests/vectors/profiles.py`. Plain Python integers; imports nothing of ours.

What each tool does is written down here once more from its own documentation: AMD UG1399 (AP_TRN, AP_WRAP), AMD UG479
(48-bit ALU, round to even), TensorFlow Lite's MultiplyByQuantizedMultiplier for int64 sums (C++, common.cc), MathWorks
fimath (Nearest: "rounds toward the nearest; ties toward positive infinity").
"""

from __future__ import annotations

import json
import random
from fractions import Fraction
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")
SEED = 20_240_229
CASTS = 240
ROWS, TERMS, CHANNELS = 6, 5, 8

Spec = tuple[bool, int, int]
"""signed, width, fraction bits."""

# Formats of one dense layer: input, weight, bias, output, and its accumulator (width, fraction bits).
LAYERS: dict[str, dict[str, object]] = {
    # Sums narrower than the output and coarser than the products: products are cut and the wrap shows.
    "ap_fixed": {"x": (True, 8, 5), "w": (True, 8, 6), "b": (True, 10, 6), "y": (True, 10, 4), "sums": (11, 7)},
    # Operands so wide that 48 bits are left by the second product.
    "dsp48": {"x": (True, 32, 16), "w": (True, 21, 12), "b": (True, 24, 8), "y": (True, 16, 4), "sums": (48, 28)},
    "tflite-s16": {"x": (True, 16, 12), "w": (True, 8, 7), "b": (True, 16, 9), "y": (True, 16, 11), "sums": (48, 19)},
    "matlab-nearest-saturate": {
        "x": (True, 16, 15),
        "w": (True, 16, 14),
        "b": (True, 16, 12),
        "y": (True, 16, 13),
        "sums": (63, 29),
    },
}


def limits(spec: Spec) -> tuple[int, int]:
    """Smallest and largest code."""
    signed, width, _ = spec
    return (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if signed else (0, 2**width - 1)


def wrapped(u: int, spec: Spec) -> int:
    """The low bits of u."""
    low, _ = limits(spec)
    return (u - low) % 2 ** spec[1] + low


def clipped(u: int, spec: Spec) -> int:
    """u within the range."""
    low, high = limits(spec)
    return sorted((low, u, high))[1]


def floor_of(x: Fraction) -> int:
    """Toward minus infinity."""
    return x.numerator // x.denominator


def half_up(x: Fraction) -> int:
    """Nearest, ties toward plus infinity."""
    return floor_of(x + Fraction(1, 2))


def half_to_even(x: Fraction) -> int:
    """Nearest, ties to the even neighbour."""
    below = floor_of(x)
    rest = x - below
    if rest == Fraction(1, 2):
        return below + below % 2
    return below + (rest > Fraction(1, 2))


OUTPUTS = {
    "ap_fixed": (floor_of, wrapped),
    "dsp48": (half_to_even, clipped),
    "tflite-s16": (half_up, clipped),
    "matlab-nearest-saturate": (half_up, clipped),
}


def cast(profile: str, code: int, source: Spec, target: Spec) -> int:
    """One code, as the tool converts it."""
    rounds, confines = OUTPUTS[profile]
    return confines(rounds(Fraction(code) / Fraction(2) ** source[2] * Fraction(2) ** target[2]), target)


def spelt(spec: Spec) -> str:
    """As an accelerator file writes it."""
    signed, width, fraction = spec
    return f"{'' if signed else 'U'}Q{width - fraction}.{fraction}"


def casts(profile: str, draw: random.Random) -> list[list[object]]:
    """Ties and their neighbours, both ends of the source, codes around both ends of the target, random codes."""
    rows: list[list[object]] = []
    while len(rows) < CASTS:
        source: Spec = (draw.random() < 0.8, draw.randint(4, 48), draw.randint(-3, 40))
        target: Spec = (draw.random() < 0.8, draw.randint(2, 32), draw.randint(-6, 30))
        low, high = limits(source)
        shift = source[2] - target[2]
        if not -12 <= shift <= 46 or source[1] - shift > 62:
            continue
        lsb = 2**shift if shift > 0 else 1
        tie = draw.randint(-9, 9) * lsb + lsb // 2
        ends = [end * lsb if shift >= 0 else end >> -shift for end in limits(target)]
        near = [value + delta for value in (tie, *ends) for delta in (-1, 0, 1)]
        candidates = [*near, low, high, draw.randint(low, high)]
        chosen = [code for code in draw.sample(candidates, 4) if low <= code <= high]
        rows += [[code, spelt(source), spelt(target), cast(profile, code, source, target)] for code in chosen]
    return rows[:CASTS]


def layer(profile: str, draw: random.Random) -> dict[str, object]:
    """One dense layer: codes of inputs (rows, terms), weights (channels, terms), biases, and of every output."""
    formats = LAYERS[profile]
    x, w, b, y = (formats[key] for key in "xwby")
    width, fraction = formats["sums"]
    inputs = [[draw.choice([draw.randint(*limits(x)), *limits(x)]) for _ in range(TERMS)] for _ in range(ROWS)]
    weights = [[draw.choice([draw.randint(*limits(w)), *limits(w)]) for _ in range(TERMS)] for _ in range(CHANNELS)]
    biases = [draw.randint(*limits(b)) for _ in range(CHANNELS)]
    accumulator: Spec = (True, width, fraction)
    outputs = []
    for row in inputs:
        outputs.append([])
        for filter_, bias in zip(weights, biases, strict=True):
            total = 0
            for a, c in zip(row, filter_, strict=True):
                product = Fraction(a * c, 2 ** (x[2] + w[2]))
                total = wrapped(total + floor_of(product * 2**fraction), accumulator)
            total = wrapped(total + floor_of(Fraction(bias, 2 ** b[2]) * 2**fraction), accumulator)
            outputs[-1].append(cast(profile, total, accumulator, y))
    spellings = {key: spelt(spec) for key, spec in zip("xwby", (x, w, b, y), strict=True)}
    codes = {"inputs": inputs, "weights": weights, "biases": biases, "outputs": outputs}
    return {"formats": spellings, "accumulator": {"width": width, "frac_bits": fraction}, **codes}


def tflite(total: int, multiplier: int, shift: int) -> int:
    """MultiplyByQuantizedMultiplier(int64_t, int32_t, int), then the clamp to int16 that every kernel applies."""
    reduced = (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
    total_shift = 15 - shift
    return clipped((total * reduced + (1 << (total_shift - 1))) >> total_shift, (True, 16, 0))


def requantisations(draw: random.Random) -> list[list[int]]:
    """Random sums, multipliers and shifts; ties, the reduction's own edges, both ends of the sums."""
    edges = [0, 1, 1 << 15, (1 << 30) - 1, 1 << 30, 0x7FFEFFFF, 0x7FFF0000, 0x7FFF7FFF, (1 << 31) - 1]
    rows = []
    for case in range(320):
        multiplier = draw.choice(edges) if case % 3 == 0 else draw.randint(1 << 30, (1 << 31) - 1)
        shift = draw.randint(-31, 7)
        # A sum whose scaled value is around the range of int16, or a tie of a power of two, or an end.
        size = min(46, max(1, 16 - shift))
        total = draw.choice([draw.randint(-(1 << size), 1 << size), draw.randint(-40000, 40000), -(1 << 47)])
        if case % 4 == 0:
            multiplier, total = 1 << 30, (2 * draw.randint(-200, 200) + 1) << max(0, -shift)
        if case % 29 == 0:
            total = (1 << 47) - 1
        rows.append([total, multiplier, shift, tflite(total, multiplier, shift)])
    return rows


def main() -> None:
    """Write the file."""
    draw = random.Random(SEED)
    made = {
        "command": "python tests/vectors/profiles.py",
        "casts": {profile: casts(profile, draw) for profile in OUTPUTS},
        "layers": {profile: layer(profile, draw) for profile in OUTPUTS},
        "tflite_requantize": requantisations(draw),
    }
    text = json.dumps(made)
    for mark in ('"casts"', '"layers"', '"tflite_requantize"', *(f'"{profile}"' for profile in OUTPUTS), '"outputs"'):
        text = text.replace(mark, f"\n{mark}")
    FILE.write_text(text.replace("], [", "],\n[") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
