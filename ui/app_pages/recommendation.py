"""The recommendation: the verdict with its reasons, what is missing, what would turn it, and the evidence behind it."""

from __future__ import annotations

import streamlit as st
import ui_blocks as blocks
import ui_downloads as downloads
import ui_explain as explain
import ui_shared as ui

from advisor import formatting as f
from advisor.records import Decision, Purchase
from advisor.reports.document import Document, FrontPage, Section
from advisor.reports.sections import build
from advisor.reports.uncertain import shopping

TILE_TERMS = ("Recommended", "verdict"), ("Confidence", "confidence"), ("cost", "over_horizon")
PARTS: dict[str, tuple[str, ...]] = {
    "Questions": ("questions",),
    "Comparison": ("comparison", "charts", "pairs", "sure"),
    "Costs": ("over-time", "break-even", "load", "flips", "inputs"),
    "Noise": ("luck", "slices", "diagnosis", "judge", "further"),
}
REST = "Method"
ELSEWHERE = ("warnings", "readiness")  # stand on the page itself


def show_front(page: FrontPage, decision: Decision) -> None:
    """What the decision-maker reads: verdict, figures, reasons, what is missing, what comes next."""
    explain.verdict_box(page.decision, page.sentence)
    explain.figures([(t.label, t.value, t.note, term_of(t.label)) for t in page.tiles])
    left, right = st.columns(2, gap="large")
    with left:
        listed("Why", page.reasons)
        listed("What is at stake", page.stake, "stake")
        listed("What would turn it", page.turns, "flips")
    with right:
        show_missing(decision)
        for note in page.notes:
            st.info(ui.escaped(note), icon=":material/info:")
        listed("Next steps", page.steps)


def term_of(label: str) -> str:
    """The term of the glossary that explains a tile."""
    return next((term for words, term in TILE_TERMS if words in label), "quality")


def listed(title: str, lines: tuple[str, ...], term: str | None = None) -> None:
    """A short list under its heading."""
    if lines:
        st.header(title, anchor=False, help=explain.glossary.explained(term) if term else None)
        ui.bullets(lines)


def show_missing(decision: Decision) -> None:
    """What is missing as a shopping list: what, for how much, and what having it is worth."""
    lines = shopping(decision)
    if not lines:
        return
    st.header("What is missing", anchor=False, help=explain.glossary.explained("missing"))
    bought = decision.verdict.shopping_list
    if any(p.cost_usd is not None or p.worth_usd is not None for p in bought):
        told = {p.text for p in bought}
        rows = [(p.text.rstrip("."), cost(p), f.usd(p.worth_usd)) for p in bought]
        rows += [(t.rstrip("."), f.UNKNOWN, f.UNKNOWN) for t in decision.verdict.missing if t not in told]
        explain.table("Estimated; unknown is not zero", ("To get", "Cost", "Worth"), rows, right_from=1)
    else:
        ui.bullets(lines)


def cost(p: Purchase) -> str:
    """What something costs, as far as that is known."""
    return f.usd(p.cost_usd)


def show_evidence(document: Document, decision: Decision) -> None:
    """The report's sections; what is not looked at is not drawn."""
    sections = {s.id: s for s in (*document.evidence, *document.appendix)}
    placed = {id for ids in PARTS.values() for id in ids} | set(ELSEWHERE)
    parts = {title: [sections[id] for id in ids if id in sections] for title, ids in PARTS.items()}
    parts[REST] = [s for id, s in sections.items() if id not in placed]
    parts = {title: found for title, found in parts.items() if found}
    st.header("The evidence", anchor=False)
    for tab, found in zip(
        st.tabs(list(parts), key="evidence", on_change="rerun"), parts.values(), strict=True
    ):
        if tab.open:
            with tab:
                for part in found:
                    blocks.section(part, decision)


def by_id(document: Document, id: str) -> Section | None:
    """A section of the evidence."""
    return next((s for s in document.evidence if s.id == id), None)


folder = ui.chosen_case()
heading = st.empty()
heading.title("Recommendation", anchor=False)
with ui.errors_in_words():
    decision = ui.decide(folder)

document = build(decision)
heading.title(ui.escaped(decision.facts.title), anchor=False)
st.markdown(ui.escaped(document.use_case))
st.caption(ui.escaped(f"{document.about}. Decided {document.date}."))
show_front(document.front, decision)
for id in ELSEWHERE:
    part = by_id(document, id)
    if part is not None:
        blocks.section(part, decision)
with st.container(horizontal=True, vertical_alignment="center"):
    downloads.buttons(folder, decision)
with st.container(horizontal=True):
    ui.page_link("review", "Have it reviewed", case=folder)
    ui.page_link("answers", "Look at the answers", case=folder)
    ui.page_link("costs", "Play with the assumptions", case=folder)
show_evidence(document, decision)
