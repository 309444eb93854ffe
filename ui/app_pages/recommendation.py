"""The page of one decision: verdict, comparison, charts, the ten questions, and what-if."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
import ui_shared as ui

from advisor import formatting as f
from advisor.records import Decision, Question
from advisor.reports import wording as w
from advisor.reports.html import render_html
from advisor.reports.markdown import escaped, render_markdown

WHAT_IF: dict[str, dict[str, Any]] = {
    "traffic.requests_per_month": {"step": 1000.0, "min_value": 0.0, "format": "%.0f"},
    "value.correct_usd": {"step": 0.01, "format": "%.4g"},
    "value.wrong_usd": {"step": 0.01, "format": "%.4g"},
    "effort.data_hours": {"step": 1.0, "min_value": 0.0, "format": "%.4g"},
    "effort.evaluation_hours": {"step": 1.0, "min_value": 0.0, "format": "%.4g"},
    "effort.refinement_hours": {"step": 1.0, "min_value": 0.0, "format": "%.4g"},
    "effort.hourly_rate_usd": {"step": 5.0, "min_value": 0.0, "format": "%.4g"},
    "effort.retrains_per_year": {"step": 1.0, "min_value": 0.0, "format": "%.4g"},
}
ANSWER_ICONS = {
    "yes": ":material/check_circle:",
    "no": ":material/cancel:",
    "unclear": ":material/help:",
}
BADGE_COLOURS = {"measured": "blue", "estimated": "orange", "declared": "gray"}


def what_if(case: Path, decision: Decision) -> tuple[tuple[str, str], ...]:
    """The assumptions that were changed in the sidebar, as (key, value)."""
    st.sidebar.divider()
    st.sidebar.subheader("What if …")
    st.sidebar.caption("Changes the verdict in place. Nothing is saved, no model is called.")
    changed = []
    for key, options in WHAT_IF.items():
        now = assumed(decision.facts.assumptions, key)
        unit = " (USD)" if key.endswith("_usd") else ""
        value = st.sidebar.number_input(
            f"{w.parameter_name(key)}{unit}",
            value=now,
            key=f"{case}:{key}",
            placeholder="not given",
            **options,
        )
        if value is not None and value != now:
            changed.append((key, f"{value:f}"))
    if changed:
        st.sidebar.button("Back to the case's own", on_click=forget, args=(str(case),))
    return tuple(changed)


def forget(case: str) -> None:
    """Takes the sidebar's changes back."""
    for key in WHAT_IF:
        st.session_state.pop(f"{case}:{key}", None)


def assumed(assumptions: Mapping[str, Any], key: str) -> float | None:
    """An assumption's likely value; None where it is not given."""
    head, name = key.split(".")
    part = assumptions.get(head)
    value = part.get(name) if isinstance(part, dict) else None
    if isinstance(value, dict):
        value = value.get("likely")
    return float(value) if isinstance(value, int | float) else None


def show_verdict(decision: Decision, own: Decision) -> None:
    """The verdict, its figures and its reasons."""
    v = decision.verdict
    box = {"fine_tune": st.success, "do_not_fine_tune": st.info, "not_yet": st.warning}[v.decision]
    box(f"## {w.VERDICTS[v.decision]}\n\n{escaped(w.verdict_sentence(decision))}")
    if (v.decision, v.recommended) != (own.verdict.decision, own.verdict.recommended):
        was = escaped(own.verdict.recommended or "nothing recommended")
        st.caption(f"With the case's own assumptions: {w.VERDICTS[own.verdict.decision]} ({was}).")
    fraction = w.is_fraction(decision)
    best = next((b for b in decision.baselines if b.name == v.recommended), None)
    columns = st.columns(4)
    columns[0].metric("Recommended", escaped(v.recommended or "none yet"), border=True)
    if best is not None:
        columns[1].metric("Confidence", w.confidence(v.confidence), border=True, help=w.CONFIDENCE)
        columns[2].metric(
            f"Its {escaped(decision.facts.metric)}",
            f.score(best.quality.value, fraction=fraction),
            border=True,
            help=f"95% interval: {f.interval(best.quality.ci95, fraction=fraction)}. Measured.",
        )
        columns[3].metric(
            f"Its cost over {decision.facts.horizon_months} months",
            f.usd(best.cost_usd.over_horizon).replace("$", "\\$"),
            border=True,
            help=f"At {f.count(decision.facts.requests_per_month)} requests a month. Estimated.",
        )
    ui.bullets(v.reasons)
    if (stopped := w.stopped_early(decision)) is not None:
        st.info(escaped(stopped))
    if v.missing:
        st.markdown("**What is missing**")
        ui.bullets(v.missing)
    if decision.warnings:
        lines = "\n".join(f"- {escaped(warning)}" for warning in decision.warnings)
        st.warning(f"**Read this with care**\n\n{lines}")


def show_comparison(decision: Decision) -> None:
    """Every baseline in a row."""
    fraction = w.is_fraction(decision)
    months = decision.facts.horizon_months
    rows = [
        {
            "Baseline": f.one_line(b.name),
            f"{f.one_line(decision.facts.metric)} (95% interval)": w.score_with_interval(
                b, fraction=fraction
            ),
            "Tokens in → out": "none"
            if b.kind == "classifier"
            else f"{f.tokens(b.tokens.input)} → {f.tokens(b.tokens.output)}",
            "Latency p50 / p95": f"{f.seconds(b.latency_s.p50)} / {f.seconds(b.latency_s.p95)}",
            "USD per 1,000": f.usd(b.cost_usd.per_1k_requests),
            "one-off": f.usd(b.cost_usd.one_off),
            "per month": f.usd(b.cost_usd.per_month),
            f"over {months} months": f.usd(b.cost_usd.over_horizon),
            "n": f.count(b.n),
        }
        for b in decision.baselines
    ]
    ui.table(rows, words=("Baseline",))
    st.caption(
        "Quality, tokens and latency are measured, costs are estimated from them, from prices and from declared "
        "effort. Unknown is not zero."
    )
    ui.draw(decision, ("quality", "tradeoff"))
    ui.draw(decision, ("cost", "tokens"))


