"""Foreign text in Markdown, as GitHub and Streamlit read it, that stays as it is."""

from __future__ import annotations

import re

from advisor.formatting import one_line

_NEEDS_ESCAPE = re.compile(r"([\\`*_{}\[\]#|~$@^]|://|:(?=\w)|(?<=\bwww)\.)")


def escaped(text: str) -> str:
    """Foreign text in one line that Markdown, HTML, and GitHub's and Streamlit's extensions leave as it is."""
    plain = inline(one_line(text))
    # what would begin a list or a heading, were it at the start of a line
    return re.sub(
        r"^(\d+)([.)])(?=\s|$)|^([-+=])", lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", plain
    )


def code(text: str) -> str:
    """Foreign text as a code span that also holds in a table."""
    plain = one_line(text).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", plain)), default=0) + 1)
    return (
        f"{fence} {plain} {fence}"
        if plain.startswith("`") or plain.endswith("`")
        else f"{fence}{plain}{fence}"
    )


def inline(plain: str) -> str:
    """A line escaped, wherever in a line it stands."""
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _NEEDS_ESCAPE.sub(lambda m: "".join(f"\\{c}" for c in m[0]), plain)
