"""The report's sections on a page: the same blocks that HTML, PDF and Markdown are written from."""

from __future__ import annotations

import streamlit as st
import ui_explain as explain
from ui_shared import escaped

from advisor import formatting as f
from advisor.records import Decision
from advisor.reports import charts
from advisor.reports.document import (
    Asked,
    Block,
    Bullets,
    Code,
    Figure,
    Heading,
    Notice,
    Paragraph,
    Quote,
    Section,
    Table,
    Text,
    plain,
)
from advisor.reports.escaping import inline

__all__ = ["section"]

TERMS = {
    "comparison": ("quality", "latency", "per_1k", "one_off", "per_month", "over_horizon"),
    "pairs": ("comparison",),
    "sure": ("odds", "net_benefit"),
    "over-time": ("over_horizon", "npv"),
    "break-even": ("break_even",),
    "flips": ("flips",),
    "inputs": ("tornado", "map"),
    "questions": ("kinds",),
}
"""By section, the terms of the glossary that its figures need."""


def section(part: Section, decision: Decision) -> None:
    """A section of the report."""
    terms = TERMS.get(part.id, ())
    help = "\n\n".join(explain.glossary.explained(t) for t in terms) or None
    st.header(escaped(part.title), help=help, anchor=False)
    for block in part.blocks:
        _block(block, decision)


def _block(block: Block, decision: Decision) -> None:
    match block:
        case Heading():
            st.markdown(f"**{_text(block.text)}**")
        case Paragraph():
            (st.caption if block.muted else st.markdown)(_text(block.text))
        case Bullets():
            st.markdown("\n".join(f"- {_text(item)}" for item in block.items))
        case Table():
            rows = [[plain(cell) for cell in row] for row in block.rows]
            explain.table(block.title, block.header, rows, right_from=block.right_from, marked=block.marked)
        case Figure():
            own = charts.CHARTS[block.chart][0]
            st.markdown(f"**{escaped(block.title or own)}**")
            explain.chart(decision, block.chart, heading=False)
        case Quote():
            lines = f.clean(block.text).split("\n")
            st.markdown("\n".join(f"> {escaped(line)}  " for line in lines))
        case Code():
            st.code("\n".join(f.clean(line) for line in block.lines), language=None, wrap_lines=True)
        case Notice():
            st.warning("\n".join(f"- {_text(item)}" for item in block.items), icon=":material/warning:")
        case Asked():
            _asked(block)


def _asked(asked: Asked) -> None:
    """One of the ten questions: its answer to be seen, its evidence to be opened."""
    title = f"{asked.number}. {escaped(asked.question)}  **{asked.word}**"
    with st.expander(title, icon=explain.answer_icon(asked.answer)):
        st.markdown(escaped(asked.summary))
        for kind, words in asked.evidence:
            st.markdown(f"{explain.evidence_badge(kind)} {escaped(words)}")
        st.caption(f"What would change it: {escaped(asked.would_change)}")


def _text(words: Text) -> str:
    """A text of a block as Markdown."""
    return "".join(_span(s.text, s.style, first=i == 0) for i, s in enumerate(words)).strip()


def _span(text: str, style: str, *, first: bool) -> str:
    line = f.one_line(text)
    if not line:
        return " " if text else ""
    before = " " if text[:1].isspace() and not first else ""
    after = " " if text[-1:].isspace() else ""
    shown = escaped(line) if first else inline(line)
    if style == "strong":
        shown = f"**{shown}**"
    elif style == "emphasis":
        shown = f"*{shown}*"
    return f"{before}{shown}{after}"