def show_differences(decision: Decision) -> None:
    """Paired comparisons and break-even."""
    rows = [
        {
            "Comparison": f.one_line(f"{c.baseline} against {c.reference}"),
            "n": f.count(c.n),
            "Difference (95% interval)": w.comparison_interval(c, decision),
            "Only one right": w.discordant(c),
            "p-value": w.p_values(c),
            "Test": f.one_line(c.test),
        }
        for c in decision.comparisons
    ]
    if rows:
        ui.table(rows, words=("Comparison", "Test"))
        ui.bullets(
            [f"{c.baseline} against {c.reference}: {w.reading(c, decision)}" for c in decision.comparisons]
        )
    else:
        st.write("No two baselines were measured on the same items yet.")
    st.subheader("Break-even")
    ui.bullets(
        [w.break_even(item) for item in decision.break_even] or ["There is nothing to break even with."]
    )
    st.subheader("What would turn the verdict")
    ui.bullets(
        [w.flip(item, decision) for item in decision.verdict.flips] or ["No single assumption was found."]
    )


def show_questions(decision: Decision) -> None:
    """The ten questions, each to be opened."""
    for number, question in enumerate(decision.questions, start=1):
        title = f"{number}. {escaped(question.question)}  **{w.ANSWERS[question.answer]}**"
        with st.expander(title, icon=ANSWER_ICONS[question.answer]):
            show_answer(question)


def show_answer(question: Question) -> None:
    """One answer with its evidence."""
    st.markdown(escaped(question.summary))
    for piece in question.evidence:
        badge = f":{BADGE_COLOURS[piece.kind]}-badge[{f.badge(piece.kind)}]"
        st.markdown(f"{badge} {escaped(piece.text)}")
    st.caption(f"What would change it: {escaped(question.would_change)}")


def show_details(decision: Decision) -> None:
    """Readiness, settings, tuning, assumptions, method, provenance."""
    if decision.readiness:
        st.subheader("What tuning needs")
        ui.bullets([f"{r.item}: {w.STATUSES[r.status]}. {r.text}" for r in decision.readiness])
    fraction = w.is_fraction(decision)
    trials = [
        {
            "Baseline": f.one_line(b.name),
            "Setting": f.one_line(f.settings_text(t.setting)),
            "Score on dev": f.score(t.value, fraction=fraction),
            "n": f.count(t.n),
        }
        for b in decision.baselines
        for t in b.trials
    ]
    if trials:
        st.subheader("Settings tried on the dev split")
        ui.table(trials, words=("Baseline", "Setting"))
    ui.draw(decision, ("loss",))
    ui.draw(decision, ("learning",))
    show_further(decision)
    st.subheader("Assumptions")
    assumptions = w.assumptions(decision.facts.assumptions)
    ui.table(
        [
            {"Assumption": f.one_line(name), "Value (declared)": f.one_line(value)}
            for name, value in assumptions
        ],
        words=("Assumption", "Value (declared)"),
    )
    st.subheader("What each number means")
    for term, meaning in w.METHOD:
        st.markdown(f"**{term}.** {escaped(meaning)}")
    st.subheader("Where the figures come from")
    p = decision.provenance
    looks = f.count(p.held_out_looks)
    ui.bullets(
        [
            f"Results: {p.source}, recorded {p.recorded_at or f.UNKNOWN}, run {decision.run or 'none'}",
            f"Hardware: {p.hardware or f.UNKNOWN}",
            f"Configurations evaluated on the held-out set: {looks}",
            f"advisor {p.advisor_version}; {', '.join(f'{k} {v}' for k, v in p.software.items())}",
        ]
    )


def show_further(decision: Decision) -> None:
    """What further trainings and other cases say, as far as they were measured."""
    for title, part in (
        ("More data", decision.learning_curve),
        ("Other seeds", decision.seed_spread),
        ("Other cases", decision.extensibility),
    ):
        if part is not None:
            st.subheader(title)
            st.markdown(escaped(part.text))


def show_downloads(decision: Decision) -> None:
    """The report as files, made when asked for."""
    name = "".join(c if c.isalnum() or c in "_.-" else "_" for c in decision.case)
    with st.container(horizontal=True):
        for label, suffix, mime, make in (
            ("Report (HTML)", "html", "text/html", lambda: render_html(decision)),
            ("Report (Markdown)", "md", "text/markdown", lambda: render_markdown(decision)),
            ("Decision (JSON)", "json", "application/json", decision.to_json),
        ):
            st.download_button(
                label,
                make,
                f"{name}.{suffix}",
                mime,
                on_click="ignore",
                icon=":material/download:",
                key=suffix,
            )


folder = ui.chosen_case()
with ui.errors_in_words():
    own = ui.decide(folder)
    overrides = what_if(folder, own)
    decision = ui.decide(folder, overrides) if overrides else own

st.title(escaped(decision.facts.title))
st.markdown(escaped(decision.facts.use_case))
show_verdict(decision, own)
show_downloads(decision)
comparison, differences, questions, details = st.tabs(
    ["Comparison", "How sure, and what would turn it", "The ten questions", "Details"]
)
with comparison:
    show_comparison(decision)
with differences:
    show_differences(decision)
with questions:
    show_questions(decision)
with details:
    show_details(decision)
