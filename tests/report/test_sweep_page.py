"""The pages of sweeps and comparisons: whole, well-formed, escaped, and in a browser without a word on the console."""

from __future__ import annotations

import copy
import re

import pytest

from accel.report.compare import compare, headline, verdict
from accel.report.compare_page import render_comparison
from accel.report.humane import percent
from accel.report.sweep_charts import facets
from accel.report.sweep_page import MOST_ROWS, render_sweep
from accel.report.sweep_words import attention, figure_in_words, setting_in_words, title
from accel.report.sweep_words import headline as sweep_headline
from accel.report.sweep_words import verdict as verdict_of
from tests.report.browser import BROWSER, NAMES, browse, probe
from tests.report.conftest import lenet5_run
from tests.report.pages import Page
from tests.report.sweeps import comparison, sweep
from tests.report.test_browser import FIT
from tests.report.test_page import HOSTILE

SETTINGS = (
    ("memory.dram_bytes_per_cycle", 4),
    ("array.dataflow", "os"),
    ("numerics.rounding", "TRN"),
    ("accumulator", 16),
    ("elements", 1),
    ("word_bits", 8),
)

PAGES = {"sweep": lambda: render_sweep(sweep()), "comparison": lambda: render_comparison(comparison())}
CHARTS = {"sweep": 2 + 4 + 6, "comparison": 1}

needs_browser = pytest.mark.skipif(BROWSER is None, reason=f"no browser found (looked for {', '.join(NAMES)})")


@pytest.fixture(scope="module")
def pages():
    """Every page, made once."""
    return {name: make() for name, make in PAGES.items()}


@pytest.mark.parametrize("name", PAGES)
def test_is_one_well_formed_file(pages, name):
    """Tags balance, nothing leaves the file, ids are unique, links have targets, it is small and always the same."""
    html = pages[name]
    page = Page(html)
    assert page.problems == []
    assert not re.search(r"https?:|@import|url\((?!#)|src=", html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in page.values("href")} <= set(ids)
    drawings = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(drawings) == CHARTS[name]
    assert all(each["role"] == "img" and each["aria-label"] for each in drawings)
    assert len(html.encode()) < 1_000_000
    assert html == PAGES[name]()
    for word in ("None", "nan", "Undefined", "{'"):
        assert not [text for text in page.visible() if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)], word


@needs_browser
@pytest.mark.parametrize("name", PAGES)
def test_loads_without_a_word(pages, name, tmp_path):
    """The console stays empty, the drawings are there, tables got their buttons."""
    dom, console = browse(pages[name], tmp_path)
    assert console == []
    assert dom.count('<svg class="chart"') == CHARTS[name]
    assert dom.count('aria-sort="none"') > 10


@needs_browser
@pytest.mark.parametrize(("name", "width"), [("sweep", 390), ("sweep", 1280), ("comparison", 390)])
def test_fits(pages, name, width, tmp_path):
    """From phone to desktop nothing sticks out, every drawing shows, no word is cut off."""
    told, console = probe(pages[name], tmp_path, FIT, width)
    assert console == []
    assert (told["overhang"], told["clipped"]) == ("0", "")
    assert int(told["drawings"]) >= {"sweep": 8, "comparison": 1}[name]  # a map of three rows is lower than counted
    assert float(told["smallest"]) >= 8


@needs_browser
def test_filters(pages, tmp_path):
    """A choice hides the other rows, two choices hide more, and the number that is shown is told."""
    script = """
    const form = document.querySelector("form.filters");
    const names = [...form.querySelectorAll("label")].map((label) => label.firstChild.textContent);
    tell("names", names.join("|"));
    const choose = (name, value) => {
      const select = form.querySelectorAll("select")[names.indexOf(name)];
      select.value = value;
      select.dispatchEvent(new Event("change"));
    };
    tell("all", form.querySelector("output").textContent);
    choose("dataflow", "ws");
    tell("one", form.querySelector("output").textContent);
    choose("standing", "front");
    tell("two", form.querySelector("output").textContent);
    choose("dataflow", "");
    const shown = [...document.querySelectorAll("table.filtered tbody tr")].filter((row) => !row.hidden);
    tell("front", shown.length + " " + shown.every((row) => row.cells[1].textContent === "front"));
    """
    told, console = probe(pages["sweep"], tmp_path, script, 1280)
    assert console == []
    assert told["names"] == "standing|elements|dataflow|DRAM bytes per cycle"
    assert told["all"] == "60 of 60 shown"
    assert told["one"] == "15 of 60 shown"
    front = [row[4] for index, row in enumerate(sweep()["rows"]) if index in sweep()["front"]]
    assert told["two"] == f"{front.count('ws')} of 60 shown"
    assert told["front"] == "5 true"


