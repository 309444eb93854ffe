"""The use case and the ten questions: what each means, what answers it, and what only people can say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st
import ui_fields as fields
import ui_shared as ui

from advisor import formatting as f
from advisor.cases.about_questions import ABOUT_QUESTIONS, AboutQuestion
from advisor.cases.loading import CASE_FILE
from advisor.cases.numbers import Range
from advisor.cases.schema import Case
from advisor.cases.yaml_file import read_case_text, read_text
from advisor.errors import AdvisorError, CaseError
from advisor.records import Decision
from advisor.reports import wording as w
from advisor.workflow.creating import change_case, fingerprint, propose_change

Changes = dict[tuple[str, ...], Any]
BADGE_COLOURS = {"measured": "blue", "estimated": "orange", "declared": "gray"}
ANSWER_ICONS = {"yes": ":material/check_circle:", "no": ":material/cancel:", "unclear": ":material/help:"}
RANGES: dict[str, tuple[tuple[str, float, str], ...]] = {
    "Traffic": (
        ("traffic.requests_per_month", 100.0, "E.g. 9000; with low 6000 and high 15000 if you are not sure."),
        ("traffic.monthly_growth", 0.01, "E.g. 0.02 for two per cent more each month."),
        ("traffic.peak_factor", 0.5, "E.g. 3, if the busiest hour has three times the mean."),
    ),
    "What an answer is worth": (
        ("value.correct_usd", 0.1, "E.g. 0.40 for a minute of typing saved."),
        ("value.wrong_usd", 0.1, "A loss is negative: e.g. -0.60 for a wrong line found and put right."),
    ),
    "Effort": (
        ("effort.data_hours", 1.0, "Hours to prepare training data, e.g. 16."),
        ("effort.evaluation_hours", 1.0, "Hours to evaluate a tuned model, e.g. 8."),
        ("effort.refinement_hours", 1.0, "Hours to refine it, e.g. 8."),
        ("effort.hourly_rate_usd", 5.0, "What an hour of work costs, e.g. 80."),
        ("effort.retrains_per_year", 1.0, "E.g. 2, if what is right changes twice a year."),
        ("effort.label_minutes_per_example", 0.5, "E.g. 1.5; prices what more examples would cost."),
    ),
    "Other costs": (
        ("costs.retrieval_usd_per_month", 5.0, "Storage and search of documents, e.g. 25."),
        ("costs.retrieval_indexing_usd", 1.0, "Embedding the documents once, e.g. 3."),
    ),
}
SINGLE = (
    ("quality.bar", 0.05, "What is good enough, from 0 to 1: e.g. 0.85."),
    ("quality.min_gain", 0.01, "The smallest gain that would change what you do, from 0 to 1: e.g. 0.02."),
    ("traffic.horizon_months", 1, "How far ahead you plan, e.g. 12."),
    ("costs.discount_rate", 0.01, "What later money weighs less, a year: e.g. 0.08."),
    ("constraints.latency_p95_s", 0.5, "95 of 100 answers must be there within so many seconds, e.g. 2."),
)


def loaded(folder: Path) -> tuple[str, Case]:
    """The file as it was when this page was opened, and its case; fields start from it."""
    key = f"use_case:{folder}"
    if key not in st.session_state:
        text, problems = read_text(folder / CASE_FILE)
        if text is None:
            raise CaseError(problems)
        st.session_state[key] = text
    case, problems = read_case_text(st.session_state[key], folder / CASE_FILE)
    if case is None:
        st.session_state.pop(key)
        raise CaseError(problems)
    return st.session_state[key], case


def start_again(folder: Path) -> None:
    """Fields start from the file as it is now."""
    for key in [k for k in st.session_state if str(k).startswith(f"use_case:{folder}")]:
        st.session_state.pop(key)


def about(folder: Path, case: Case) -> Changes:
    """What the case is for."""
    description = st.text_area(
        "What is it for?",
        value=case.use_case.description,
        key=f"use_case:{folder}:description",
        help="One or two sentences on who uses the answers and what for, e.g. Sort customers' messages to three teams.",
    )
    aspects = list(fields.ASPECTS)
    aspect = st.selectbox(
        "What should improve",
        aspects,
        index=aspects.index(case.use_case.aspect),
        key=f"use_case:{folder}:aspect",
        format_func=lambda a: fields.ASPECTS[a],
        help="The aspect of today's model that matters most, e.g. format, if answers are right but not in your form.",
    )
    changes: Changes = {}
    if description.strip() != case.use_case.description.strip():
        changes["use_case", "description"] = description.strip()
    if aspect != case.use_case.aspect:
        changes["use_case", "aspect"] = aspect
    return changes


def question(folder: Path, case: Case, it: AboutQuestion, number: int, decision: Decision | None) -> Changes:
    """One question: its answer so far, what it means, and the user's own words."""
    answer = next((q for q in decision.questions if q.id == it.id), None) if decision else None
    said = case.declared.get(it.id, "")
    word = w.ANSWERS[answer.answer] if answer else "Not measured yet"
    icon = ANSWER_ICONS[answer.answer] if answer else ":material/pending:"
    with st.expander(f"{number}. {ui.escaped(it.question)}  **{word}**", icon=icon):
        if answer:
            st.markdown(ui.escaped(answer.summary))
            for piece in answer.evidence:
                badge = f":{BADGE_COLOURS[piece.kind]}-badge[{f.badge(piece.kind)}]"
                st.markdown(f"{badge} {ui.escaped(piece.text)}")
            st.caption(f"What would change it: {ui.escaped(answer.would_change)}")
        st.markdown(f"**What it means.** {ui.escaped(it.meaning)}")
        st.markdown(f"**What is measured.** {ui.escaped(it.measured)}")
        if it.kinds:
            names = it.answered_by(case)
            st.markdown(
                f"**By which baseline.** {ui.escaped(', '.join(names))}"
                if names
                else "**By which baseline.** None in this case yet: it needs one of "
                f"{ui.escaped(', '.join(it.kinds))}."
            )
        st.markdown(f"**What you declare.** {ui.escaped(it.declare)}")
        text = st.text_area(
            f"Your own words on question {number}",
            value=said,
            key=f"use_case:{folder}:declared:{it.id}",
            placeholder=it.example,
            help=f"It is shown as declared, beside what is measured. E.g. {it.example}",
        )
    return {} if text.strip() == said.strip() else {("declared", it.id): text.strip() or None}


