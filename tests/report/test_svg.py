"""Drawings as they stand in a page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.report import svg

WORDS = 'a <b> & "id" $x_1$ 層'


def sketch(figure):
    """Draw clipped and unclipped things and words that are no markup and no formula."""
    axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
    axes.plot([0, 1, 5], [0, 1, 0], color=svg.PALETTE["steady"])
    axes.barh([0, 1], [1, 2], color=svg.PALETTE["stall"])
    axes.text(0.5, 0.5, WORDS, fontweight="bold")


def drawing(key="one"):
    """The sketch as an element."""
    return svg.draw(sketch, 200, 100, key, "a <sketch>")


def test_is_an_image_with_a_title():
    """The element has a role, a label and a title, a view box in units, and no size of its own."""
    root = ET.fromstring(drawing())
    assert root.tag == "svg"
    assert root.attrib == {"class": "chart", "viewBox": "0 0 200 100", "role": "img", "aria-label": "a <sketch>"}
    assert root[0].tag == "title"
    assert root[0].text == "a <sketch>"


def test_words_stay_words():
    """Text is text, escaped, not set as a formula, in the page's font, with its weight."""
    (element,) = [each for each in ET.fromstring(drawing()).iter("text") if each.text == WORDS]
    style = element.attrib["style"]
    assert "font-family" not in style
    assert "font-size: 10.5px" in style
    assert re.search(r"font-weight: (bold|700)", style)


def test_colours_follow_the_page():
    """Series colours are variables with a fallback, text is the text's colour, nothing is painted behind."""
    text = drawing()
    assert "var(--steady, #1b4a86)" in text
    assert "currentColor" in text
    assert "#ffffff" not in text
    assert svg.TEXT not in text


def test_dots_say_once_how_they_look():
    """A line of dots has its style on the group; each dot is a place only."""

    def paint(figure):
        axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
        axes.plot([0, 1, 5], [0, 1, 0], "o", color=svg.PALETTE["steady"])
        axes.set_axis_off()

    root = ET.fromstring(svg.draw(paint, 200, 100, "dots", "dots"))
    (group,) = [each for each in root.iter("g") if each.find("use") is not None]
    assert "var(--steady" in group.attrib["style"]
    assert [set(dot.attrib) for dot in group] == [{"href", "x", "y"}] * 3


def test_ids_belong_to_the_chart():
    """Two drawings in one page share no id, and every reference finds its target in its own drawing."""
    owned = []
    for key in ("one", "two"):
        root = ET.fromstring(drawing(key))
        ids = [each.attrib["id"] for each in root.iter() if "id" in each.attrib]
        references = [each.attrib["href"][1:] for each in root.iter() if "href" in each.attrib]
        references += [each.attrib["clip-path"][5:-1] for each in root.iter() if "clip-path" in each.attrib]
        assert references
        assert set(references) == set(ids)
        owned += ids
    assert len(owned) == len(set(owned))


def test_nothing_reaches_out():
    """No namespace, style sheet, metadata, script or address is in a drawing."""
    text = drawing()
    assert not re.search(r"xmlns|<style|<metadata|http|<script|matplotlib", text)


def test_same_bytes_whatever_the_user_has_set():
    """A user's matplotlibrc changes nothing, and nothing of ours stays set."""
    plain = drawing()
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red", "lines.linewidth": 9}):
        assert drawing() == plain
        assert mpl.rcParams["font.size"] == 30
        assert mpl.rcParams["svg.fonttype"] == "path"


def corners(path):
    """Turn path data into absolute points, by hand."""
    points, x, y = [], "", ""
    for letter, numbers in re.findall(r"([MLHVz])([^MLHVz]*)", path):
        words = numbers.split()
        if letter == "z":
            points.append("z")
            continue
        x, y = (words[0], y) if letter == "H" else (x, words[0]) if letter == "V" else words
        points.append((letter == "M", x, y))
    return points


coordinates = st.integers(0, 3).map(str)


@given(boxes=st.lists(st.tuples(coordinates, coordinates, coordinates, coordinates), min_size=1, max_size=4))
def test_short_paths_are_the_same_paths(boxes):
    """Level and upright strokes written as H and V, and points repeated, change no shape."""
    long = " ".join(f"M {x} {y} L {u} {y} L {u} {v} L {x} {v} L {x} {y} z" for x, y, u, v in boxes)
    expected = []
    for x, y, u, v in boxes:
        expected.append((True, x, y))
        at = (x, y)
        for point in ((u, y), (u, v), (x, v), (x, y)):
            if point != at:
                expected.append((False, *point))
            at = point
        expected.append("z")
    assert corners(svg._short_path(long)) == expected


@pytest.mark.parametrize("path", ["M 1 2 L 3 4", "M 0 0 C 1 1 2 2 3 3 z", "M 0 0 Q 1 1 2 2 L 2 5"])
def test_curves_and_slopes_stay(path):
    """A slope stays a line, and a path with curves is left as it is."""
    assert re.findall(r"[\d.]+", svg._short_path(path)) == re.findall(r"[\d.]+", path)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("font: 10.5px 'DejaVu Sans', sans-serif; text-anchor: end; fill: #1c2126", "10.5px;end;currentColor"),
        ("font: bold 10px 'DejaVu Sans'; text-anchor: end; fill: #77706a", "10px;bold;end;var(--drain, #77706a)"),
        ("font-size: 10px; font-family: 'DejaVu Sans', 'A'; fill: #0c0c0c", "10px;#0c0c0c"),
    ],
)
def test_styles_of_any_matplotlib(style, expected):
    """The shorthand of older releases and the long form of newer ones keep size and weight, and lose the family."""
    declarations = [each.split(": ", 1) for each in svg._restyled(style).split("; ")]
    assert ";".join(value for _, value in declarations) == expected
    assert {name for name, _ in declarations} <= {"font-size", "font-weight", "text-anchor", "fill"}
