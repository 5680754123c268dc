"""Sentences made from a run: the verdict, what deserves attention, orders of addition and certificates in words.

Each is a pure function of the document. The verdict states facts and never grades them: whether 99 % is enough is the
reader's call (thresholds belong to `accel check`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from accel.report import ledger, lost
from accel.report.humane import DASH, duration, frequency, integer, label, percent, significant
from accel.report.stored import Stored

Document = Mapping[str, Any]
"""A `run.json` as plain values."""

_REPLAYS = {
    "none": "nothing",
    "some": "the outputs at risk",
    "all": "every output",
}
_DATAFLOWS = {
    "os": "output stationary (os)",
    "ws": "weight stationary (ws)",
    "is": "input stationary (is)",
    "adder-tree": "adder trees (adder-tree)",
    "conv-engine": "convolution engine (conv-engine)",
    "row-stationary": "row stationary (row-stationary)",
    "vector": "vector lanes (vector)",
}
_LOOPS = {"R": "kernel rows", "S": "kernel columns", "c": "channels of a block"}
_WORST_LAYERS_NAMED = 3
_DIAGNOSES_NAMED = 3


def dataflow_in_words(name: str) -> str:
    """Spell out the name of a dataflow; one that is not known stays as it is."""
    return _DATAFLOWS.get(name, name)


def headline(document: Document) -> str:
    """Say in one sentence how the decisions of fixed point and golden compare."""
    inputs, agreement = document["inputs"], document["agreement"]
    if agreement is None:
        return f"Fixed point ran on {_counted(inputs)}."
    if agreement == 1:
        return f"Fixed point decides as float64 does on {_all(inputs)}."
    agreeing = round(agreement * inputs)
    return f"Fixed point decides as float64 does on {integer(agreeing)} of {_counted(inputs)}."


def verdict(document: Document) -> str:
    """Say what it costs: accuracy against float64, time per input, and the layer that takes most of it."""
    sentences = []
    accuracy = document["accuracy"]
    if accuracy["fixed"] is not None and accuracy["golden"] is not None:
        sentences.append(
            f"It classifies {percent(accuracy['fixed'])} % as labelled, float64 {percent(accuracy['golden'])} %."
        )
    seconds = document["latency_cycles"] / document["clock_hz"]
    sentences.append(
        f"One input takes {integer(document['latency_cycles'])} cycles, {duration(seconds)} at "
        f"{frequency(document['clock_hz'])}."
    )
    longest = max(document["layers"], key=lambda layer: layer["cycles"]["total"], default=None)
    if longest is not None and longest["cycles"]["total"]:
        share = longest["cycles"]["total"] / max(1, sum(_totals(document["layers"])))
        sentences.append(
            f"Most of it goes to {label(longest['name'], 32)}: {percent(share)} % of the cycles, bound by "
            f"{label(longest['bound'], 32)}."
        )
    return " ".join(sentences)


def attention(document: Document) -> tuple[str, ...]:
    """Name what a designer should look at: formats that lack bits, narrow accumulators, saturation, disagreement."""
    points = lost.diagnoses(document.get("explain"))[:_DIAGNOSES_NAMED]
    points += [point for layer in document["layers"] if layer["accumulator"] for point in _accumulator_points(layer)]
    points += [_encoding_point(tensor) for tensor in document["encoded"] if tensor["saturated"]]
    saturating = sorted(
        (layer for layer in document["layers"] if layer["saturated"]), key=lambda layer: -layer["saturated"]
    )
    for layer in saturating[:_WORST_LAYERS_NAMED]:
        subject = f"{label(layer['name'], 32)} ({layer['format'] or DASH})"
        does = "wraps" if ledger.wraps(layer, "output") else "saturates"
        share = percent(layer["saturated"])
        points.append(f"{subject} {does} {share} % of its outputs{ledger.place(layer, 'output')}.")
    if len(saturating) > _WORST_LAYERS_NAMED:
        points.append(f"{integer(len(saturating) - _WORST_LAYERS_NAMED)} more layers saturate some outputs.")
    first = document["first_disagreement"]
    if first is not None:
        labelled = "" if first["label"] is None else f", labelled {label(first['label'], 32)}"
        points.append(
            f"First disagreement: input {integer(first['input'])}, float64 says {label(first['golden'], 32)}, "
            f"fixed point {label(first['fixed'], 32)}{labelled}."
        )
    return tuple(points)


def _encoding_point(tensor: Mapping[str, Any]) -> str:
    """Say which values a format did not hold, and what to do about it."""
    low, high = (significant(tensor["range"][end]) for end in ("min", "max"))
    is_input = tensor["tensor"] == "input"
    what = "the inputs" if is_input else label(tensor["tensor"], 32)
    key = "numerics.input" if is_input else "its format in numerics"
    return (
        f"{percent(tensor['saturated'])} % of {what} saturate in {tensor['format']} (values {low} to {high}); "
        f"scale the values or widen {key}."
    )


def order_in_words(order: Mapping[str, Any] | None) -> str:
    """Say in which order products are added (see `accel.loopnest.AccumulationOrder`): the loops, then one addition.

    Older runs do not have the loops.
    """
    if order is None:
        return DASH
    group, fold = order["group"], order["fold"]
    loops = f"{_loops_in_words(order)}, from the outermost; " if "loops" in order else ""
    if group > 1:
        step = f"adder tree of {integer(group)} products, then one addition"
    else:
        step = "one product after the other"
    if fold:
        steps = "products" if group == 1 else "additions" if fold > 1 else "addition"
        step += f"; after every {f'{integer(fold)} ' if fold > 1 else ''}{steps} into the partial-sum buffer"
    return loops + step + ("; starts from the bias" if order["bias_first"] else "; bias last")


def _loops_in_words(order: Mapping[str, Any]) -> str:
    """Name the loops over the products of an output, from the outermost."""
    block = order["group"] * order["block"]
    names = {**_LOOPS, "C": "channels" if block == 1 else f"blocks of {integer(block)} channels"}
    return ", ".join(names[loop] for loop in order["loops"])


def certified(document: Document) -> list[Mapping[str, Any]]:
    """Return the layers of which the run says how many outputs are at risk; older runs say it of none."""
    return [layer for layer in document["layers"] if (layer["accumulator"] or {}).get("at_risk") is not None]


def certificates_in_words(document: Document) -> str:
    """Say how many outputs of the whole network are at risk, in which layers, and what was replayed."""
    layers = certified(document)
    risky = [layer for layer in layers if layer["accumulator"]["at_risk"]]
    outputs = sum(layer["accumulator"]["outputs"] for layer in layers)
    if not risky:
        return f"None of {_counted(outputs, 'output')} is at risk: any order of addition gives these bits."
    named = ", ".join(label(layer["name"], 32) for layer in risky[:_WORST_LAYERS_NAMED])
    more = f" and {integer(len(risky) - _WORST_LAYERS_NAMED)} more layers" if len(risky) > _WORST_LAYERS_NAMED else ""
    at_risk = sum(layer["accumulator"]["at_risk"] for layer in risky)
    return f"{integer(at_risk)} of {_counted(outputs, 'output')} are at risk, in {named}{more}."


def certificate_in_words(accumulator: Mapping[str, Any]) -> str:
    """Say how many of a layer's outputs have no certificate."""
    return f"{integer(accumulator['at_risk'])} of {_counted(accumulator['outputs'], 'output')} at risk"


