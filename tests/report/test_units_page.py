"""The page of function units: self-contained like the page of a run, and it says what was measured."""

from __future__ import annotations

import copy
import re

import pytest

from accel.report import glossary
from accel.report.units_page import KNOWN_BAD, attention, headline, render_units, verdict
from tests.report.pages import Page
from tests.report.survey import SOFTMAX, UNITS, survey
from tests.report.test_page import HOSTILE


@pytest.fixture(scope="module")
def html():
    """The page of the survey."""
    return render_units(survey())


@pytest.fixture(scope="module")
def page(html):
    """The same page, parsed."""
    return Page(html)


def test_is_one_well_formed_file(html, page):
    """Tags balance, nothing leaves the file, ids are unique and every link has its target."""
    assert page.problems == []
    assert not re.search(r"https?:|@import|url\((?!#)|src=", html)
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed", "base", "form"}
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in page.values("href")} <= set(ids)


def test_everything_is_on_it(page):
    """Every design with its options, every function's chart, every softmax with its reason, the terms, the versions."""
    text = "\n".join(page.visible())
    functions = ("exp", "reciprocal", "sigmoid", "tanh", "Other functions")
    for words in (
        *functions,
        *(row[1] for row in UNITS if row[0] not in ("sqrt", "relu")),
        "sqrt digit",
        "UQ6.10 to UQ3.13",
        "met: 8.1 bits",
        "against that of base 2 the largest is 0.00010.",
        "10: 4,000, 100: 1,000, 1000: 400",
        "entries 64, steps 1",
        "iterations 14, guard bits 3",
        *SOFTMAX,
        *KNOWN_BAD.values(),
        "2.4.6",
        *(term.meaning for terms in glossary.UNIT_TERMS.values() for term in terms),
    ):
        assert words in text, words
    drawings = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert sum(each["class"] == "spark" for each in drawings) == len(UNITS)
    assert sum(each["class"] == "chart" for each in drawings) == 6
    assert all(each["role"] == "img" and each["aria-label"] for each in drawings)
    assert text.count("known to go wrong") == 2 * len(KNOWN_BAD)


def test_no_programmer_leaks(page):
    """No value of the language and no seventeen digits are shown."""
    for word in ("None", "nan", "inf", "Undefined", "True", "False", "{'", "['"):
        pattern = rf"(?<![\w{{\['-]){re.escape(word)}(?!\w)"
        assert not [text for text in page.visible() if re.search(pattern, text)], word
    raw = re.compile(r"\.\d{7,}")
    assert not [text for text in page.visible() if raw.search(text)]


def test_sentences():
    """How much was measured, what meets its figure, what misses it, what is known to go wrong."""
    document = survey()
    assert headline(document) == "39 units for 6 functions and 6 softmax designs, measured against float64."
    assert verdict(document).startswith("A figure is published for 29 of them; 28 meet it.")
    missed, *wrong = attention(document)
    assert missed == "exp pow2-linear (entries 16) misses its figure (9.1 ulp): 9.10 ulp."
    assert [point.split()[1] for point in wrong] == ["hls4ml-stable", "tflite-s16", "unshifted"]
    assert wrong[1].endswith("(1,000 classes, logit scale 8), no argmax flips.")
    for unit in document["unary"]:
        unit["met"] = True if unit["figure"] else None
    assert "; all meet it." in verdict(document)
    for unit in document["unary"]:
        unit["met"] = None
    assert verdict(document).startswith("Every unit is integers only")
    for unit in document["unary"]:
        unit |= {"met": False, "figure": "0"}
    assert attention(document)[6] == "33 more units miss theirs."


def test_hostile_words_stay_text():
    """Whatever a survey names, nothing runs."""
    document = survey()
    for unit in document["unary"]:
        unit |= {"function": HOSTILE, "design": HOSTILE, "source": HOSTILE, "figure": HOSTILE, "options": {HOSTILE: 1}}
    for unit in document["softmax"]:
        unit["design"] = HOSTILE
    document["provenance"] = {HOSTILE: HOSTILE}
    html = render_units(document)
    assert Page(html).problems == []
    assert "<script>alert" not in html
    assert "\x1b" not in html


def test_an_empty_survey_is_a_page():
    """A survey of nothing renders and says so."""
    page = Page(render_units({"schema": "bitcycle-units-1", "provenance": {}, "unary": [], "softmax": []}))
    assert page.problems == []
    assert "No softmax design was measured." in page.visible()


def test_same_survey_same_bytes(html):
    """Rendering again gives the same bytes and changes nothing."""
    document = survey()
    before = copy.deepcopy(document)
    assert render_units(document) == html
    assert document == before
