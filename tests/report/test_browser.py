"""The page in a real browser: no console errors, every drawing there, tables that sort, nothing that sticks out."""

from __future__ import annotations

import pytest

from accel.published.survey import survey as published_machines
from accel.report import render
from accel.report.compare_page import render_comparison
from accel.report.published_page import render_published
from accel.report.sweep_page import render_sweep
from accel.report.training_page import render_training
from accel.report.training_study import render_study
from accel.report.units_page import render_units
from tests.report.browser import BROWSER, NAMES, browse, probe
from tests.report.conftest import lenet5_run
from tests.report.examples import explained_run
from tests.report.survey import UNITS, survey
from tests.report.sweeps import comparison, sweep
from tests.report.test_page import hostile_run
from tests.report.test_training_page import document as training
from tests.report.test_training_study import documents as trainings
from tests.report.test_training_study import rounding

SORT = """
const table = document.querySelector("#layers table");
const press = (column, name) => {
  const heading = table.tHead.rows[0].cells[column];
  heading.querySelector("button").click();
  tell(name, heading.getAttribute("aria-sort") + " " + cells(table, column));
};
tell("before", cells(table, 0));
press(5, "first"); press(5, "second");
press(6, "utilization");
press(6, "utilization again"); press(6, "utilization off");
tell("after", cells(table, 0));
"""
FIT = """
const drawings = [...document.querySelectorAll("svg.chart")];
for (const details of document.querySelectorAll("details")) details.open = true;
tell("width", innerWidth);
tell("overhang", document.documentElement.scrollWidth - document.documentElement.clientWidth);
tell("drawings", drawings.filter((svg) => svg.getBoundingClientRect().height > 80).length);
tell("clipped", drawings.flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter((text) => outside(text.getBoundingClientRect(), frame));
}).map((text) => text.textContent).join("|"));
tell("smallest", Math.min(...drawings.flatMap((svg) =>
  [...svg.querySelectorAll("text")].map((text) => text.getBoundingClientRect().height))).toFixed(1));
"""

KEYS = """
for (const details of document.querySelectorAll("details")) details.open = true;
const reached = [...document.querySelectorAll("a[href], button, select, summary, [tabindex]")];
const dumb = reached.filter((each) => {
  each.focus({ focusVisible: true, preventScroll: true });
  const style = getComputedStyle(each);
  return document.activeElement !== each || style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2;
});
tell("reached", reached.length);
tell("dumb", dumb.map((each) => each.tagName + " " + each.textContent.slice(0, 20)).join("|"));
tell("jumps", reached.filter((each) => each.tabIndex > 0).length);
tell("unreachable", [...document.querySelectorAll(".scroll")].filter((box) => box.tabIndex !== 0).length);
tell("unnamed", [...document.querySelectorAll(".scroll, select")].filter((each) =>
  !each.getAttribute("aria-label") && !each.closest("label")).length);
const button = document.querySelector("thead button");
button.focus();
const heading = button.closest("th");
const before = heading.getAttribute("aria-sort");
button.click();
tell("sorted", before + " " + heading.getAttribute("aria-sort") + " " + (document.activeElement === button));
"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"no browser found (looked for {', '.join(NAMES)})")


PAGES = {
    "plain": (lambda: render(lenet5_run()), 8, "Fixed point decides as float64 does"),
    "explained": (lambda: render(explained_run()), 11, "Where bits get lost"),
    "units": (lambda: render_units(survey()), 6, "measured against float64"),
    "published": (lambda: render_published(published_machines()), 8, "chosen with the published figures in view"),
}
"""How each page is made, how many charts it has, and words on it."""


@pytest.fixture(scope="module")
def pages():
    """Every page, made once."""
    return {name: make() for name, (make, _, _) in PAGES.items()}


@pytest.mark.parametrize("name", PAGES)
def test_loads_without_a_word(pages, name, tmp_path):
    """The browser's console stays empty, every drawing is in the document, every heading got its button."""
    _, charts, words = PAGES[name]
    dom, console = browse(pages[name], tmp_path)
    assert console == []
    assert dom.count('<svg class="chart"') == charts
    assert words in dom
    assert dom.count('<button type="button">') == dom.count('aria-sort="none"') > 30