def replay_in_words(accumulator: Mapping[str, Any]) -> str:
    """Say which sums were added step by step in the machine's order, by name or by the engine that chose them."""
    replay = accumulator.get("replay")
    if replay is None:
        certified_or_exact = "some" if accumulator["at_risk"] else "none"
        replay = "all" if accumulator.get("engine") == "stepwise" else certified_or_exact
    return _REPLAYS.get(replay, label(replay, 32))


def softmax_in_words(softmax: Mapping[str, Any] | None) -> str:
    """Say how near to 1 the rows of the softmax sum, and how many rows tie; "" for a network without one."""
    if softmax is None:
        return ""
    ties = softmax["ties"]
    tied = "no row has two largest classes" if not ties else f"{_counted(ties, 'row')} tied for the largest class"
    low, high = significant(softmax["row_sum_min"], 6), significant(softmax["row_sum_max"], 6)
    return f"Softmax rows sum to between {low} and {high}; {tied}."


def available_bits(accumulator: Mapping[str, Any]) -> int:
    """Return the width of a layer's accumulator."""
    return Stored.parse(accumulator["format"]).width


def representable(text: str | None) -> str:
    """Return the smallest and the largest value of a format."""
    if not text:
        return DASH
    stored = Stored.parse(text)
    return f"{stored.min_value:.6g} … {stored.max_value:.6g}"


def _accumulator_points(layer: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is to be said of a layer's accumulator: overflows that happened, else overflows that could."""
    sums = layer["accumulator"]
    needed, available, overflowed = sums["needed_bits"], available_bits(sums), sums.get("overflowed", 0)
    subject, overflow = f"{label(layer['name'], 32)}: the accumulator of {available} bits", label(sums["overflow"])
    if overflowed:
        yield f"{subject} overflowed {_counted(overflowed, 'time')} ({overflow}); {needed} bits hold every sum."
    elif needed is not None and needed > available:
        yield f"{subject} held every sum of this run, but the worst one needs {needed} bits ({overflow})."


def _totals(layers: Sequence[Mapping[str, Any]]) -> list[int]:
    return [layer["cycles"]["total"] for layer in layers]


def _counted(count: int, noun: str = "input") -> str:
    return f"{integer(count)} {noun}{'' if count == 1 else 's'}"


def _all(inputs: int) -> str:
    return "the one input" if inputs == 1 else f"all {integer(inputs)} inputs"
