"""The further steps of a new case: each draws its fields and returns what they say; None while something is missing."""

from __future__ import annotations

import json
from typing import Any, get_args

import streamlit as st
import ui_fields as fields
import ui_shared as ui
from ui_upload import Upload, file_step

from advisor import formatting as f
from advisor.cases import suggest as rules
from advisor.cases.documents import DOCUMENT_FORMATS, Document
from advisor.cases.schema import Aspect, TaskKind
from advisor.cases.upload import text_of
from advisor.scoring import METRICS, default_metrics

SPLITS = {
    "random": "Choose some at random",
    "column": "A column says which",
    "file": "They are in a file of their own",
}


def task_step(upload: Upload, columns: dict[str, Any]) -> dict[str, Any] | None:
    """What is to be done, and how it is judged."""
    table = upload.table
    outputs: list[Any] = (
        table.column(columns["output"][0]) if len(columns["output"]) == 1 else [{}] * len(table.rows)
    )
    if any(o not in table.columns for o in columns["output"]):
        return None
    suggested, why = (
        rules.suggest_kind(outputs)
        if len(columns["output"]) == 1
        else ("extraction", "several columns make one object")
    )
    at = f"{upload.key}:{'+'.join(columns['output'])}"
    title = st.text_input(
        "Title",
        key=f"{upload.key}:title",
        placeholder="Route support messages",
        help="A few words for people, e.g. Route support messages.",
    )
    description = st.text_area(
        "What is it for?",
        key=f"{upload.key}:description",
        placeholder="Sort the first message of every customer to the team that can answer it.",
        help="One or two sentences on who uses the answers and what for. They open the report.",
    )
    left, right = st.columns(2)
    aspect = left.selectbox(
        "What should improve",
        list(get_args(Aspect)),
        key=f"{upload.key}:aspect",
        format_func=lambda a: fields.ASPECTS[a],
        help="The aspect of today's model that matters most, e.g. format, if answers are right but not in your form.",
    )
    kind: TaskKind = right.selectbox(
        "Kind of task",
        list(fields.KINDS),
        index=list(fields.KINDS).index(suggested),
        key=f"{at}:kind",
        format_func=lambda k: fields.KINDS[k],
        help="Sorting has a fixed list of answers; pulling out fields gives JSON. For example, a message to one of "
        "five queues is sorting.",
    )
    right.caption(
        f"Suggested: {fields.KINDS[suggested][0].lower()}{fields.KINDS[suggested][1:]}, as {ui.escaped(why)}."
    )
    instructions = st.text_area(
        "What a model is told",
        key=f"{upload.key}:instructions",
        placeholder="You sort customer messages of a small shop. Name the queue that the message belongs to.",
        help="The instruction before every question. All baselines get the same one; labels or fields are added to it.",
    )
    labels = schema = None
    wrong = False
    if kind == "classification":
        known = list(dict.fromkeys(text_of(o).strip() for o in outputs if o is not None))
        with st.expander(f"Labels: {f.count(len(known))} found"):
            text = st.text_area(
                "Labels, one a line",
                value="\n".join(known),
                key=f"{at}:labels",
                help="All answers that there can be, e.g. delivery. Add those that do not occur in the file.",
            )
            labels = tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if kind == "extraction":
        with st.expander("Fields (a JSON Schema)"):
            st.caption("Left empty, it is found: every key and type that occurs in the expected outputs.")
            text = st.text_area(
                "JSON Schema",
                key=f"{at}:schema",
                placeholder='{"type": "object", "properties": {"customer": {"type": "string"}}}',
                help="Models are held to it. Leave it empty unless you have one.",
            )
            if text.strip():
                try:
                    schema = json.loads(text)
                    wrong = not isinstance(schema, dict)
                except ValueError:
                    wrong = True
                if wrong:
                    st.error(
                        'This is no JSON object. It begins with { and ends with }, e.g. {"type": "object"}.'
                    )
    quality = _quality(at, kind, outputs)
    needed = ((description, "what it is for"), (instructions, "what a model is told"))
    missing = [text for said, text in needed if not said.strip()]
    if kind == "classification" and len(labels or ()) < 2:
        missing.append("at least two labels")
    if missing:
        st.info(f"To go on, say {' and '.join(missing)}.", icon=":material/arrow_upward:")
    if missing or wrong:
        return None
    return {
        "title": title.strip(),
        "use_case": {"description": description.strip(), "aspect": aspect},
        "kind": kind,
        "instructions": instructions.strip(),
        "labels": labels,
        "json_schema": schema,
        "quality": quality,
    }


