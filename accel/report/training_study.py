"""The page of the training studies (reports/training.html): the documents' rows, and why nearest rounding stalls.

Made from the records of `benchmarks/train_documents.py` and `benchmarks/train_gupta.py` alone; what has no record is
said to be missing. The contract is that of `accel.report.page`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from accel.report.charts import Chart
from accel.report.html import fill
from accel.report.humane import percent
from accel.report.settings import flat
from accel.report.training_charts import SERIES, Line, lines, update_histogram
from accel.report.training_page import TERMS

Document = Mapping[str, Any]
"""A result file of a benchmark."""

GOLDEN = "golden"


class Comparison(NamedTuple):
    """One row: accuracies as shares, spreads in percentage points over the seeds; the document may have no figure.

    name, length: what was trained, and for how many iterations or epochs. Spreads are None where there is one seed.
    """

    name: str
    length: str
    document: float | None
    golden: float
    golden_spread: float | None
    fixed: float
    fixed_spread: float | None
    seeds: int

    @property
    def difference_points(self) -> float:
        """Fixed minus float64 in percentage points."""
        return 100 * (self.fixed - self.golden)


class Study(NamedTuple):
    """One network of the rounding study: its runs, its charts of errors and of updates."""

    name: str
    epochs: int
    runs: Sequence[Document]
    charts: Sequence[Chart]


def render_study(documents: Document | None, rounding: Document | None) -> str:
    """Return the HTML page; either record may be missing."""
    records = {"The documents' rows": documents, "Nearest against stochastic": rounding}
    return fill(
        "training_study.html.j2",
        rows=comparisons(documents),
        curves=[] if documents is None else document_curves(documents),
        studies=[] if rounding is None else studies(rounding),
        headline=headline(documents, rounding),
        in_words=in_words,
        provenance=[(name, _provenance(record)) for name, record in records.items() if record is not None],
        glossary=TERMS,
    )


def comparisons(record: Document | None) -> list[Comparison]:
    """Return the documents' rows, each held against float64 and fixed point."""
    found = []
    for title, row in ({} if record is None else record["figures"]).items():
        if "document" not in row:
            continue
        name, length = title.rsplit(", ", 1)
        count, unit = length.split()
        golden, fixed = row["golden"], row["fixed"]
        seeds = len(fixed["accuracy"])
        spreads = [100 * each["spread"] if seeds > 1 else None for each in (golden, fixed)]
        made = golden["mean"], spreads[0], fixed["mean"], spreads[1]
        found.append(Comparison(name, f"{int(count):,} {unit}", row["document"], *made, seeds))
    return found


def headline(documents: Document | None, rounding: Document | None) -> str:
    """Say what the records show, in figures."""
    words = []
    rows = comparisons(documents)
    if rows:
        worst = max(abs(row.difference_points) for row in rows)
        there = sum(row.document is not None for row in rows)
        which = f"the documents' {there} rows and {len(rows) - there} more"
        words.append(f"On {which}, 16 bits end within {worst:.2f} points of float64.")
    for study in studies(rounding) if rounding is not None else ():
        finals = {run["arithmetic"]: run["history"][-1]["test_error"] for run in study.runs}
        fewest = min(int(name.split()[1]) for name in finals if name != GOLDEN)
        stochastic, nearest = finals[f"STOCHASTIC {fewest}"], finals[f"RND_CONV {fewest}"]
        words.append(
            f"{study.name} with {fewest} fraction bits: {percent(stochastic)} % test error with stochastic rounding, "
            f"{percent(nearest)} % with nearest."
        )
    return " ".join(words) or "No record of a study yet."


def document_curves(record: Document) -> list[Chart]:
    """Draw the cross-entropy of every run of the documents, float64 and fixed."""
    charts = []
    drawn: set[str] = set()
    for name, row in record["figures"].items():
        run = name.rsplit(", ", 1)[0]
        if "document" not in row or run in drawn:
            continue
        drawn.add(run)
        series = [
            Line(colour, words, [(point[0], point[1]) for point in row[arithmetic]["curve"]])
            for colour, arithmetic, words in (("steady", "golden", "float64"), ("stall", "fixed", "16 bits"))
        ]
        key = f"row-{len(drawn)}"
        chart = lines(key, run, "Cross-entropy of the training batches, first seed.", series, logarithmic=True)
        charts += [] if chart is None else [chart]
    return charts


def studies(record: Document) -> list[Study]:
    """Return the study of each network."""
    found = []
    for kind in dict.fromkeys(run["kind"] for run in record["figures"]["runs"]):
        runs = [run for run in record["figures"]["runs"] if run["kind"] == kind]
        charts = [chart for chart in (_errors(kind, runs), *_updates(kind, runs, record)) if chart is not None]
        found.append(Study(kind.upper(), len(runs[0]["history"]), runs, charts))
    return found


def in_words(arithmetic: str) -> str:
    """Name a run: "float64", "stochastic, FL 10", "nearest, FL 10"."""
    if arithmetic == GOLDEN:
        return "float64"
    rounding, bits = arithmetic.split()
    return f"{'stochastic' if rounding == 'STOCHASTIC' else 'nearest'}, FL {bits}"


def _errors(kind: str, runs: Sequence[Document]) -> Chart | None:
    shown = [run for run in runs if run["arithmetic"] == GOLDEN or run["arithmetic"].split()[1] in ("14", "8")]
    series = [
        Line(colour, in_words(run["arithmetic"]), [(each["epoch"], each["test_error"]) for each in run["history"]])
        for colour, run in zip(SERIES, shown, strict=False)
    ]
    note = "Test error after every epoch; FL: fraction bits of 16."
    return lines(f"{kind}-errors", f"{kind.upper()}: test error", note, series, across="epochs", share=True)


def _updates(kind: str, runs: Sequence[Document], record: Document) -> list[Chart | None]:
    """Draw for each number of fraction bits what a nearest run's updates are worth at its start and end."""
    nearest = [run for run in runs if run["arithmetic"].startswith("RND_CONV")]
    return [
        update_histogram(
            f"{kind}-updates-{index}",
            f"{kind.upper()}: updates, {in_words(run['arithmetic'])}",
            "Share of updates by size before rounding. What lies in the band is rounded to zero: those weights stand "
            "still, whatever their gradients say, and next time they are asked for the same.",
            list(run["histograms"].items()),
            record["figures"]["bins_lowest"],
        )
        for index, run in enumerate(nearest)
    ]


def _provenance(record: Document) -> list[tuple[str, str]]:
    return flat({key: record[key] for key in ("command", "created", "commit", "machine") if key in record})
