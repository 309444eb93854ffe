"""Figures that explain themselves: what each is, from which data, how sure; and how verdicts and evidence are shown.

The words are the package's (`advisor.reports.glossary`), so that app, report and docs say the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from typing import Literal

import streamlit as st

from advisor.formatting import BADGES, one_line
from advisor.records import AnswerWord, Decision, DecisionWord, EvidenceKind
from advisor.reports import glossary
from advisor.reports import wording as w
from advisor.reports.escaping import escaped

__all__ = [
    "answer_icon",
    "chart",
    "evidence_badge",
    "explanation",
    "facts",
    "figures",
    "table",
    "verdict_badge",
    "verdict_box",
]

_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")  # is not broken into lines
Colour = Literal["green", "blue", "yellow", "gray", "orange", "red"]
VERDICT: Mapping[DecisionWord, tuple[str, Colour]] = {
    "fine_tune": (":material/check_circle:", "green"),
    "do_not_fine_tune": (":material/block:", "blue"),
    "not_yet": (":material/pending:", "yellow"),
}
ANSWER: Mapping[AnswerWord, str] = {
    "yes": ":material/check_circle:",
    "no": ":material/cancel:",
    "unclear": ":material/help:",
}
EVIDENCE: Mapping[EvidenceKind, Colour] = {"measured": "blue", "estimated": "yellow", "declared": "gray"}


def explanation(*ids: str, label: str = "What these figures are") -> None:
    """A button that opens the explanations of some terms of the glossary."""
    with st.popover(label, icon=":material/help:", type="tertiary"):
        for id in ids:
            st.markdown(glossary.explained(id))


def verdict_badge(word: DecisionWord) -> str:
    """A verdict as Markdown: icon, word and colour."""
    icon, colour = VERDICT[word]
    return f":{colour}-badge[{icon} {w.VERDICTS[word]}]"


def verdict_box(word: DecisionWord, sentence: str) -> None:
    """A verdict as the banner of a page."""
    box = {"fine_tune": st.success, "do_not_fine_tune": st.info, "not_yet": st.warning}[word]
    box(f"## {w.VERDICTS[word]}\n\n{escaped(sentence)}", icon=VERDICT[word][0])


def answer_icon(answer: AnswerWord) -> str:
    """The icon of an answer, beside its word."""
    return ANSWER[answer]


def evidence_badge(kind: EvidenceKind) -> str:
    """What kind of evidence something is, as Markdown: sign, word and colour."""
    return f":{EVIDENCE[kind]}-badge[{BADGES[kind][0]} {kind}]"


def figures(items: Sequence[tuple[str, str, str, str]]) -> None:
    """Large figures beside one another: (label, value, note, term of the glossary)."""
    for column, (label, value, note, id) in zip(st.columns(len(items)), items, strict=True):
        with column.container(border=True, height="stretch", gap="xsmall"):
            st.markdown(f":small[{escaped(label)}]", help=glossary.explained(id) if id else None)
            st.html(f'<div class="adv-value">{_text(value)}</div>')
            if note:
                st.caption(escaped(note))


def facts(items: Iterable[tuple[str, str]]) -> None:
    """Small figures with their names, which wrap where there is little room; foreign text stays text."""
    pairs = "".join(
        f'<div><span class="name">{_text(name)}</span> <span class="value">{_text(value)}</span></div>'
        for name, value in items
    )
    st.html(f'<div class="adv-facts">{pairs}</div>')


def table(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right_from: int | None = None,
    marked: int | Collection[int] | None = None,
    label: str = "",
) -> None:
    """A table whose text wraps; foreign text stays text.

    Args:
        title: What it shows, said above it.
        header: The columns.
        rows: Finished text; the first cell names its row.
        right_from: The first of the columns that hold numbers.
        marked: Rows that stand out.
        label: What it shows, for screen readers, where there is no title.
    """
    standing_out = {marked} if isinstance(marked, int) else set(marked or ())

    def cell(text: str, column: int) -> str:
        if column == 0:
            return f'<th scope="row">{_text(text)}</th>'
        kind = "num" if right_from is not None and column >= right_from else ""
        kind = "words" if len(text) > 40 else f"{kind} short" if len(text) < 12 else kind
        shown = _DATE.sub(r'<span class="short">\g<0></span>', _text(text))
        return f'<td class="{kind}">{shown}</td>'

    heads = "".join(
        f'<th scope="col" class="{"num" if right_from is not None and i >= right_from else ""}">{_text(name)}</th>'
        for i, name in enumerate(header)
    )
    body = "".join(
        f'<tr class="{"marked" if i in standing_out else ""}">{"".join(cell(c, k) for k, c in enumerate(row))}</tr>'
        for i, row in enumerate(rows)
    )
    head = f"<thead><tr>{heads}</tr></thead>" if any(header) else ""
    caption = f"<caption>{_text(title)}</caption>" if title else ""
    st.html(
        f'<div class="adv-scroll" tabindex="0" role="region" aria-label="{_text(label or title or "Table")}">'
        f'<table class="adv-table">{caption}{head}<tbody>{body}</tbody></table></div>'
    )


def chart(decision: Decision, name: str, *terms: str, title: str | None = None, heading: bool = True) -> bool:
    """A chart of the report in the theme of the page, under its title with an explanation; whether there was one."""
    from advisor.reports import charts

    theme = charts.DARK if st.context.theme.type == "dark" else charts.LIGHT
    own_title, draw = charts.CHARTS[name]
    with charts.unchecked():
        drawn = draw(decision, theme=theme, width="container")
        spec = None if drawn is None else drawn.to_dict(validate=False)
    if spec is None:
        return False
    if heading:
        help = "\n\n".join(glossary.explained(t) for t in terms) or None
        st.header(title or own_title, help=help, anchor=False)
    # notes wrap better below a chart of unknown width than inside it
    notes = spec.pop("title", {}).get("text", [])
    for part in (
        "mark",
        "axis",
        "legend",
        "title",
    ):  # the chart has one description; its pieces have none of their own
        spec["config"].setdefault(part, {})["aria"] = False
    st.vega_lite_chart(spec, width="stretch", theme=None, alt=charts.describe(decision, name))
    if notes:
        st.caption(escaped(" ".join(notes)))
    return True


def _text(text: str) -> str:
    """Foreign text in HTML."""
    return escape(one_line(text), quote=True)