@needs_browser
def test_hostile_names_do_not_run(tmp_path):
    """Whatever a sweep or a run names, nothing runs and nothing had to be refused."""
    document = sweep()
    document |= {"name": HOSTILE, "accelerator": HOSTILE, "constraints": [HOSTILE]}
    document["axes"][2]["name"] = HOSTILE
    document["columns"][4] = HOSTILE
    document["rows"] = [[*row[:4], HOSTILE, *row[5:-1], HOSTILE if row[-1] else ""] for row in document["rows"]]
    document["axes"][2]["values"] = [HOSTILE]
    both = comparison()
    both["names"] = [HOSTILE, HOSTILE]
    both["changes"] = [{"key": HOSTILE, "first": HOSTILE, "second": None}]
    for number, html in enumerate((render_sweep(document), render_comparison(both))):
        folder = tmp_path / str(number)
        folder.mkdir()
        dom, console = browse(html, folder)
        assert console == []
        assert "<script>alert" not in dom


def test_sentences():
    """What a sweep found, what failed, and where its knees are."""
    document = sweep()
    assert sweep_headline(document) == ("60 points, 5 on the front of accuracy and latency and energy (estimate).")
    failed, beyond, *found = attention(document)
    assert failed == "1 point failed, 1 of them with: C3: too small; make it larger"
    assert beyond == "4 points beyond energy_pj <= 9e+06."
    knees = [curve["points"][curve["knee"]]["pes"] for curve in document["scaling"]]
    assert len(found) == 1
    assert found[0].startswith(f"Knees of all 12 curves: from {min(knees)} PEs (")
    assert f" to {max(knees)} (" in found[0]
    own = {"name": "gupta2015", "array": {"dataflow": "ws"}, "memory": {"dram_bytes_per_cycle": 16.0}}
    curve = next(each for each in document["scaling"] if list(each["labels"].values()) == ["ws", 16])
    at = curve["points"][curve["knee"]]
    told, rest = attention({**document, "accelerator_document": own})[2:]
    assert told.startswith(f"Knee of the machine as it is (ws, 16 DRAM bytes per cycle): {at['pes']} PEs, ")
    assert f" {at['speedup']:.3g} times as fast as 1, " in told
    assert rest == found[0]
    few = attention({**document, "scaling": document["scaling"][:2], "accelerator_document": own})[2:]
    assert [words.partition(":")[0] for words in few] == [
        "Knee of os, 2 DRAM bytes per cycle",
        "Knee of os, 16 DRAM bytes per cycle",
    ]
    assert sweep_headline({**document, "planned": 90}).startswith("60 of 90 points finished")
    best = max(row[6] for row in document["rows"] if row[1] == "done")
    assert verdict_of(document).startswith(f"Highest accuracy: {percent(best)} % (")
    assert "Lowest latency: " in verdict_of(document)
    assert [setting_in_words(name, value) for name, value in SETTINGS] == [
        "4 DRAM bytes per cycle",
        "os",
        "rounding TRN",
        "accumulator 16",
        "elements 1",
        "8 word bits",
    ]
    assert [title(name) for name in ("numerics.layers.C1.weight", "array.rows", "word_bits")] == [
        "C1 weight",
        "rows",
        "word bits",
    ]
    assert [figure_in_words("accuracy", 0.975), figure_in_words("energy_pj", 2.5e6, True)] == ["97.5", "2.50 µJ"]


def test_a_large_sweep_shows_its_front_first():
    """Of many points the table has as many as a page can bear, the front among them; the rest is counted."""
    document = sweep()
    document["rows"] = [copy.copy(row) for _ in range(20) for row in document["rows"]]
    document["front"] = [3, 1199]
    page = Page(render_sweep(document))
    text = " ".join(page.visible())
    assert f"{MOST_ROWS} of 1,200 points : the front first" in re.sub(r"\s+", " ", text).replace("points:", "points :")
    assert document["rows"][1199][0][:8] in text


def test_facets():
    """Six curves share a drawing; twelve are dealt along the axis that needs fewest; one that fits no axis is cut."""
    curves = sweep()["scaling"]
    assert len(curves) == 12
    assert [(about, len(members)) for about, members in facets(curves)] == [
        (", 2 DRAM bytes per cycle", 4),
        (", 16 DRAM bytes per cycle", 4),
        (", DRAM bytes per cycle none", 4),
    ]
    assert [len(members) for _, members in facets(curves[:6])] == [6]
    assert facets([]) == []


def test_what_a_comparison_says():
    """Changed keys with both values, layers by name, ratios second over first; a run against itself has nothing."""
    both = comparison()
    assert {change["key"]: (change["first"], change["second"]) for change in both["changes"]} == {
        "clock_hz": (lenet5_run()["accelerator_document"]["clock_hz"], 5e8),
        "fresh.key": (None, [1, 2]),
    }
    layers = {layer["name"]: layer for layer in both["layers"]}
    assert layers["extra"]["first"] is None
    assert layers["C1"]["ratio"] == pytest.approx(0.5, rel=0.01)
    assert "times as fast" in headline(both)
    assert "points of accuracy less" in headline(both)
    assert "The largest difference is at" in verdict(both)
    same = compare(lenet5_run(), lenet5_run())
    assert (same["changes"], same["about"]) == ([], [])
    assert headline(same).endswith("as fast, the same accuracy.")
    assert verdict(same) == "0 keys of the accelerator file differ."
    assert [name[-3:] for name in same["names"]] == ["(A)", "(B)"]
    assert "Nothing: both runs are of one machine" in render_comparison(same)
