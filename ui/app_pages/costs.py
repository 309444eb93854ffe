"""Costs over time and what-if: every assumption on a control, and the verdict that changes in place."""

from __future__ import annotations

import shlex

import streamlit as st
import ui_blocks as blocks
import ui_explain as explain
import ui_shared as ui
import ui_what_if as changing

from advisor import formatting as f
from advisor.errors import AdvisorError
from advisor.records import Decision
from advisor.reports import stakes, uncertain
from advisor.reports import verdict_by_volume as by_volume
from advisor.reports import wording as w
from advisor.reports.months import months_table
from advisor.reports.sections import outlook


def figures(d: Decision, own: Decision) -> list[tuple[str, str, str, str]]:
    """What the assumptions come to: (label, value, what it was, term of the glossary)."""

    def was(now: str, before: str) -> str:
        return "" if d is own else "as before" if now == before else f"was {before}"

    def of(x: Decision) -> tuple[str, str, str, str]:
        sure = w.confidence(x.verdict.confidence) if x.verdict.confidence is not None else "none yet"
        fallback = f"until then {x.verdict.meanwhile}" if x.verdict.meanwhile else "none yet"
        shown = next(
            (b for b in x.baselines if b.name == (x.verdict.recommended or x.verdict.meanwhile)), None
        )
        return (
            x.verdict.recommended or fallback,
            sure,
            f.usd(stakes.gain_usd(x)),
            f.usd(shown.cost_usd.over_horizon if shown else None),
        )

    months = f.count(d.facts.horizon_months)
    average = "average over the ranges" if uncertain.has_money(d) else ""
    labels = (
        ("Recommended", "", "verdict"),
        ("Confidence", "", "confidence"),
        (f"Gain of tuning over {months} months", average, "stake"),
        (f"Its cost over {months} months", "", "over_horizon"),
    )
    return [
        (label, now, "; ".join(n for n in (note, was(now, before)) if n), term)
        for (label, note, term), now, before in zip(labels, of(d), of(own), strict=True)
    ]


def show_verdict(d: Decision, own: Decision) -> None:
    """The verdict under these assumptions, and what it was under the case's own."""
    sentence = w.verdict_sentence(d)
    if d is not own:
        was, now = stakes.verdict_of(own), stakes.verdict_of(d)
        sentence += (
            f" Was: {was}. Now: {now}."
            if was != now
            else f" Was {was} with the case's own assumptions, and is."
        )
    explain.verdict_box(d.verdict.decision, sentence)
    explain.figures(figures(d, own))


def show_months(d: Decision) -> None:
    """Costs month by month: a chart, and the same as a table."""
    if not explain.chart(d, "cost", "over_horizon", "break_even"):
        st.header("What it costs over time", anchor=False)
        st.markdown("No baseline's costs are known: prices or throughput are missing. Unknown is not zero.")
    with st.expander("Month by month as a table", icon=":material/table:"):
        each = "Up to the end of each month", "In each month"
        chosen = st.segmented_control(
            "Show", each, default=each[0], required=True, label_visibility="collapsed"
        )
        header, rows = months_table(d, cumulative=chosen == each[0])
        if rows:
            explain.table("USD, estimated, not discounted", header, rows, right_from=1)
        else:
            st.markdown("Not known month by month.")


def show_moves(d: Decision) -> None:
    """What each assumption could change, and the nearest values that turn the verdict."""
    blocks.section(outlook.flips(d), d)
    if d.tornado:
        st.markdown(f"**{ui.escaped(uncertain.tornado_title(d))}**")
        st.caption(ui.escaped(uncertain.tornado_note(d) or ""))
        explain.chart(d, "tornado", "tornado", title="One assumption at a time")
        with st.expander("The same as a table", icon=":material/table:"):
            explain.table("", uncertain.TORNADO_HEADER, uncertain.tornado_rows(d), right_from=1)
    else:
        st.markdown(
            "What each assumption could change is not known: no tuned model was compared, or costs are unknown."
        )


def show_elsewhere(d: Decision) -> None:
    """The verdict at other volumes and worths."""
    if not d.verdict_map:
        st.header("The verdict elsewhere", anchor=False)
        st.markdown("There is no map: no tuned model was compared with an alternative yet.")
        return
    explain.chart(d, "map", "map")
    st.markdown(ui.escaped(by_volume.sentence(d) or ""))
    with st.expander("The same as a table", icon=":material/table:"):
        explain.table("", by_volume.header(d), by_volume.rows(d))
        st.caption(ui.escaped(by_volume.legend(d)))


folder = ui.chosen_case()
st.title("Costs", anchor=False)
with ui.errors_in_words():
    own = ui.decide(folder)
    assumptions = ui.what_if(folder).assumptions()
fraction = w.is_fraction(own)
changes, unread = changing.changes_of(folder, assumptions)
overrides = changing.overrides_of(changes, assumptions)
problem: AdvisorError | None = None
decision = own
if overrides:
    try:
        decision = ui.decide(folder, overrides, sensitivity=False)
    except AdvisorError as error:
        problem = error
changing.shared(changes)

st.markdown(f"{ui.escaped(own.facts.title)}&ensp;{explain.evidence_badge('estimated')}")
show_verdict(decision, own)
if problem is not None:
    st.error(f"{ui.escaped(problem.message)} What is shown is the case as it is.", icon=":material/error:")
    if problem.hint:
        st.caption(f"What to do: {ui.escaped(problem.hint)}")
if unread:
    st.warning(
        f"The address says what is no assumption of this case, and was left out: {ui.escaped(', '.join(unread))}"
    )

left, right = st.columns([1, 2], gap="large")
with left:
    st.header(
        "What if …", anchor=False, help="Changes the verdict in place. Nothing is saved, no model is called."
    )
    if changes:
        ui.bullets(changing.listed(changes, assumptions, fraction=fraction))
        with st.container(horizontal=True):
            st.button(
                "Back to the case's own",
                icon=":material/undo:",
                on_click=changing.reset,
                args=(folder,),
                key="reset",
            )
            with st.popover("Share", icon=":material/share:"):
                st.markdown("The address of this page holds the changes: copy it. On the command line it is:")
                options = " ".join(f"--set {shlex.quote(f'{k}={v}')}" for k, v in overrides)
                st.code(
                    f"advisor decide {shlex.quote(folder.name)} {options}", language=None, wrap_lines=True
                )
    changing.controls(folder, assumptions, changes, fraction=fraction)
with right:
    over, moves, elsewhere = st.tabs(
        ["Month by month", "Sensitivity", "Verdict map"],
        key=f"{folder}|tabs",
        on_change="rerun",
    )
    if over.open:  # what is not looked at is not drawn: a change is to be seen at once
        with over:
            show_months(decision)
            blocks.section(outlook.break_even(decision), decision)
    if moves.open or elsewhere.open:
        whole = own if decision is own else ui.decide(folder, overrides)
        if moves.open:
            with moves:
                show_moves(whole)
        else:
            with elsewhere:
                show_elsewhere(whole)
over_time = outlook.over_time(decision)
if over_time is not None:
    blocks.section(over_time, decision)
with st.container(horizontal=True):
    ui.page_link("tradeoff", "Tradeoff", case=folder)
    ui.page_link("recommendation", "Recommendation", case=folder)
