"""A new case: a sample to begin with, or a spreadsheet of one's own, checked before it is saved."""

from __future__ import annotations

import os
from typing import Any

import streamlit as st
import ui_fields as fields
import ui_new_case as steps
import ui_shared as ui
from pydantic import ValidationError
from ui_upload import columns_step, file_step, show_problems

from advisor import formatting as f
from advisor.cases.baseline_spec import TuningSpec
from advisor.cases.creation import NewCase
from advisor.cases.scaffold import case_name_from, sample_names
from advisor.cases.suggest import default_baselines
from advisor.cases.workspace import workspace_folder
from advisor.cases.yaml_file import read_case_file
from advisor.errors import CaseError
from advisor.resources import sample_cases_folder
from advisor.workflow.creating import Previewed, copy_sample, create_case, preview_case

SPREADSHEET, SAMPLE = "Bring a spreadsheet", "Start from a sample"
_SEEN, _SAVED = "new_case:seen", "new_case:saved"


def sample_page(may_save: bool) -> None:
    """A copy of a sample case."""
    titles: dict[str, Any] = {}
    for name in sample_names():
        case, _ = read_case_file(sample_cases_folder() / name / "case.yaml")
        if case is not None:
            titles[name] = case
    chosen = st.selectbox(
        "Sample",
        list(titles),
        format_func=lambda n: titles[n].title,
        help="A case with its own data, e.g. Route support messages. Change it as you like.",
    )
    st.markdown(ui.escaped(titles[chosen].use_case.description))
    st.caption(f"{fields.KINDS[titles[chosen].task.kind]}, measured by {titles[chosen].quality.metric}.")
    name = name_field(f"my_{chosen}", key=f"sample:{chosen}")
    if st.button("Copy this sample", type="primary", icon=":material/content_copy:", disabled=not may_save):
        with ui.errors_in_words():
            saved(copy_sample(chosen, name, ui.identity()))


def spreadsheet_page(may_save: bool) -> None:
    """From a file to a case, one step below the other."""
    st.header("1. The file", anchor=False)
    upload = file_step("Your examples", "file")
    if upload is None:
        return
    st.header("2. The columns", anchor=False)
    columns = columns_step(upload)
    if columns is None:
        return
    st.header("3. The task", anchor=False)
    task = steps.task_step(upload, columns)
    if task is None:
        return
    st.header("4. What is held out", anchor=False)
    split = steps.split_step(upload)
    if split is None:
        return
    st.header("5. Model and worth", anchor=False)
    with st.expander("Model, documents, traffic, effort (optional)"):
        worth = steps.worth_step(upload)
    st.header("6. Check", anchor=False)
    skip = st.checkbox(
        "Leave out rows without input or answer",
        key=f"{upload.key}:skip",
        help="Otherwise such rows are problems. E.g. tickets that nobody has sorted yet.",
    )
    asked = request_of(upload.table, columns, task, split, worth, skip)
    if asked is None:
        return
    seen = checked(asked)
    if seen is None:
        return
    show_check(seen)
    st.header("7. Save", anchor=False)
    name = name_field(case_name_from(asked.title or upload.table.name.rsplit(".", 1)[0]), key=upload.key)
    if st.button("Save the case", type="primary", icon=":material/save:", disabled=not may_save):
        with ui.errors_in_words():
            named = named_request(asked, name)
            saved(create_case(named, ui.identity()))


def request_of(
    table: Any, columns: Any, task: Any, split: Any, worth: dict[str, Any], skip: bool
) -> NewCase | None:
    """What the fields ask for; None, and why in words, where they do not fit together."""
    values = {**task, **worth}
    hosted = values.pop("baselines") == "openai"
    if hosted:
        values["baselines"] = default_baselines(
            task["kind"],
            documents=bool(worth["documents"]),
            model="hosted",
            tuning=TuningSpec(system="openai"),
        )
    try:
        return NewCase.model_validate(
            {
                **values,
                "table": table,
                "columns": columns,
                "split": split,
                "skip_incomplete": skip,
                "name": "new_case",
            }
        )
    except ValidationError as error:
        st.error("Some fields do not fit:", icon=":material/error:")
        ui.bullets(
            [
                f"{'.'.join(str(p) for p in e['loc'])}: {str(e['msg']).removeprefix('Value error, ')}"
                for e in error.errors()
            ]
        )
        return None


