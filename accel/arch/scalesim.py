"""The three percentages of a SCALE-Sim 3.0.0 COMPUTE_REPORT, for comparing with its files (cycles: timing "scalesim").

They are its definitions, not ours: our utilization is MACs / (PEs * total cycles), a fraction, with a total that counts
every cycle. Only single products, as its topology files have them.
"""

from __future__ import annotations

from typing import NamedTuple

from accel.arch.dataflows.folds import tiles
from accel.errors import ConfigError, suggestion
from accel.loopnest import Gemm


class Percentages(NamedTuple):
    """0..100, by the names of its columns: "Overall Util %", "Mapping Efficiency %", "Compute Util %"."""

    overall_util: float
    mapping_efficiency: float
    compute_util: float


def scalesim_percentages(dataflow: str, gemm: Gemm, rows: int, columns: int, total_cycles: int) -> Percentages:
    """Return what it would print for one product on an R x C array; total_cycles includes stalls.

    Overall: 100 MNK / (total R C). Mapping: unweighted mean over folds of used PEs / PEs. Compute: that times T / D,
    T the streamed length, D = R + C + T - 2 (os) or 2R + 2C + T - 3 (ws, is). Raises ConfigError for another dataflow.
    """
    _, M, K, N = gemm
    mapped = {"os": (M, N, K), "ws": (K, N, M), "is": (K, M, N)}
    if dataflow not in mapped:
        raise ConfigError(f"SCALE-Sim has no dataflow '{dataflow}'.{suggestion(dataflow, mapped)}")
    over_rows, over_columns, streamed = mapped[dataflow]
    skew = rows + columns - 2 if dataflow == "os" else 2 * rows + 2 * columns - 3
    pes = rows * columns
    folds = tiles(over_rows, rows).number * tiles(over_columns, columns).number
    mapping = 100 * over_rows * over_columns / (folds * pes)
    return Percentages(100 * M * N * K / (total_cycles * pes), mapping, mapping * streamed / (streamed + skew))