def _quality(at: str, kind: TaskKind, outputs: list[Any]) -> dict[str, Any]:
    left, middle, right = st.columns(3)
    suggested = rules.suggest_metric(kind)
    offered = [
        *dict.fromkeys((suggested, *default_metrics(kind), *(("set_f1",) if kind == "extraction" else ())))
    ]
    metric = left.selectbox(
        "Measured by",
        offered,
        key=f"{at}:{kind}:metric",
        help="How an answer is scored. "
        + " ".join(f"{name}: {METRICS[name].description}" for name in offered),
    )
    left.caption(METRICS[metric].description)
    bar = middle.number_input(
        "Good enough (%)",
        0.0,
        100.0,
        value=None,
        step=1.0,
        key=f"{at}:bar",
        placeholder="not given",
        help="The quality from which on answers are usable, e.g. 85.",
    )
    gain = right.number_input(
        "Smallest gain worth having (points)",
        0.0,
        100.0,
        value=2.0,
        step=0.5,
        key=f"{at}:gain",
        help="A smaller gain than this would not change what you do, e.g. 2 points.",
    )
    found: dict[str, Any] = {"metric": metric, "min_gain": round(gain / 100, 6)}
    return found if bar is None else {**found, "bar": round(bar / 100, 6)}


def split_step(upload: Upload) -> dict[str, Any] | None:
    """Which examples are held out."""
    st.caption(
        "Some examples are held out: no model ever sees them before it is asked. They are what answers are judged by."
    )
    table, found = upload.table, rules.suggest(upload.table)
    kinds = list(SPLITS)
    kind = st.radio(
        "Held-out examples",
        kinds,
        index=kinds.index("column" if found.split else "random"),
        key=f"{upload.key}:split",
        format_func=lambda k: SPLITS[k],
        horizontal=True,
        help="At random unless your data have a split already, e.g. a column Set with train and test.",
    )
    if kind == "file":
        own = file_step("The held-out examples, with the same columns", f"{upload.key}:own")
        return None if own is None else {"kind": "file", "table": own.table}
    if kind == "column":
        names = list(table.columns)
        column = st.selectbox(
            "Column",
            names,
            index=names.index(found.split) if found.split else 0,
            key=f"{upload.key}:split_column",
            format_func=f.one_line,
            help="The column that says it, e.g. Set.",
        )
        values = list(dict.fromkeys(text_of(v).strip() for v in table.column(column) if v is not None))[:200]
        held_out = st.multiselect(
            "Values that mean held out",
            values,
            default=list(rules.suggest_held_out_values(table, column)),
            key=f"{upload.key}:{column}:values",
            format_func=f.one_line,
            help="E.g. test. All other rows are learned from.",
        )
        if not held_out:
            st.info("Choose the values that mean held out to go on.", icon=":material/arrow_upward:")
            return None
        return {"kind": "column", "column": column, "held_out": tuple(held_out)}
    left, right = st.columns(2)
    share = left.slider(
        "Share that is held out (%)",
        10,
        60,
        30,
        5,
        key=f"{upload.key}:share",
        help="More show smaller differences, fewer leave more to learn from. E.g. 30% of 500 rows are 150.",
    )
    seed = right.number_input(
        "Seed",
        0,
        2**31 - 1,
        0,
        key=f"{upload.key}:seed",
        help="The same seed always chooses the same rows, e.g. 0. It is kept in the data card.",
    )
    similar = st.checkbox(
        "Keep nearly equal rows on one side",
        value=True,
        key=f"{upload.key}:similar",
        help="A question that differs by a word from one that was learned flatters a model. E.g. two forwards of one "
        "mail stay together.",
    )
    return {"kind": "random", "held_out_share": share / 100, "seed": int(seed), "similar_together": similar}