def range_field(
    folder: Path, case: Case, key: str, step: float, help: str, *, unsure: bool
) -> tuple[Changes, str | None]:
    """A number, or a range of low, likely and high where one is unsure; and what is wrong with it."""
    part, name = key.split(".")
    now = getattr(getattr(case, part), name)
    given = name in getattr(case, part).model_fields_set and now is not None
    start = (None, None, None)
    if given:
        start = (now.low, now.likely, now.high) if isinstance(now, Range) else (None, float(now), None)
    label = fields.field_label(key)
    ranged = unsure or start[0] is not None
    columns = st.columns([2, 1, 1] if ranged else 1, vertical_alignment="bottom")
    values = [
        column.number_input(
            text,
            value=start[place],
            step=step,
            format="%.6g",
            key=f"use_case:{folder}:{key}:{place}",
            placeholder="not given",
            help=help if place == 1 else "Only if you are not sure: give a low and a high value.",
        )
        for column, place, text in zip(
            columns,
            (1, 0, 2)[: len(columns)],
            (label, f"{label}: low", f"{label}: high")[: len(columns)],
            strict=True,
        )
    ]
    likely, low, high = values if ranged else (*values, None, None)
    if (low is None) != (high is None) or (likely is None and low is not None):
        return {}, f"{label}: give the likely value alone, or low, likely and high together."
    if low is not None and not low <= likely <= high:
        return {}, f"{label}: low must be at most the likely value, and high at least."
    if (low, likely, high) == start:
        return {}, None
    low, likely, high = (fields.whole(x) for x in (low, likely, high))
    value = likely if low is None else {"low": low, "likely": likely, "high": high}
    return {(part, name): value}, None


