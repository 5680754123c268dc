"""Sentences made from a run."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from accel.arch.dataflows import DATAFLOWS
from accel.loopnest import AccumulationOrder
from accel.report import prose
from tests.report.conftest import lenet5_run
from tests.report.examples import explained_run


def test_headline_counts(run):
    """The headline says on how many inputs fixed point and float64 agree."""
    assert prose.headline(run) == "Fixed point decides as float64 does on 999 of 1,000 inputs."
    assert prose.headline({**run, "agreement": 1.0}) == "Fixed point decides as float64 does on all 1,000 inputs."
    assert prose.headline({**run, "agreement": 1.0, "inputs": 1}).endswith("on the one input.")
    assert prose.headline({**run, "agreement": None}) == "Fixed point ran on 1,000 inputs."


def test_verdict_names_the_longest_layer(run):
    """The verdict gives both accuracies, the time of one input, and where most of it goes."""
    text = prose.verdict(run)
    assert "classifies 98.0 % as labelled, float64 98.1 %" in text
    assert f"{run['latency_cycles']:,} cycles" in text
    assert "goes to C5: 61.3 % of the cycles, bound by weights." in text


def test_verdict_without_labels_or_cycles(run):
    """Without labels no accuracy is claimed, and a network that takes no time has no longest layer."""
    run["accuracy"] = {"golden": None, "fixed": None}
    run["layers"] = []
    assert "labelled" not in prose.verdict(run)
    assert "Most of it" not in prose.verdict(run)


def test_attention_names_saturation_by_weight(run):
    """Saturating layers come worst first, then the first disagreement; a clean run has nothing to say."""
    points = prose.attention(run)
    assert [point.split()[0] for point in points] == ["F6", "C3", "First"]
    assert points[-1] == "First disagreement: input 412, float64 says 8, fixed point 3, labelled 8."
    clean = {**run, "first_disagreement": None, "layers": [{**layer, "saturated": 0.0} for layer in run["layers"]]}
    assert prose.attention(clean) == ()


def test_attention_to_accumulators(run):
    """An accumulator that overflowed, or that the worst sum does not fit, is named with the bits it needs."""
    run["layers"][0]["accumulator"].update(format="Q8.8", needed_bits=21, overflowed=4112, overflow="SAT")
    run["layers"][3]["accumulator"].update(format="Q8.8", needed_bits=19)
    first, second = prose.attention(run)[:2]
    assert first == "C1: the accumulator of 16 bits overflowed 4,112 times (SAT); 21 bits hold every sum."
    assert (
        second == "C3: the accumulator of 16 bits held every sum of this run, but the worst one needs 19 bits (WRAP)."
    )


def test_attention_is_short(run):
    """Of many saturating layers three are named and the others counted."""
    for layer in run["layers"]:
        layer["saturated"] = 0.5
    points = prose.attention(run)
    assert len(points) == 5
    assert points[3] == "9 more layers saturate some outputs."


def test_attention_begins_with_the_diagnosis():
    """What lacks bits comes first; a saturating layer with a ledger says how far and where, or that it wraps."""
    run = explained_run()
    points = prose.attention(run)
    assert points[0] == "C3 weight Q2.2 lacks 4 fraction bits: agreement 81 % → 99.6 %."
    assert points[1] == "F6 (Q6.10) saturates 2.13 % of its outputs, by up to 1,554 lsb, first at input 12 [83]."
    told = run["layers"][8]["ledger"]["output"]
    told |= {"saturated": 0, "wrapped": told["saturated"]}
    assert prose.attention(run)[1].startswith("F6 (Q6.10) wraps 2.13 % of its outputs, by")
    run["explain"]["diagnosis"] *= 5
    assert len(prose.attention(run)) == len(points) + 2


def test_certificates():
    """Outputs at risk are counted over the network and named by layer; a run of before says nothing."""
    run = explained_run()
    assert prose.certificates_in_words(run) == "12 of 6,518 outputs are at risk, in C3."
    sums = [layer["accumulator"] for layer in run["layers"] if layer["accumulator"]]
    assert prose.certificate_in_words(sums[0]) == "0 of 4,704 outputs at risk"
    sums[1]["at_risk"] = 0
    assert prose.certificates_in_words(run).startswith("None of 6,518 outputs is at risk: any order")
    for each in sums:
        each["at_risk"] = each["outputs"]
    assert prose.certificates_in_words(run) == "6,518 of 6,518 outputs are at risk, in C1, C3, C5 and 2 more layers."
    assert prose.certified(lenet5_run()) == []


@pytest.mark.parametrize(
    ("sums", "words"),
    [
        ({"replay": "none"}, "nothing"),
        ({"replay": "some"}, "the outputs at risk"),
        ({"replay": "all"}, "every output"),
        ({"engine": "exact", "at_risk": 0}, "nothing"),
        ({"engine": "certified", "at_risk": 0}, "nothing"),
        ({"engine": "certified", "at_risk": 3}, "the outputs at risk"),
        ({"engine": "stepwise", "at_risk": 3}, "every output"),
    ],
)
def test_replays(sums, words):
    """What was stepped through is said, whether the run says so itself or names its engine."""
    assert prose.replay_in_words(sums) == words


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (None, "–"),
        ({"group": 1, "fold": 0, "bias_first": False}, "one product after the other; bias last"),
        (
            {"group": 1, "fold": 16, "bias_first": True},
            "one product after the other; after every 16 products into the partial-sum buffer; starts from the bias",
        ),
        (
            {"group": 16, "fold": 0, "bias_first": False},
            "adder tree of 16 products, then one addition; bias last",
        ),
        (
            {"group": 4, "fold": 8, "bias_first": False},
            "adder tree of 4 products, then one addition; after every 8 additions into the partial-sum buffer; "
            "bias last",
        ),
        (
            {"group": 16, "fold": 1, "bias_first": False},
            "adder tree of 16 products, then one addition; after every addition into the partial-sum buffer; bias last",
        ),
    ],
)
def test_order_of_addition(order, words):
    """The order in which a machine adds is said in words."""
    assert prose.order_in_words(order) == words


@pytest.mark.parametrize(
    ("order", "loops"),
    [
        (AccumulationOrder(), "channels, kernel rows, kernel columns"),
        (AccumulationOrder(group=4, loops="RSC"), "kernel rows, kernel columns, blocks of 4 channels"),
        (
            AccumulationOrder(fold=6, loops="CRSc", block=2),
            "blocks of 2 channels, kernel rows, kernel columns, channels of a block",
        ),
    ],
)
def test_loops_of_additions(order, loops):
    """Loops come first, blocks of channels with their size; a run without them has the rest."""
    told = asdict(order)
    without = {key: told[key] for key in ("group", "fold", "bias_first")}
    assert prose.order_in_words(told) == f"{loops}, from the outermost; {prose.order_in_words(without)}"


def test_every_dataflow_has_a_name():
    """All that a machine can be are spelled out, with the short name beside it."""
    for name in DATAFLOWS:
        assert prose.dataflow_in_words(name).endswith(f" ({name})")
    assert prose.dataflow_in_words("other") == "other"


def test_softmax():
    """Row sums and ties are said; a network without softmax says nothing."""
    assert prose.softmax_in_words(None) == ""
    told = prose.softmax_in_words({"row_sum_min": 0.99993896484375, "row_sum_max": 1.0000305, "ties": 1})
    assert told == "Softmax rows sum to between 0.999939 and 1.00003; 1 row tied for the largest class."
