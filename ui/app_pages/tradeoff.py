"""The tradeoff: quality against cost and latency, what a request consists of, and every baseline side by side."""

from __future__ import annotations

import streamlit as st
import ui_blocks as blocks
import ui_explain as explain
import ui_shared as ui

from advisor.formatting import count
from advisor.records import Decision
from advisor.reports import wording as w
from advisor.reports.frontier import Axis, frontier_lines
from advisor.reports.sections import evidence

CHARTS: dict[Axis, tuple[str, tuple[str, ...]]] = {
    "per_1k": ("tradeoff", ("frontier", "quality", "per_1k")),
    "total": ("total", ("frontier", "quality", "over_horizon")),
    "latency": ("latency", ("frontier", "quality", "latency")),
}


def names(decision: Decision) -> dict[Axis, str]:
    """What quality can be set against."""
    months = count(decision.facts.horizon_months)
    return {
        "per_1k": "Cost per 1,000 requests",
        "total": f"Cost over {months} months",
        "latency": "Latency (p95)",
    }


def show_tradeoff(decision: Decision) -> None:
    """Quality against one of the costs, and who betters whom."""
    labels = names(decision)
    axis = st.segmented_control(
        "Set quality against",
        list(labels),
        format_func=lambda a: labels[a],
        default="per_1k",
        required=True,
        key="axis",
    )
    name, terms = CHARTS[axis]
    left, right = st.columns([3, 2], gap="large")
    with left:
        if not explain.chart(decision, name, *terms):
            st.header("Nothing to draw yet", anchor=False)
            st.markdown(f"{labels[axis]} or quality is unknown of every baseline: unknown is not zero.")
    with right:
        st.header("In words", anchor=False)
        ui.bullets(frontier_lines(decision, axis))
        measured = "measured" if axis == "latency" else "estimated"
        st.markdown(
            f"Quality {explain.evidence_badge('measured')}, {labels[axis].lower()} "
            f"{explain.evidence_badge(measured)}"
        )


folder = ui.chosen_case()
st.title("Tradeoff", anchor=False)
with ui.errors_in_words():
    decision = ui.decide(folder)

st.markdown(f"{ui.escaped(decision.facts.title)}&ensp;{explain.verdict_badge(decision.verdict.decision)}")
st.caption(ui.escaped(w.verdict_sentence(decision)))
show_tradeoff(decision)
left, right = st.columns(2, gap="large")
with left:
    explain.chart(decision, "quality", "quality", "bar")
with right:
    explain.chart(decision, "tokens", "tokens", "cached")
blocks.section(evidence.comparison(decision), decision)
with st.container(horizontal=True):
    ui.page_link("costs", "Costs", case=folder)
    ui.page_link("answers", "Answers", case=folder)
    ui.page_link("recommendation", "Recommendation", case=folder)
