"""The page of a run: self-contained, well-formed, escaped, deterministic, and nothing ugly in it."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
import subprocess
import sys

import pytest

from accel.report import glossary, render, render_fragment
from tests.report.conftest import lenet5_run
from tests.report.examples import explained_run
from tests.report.pages import Page

HOSTILE = '<script>alert("x")</script>&\'"</style>{{ 7*7 }}$x$\x1b[31m層'
MAX_BYTES = 1_000_000
NAMES = [layer["name"] for layer in lenet5_run()["layers"]]


RUNS = {"plain": lenet5_run, "explained": explained_run}


@pytest.fixture(scope="module", params=RUNS)
def kind(request):
    """A plain run, or one with a ledger, certificates and an explanation."""
    return request.param


@pytest.fixture(scope="module")
def html(kind):
    """The page of the unchanged run."""
    return render(RUNS[kind]())


@pytest.fixture(scope="module")
def page(html):
    """The same page, parsed."""
    return Page(html)


def hostile_run():
    """A run in which everything a user can name is hostile."""
    run = explained_run()
    for key in ("network", "network_source", "accelerator", "accelerator_source", "schedule"):
        run[key] = HOSTILE
    run["dataset"] = dict.fromkeys(run["dataset"], HOSTILE)
    for index, layer in enumerate(run["layers"]):
        layer["name"] = f"{index}{HOSTILE}"
        layer["kind"] = layer["bound"] = HOSTILE
        layer["bytes"] = {HOSTILE: {HOSTILE: 7}, "dram": {HOSTILE: 9}}
        layer["ledger"][HOSTILE] = layer["ledger"]["output"]
        if layer["accumulator"]:
            layer["accumulator"]["replay"] = HOSTILE
    for index, layer in enumerate(run["explain"]["layers"]):
        layer["name"] = f"{index}{HOSTILE}"
        layer["format"] = HOSTILE
        layer["kinds"][HOSTILE] = {
            "format": HOSTILE,
            "sqnr_db": 3.0,
            "integer_bits_needed": 3,
            "integer_bits": 2,
        }
    for each in run["explain"]["changed"]:
        each["label"] = each["left_at"] = HOSTILE
    for each in run["explain"]["diagnosis"]:
        each["sentence"] = HOSTILE
    for record in (run, *run["layers"]):
        record["energy"] |= {"unit": HOSTILE, "technology": HOSTILE, "unpriced": [HOSTILE]}
        record["energy"]["components"][HOSTILE] = 3.0
    run["technology"] = dict.fromkeys(run["technology"], HOSTILE)
    run["area"]["components"][HOSTILE] = 1.0
    run["area"]["unpriced"] = [HOSTILE]
    run["first_disagreement"]["label"] = HOSTILE
    run["not_modelled"] = [HOSTILE]
    run["array"]["dataflow"] = run["array"]["timing"] = HOSTILE
    provenance = run["provenance"]
    provenance["command"] = provenance["created"] = provenance["seed"] = HOSTILE
    provenance["versions"] = provenance["digests"] = provenance["weights"] = {HOSTILE: HOSTILE}
    run["accelerator_document"] = {HOSTILE: {HOSTILE: [HOSTILE, {HOSTILE: 1}]}, "assumed": HOSTILE}
    return run


def test_tags_balance(page):
    """Every tag that is opened is closed, in order."""
    assert page.problems == []


def test_nothing_leaves_the_file(html, page):
    """No address, link, image, frame, import or font file; and the policy forbids them all."""
    assert not re.search(r"https?:|@import|url\((?!#)|src=", html)
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed", "base", "form"}
    assert all(target.startswith("#") for target in page.values("href"))
    assert len(html.encode()) < MAX_BYTES


def test_only_our_script_may_run(html, page):
    """One script, admitted by its digest; no handler attributes."""
    (script,) = [text for tag, text in page.texts if tag == "script"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in page.values("content")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_ids_and_links_meet(page):
    """Ids are unique over the page and its drawings, and every link has its target."""
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in page.values("href")} <= set(ids)


def test_every_section_has_its_content(page, kind):
    """Verdict, command, tables, every chart, provenance, limits and the whole glossary are there."""
    text = "\n".join(page.visible())
    run = lenet5_run()
    for words in (
        "Fixed point decides as float64 does on 999 of 1,000 inputs.",
        run["provenance"]["command"],
        "one product after the other; after every 16 products into the partial-sum buffer; bias last",
        "weight stationary (ws)",
        "accumulator.overflow",
        *run["provenance"]["digests"].values(),
        *run["not_modelled"],
        *(layer["name"] for layer in run["layers"]),
        *(term.meaning for terms in glossary.GLOSSARY.values() for term in terms),
    ):
        assert words in text, words
    drawings = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(drawings) == {"plain": 8, "explained": 11}[kind]
    assert all(each["role"] == "img" and each["aria-label"] for each in drawings)


def test_tables_are_tables(page, kind):
    """Every row of a table has as many cells as its head, headings have a scope, numbers a value to sort by."""
    widths, row = [], 0
    for tag, attributes in page.tags:
        if tag == "tr":
            widths.append(row)
            row = 0
        elif tag == "table":
            widths.append(row)
            widths.append(-1)
            row = 0
        elif tag in ("td", "th"):
            row += 1
            assert tag == "td" or attributes.get("scope") in ("col", "row")
    widths.append(row)
    tables: list[set[int]] = []
    for width in widths:
        if width == -1:
            tables.append(set())
        elif width and tables:
            tables[-1].add(width)
    assert len(tables) == {"plain": 6, "explained": 15}[kind]
    assert all(len(each) == 1 for each in tables)


@pytest.mark.parametrize("word", ["None", "nan", "inf", "Undefined", "True", "False", "{'", "['"])
def test_no_programmer_leaks(page, word):
    """No value of the language is shown as such."""
    pattern = rf"(?<![\w{{\['-]){re.escape(word)}(?!\w)"
    assert not [text for text in page.visible() if re.search(pattern, text)]


def test_no_raw_floats(page):
    """Nobody reads seventeen digits: at most six decimals in text and in values to sort by."""
    raw = re.compile(r"\.\d{7,}|\d[eE][-+]\d")
    assert not [text for text in page.visible() if raw.search(text)]
    assert not [value for value in page.values("data-value") if re.search(r"[1-9]\d{6,}\.\d|\.\d*[1-9]\d{6,}", value)]


def test_hostile_names_stay_text():
    """Names with markup, templates, formulas and control characters are shown as they are, and nothing runs."""
    html = render(hostile_run())
    parsed = Page(html)
    assert parsed.problems == []
    assert sum(tag == "script" for tag, _ in parsed.tags) == 1
    assert "<script>alert" not in html
    assert "\x1b" not in html
    assert "{{ 7*7 }}" in html
    assert len(re.findall(r"<style", html)) == 1
    fragment = render_fragment(hostile_run())
    assert "<script" not in fragment
    assert Page(fragment).problems == []


def test_absent_values_are_dashes():
    """A run without labels, errors, ranges, histograms, accumulators, softmax, data set or seed still makes a page."""
    run = lenet5_run()
    for layer in run["layers"]:
        for key in ("error", "range", "histogram", "accumulator", "format", "shape"):
            layer[key] = None
        layer["bytes"] = {}
    for key in ("softmax", "dataset", "first_disagreement", "agreement"):
        run[key] = None
    run["accuracy"] = {"golden": None, "fixed": None}
    run["provenance"].update(seed=None, digests={"weights": None}, weights={}, created=None)
    run["accelerator_document"] = {}
    run["not_modelled"] = []
    parsed = Page(render(run))
    assert parsed.problems == []
    assert not [text for text in parsed.visible() if "None" in text]
    assert "No layer was compared with float64." in parsed.visible()
    assert "inputs have no labels" in parsed.visible()


def test_same_run_same_bytes(html, kind):
    """Rendering again, and in another process with another hash seed, gives the same bytes."""
    assert render(RUNS[kind]()) == html
    code = (
        "import hashlib; from accel.report import render; from tests.report.test_page import RUNS; "
        f"print(hashlib.sha256(render(RUNS[{kind!r}]()).encode()).hexdigest())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == hashlib.sha256(html.encode()).hexdigest()


def test_rendering_changes_nothing():
    """The document given is the document kept."""
    run = explained_run()
    before = copy.deepcopy(run)
    render(run)
    assert run == before


def test_reports_stay_light():
    """Making a page loads neither Numba nor pyplot; loading the package loads nothing heavy at all."""
    code = (
        "import sys, accel.report; "
        "print(sorted({'matplotlib', 'jinja2', 'rich', 'numpy', 'numba'} & set(sys.modules))); "
        "from tests.report.examples import explained_run; import accel.report.table, accel.report.units_page; "
        "accel.report.render(explained_run()); "
        "print(sorted({'numba', 'matplotlib.pyplot', 'accel.runner'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split("\n")[:2] == ["[]", "[]"]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "most"), [("plain", MAX_BYTES), ("explained", MAX_BYTES * 4 // 3)])
def test_deep_networks_stay_below_a_megabyte(kind, most):
    """A network of 204 layers, more than a ResNet-152 has convolutions, keeps the page below 1 MB.

    A third more is allowed for its ledger, its energies and what `accel explain` found out about every layer.
    """
    run = RUNS[kind]()
    for record in (run, run.get("explain", {"layers": []})):
        record["layers"] = [
            {**layer, "name": f"stage{stage}.block.{layer['name']}"}
            for stage in range(17)
            for layer in record["layers"]
        ]
    html = render(run)
    assert len(html.encode()) < most
    assert Page(html).problems == []


def test_sections_come_with_their_keys():
    """A run of before has neither ledger nor explanation, certificates or energies, nor links to them."""
    plain, explained = Page(render(lenet5_run())), Page(render(explained_run()))
    assert {"ledger", "bits", "energy"} <= set(explained.values("id"))
    assert not {"ledger", "bits", "energy"} & set(plain.values("id"))
    assert "Certificates" not in plain.visible()


def test_says_what_was_found():
    """The diagnosis stands on top and in its section; certificates, excesses and lost classes are said in words."""
    text = "\n".join(Page(render(explained_run())).visible())
    assert text.count("C3 weight Q2.2 lacks 4 fraction bits: agreement 81 % → 99.6 %.") == 2
    for words in (
        "0 of 4,704 outputs at risk",
        "12 of 1,600 outputs at risk",
        "12 of 6,518 outputs are at risk, in C3.",
        "7.04×10¹³",
        "input 12 [15, 9, 9]",
        "31 at C3, 5 at F6, 1 at output, 1 at softmax",
        "18 more in run.json.",
        "Q6.10 · 7 of 6",
        "energy and area are estimates by round; the range is that of DRAM; energy lacks register file, network",
        "13.8 µJ per input, 7.50 µJ to 20.1 µJ",
        "Where the energy goes",
        "1.75 mm²",
    ):
        assert words in text, words


def test_fragment_is_the_table():
    """A notebook gets the verdict and the same table of layers, without script or drawing."""
    parsed = Page(render_fragment(lenet5_run()))
    assert parsed.problems == []
    assert not {tag for tag, _ in parsed.tags} & {"script", "svg", "html"}
    rows = [text for tag, text in parsed.texts if tag == "th"]
    assert [text for text in rows if text in NAMES] == NAMES
