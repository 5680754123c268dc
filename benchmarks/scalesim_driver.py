"""Runs the real SCALE-Sim on cases from stdin (JSON), its reports to stdout: for the interpreter that has the package.

A case: {"cfg": text of its .cfg file, "topology": text of its CSV file, "gemm": whether that is one of M, N, K}. An
answer: {"report": text of COMPUTE_REPORT.csv, "seconds": from files to report, the imports left out}. Imports nothing
of ours.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scalesim.scale_sim import scalesim


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """Run one case in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / name for name in ("machine.cfg", "topology.csv", "layout.csv")}
        texts = (case["cfg"], case["topology"], "Layer name,\n")
        for file, text in zip(files.values(), texts, strict=True):
            file.write_text(text)
        start = time.perf_counter()
        tool = scalesim(
            save_disk_space=True,
            verbose=False,
            config=str(files["machine.cfg"]),
            topology=str(files["topology.csv"]),
            layout=str(files["layout.csv"]),
            input_type_gemm=case["gemm"],
        )
        tool.run_scale(top_path=folder)
        seconds = time.perf_counter() - start
        return {"report": next(Path(folder).glob("*/COMPUTE_REPORT.csv")).read_text(), "seconds": seconds}


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    answers, sys.stdout = sys.stdout, sys.stderr  # the tool prints to stdout what it pleases
    json.dump([answer(case) for case in cases], answers)
