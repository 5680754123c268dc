"""A page in headless Chromium: its DOM after scripts ran, what the console said, what a probe in it found out."""

from __future__ import annotations

import re
import shutil
import subprocess

from tests.report.pages import Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), None)

_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--v=0",
    "--virtual-time-budget=3000",
    "--dump-dom",
)
_FRAME = """<!doctype html>
<script>
addEventListener("message", (event) => {
  const line = document.createElement("p");
  line.textContent = event.data;
  document.body.append(line);
});
</script>
<body><iframe src="page.html" style="width: WIDTHpx; height: 900px; border: 0"></iframe></body>
"""
_HELPERS = """
const tell = (name, words) => parent.postMessage(name + "=" + words, "*");
const cells = (table, column) =>
  [...table.tBodies[0].rows].map((row) => row.cells[column].textContent.trim()).join(" ");
const outside = (box, frame) =>
  box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
"""


def browse(html, folder):
    """Load a page; return its DOM and the lines of its console."""
    file = folder / "page.html"
    file.write_text(html, encoding="utf-8")
    return _load(file, folder)


def probe(html, folder, script, width):
    """Load a page in a frame of that width, run `script` at its end, return what it told by name, and the console.

    The page's content security policy is taken out, because it would refuse the probe.
    """
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
    probed = bare.replace("</body>", f"<script>{{{_HELPERS}{script}}}</script></body>")
    (folder / "page.html").write_text(probed, encoding="utf-8")
    frame = folder / "frame.html"
    frame.write_text(_FRAME.replace("WIDTH", str(width)), encoding="utf-8")
    dom, console = _load(frame, folder)
    return dict(text.split("=", 1) for tag, text in Page(dom).texts if tag == "p"), console


def _load(file, folder):
    command = [BROWSER, *_OPTIONS, f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000", file.as_uri()]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0, told.stderr
    return told.stdout, [line for line in told.stderr.splitlines() if ":CONSOLE" in line]
