"""Cases as JUnit XML, the form in which continuous integration reads test results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET  # writing only: nothing foreign is parsed

from accel.check.case import Case

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


def junit(suite: str, cases: Sequence[Case], seconds: float) -> bytes:
    """Return one test suite with a test case per `Case`; a failed one carries its detail as the failure."""
    failures = str(sum(not case.passed for case in cases))
    counts = {"tests": str(len(cases)), "failures": failures, "errors": "0", "time": f"{seconds:.3f}"}
    root = ET.Element("testsuites", counts)
    element = ET.SubElement(root, "testsuite", {"name": _clean(suite), "skipped": "0", **counts})
    for case in cases:
        test = ET.SubElement(element, "testcase", {"classname": _clean(suite), "name": _clean(case.name), "time": "0"})
        if case.passed:
            ET.SubElement(test, "system-out").text = _clean(case.detail)
        else:
            ET.SubElement(test, "failure", {"message": _clean(case.detail), "type": "check"}).text = _clean(case.detail)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
