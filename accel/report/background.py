"""Drawing beside computing: a second process loads the drawing library while kernels run, then renders the page.

Loading matplotlib and drawing take about a second, a third of a whole `accel run`. The child reads a document on its
standard input and writes the page to its standard output; if it fails for any reason, the page is rendered here.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from accel.report import charts
from accel.report.export import plain
from accel.report.html import parsed
from accel.report.page import render
from accel.report.prose import Document

_CYCLES = {"fill": 1, "steady": 1, "drain": 1, "stall": 1, "total": 4}
_SAMPLE = {"name": "0", "macs": 1, "cycles": _CYCLES, "bytes": {"dram": {"input": 1}}}

Page = Callable[[Document], Callable[[], str]]
"""Takes a document and offers the wait for its page: what a caller does in between, it does beside the drawing."""


@contextmanager
def background_page() -> Iterator[Page]:
    """Start the child now; it ends with the block."""
    child = subprocess.Popen(  # noqa: S603 - our own module, by this interpreter
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with child, ThreadPoolExecutor(1) as messenger:

        def page(document: Document) -> Callable[[], str]:
            run = plain(document)
            answer = messenger.submit(child.communicate, json.dumps(run).encode())

            def wait() -> str:
                rendered, _ = answer.result()
                return rendered.decode() if child.returncode == 0 else render(run)

            return wait

        try:
            yield page
        finally:
            child.kill()


def main() -> None:
    """Be the child: load what drawing needs, then render the one document that comes."""
    gc.disable()  # a process of a second that is about to draw has nothing to collect
    sys.modules["mpl_toolkits.mplot3d"] = None  # type: ignore[assignment]  # matplotlib does without a third axis
    load_drawing()
    document = json.load(sys.stdin)
    sys.stdout.buffer.write(render(document).encode())


def load_drawing() -> None:
    """Draw a layer of next to nothing and read the templates, which loads the library, its fonts and what both keep."""
    charts.cycles([_SAMPLE])
    charts.roofline([_SAMPLE], 1, 1.0)
    parsed("page.html.j2")


if __name__ == "__main__":
    main()
