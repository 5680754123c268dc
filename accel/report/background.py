"""Drawing beside computing: a second process loads the drawing library while kernels run, then renders the page.

Loading matplotlib and drawing take about a second, a third of a whole `accel run`. The child reads a document on its
standard input and writes the page to its standard output; if it fails for any reason, the page is rendered here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from accel.report.export import plain
from accel.report.page import render
from accel.report.prose import Document


@contextmanager
def background_page() -> Iterator[Callable[[Document], str]]:
    """Start the child now and offer a function from document to page; the child ends with the block."""
    child = subprocess.Popen(  # noqa: S603 - our own module, by this interpreter
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )

    def page(document: Document) -> str:
        run = plain(document)
        rendered, _ = child.communicate(json.dumps(run).encode())
        return rendered.decode() if child.returncode == 0 else render(run)

    try:
        yield page
    finally:
        child.kill()
        child.communicate()


def main() -> None:
    """Be the child: load what drawing needs, then render the one document that comes."""
    load_drawing()
    document = json.load(sys.stdin)
    sys.stdout.buffer.write(render(document).encode())


def load_drawing() -> None:
    """Draw one letter, which loads the library and its fonts."""
    from matplotlib.figure import Figure

    from accel.report.svg import draw

    def paint(figure: Figure) -> None:
        figure.text(0, 0, "0")

    draw(paint, width=9, height=9, key="first", description="one letter")


if __name__ == "__main__":
    main()
