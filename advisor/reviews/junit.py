"""The gate as a JUnit result, which pipelines show beside their tests."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from advisor.formatting import one_line
from advisor.reviews.gate import Gate

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_of(gate: Gate) -> str:
    """One test case for each check of the gate; what is not met is a failure."""
    failures = sum(not c.passed for c in gate.checks)
    counts = {
        "tests": str(len(gate.checks)),
        "failures": str(failures),
        "errors": "0",
        "skipped": "0",
        "time": "0",
    }
    root = ET.Element("testsuites", {"name": "advisor gate", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _text(gate.case), **counts})
    for check in gate.checks:
        about = {"classname": f"advisor.gate.{_text(gate.case)}", "name": _text(check.name), "time": "0"}
        case = ET.SubElement(suite, "testcase", about)
        if not check.passed:
            failure = ET.SubElement(case, "failure", {"message": _text(check.text), "type": gate.answer})
            failure.text = _text(check.text)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _text(text: str) -> str:
    """Foreign text, in one line, without what XML cannot hold."""
    return _NOT_XML.sub("", one_line(text))
