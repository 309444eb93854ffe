"""Values as YAML text, the way the case files that come with the package are written."""

from __future__ import annotations

import json
import math
import textwrap
from typing import Any

import yaml

WIDTH = 112
_LINE_ENDS = "\x85\u2028\u2029"


def flow(value: Any) -> str:
    """A value in one line: `{requests_per_month: 10000, horizon_months: 12}`."""
    # in a list, so that a bare value ends without the mark of a document's end; what ends a line in YAML only (U+0085)
    # would be laid out as such an end, unless it is escaped
    odd = any(mark in json.dumps(value, ensure_ascii=False, default=str) for mark in _LINE_ENDS)
    text = yaml.safe_dump(
        [value], default_flow_style=True, width=math.inf, allow_unicode=not odd, sort_keys=False
    )
    return text.strip()[1:-1]


def quoted(text: str) -> str:
    """A text in one line, in double quotes."""
    return yaml.safe_dump(text, default_style='"', width=math.inf, allow_unicode=True).strip()


def block(text: str, indent: int) -> str:
    """A text as the value of a key of a block: in quotes if it is short or odd, else folded under the key.

    Args:
        text: Any text.
        indent: Columns before the key.
    """
    if len(text) <= 80 or " ".join(text.split()) != text or not text.isprintable():
        return quoted(text)
    space = " " * (indent + 2)
    lines = textwrap.wrap(text, WIDTH - indent, break_long_words=False, break_on_hyphens=False)
    folded = "\n".join([">-", *(f"{space}{line}" for line in lines)])
    try:
        return folded if yaml.safe_load(f"key: {folded}\n") == {"key": text} else quoted(text)
    except yaml.YAMLError:
        return quoted(text)