@pytest.mark.parametrize("make", [lambda: render_training(training()), lambda: render_study(trainings(), rounding())])
def test_training_pages(make, tmp_path):
    """The page of a training and that of a study of several load likewise, and fit a phone."""
    html = make()
    dom, console = browse(html, tmp_path)
    assert console == []
    drawings = dom.count('<svg class="chart"')
    assert drawings == dom.count("<figure>") >= 2
    assert dom.count('<button type="button">') == dom.count('aria-sort="none"') > 3
    told, console = probe(html, tmp_path, FIT, 390)
    assert console == []
    assert (told["overhang"], told["drawings"], told["clipped"]) == ("0", str(drawings), "")


def test_hostile_names_do_not_run(tmp_path):
    """With hostile names everywhere the console stays empty, too: nothing ran and nothing had to be refused."""
    dom, console = browse(render(hostile_run()), tmp_path)
    assert console == []
    assert "<script>alert" not in dom


def test_tables_sort(pages, tmp_path):
    """A heading's button sorts by value, turns round, and returns to network order; absent values stand last."""
    told, console = probe(pages["explained"], tmp_path, SORT, 1280)
    assert console == []
    layers = lenet5_run()["layers"]
    cycles = sorted((layer["cycles"]["total"] for layer in layers), reverse=True)
    assert told["before"] == told["after"] == " ".join(layer["name"] for layer in layers)
    assert told["first"] == f"descending {' '.join(f'{each:,}' for each in cycles)}"
    assert told["second"] == f"ascending {' '.join(f'{each:,}' for each in reversed(cycles))}"
    assert told["utilization"] == "descending 64.2 27.7 1.56 1.56 1.16 – – – – – – –"
    assert told["utilization again"] == "ascending 1.16 1.56 1.56 27.7 64.2 – – – – – – –"
    assert told["utilization off"].startswith("none ")


def test_units_sort_by_error(pages, tmp_path):
    """A table of units sorts by its largest error, small print and all."""
    script = """
    const table = document.querySelector("#function-1 table");
    table.tHead.rows[0].cells[1].querySelector("button").click();
    tell("errors", [...table.tBodies[0].rows].map((row) => row.cells[1].dataset.value).join(" "));
    """
    told, console = probe(pages["units"], tmp_path, script, 1280)
    assert console == []
    errors = sorted((row[3] for row in UNITS if row[0] == "exp"), reverse=True)
    assert told["errors"] == " ".join(f"{error:g}" for error in errors)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [390, 760, 1280])
def test_fits(pages, name, tmp_path, width):
    """From phone to desktop the page does not scroll sideways, every drawing shows, and no word is cut off."""
    told, console = probe(pages[name], tmp_path, FIT, width)
    assert console == []
    assert told["width"] == str(width)
    assert told["overhang"] == "0"
    assert told["drawings"] == str(PAGES[name][1])
    assert told["clipped"] == ""
    assert float(told["smallest"]) >= 9


@pytest.mark.parametrize("name", [*PAGES, "sweep", "comparison"])
def test_keyboard(pages, name, tmp_path):
    """What acts or scrolls is reached by Tab in reading order, shows its focus, and keeps it when it sorts."""
    others = {"sweep": lambda: render_sweep(sweep()), "comparison": lambda: render_comparison(comparison())}
    told, console = probe(pages[name] if name in pages else others[name](), tmp_path, KEYS, 1280)
    assert console == []
    assert int(told["reached"]) > 20
    assert told["dumb"] == ""
    assert (told["jumps"], told["unreachable"], told["unnamed"]) == ("0", "0", "0")
    before, after, stays = told["sorted"].split()
    assert (before, stays) == ("none", "true")
    assert after in ("ascending", "descending")


@pytest.mark.parametrize("name", ["explained", "units", "published"])
def test_tables_fit_a_desk(pages, name, tmp_path):
    """On a desktop no table needs to be scrolled sideways."""
    script = """
    for (const details of document.querySelectorAll("details")) details.open = true;
    tell("scrolling", [...document.querySelectorAll(".scroll")].filter((box) => box.scrollWidth > box.clientWidth + 1)
      .map((box) => box.getAttribute("aria-label")).join("|"));
    """
    told, _ = probe(pages[name], tmp_path, script, 1280)
    assert told["scrolling"] == ""