def worth_step(upload: Upload) -> dict[str, Any]:
    """The model, documents, and what answers cost and are worth; nothing here is needed."""
    st.caption(
        "All of it can be left out, and changed later. What is not given is unknown, and never taken for zero."
    )
    models, baselines = _model(upload)
    files = st.file_uploader(
        "Documents that hold answers",
        type=list(DOCUMENT_FORMATS),
        accept_multiple_files=True,
        key=f"{upload.key}:documents",
        help="With documents, retrieval is measured too. E.g. a handbook as .md, .txt or .pdf.",
    )
    said: dict[str, dict[str, Any]] = {}
    inputs = (
        ("traffic.requests_per_month", 100.0, 0.0, "E.g. 9000. What tuning saves grows with it."),
        ("traffic.horizon_months", 1, 1, "How far ahead you plan, in months, e.g. 12."),
        ("value.correct_usd", 0.1, None, "What a right answer is worth to you in USD, e.g. 0.40 for a minute saved."),
        ("value.wrong_usd", 0.1, None, "A loss is negative, e.g. -0.60 for a wrong order to undo."),
        ("effort.data_hours", 1.0, 0.0, "Hours to prepare training data, e.g. 16."),
        ("effort.evaluation_hours", 1.0, 0.0, "Hours to evaluate a tuned model, e.g. 8."),
        ("effort.refinement_hours", 1.0, 0.0, "Hours to refine it, e.g. 8."),
        ("effort.hourly_rate_usd", 5.0, 0.0, "What an hour of work costs in USD, e.g. 80."),
        ("effort.retrains_per_year", 1.0, 0.0, "E.g. 2, if what is right changes twice a year."),
        ("constraints.latency_p95_s", 0.5, 0.01, "95 of 100 answers must be there within so many seconds, e.g. 2."),
    )  # fmt: skip
    columns = st.columns(2)
    for n, (key, step, least, help) in enumerate(inputs):
        value = columns[n % 2].number_input(
            fields.field_label(key),
            value=None,
            step=step,
            min_value=least,
            key=f"{upload.key}:{key}",
            placeholder="not given",
            help=help,
            format="%d" if isinstance(step, int) else "%.6g",
        )
        if value is not None:
            part, name = key.split(".")
            said.setdefault(part, {})[name] = fields.whole(value)
    if st.checkbox(
        "Texts must not leave this machine",
        key=f"{upload.key}:local",
        help="Rules out hosted models, e.g. for patients' data.",
    ):
        said.setdefault("constraints", {})["must_stay_local"] = True
    documents = tuple(Document(name=file.name, content=file.getvalue()) for file in files or ())
    return {"models": models, "baselines": baselines, "documents": documents, **said}


def _model(upload: Upload) -> tuple[dict[str, Any], Any]:
    own, hosted = "The small model that comes with the advisor", "A model hosted by OpenAI"
    left, right = st.columns(2)
    where = left.selectbox(
        "Model",
        (own, hosted),
        key=f"{upload.key}:model",
        help="The small one needs no key and nothing leaves this machine. Others, such as Azure or your own server, "
        "can be written into case.yaml later.",
    )
    if where == own:
        return {
            name: spec.model_dump(exclude_unset=True) for name, spec in rules.default_models().items()
        }, None
    name = right.text_input(
        "Name of the model",
        value="gpt-4.1-mini",
        key=f"{upload.key}:model_name",
        help="As OpenAI calls it, e.g. gpt-4.1-mini. The key comes from the environment (OPENAI_API_KEY).",
    )
    return {"hosted": {"provider": "openai", "model": name.strip()}}, "openai"