def checked(asked: NewCase) -> Previewed | None:
    """The check, made when it is asked for, and shown as long as it is that of the fields above."""
    pressed = st.button(
        "Check and estimate",
        icon=":material/fact_check:",
        help="Audits the data and estimates what a run would cost. No model is called, nothing is saved.",
    )
    kept: tuple[NewCase, Previewed | CaseError] | None = st.session_state.get(_SEEN)
    if pressed:
        with ui.errors_in_words(), st.spinner("Auditing the data and counting tokens …"):
            try:
                kept = (asked, preview_case(asked))
            except CaseError as error:
                kept = (asked, error)
        st.session_state[_SEEN] = kept
    if kept is None:
        st.caption(
            "Audits the data and estimates what a run would cost. No model is called, nothing is saved."
        )
        return None
    if not same(kept[0], asked):
        st.info("Something was changed above. Check once more to save.", icon=":material/refresh:")
        return None
    if isinstance(kept[1], CaseError):
        show_problems(kept[1])
        return None
    return kept[1]


def same(one: NewCase, other: NewCase) -> bool:
    """Whether two requests ask for the same; large tables are compared by their identity first."""
    return one is other or one == other


def show_check(seen: Previewed) -> None:
    """What the data can carry, and what a run would take."""
    from advisor.reports.check import data_rows, plan_rows, power_sentence  # slow, so not before it is needed

    audit, plan = seen.checked.audit, seen.checked.plan
    figures = st.columns(4)
    sizes = {s.name: s.examples for s in audit.splits}
    figures[0].metric("To learn from", f.count(sizes["learn"] + sizes["dev"]), border=True)
    figures[1].metric("Held out", f.count(sizes["held_out"]), border=True)
    figures[2].metric(
        "Cost of a run",
        f.usd(plan.usd).replace("$", "\\$"),
        border=True,
        help="Estimated; no model was called.",
    )
    figures[3].metric(
        "Time of a run", f.seconds(plan.seconds), border=True, help="Estimated; no model was called."
    )
    ui.bullets(seen.prepared.notes)
    if audit.findings:
        st.warning("**Findings in the data**\n\n" + "\n".join(f"- {ui.escaped(x)}" for x in audit.findings))
    else:
        st.success(
            "No duplicates, contradictions or missing labels were found.", icon=":material/check_circle:"
        )
    st.subheader("Data", anchor=False)
    ui.table(data_rows(audit), words=("split", "by label"))
    st.subheader("Plan of a run", anchor=False)
    ui.table(plan_rows(plan), words=("baseline",))
    notes = [f"{b.name}: {note}" for b in plan.baselines for note in b.notes]
    notes += [
        f"{b.name}: about {b.over_context} prompts exceed the context window."
        for b in plan.baselines
        if b.over_context
    ]
    if notes:
        ui.bullets(notes)
    st.caption(f"{ui.escaped(power_sentence(plan))} All figures of the plan are estimates.")


def name_field(suggested: str, *, key: str) -> str:
    """The name of the folder, and where it will be."""
    name: str = st.text_input(
        "Name of the folder",
        value=suggested,
        key=f"{key}:name:{suggested}",
        max_chars=64,
        help="Letters, digits, _ . and -, e.g. support_messages.",
    )
    st.caption(f"It is saved in {ui.escaped(str(workspace_folder(os.environ)))}.")
    return name.strip()


def named_request(asked: NewCase, name: str) -> NewCase:
    """The request under a name; a name that cannot be one is said in words by the package."""
    from advisor.cases.workspace import place_for

    place_for(name, workspace_folder(os.environ))
    return asked.model_copy(update={"name": name})


def saved(folder: Any) -> None:
    """Remembers what was saved, and shows it."""
    ui.open_folder(folder)
    st.session_state[_SAVED] = folder
    st.session_state.pop(_SEEN, None)
    st.rerun()


st.title("New case")
if (folder := st.session_state.get(_SAVED)) is not None and folder.is_dir():
    st.success(
        f"**{ui.escaped(folder.name)}** is saved in {ui.escaped(str(folder.parent))}.",
        icon=":material/check_circle:",
    )
    with st.container(horizontal=True):
        ui.page_link("run", "Run it", case=folder)
        ui.page_link("use_case", "Say what it is worth", case=folder)
        if st.button("Another case", icon=":material/add:"):
            st.session_state.pop(_SAVED)
            st.rerun()
    st.stop()
st.markdown(
    "A case is a decision to take: your examples, what should come out, and what it is worth. Nothing is saved before "
    "you have seen what it comes to."
)
with ui.errors_in_words():
    editor = ui.identity().may("editor")
if not editor:
    st.info("You may look at this page; saving a case needs the role editor.", icon=":material/lock:")
way = st.segmented_control("Begin with", (SPREADSHEET, SAMPLE), default=SPREADSHEET, key="new_case:way")
if way == SAMPLE:
    sample_page(editor)
elif way == SPREADSHEET:
    spreadsheet_page(editor)
