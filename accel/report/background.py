"""Drawing beside computing: a second process loads the drawing library while kernels load, then renders the page.

Loading matplotlib and drawing take about a second, a third of a whole `accel run`. The child reads two lines of JSON:
what an estimate knows, long before any bits are computed, of which it draws what that decides; then the whole run. It
writes the page to its standard output; if it fails for any reason, the page is rendered here.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module

from accel.report.export import plain
from accel.report.html import parsed
from accel.report.page import estimated_charts, render
from accel.report.prose import Document

_NOTHING = b"null\n"


class BackgroundPage:
    """The page that a child draws: `begin` it with an estimate, then hand over the run and wait for it."""

    def __init__(self, child: subprocess.Popen[bytes], messenger: ThreadPoolExecutor) -> None:
        self._child, self._messenger = child, messenger
        self._first = _NOTHING

    def begin(self, estimate: Document) -> None:
        """Let the child draw what an estimate decides: `layers`, `pes`, `accelerator_document` of the run to come."""
        self._messenger.submit(self._send, _line(estimate))
        self._first = b""

    def __call__(self, document: Document) -> Callable[[], str]:
        """Send the run; return the wait for its page: what a caller does in between, it does beside the drawing."""
        run = plain(document)
        answer = self._messenger.submit(self._child.communicate, self._first + _line(run))

        def wait() -> str:
            rendered, _ = answer.result()
            return rendered.decode() if rendered and self._child.returncode == 0 else render(run)

        return wait

    def _send(self, line: bytes) -> None:
        assert self._child.stdin is not None
        left = memoryview(line)
        with suppress(OSError):  # a child that has died is made good later
            while left:
                left = left[os.write(self._child.stdin.fileno(), left) :]


@contextmanager
def background_page() -> Iterator[BackgroundPage]:
    """Start the child now; it ends with the block."""
    child = subprocess.Popen(  # noqa: S603 - our own module, by this interpreter
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with child, ThreadPoolExecutor(1) as messenger:
        try:
            yield BackgroundPage(child, messenger)
        finally:
            child.kill()


def _line(document: Document) -> bytes:
    return json.dumps(plain(document)).encode() + b"\n"


def main() -> None:
    """Be the child: load what drawing needs, then draw what comes first, then render the document that follows."""
    gc.disable()  # a process of a second that is about to draw has nothing to collect
    _without_manuals()
    load_drawing()
    estimate = json.loads(sys.stdin.readline())
    drawn = None if estimate is None else estimated_charts(estimate)
    document = json.loads(sys.stdin.readline())
    page = render(document, drawn if estimate is not None and is_of(estimate, document) else None)
    sys.stdout.buffer.write(page.encode())
    sys.stdout.buffer.flush()
    os._exit(0)  # taking apart what has been loaded would keep whoever waits for this process


def is_of(estimate: Document, run: Document) -> bool:
    """Whether a run says what the estimate said wherever both say something, so that its charts are the run's."""
    layers, ours = estimate["layers"], run["layers"]
    return (
        len(layers) == len(ours)
        and all(_agree(layer, other) for layer, other in zip(layers, ours, strict=True))
        and all(estimate[key] == run[key] for key in ("pes", "accelerator_document"))
    )


def _agree(some: Mapping[str, object], other: Mapping[str, object]) -> bool:
    return all(some[key] == other[key] for key in some.keys() & other.keys())


def _without_manuals() -> None:
    """Keep matplotlib from what this process has no use for: a third axis, and writing manuals of its own classes.

    A third of loading it goes into signatures and docstrings of every artist's `set`. Where its insides have other
    names, it does as it likes.
    """
    sys.modules["mpl_toolkits.mplot3d"] = None  # type: ignore[assignment]  # it does without, and warns
    from matplotlib.artist import Artist

    if hasattr(Artist, "_update_set_signature_and_docstring"):
        Artist._update_set_signature_and_docstring = classmethod(lambda cls: None)


def load_drawing(template: str = "page.html.j2") -> None:
    """Load the library and read the templates: what drawing needs before there is anything to draw."""
    for part in ("figure", "backends.backend_svg"):
        import_module(f"matplotlib.{part}")
    parsed(template)


if __name__ == "__main__":
    main()
