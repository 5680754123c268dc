"""From strokes on a matplotlib figure to one SVG element that lives inside a page: `draw`.

The contract: same strokes, same bytes, whatever matplotlibrc the user has; no namespace, date, style sheet, fixed
size or font of its own; series colours become CSS variables (with matplotlib's colour as the fallback) and the text
colour becomes `currentColor`, so that one drawing serves light and dark pages. The surprise: matplotlib numbers its
ids from one in every file, so two drawings in one page would share clip paths; ids nobody refers to are dropped and
the others get the chart's key in front.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = "#1c2126"
"""What is drawn in this colour takes the colour of the text around the chart."""

PALETTE = {
    "steady": "#1b4a86",
    "fill": "#4b97c6",
    "drain": "#77706a",
    "stall": "#d05a00",
    "input": "#4b97c5",
    "weight": "#b06f00",
    "output": "#0b5f4c",
    "within": "#1b4a85",
    "below": "#77706b",
    "above": "#d05a01",
    "grid": "#d9dee4",
    "band": "#e2eaf3",
}
"""Colour of each series on a light page. No two are equal: each stands for its own variable of page.css."""

FONT_SIZE = 10.5
UNITS_PER_INCH = 72

_VARIABLES = {
    TEXT: "currentColor",
    **{colour: f"var(--{name}, {colour})" for name, colour in PALETTE.items()},
}
_XLINK = "{http://www.w3.org/1999/xlink}href"
_DECIMAL = re.compile(r"-?\d+\.\d+")
_STROKE = re.compile(r"([ML]) (\S+) (\S+)|z")
_SETTINGS: dict[str, object] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a layer may be called "$x$"
    "font.size": FONT_SIZE,
    "text.color": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "axes.edgecolor": TEXT,
}


def draw(paint: Callable[[Figure], None], width: float, height: float, key: str, description: str) -> str:
    """Return what `paint` puts on a figure of width x height units as one `<svg role="img">`.

    key starts every id; description becomes the title that a screen reader speaks.
    """
    root = ET.fromstring(_written(paint, width, height, key))  # noqa: S314 - matplotlib wrote it just now
    for parent in list(root.iter()):
        parent.tag = parent.tag.split("}")[-1]
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    _own_ids(root, key)
    for element in root.iter():
        _slim(element)
    for element in root.iter("g"):
        _lift_style(element)
    root.attrib.clear()
    root.attrib.update(
        {"class": "chart", "viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": description}
    )
    title = ET.Element("title")
    title.text = description
    root.insert(0, title)
    return ET.tostring(root, encoding="unicode")


def _written(paint: Callable[[Figure], None], width: float, height: float, key: str) -> str:
    """Let matplotlib write the figure, under its own defaults and ours."""
    import warnings

    import matplotlib as mpl
    from matplotlib.figure import Figure

    text = StringIO()
    # Not `matplotlib.style`, which reads every style sheet that is installed.
    defaults = {name: value for name, value in mpl.rcParamsDefault.items() if not name.startswith("backend")}
    ours: Any = {**defaults, **_SETTINGS, "svg.hashsalt": key}
    with mpl.rc_context(ours), warnings.catch_warnings():
        # The reader's browser has the glyphs of a layer's name that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph .* missing from")
        figure = Figure(figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH))
        paint(figure)
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return text.getvalue()


def _own_ids(root: ET.Element, key: str) -> None:
    """Drop ids that nothing refers to, put the key in front of the others and of every reference."""
    referred: set[str] = set()
    for element in root.iter():
        target = element.attrib.pop(_XLINK, None)
        if target is not None:
            referred.add(target[1:])
            element.set("href", f"#{key}-{target[1:]}")
        clip = element.attrib.get("clip-path")
        if clip is not None:
            name = clip.removeprefix("url(#").removesuffix(")")
            referred.add(name)
            element.set("clip-path", f"url(#{key}-{name})")
    for element in root.iter():
        name = element.attrib.pop("id", "")
        if name in referred:
            element.set("id", f"{key}-{name}")


def _slim(element: ET.Element) -> None:
    """Leave out spaces, needless decimals and null rotations; take colours and the font from the page."""
    attributes = element.attrib
    if element.tag != "text":
        element.text = None
    element.tail = None
    if attributes.get("transform", "").startswith(("rotate(-0 ", "rotate(0 ")):
        del attributes["transform"]
    for name in ("d", "x", "y", "width", "height", "transform", "points"):
        if name in attributes:
            short = _DECIMAL.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), attributes[name])
            attributes[name] = _short_path(short) if name == "d" else short
    if "style" in attributes:
        attributes["style"] = _restyled(attributes["style"])


def _lift_style(group: ET.Element) -> None:
    """Say once what all marks of a group look like; a line of dots repeats nothing else."""
    styles = {mark.get("style") for mark in group}
    if len(group) > 1 and len(styles) == 1 and all(mark.tag == "use" for mark in group) and "style" not in group.attrib:
        group.set("style", styles.pop() or "")
        for mark in group:
            mark.attrib.pop("style", None)


def _short_path(path: str) -> str:
    """Write level and upright strokes of a polygon as H and V; every bar is made of them."""
    words = " ".join(path.split())
    if re.search(r"[^MLz\d\s.-]", words):
        return words
    short, at = [], ("", "")
    for stroke in _STROKE.finditer(words):
        letter, x, y = stroke.groups()
        if letter is None:
            short.append("z")
        elif letter == "M" or (x != at[0] and y != at[1]):
            short.append(f"{letter}{x} {y}")
        elif (x, y) != at:
            short.append(f"V{y}" if x == at[0] else f"H{x}")
        at = (x, y)
    return "".join(short)


def _restyled(style: str) -> str:
    """Put variables for colours; of the font keep size and weight (matplotlib before 3.11 writes `font: 10px ...`)."""
    kept = []
    for declaration in style.split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":
            size = re.search(r"[\d.]+px", value)
            weight = re.match(r"(?:bold|[1-9]00)\b", value)
            kept += [f"font-size: {size[0]}"] if size else []
            kept += [f"font-weight: {weight[0]}"] if weight else []
        elif name and name != "font-family":
            kept.append(f"{name}: {_VARIABLES.get(value, value)}")
    return "; ".join(kept)