def assumptions(folder: Path, case: Case) -> tuple[Changes, list[str]]:
    """Traffic, worth, effort, and what must hold."""
    changes: Changes = {}
    wrong: list[str] = []
    unsure = st.toggle(
        "I am not sure of some numbers",
        key=f"use_case:{folder}:unsure",
        help="Gives each number a low and a high value beside the likely one, e.g. 6000, 9000 and 15000 requests. The "
        "verdict then says how sure it is over these ranges.",
    )
    for title, keys in RANGES.items():
        st.subheader(title, anchor=False)
        for key, step, help in keys:
            found, problem = range_field(folder, case, key, step, help, unsure=unsure)
            changes |= found
            wrong += [problem] if problem else []
    st.subheader("Bar, horizon and constraints", anchor=False)
    columns = st.columns(2)
    for n, (key, step, help) in enumerate(SINGLE):
        part, name = key.split(".")
        now = getattr(getattr(case, part), name)
        given = now if name in getattr(case, part).model_fields_set else None
        value = columns[n % 2].number_input(
            fields.field_label(key),
            value=given if given is None or isinstance(step, int) else float(given),
            step=step,
            format="%d" if isinstance(step, int) else "%.6g",
            key=f"use_case:{folder}:{key}",
            placeholder="not given",
            help=help,
        )
        if value != given:
            changes[part, name] = fields.whole(value)
    local = st.checkbox(
        "Texts must not leave this machine",
        value=case.constraints.must_stay_local,
        key=f"use_case:{folder}:local",
        help="Rules out hosted models, e.g. for patients' data.",
    )
    if local != case.constraints.must_stay_local:
        changes["constraints", "must_stay_local"] = local
    return changes, wrong


def save(folder: Path, text: str, changes: Changes) -> None:
    """What would change in the file, and the button that does it."""
    proposed = propose_change(folder, changes)
    st.markdown("Lines with − go, lines with + come. All else, comments included, stays as it is.")
    st.code("\n".join(f.clean(line) for line in proposed.diff), language="diff", wrap_lines=True)
    editor = ui.identity().may("editor")
    left, right = st.columns([1, 3])
    if not editor:
        st.info("You may look at this page; saving needs the role editor.", icon=":material/lock:")
    if left.button("Save", type="primary", icon=":material/save:", disabled=not editor):
        change_case(folder, changes, ui.identity(), expected=fingerprint(text))
        start_again(folder)
        st.session_state["use_case_saved"] = folder
        st.rerun()
    right.button("Take back", icon=":material/undo:", on_click=start_again, args=(folder,))


folder = ui.chosen_case()
with ui.errors_in_words():
    text, case = loaded(folder)
try:
    decision: Decision | None = ui.decide(folder)
except AdvisorError:
    decision = None

st.title(ui.escaped(case.title or case.name))
if st.session_state.pop("use_case_saved", None) == folder:
    st.success("Saved in case.yaml.", icon=":material/check_circle:")
on_disk, _ = read_text(folder / CASE_FILE)
if on_disk is not None and on_disk != text:
    st.warning(
        "**case.yaml was changed by somebody else meanwhile.** Your changes below cannot be saved over it. "
        "Load it, and make them once more.",
        icon=":material/sync_problem:",
    )
    st.button("Load it", icon=":material/refresh:", on_click=start_again, args=(folder,))
st.header("Use case", anchor=False)
changes = about(folder, case)
st.header("The ten questions", anchor=False)
settled = sum(q.answer != "unclear" for q in decision.questions) if decision else 0
st.caption(
    f"{settled} of {len(ABOUT_QUESTIONS)} are answered by the evidence so far. What you declare stands beside what is "
    "measured, and never overrides it."
    if decision
    else "Nothing was measured yet: a run answers them. What you declare stands beside what is measured, and never "
    "overrides it."
)
if decision is None:
    ui.page_link("run", "Run the case", case=folder)
section = ""
for number, it in enumerate(ABOUT_QUESTIONS, start=1):
    if it.section != section:
        section = it.section
        st.subheader(section, anchor=False)
    changes |= question(folder, case, it, number, decision)
st.header("What you assume", anchor=False)
st.caption("What is not given is unknown, and never taken for zero.")
more, wrong = assumptions(folder, case)
changes |= more
st.header("Save", anchor=False)
if wrong:
    st.error("Some numbers do not fit:", icon=":material/error:")
    ui.bullets(wrong)
elif not changes:
    st.caption("Nothing was changed.")
else:
    with ui.errors_in_words():
        save(folder, text, changes)
