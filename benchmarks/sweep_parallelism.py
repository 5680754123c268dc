"""How much parallelism LeNet-5 is worth: `python benchmarks/sweep_parallelism.py`.

1 to 4 096 processing elements x 4 dataflows x 3 bandwidths on the machine of Gupta et al., written to
reports/parallelism.html and .json with speed-up, efficiency and the knee of every curve. Cycles only. Arrays are
squares, or twice as wide as high; everything else of the machine stays as it is, so the function units and the channel
are what a larger array meets in the end. The same sweep as a file: --spec prints it.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from sweep_pages import make

from accel.config import dump

DOUBLINGS = range(13)
DATAFLOWS = ("os", "ws", "is", "adder-tree")
BANDWIDTHS = (4, 16, 77)
"""Bytes a cycle; 77 is that of the machine."""


def main() -> None:
    """Run the sweep and write its page and its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "reports")
    parser.add_argument("--quick", action="store_true", help="four sizes only, to see that it works")
    parser.add_argument("--spec", action="store_true", help="print the SPEC instead of running it")
    options = parser.parse_args()
    document = spec(DOUBLINGS[::4] if options.quick else DOUBLINGS)
    if options.spec:
        sys.stdout.write(dump(document))
        return
    make("parallelism", document, options.out, options.jobs, "python benchmarks/sweep_parallelism.py")


def spec(doublings: Any) -> dict[str, Any]:
    """Return the sweep as plain values, as a SPEC.toml has them."""
    sizes = {str(2**n): {"array.rows": 2 ** (n // 2), "array.columns": 2 ** (n - n // 2)} for n in doublings}
    return {
        "sweep": {"name": "parallelism", "networks": ["lenet5"]},
        "objectives": {"latency_us": "min", "pes": "min"},
        "axes": {
            "elements": sizes,
            "array.dataflow": list(DATAFLOWS),
            "memory.dram_bytes_per_cycle": list(BANDWIDTHS),
        },
    }


if __name__ == "__main__":
    main()
