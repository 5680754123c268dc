"""The real SCALE-Sim 3.0.0 on the same files: `python benchmarks/bench_scalesim.py [--quick] [--python PYTHON]`.

Each case is a .cfg and a topology file; both tools make a COMPUTE_REPORT.csv of it. Figures: whether the two are equal
(integers and percentages, and whether byte by byte), and the times from files to report, without starting Python and
importing on either side. PYTHON is an interpreter with scalesim 3.0.0 and NumPy < 2; without it a temporary environment
is made from the package index. The topologies of the real tool are read from the folder `scalesim/topologies` that
ACCEL_DATA leads to; without it they are left out. `--vectors` renews tests/vectors/compute_report.json instead.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import seconds, spread, write

from accel.config.scalesim_cfg import load_scalesim_cfg
from accel.network.scalesim import read_topology
from accel.report.compute_report import compute_report

DRIVER = Path(__file__).with_name("scalesim_driver.py")
VECTORS = Path(__file__).parent.parent / "tests" / "vectors" / "compute_report.json"
REQUIREMENTS = ("scalesim==3.0.0", "numpy<2")
OUR_RUNS = 5
TOLERANCE = 1e-12

CFG = """[general]
run_name = bench
[architecture_presets]
ArrayHeight: {rows}
ArrayWidth: {columns}
IfmapSramSzkB: {kilobytes[0]}
FilterSramSzkB: {kilobytes[1]}
OfmapSramSzkB: {kilobytes[2]}
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Bandwidth: 10
Dataflow: {dataflow}
ReadRequestBuffer: 32
WriteRequestBuffer: 32
[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: False
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""
CONV_HEADER = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
GEMM_HEADER = "Layer, M, N, K,\n"
SMALL_CONV = f"{CONV_HEADER}odd, 13, 11, 3, 2, 5, 7, 2,\ndepthDP, 9, 9, 3, 3, 4, 2, 1,\nfull, 1, 1, 1, 1, 64, 30, 1,\n"
SMALL_GEMM = f"{GEMM_HEADER}square, 64, 64, 64,\nthin, 3, 130, 17,\n"


@dataclass(frozen=True)
class Case:
    """One machine and one topology; kilobytes: input, filter and output buffer."""

    dataflow: str
    rows: int
    columns: int
    topology: str
    kilobytes: tuple[int, int, int] = (64, 64, 64)

    @property
    def question(self) -> dict[str, Any]:
        """What the driver is asked."""
        header = self.topology.partition("\n")[0].upper()
        return {"cfg": CFG.format(**vars(self)), "topology": self.topology, "gemm": "IFMAP" not in header}


def small_cases() -> dict[str, Case]:
    """Every dataflow on a few arrays and layers of a second or less."""
    return {
        f"{name}, {rows}x{columns} {dataflow}": Case(dataflow, rows, columns, topology)
        for dataflow in ("os", "ws", "is")
        for name, topology, rows, columns in (("small conv", SMALL_CONV, 8, 4), ("small gemm", SMALL_GEMM, 5, 12))
    }


def real_cases() -> dict[str, Case]:
    """The tool's own topologies, where ACCEL_DATA leads to them; minutes each."""
    folder = Path(os.environ.get("ACCEL_DATA", ".")) / "scalesim" / "topologies"
    cases = {}
    for name, rows, columns, dataflow in (
        ("test_mnk_input", 32, 32, "os"),
        ("vit_s", 64, 64, "ws"),
        ("alexnet", 32, 32, "ws"),
        ("mobilenet", 64, 64, "os"),
        ("Resnet18", 128, 128, "is"),
    ):
        file = folder / f"{name}.csv"
        if file.exists():
            text = "\n".join([*(line.strip().rstrip(",") + "," for line in file.read_text().splitlines() if line), ""])
            cases[f"{name}, {rows}x{columns} {dataflow}"] = Case(dataflow, rows, columns, text)
        else:
            print(f"{name} left out: no {file}; set ACCEL_DATA")
    return cases


def random_cases(count: int) -> dict[str, Case]:
    """Small layers on small arrays with small buffers, so that folds, edges and drains of all kinds are met."""
    draw = random.Random("compute_report").randint
    cases = {}
    for number in range(count):
        if number % 2:
            sizes = (f"{draw(1, 150)}, {draw(1, 60)}, {draw(1, 90)}," for _ in range(2))
            topology = GEMM_HEADER + "".join(f"g{i}, {size}\n" for i, size in enumerate(sizes))
        else:
            topology = CONV_HEADER
            for name in ("c0", "c1", "cDP"):
                height, width = draw(1, 14), draw(1, 14)
                window = f"{draw(1, min(height, 5))}, {draw(1, min(width, 5))}"
                topology += f"{name}, {height}, {width}, {window}, {draw(1, 6)}, {draw(1, 20)}, {draw(1, 5)},\n"
        array = (("os", "ws", "is")[number % 3], draw(1, 20), draw(1, 40))
        cases[str(number)] = Case(*array, topology, (draw(1, 2), draw(1, 2), draw(1, 2)))
    return cases


def ours(case: Case, folder: Path) -> tuple[str, list[float]]:
    """Return our report and its times, from files to text."""
    machine_file, topology_file = folder / "machine.cfg", folder / "topology.csv"
    machine_file.write_text(case.question["cfg"])
    topology_file.write_text(case.topology)

    def report() -> str:
        machine = load_scalesim_cfg(machine_file).architecture
        rows = read_topology(topology_file).rows
        return compute_report([(row.name, row.nest) for row in rows], machine.array, machine.memory)

    report()
    return report(), [seconds(report) for _ in range(OUR_RUNS)]


def theirs(python: str, cases: list[Case]) -> list[dict[str, Any]]:
    """Return the answers of the real tool."""
    questions = json.dumps([case.question for case in cases])
    done = subprocess.run([python, str(DRIVER)], input=questions, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{python} failed; it needs {' and '.join(REQUIREMENTS)}:\n{done.stderr[-2000:]}")
    return list(json.loads(done.stdout))


def equal(report: str, reference: str) -> bool:
    """Tell whether two reports have the same header, the same integers and the same percentages to 1e-12."""
    lines, others = report.splitlines(), reference.splitlines()
    if lines[:1] != others[:1] or len(lines) != len(others):
        return False
    for line, other in zip(lines[1:], others[1:], strict=True):
        cells, expected = line.split(", "), other.split(", ")
        if cells[:4] != expected[:4] or len(cells) != len(expected):
            return False
        for cell, value in zip(cells[4:], expected[4:], strict=True):
            if not math.isclose(float(cell.strip(",")), float(value.strip(",")), rel_tol=TOLERANCE):
                return False
    return True


def compare(name: str, case: Case, python: str, folder: Path) -> dict[str, Any]:
    """Run both tools on one case, print a line and return its figures."""
    report, times = ours(case, folder)
    (answer,) = theirs(python, [case])
    figure = {
        "peer": "scalesim 3.0.0, NumPy < 2",
        "layers": len(report.splitlines()) - 1,
        "equal": equal(report, answer["report"]),
        "same_bytes": report == answer["report"],
        "ours_seconds": spread(times),
        "peer_seconds": answer["seconds"],
        "ratio": spread([time / answer["seconds"] for time in times]),
        "runs": OUR_RUNS,
    }
    told = "equal" if figure["equal"] else "DIFFERENT"
    print(f"{name:40} {told:10} ours / peer {figure['ratio']['median']:.2g}, peer {answer['seconds']:.1f} s")
    return figure


def write_vectors(python: str) -> None:
    """Write the reports of random cases for the tests, and those of the tool's own topologies (minutes each)."""
    cases, real = list(random_cases(60).values()), real_cases()
    if not real:
        sys.exit("the frozen reports are those of the real topologies too; set ACCEL_DATA")
    lines = [
        json.dumps({**vars(case), "report": answer["report"]})
        for case, answer in zip(cases, theirs(python, cases), strict=True)
    ]
    for name, case in real.items():
        (answer,) = theirs(python, [case])
        print(f"{name}: {answer['seconds']:.0f} s")
        file = f"{name.partition(',')[0]}.csv"
        lines.append(json.dumps({**vars(case), "topology": file, "report": answer["report"]}))
    command = json.dumps("python benchmarks/bench_scalesim.py --vectors")
    VECTORS.write_text(f'{{"command": {command},\n"cases": [\n' + ",\n".join(lines) + "\n]}\n")
    print(f"written: {VECTORS.name}, {len(lines)} cases")


def interpreter(folder: Path) -> str:
    """Make an environment for the real tool and return its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", *REQUIREMENTS], check=True)
    return python


def main() -> None:
    """Compare, print a table, write results/bench_scalesim.json; exit with 1 when something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small layers only")
    parser.add_argument("--python", help="an interpreter with the real tool")
    parser.add_argument("--vectors", action="store_true", help="renew the frozen reports of the tests")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        python = arguments.python or interpreter(folder / "environment")
        if arguments.vectors:
            write_vectors(python)
            return
        cases = small_cases() | ({} if arguments.quick else real_cases())
        figures = {name: compare(name, case, python, folder) for name, case in cases.items()}
    print(f"written: {write('bench_scalesim', figures).name}")
    if not all(figure["equal"] for figure in figures.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
