"""The gate as a JUnit result, which pipelines show beside their tests."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from advisor.formatting import one_line
from advisor.reviews.gate import Gate

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_of(gate: Gate) -> str:
    """One test case for each check of the gate; what is not met is a failure."""
    root, suite = _suite(
        gate.case, tests=len(gate.checks), failures=sum(not c.passed for c in gate.checks), errors=0
    )
    for check in gate.checks:
        about = {"classname": f"advisor.gate.{_text(gate.case)}", "name": _text(check.name), "time": "0"}
        case = ET.SubElement(suite, "testcase", about)
        if not check.passed:
            failure = ET.SubElement(case, "failure", {"message": _text(check.text), "type": gate.answer})
            failure.text = _text(check.text)
    return _document(root)


def junit_of_error(case: str, message: str) -> str:
    """One test case with an error: the gate could not say anything."""
    root, suite = _suite(case, tests=1, failures=0, errors=1)
    about = {"classname": f"advisor.gate.{_text(case)}", "name": "The gate can be asked", "time": "0"}
    error = ET.SubElement(
        ET.SubElement(suite, "testcase", about), "error", {"message": _text(message), "type": "error"}
    )
    error.text = _text(message)
    return _document(root)


def _suite(case: str, **numbers: int) -> tuple[ET.Element, ET.Element]:
    counts = {name: str(number) for name, number in numbers.items()} | {"skipped": "0", "time": "0"}
    root = ET.Element("testsuites", {"name": "advisor gate", **counts})
    # the schema of the common readers knows `skipped` of a suite only
    root.attrib.pop("skipped")
    return root, ET.SubElement(root, "testsuite", {"name": _text(case), **counts})


def _document(root: ET.Element) -> str:
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _text(text: str) -> str:
    """Foreign text, in one line, without what XML cannot hold."""
    return _NOT_XML.sub("", one_line(text))
