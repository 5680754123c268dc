"""The page and the table of a training: `render_training`, `history_csv`, both from the document of train.json.

The contract is that of `accel.report.page`: one file, everything inline, the same document gives the same bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from accel.report.glossary import Term
from accel.report.html import fill
from accel.report.humane import integer, label, percent, significant
from accel.report.settings import flat
from accel.report.training_charts import learning_curves

Document = Mapping[str, Any]

SCHEMA = "bitcycle-training-1"
"""What `train.json` calls itself."""

TERMS = {
    "Training": (
        Term("step", "One update of all parameters, from the examples of one batch."),
        Term("epoch", "One pass over the training set, every example once."),
        Term(
            "loss", "What training makes small; the mean over examples of -log of the probability given to the label."
        ),
        Term(
            "dead update",
            "An update that was not zero and was rounded to zero. Under nearest rounding that is every one below half "
            "an lsb, each time; under stochastic rounding a share of them, so that on average nothing is lost.",
        ),
        Term("saturated", "A cast whose value lay outside its format and became the nearest limit."),
        Term("loss scale", "A power of two that errors carry, so that small ones stay above the lsb of their format."),
        Term(
            "master weights", "Wider copies of the parameters that updates are added to; the array reads narrow ones."
        ),
    )
}

COLUMNS = (
    "number",
    "rate",
    "loss",
    "train_accuracy",
    "test_accuracy",
    "saturated_share",
    "dead_share",
    "skipped_steps",
)
"""Columns of history.csv: the fields of `accel.train.checkpoint.Epoch`."""


def render_training(document: Document) -> str:
    """Return the HTML page of a training."""
    return fill(
        "training.html.j2",
        training=document,
        headline=headline(document),
        verdict=verdict(document),
        charts=learning_curves(document["curve"], "training"),
        sections=[(name, flat(document[name])) for name in ("recipe", "formats", "dataset") if document[name]],
        provenance=flat(document["provenance"]),
        glossary=TERMS,
    )


def headline(document: Document) -> str:
    """Say how good it became."""
    where = f" on {label(document['accelerator'])}" if document["accelerator"] else ""
    epochs = document["epochs"]
    last = epochs[-1]
    tested = last["test_accuracy"]
    reached = f"{percent(tested)} % of the test set right" if tested is not None else "not tested"
    return f"{label(document['network'])}{where}: {reached} after {integer(len(epochs))} epochs."


def verdict(document: Document) -> str:
    """Say what rounding and saturation did in the last epoch."""
    last = document["epochs"][-1]
    if last["dead_share"] is None:
        return f"Float64; the last epoch's loss is {significant(last['loss'])}."
    return (
        f"The last epoch's loss is {significant(last['loss'])}; {percent(last['dead_share'])} % of its updates were "
        f"rounded to zero, {percent(last['saturated_share'])} % of all casts saturated."
    )


def history_csv(document: Document) -> str:
    """Return the epochs as a table; what does not exist is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if epoch[key] is None else epoch[key] for key in COLUMNS} for epoch in document["epochs"])
    return text.getvalue()
