"""The page of published machines: self-contained like the page of a run, and it says what the survey does."""

from __future__ import annotations

import copy
import re

import pytest

from accel.published.survey import survey
from accel.report.published_page import TERMS, constants, render_published, single, tables
from accel.report.published_words import attention, comparisons, error_in_words, headline, verdict
from tests.report.pages import Page
from tests.report.test_page import HOSTILE, MAX_BYTES


@pytest.fixture(scope="module")
def document():
    """The survey."""
    return survey()


@pytest.fixture(scope="module")
def html(document):
    """Its page."""
    return render_published(document)


@pytest.fixture(scope="module")
def page(html):
    """The same page, parsed."""
    return Page(html)


def test_is_one_well_formed_file(html, page):
    """Tags balance, nothing leaves the file, ids are unique, every link has its target, and it is small."""
    assert page.problems == []
    assert not re.search(r"https?:|@import|url\((?!#)|src=", html)
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed", "base", "form"}
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in page.values("href")} <= set(ids)
    assert len(html.encode()) < MAX_BYTES


def test_everything_is_on_it(document, page):
    """Every sentence, error, source and constant, and the terms."""
    seen = page.visible()
    text = "\n".join(seen)
    for words in (
        headline(document),
        verdict(document),
        *attention(document),
        "1,008,246",
        "from memory",
        "Chosen with this table in view",
        *(machine[key] for machine in document["machines"] for key in ("title", "source", "modelled", "left_out")),
        *(error_in_words(each) for each in comparisons(document)),
        *(each["note"] for machine in document["machines"] for each in machine["constants"]),
        *(each["key"] for machine in document["machines"] for each in machine["constants"]),
        *(term.meaning for terms in TERMS.values() for term in terms),
    ):
        assert words in text, words
    assert sum(tag == "svg" for tag, _ in page.tags) == 8


def test_every_comparison_is_in_one_table(document):
    """Rows and columns hold each figure once; sums stand in the last row."""
    for machine in document["machines"]:
        cells = [cell for table in tables(machine) for row in table.rows for cell in row.cells if cell is not None]
        totals = [cell for table in tables(machine) if table.total for cell in table.total.cells if cell is not None]
        assert all(cell["row"] == "all" for cell in totals)
        placed = [(each["quantity"], each["row"]) for each in [*cells, *totals, *single(machine)]]
        assert sorted(placed) == sorted((each["quantity"], each["row"]) for each in machine["comparisons"])


def test_chosen_constants_stand_first(document):
    """Constants by where they are from, those chosen with the figures in view before all others."""
    found = constants(document)
    assert [words for words, _ in found] == ["chosen with this table in view", "assumed", "from the paper"]
    assert {each["machine"] for each in found[0][1]} == {"Eyeriss", "Zhang FPGA'15"}
    assert sum(len(rows) for _, rows in found) == sum(len(machine["constants"]) for machine in document["machines"])


def test_hostile_words_stay_text(document):
    """Whatever a survey names, nothing runs."""
    hostile = copy.deepcopy(document)
    for machine in hostile["machines"]:
        machine |= dict.fromkeys(("title", "description", "setting", "source", "modelled", "left_out"), HOSTILE)
        machine["recalled"] = HOSTILE
        for index, each in enumerate(machine["comparisons"]):
            each |= {"quantity": f"{HOSTILE}{each['quantity']}", "unit": HOSTILE}
            if not machine["roofline"] and each["row"] not in ("", "all"):
                each["row"] = f"{index}{HOSTILE}"
        for each in machine["constants"]:
            each |= {"key": HOSTILE, "value": HOSTILE, "note": HOSTILE}
    hostile["provenance"] = {HOSTILE: HOSTILE}
    html = render_published(hostile)
    assert Page(html).problems == []
    assert "<script>alert" not in html
    assert "\x1b" not in html


def test_same_survey_same_bytes(document, html):
    """Rendering again gives the same bytes and changes nothing."""
    before = copy.deepcopy(document)
    assert render_published(document) == html
    assert document == before
