"""`accel show published`: a line per figure, the document as JSON, or the page."""

from accel.published.survey import MACHINES, survey
from accel.report.published_words import comparisons


def test_every_figure_is_a_line(accel):
    """Predicted, published and the error with its sign, under the machine's name; chosen constants below."""
    outcome = accel("show published")
    lines = [line.split() for line in outcome.out.splitlines()]
    assert (outcome.code, outcome.errors) == (0, [])
    assert ["cycles", "conv2", "7,113,216", "7,840,000", "−9.3", "measured"] in lines
    assert ["cycles", "all", "1,008,246", "1,008,246", "exact", "printed"] in lines
    assert ["time", "ms", "layer", "1", "7.321", "7.67", "−4.6", "measured,", "from", "memory"] in lines
    assert ["rate", "TOPS", "CNN1", "–", "14.1", "–", "measured"] in lines
    headings = [line for line in outcome.out.splitlines() if line and not line.startswith(" ")]
    assert [heading.split(" (")[1].split(")")[0] for heading in headings] == list(MACHINES)
    figures = [line for line in lines if {"measured", "measured,", "printed"} & set(line)]
    assert len(figures) == len(comparisons(survey()))
    assert "chosen with this table in view: engine.depth = 20; exemption = 0 cycles where" in outcome.out


def test_the_document(accel):
    """--json prints the whole survey, with -q nothing else is printed."""
    assert accel("show published --json").json == survey()
    assert accel("show published -q").out == ""


def test_the_page(accel, tmp_path):
    """--html writes the page and says where; a place that cannot be written is an error that names it."""
    outcome = accel("show published --html pages/published.html")
    assert (outcome.code, outcome.out) == (0, "written: pages/published.html\n")
    html = (tmp_path / "pages" / "published.html").read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert html.endswith("</html>")
    refused = accel("show published --html pages/published.html/x.html")
    assert refused.code == 2
    assert "pages/published.html" in refused.errors[-1]


def test_it_takes_nothing_more(accel):
    """A name or an accelerator is refused."""
    assert accel("show published eyeriss").code == 2
    assert accel("show published -a eyeriss").code == 2
