"""The pages in reports/ as they are committed: in a browser, whole, silent, drawn, and within the width of a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.browser import BROWSER, NAMES, browse, probe
from tests.report.pages import Page
from tests.report.test_browser import FIT

REPORTS = Path(__file__).resolve().parents[2] / "reports"
COMMITTED = sorted(str(page.relative_to(REPORTS)) for page in REPORTS.rglob("*.html"))

needs_browser = pytest.mark.skipif(BROWSER is None, reason=f"no browser found (looked for {', '.join(NAMES)})")


def test_all_are_listed():
    """reports/README.md has a row for every page."""
    listed = (REPORTS / "README.md").read_text(encoding="utf-8")
    assert COMMITTED
    assert [name for name in COMMITTED if f"]({name})" not in listed] == []


@pytest.mark.parametrize("name", COMMITTED)
def test_is_one_file(name):
    """Tags balance, links lead somewhere on the page, nothing is fetched, it is below 1 MB."""
    html = (REPORTS / name).read_text(encoding="utf-8")
    page = Page(html)
    assert page.problems == []
    assert len(html.encode()) < 1_000_000
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {target.removeprefix("#") for target in page.values("href")} <= set(ids)
    assert page.values("src") == []


@needs_browser
@pytest.mark.parametrize("name", COMMITTED)
def test_loads_without_a_word(name, tmp_path):
    """The console stays empty, every figure has its drawing, every heading that sorts its button."""
    dom, console = browse((REPORTS / name).read_text(encoding="utf-8"), tmp_path)
    assert console == []
    drawings = dom.count('<svg class="chart"')
    assert drawings == dom.count("<figure>") > 0
    assert dom.count('<button type="button">') == dom.count('aria-sort="none"') > 10


@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", COMMITTED)
def test_fits(name, width, tmp_path):
    """On a phone and on a desk nothing sticks out, every drawing shows something, and its words are readable."""
    told, console = probe((REPORTS / name).read_text(encoding="utf-8"), tmp_path, FIT, width)
    assert console == []
    assert told["overhang"] == "0"
    assert int(told["drawings"]) > 0
    assert float(told["smallest"]) >= 8
