"""What word length, rounding and accumulator are worth for LeNet-5: `python benchmarks/sweep_precision.py`.

13 word lengths x 3 roundings x 5 accumulators over 1 000 digits, written to reports/precision.html and .json. One word
length holds for inputs, weights and activations; every tensor has its own binary point, placed so that nothing clips
that the float64 network makes of the first 300 digits. Accumulators of 12 to 24 bits have 7 integer bits and cut every
product to their point; the widest wraps and cuts nothing. The same sweep as a file: --spec prints it.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path
from typing import Any

from sweep_pages import make

from accel import run
from accel.config import dump
from accel.workload import load_workload

WORDS = range(4, 17)
ROUNDINGS = ("TRN", "RND", "RND_CONV")
ACCUMULATORS = (12, 16, 20, 24)
INTEGER_BITS = 7
NETWORK = "lenet5"
SEEN, MEASURED = 300, 1000


def main() -> None:
    """Run the sweep and write its page and its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "reports")
    parser.add_argument("--quick", action="store_true", help="three word lengths and twenty digits only")
    parser.add_argument("--spec", action="store_true", help="print the SPEC instead of running it")
    options = parser.parse_args()
    document = spec(WORDS[::6], 20) if options.quick else spec(WORDS, MEASURED)
    if options.spec:
        sys.stdout.write(dump(document))
        return
    make("precision", document, options.out, options.jobs, "python benchmarks/sweep_precision.py")


def spec(words: Any, inputs: int) -> dict[str, Any]:
    """Return the sweep as plain values, as a SPEC.toml has them."""
    sums: dict[str, Any] = {
        str(width): {
            "numerics.accumulator.format": f"Q{INTEGER_BITS}.{width - INTEGER_BITS}",
            "numerics.accumulator.overflow": "SAT",
        }
        for width in ACCUMULATORS
    }
    sums["48, exact"] = {"numerics.accumulator.width": 48, "numerics.accumulator.overflow": "WRAP"}
    places = integer_bits()
    return {
        "sweep": {"name": "precision", "networks": [NETWORK], "data": "digits", "inputs": inputs},
        "set": {"technology": "horowitz-45nm"},
        "objectives": {"accuracy": "max", "energy_pj": "min"},
        "axes": {
            "word_bits": {
                str(width): {key: f"Q{whole}.{width - whole}" for key, whole in places.items()} for width in words
            },
            "numerics.rounding": list(ROUNDINGS),
            "accumulator": sums,
        },
    }


def integer_bits() -> dict[str, int]:
    """Return, for every key of a format, the integer bits (sign included) that hold what was seen."""
    work = load_workload(NETWORK, "digits", SEEN, None, 1)
    result = run(work.model, "gupta2015", work.inputs)
    found = {"numerics.input": 1}  # pixels end at 1, which is an lsb beyond the last code
    for layer in result.layers:
        if layer.cost.engine != "none" and layer.cost.kind != "softmax":
            largest = max(-layer.deviation.low, layer.deviation.high)
            found[f"numerics.layers.{layer.name}.activation"] = _bits(largest)
    for tensor in result.encoded:
        node, _, name = tensor.tensor.partition("/")
        if name:
            found[f"numerics.layers.{node}.{name}"] = _bits(max(-tensor.low, tensor.high))
    return found


def _bits(largest: float) -> int:
    return math.frexp(largest)[1] + 1


if __name__ == "__main__":
    main()
