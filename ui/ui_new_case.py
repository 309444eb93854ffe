"""The steps of a new case: each draws its fields and returns what they say, or None while something is missing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, get_args

import streamlit as st
import ui_shared as ui

from advisor import formatting as f
from advisor.cases import suggest as rules
from advisor.cases.documents import DOCUMENT_FORMATS, Document
from advisor.cases.schema import Aspect, TaskKind
from advisor.cases.upload import ENCODINGS, FORMATS, Table, read_table, text_of
from advisor.errors import CaseError
from advisor.reports import wording as w
from advisor.scoring import METRICS, default_metrics

NONE = "none"
PREVIEW_ROWS = 8
KINDS: dict[TaskKind, str] = {
    "classification": "Sort into labels",
    "extraction": "Pull out fields, as JSON",
    "question_answering": "Answer in a few words",
    "generation": "Write a text",
}
ASPECTS: dict[Aspect, str] = {
    "accuracy": "accuracy: more right answers",
    "format": "format: the form that the next program needs",
    "knowledge": "knowledge: facts that the model does not have",
    "tone": "tone: how it is said",
    "latency": "latency: faster answers",
    "cost": "cost: cheaper answers",
}
SPLITS = {
    "random": "Choose some at random",
    "column": "A column says which",
    "file": "They are in a file of their own",
}


@dataclass(frozen=True)
class Upload:
    """A file that was read."""

    table: Table
    key: str
    """Of its content: the fields below it start anew with another file."""


@st.cache_resource(
    show_spinner="Reading …", max_entries=4, ttl=3600
)  # a table is frozen, so it can be shared
def _read(content: bytes, name: str, sheet: str | None, encoding: str | None) -> Table:
    return read_table(content, name, sheet=sheet, encoding=encoding)


def file_step(label: str, key: str) -> Upload | None:
    """A file, its sheet and encoding, and its first rows."""
    file = st.file_uploader(
        label,
        type=list(FORMATS),
        key=key,
        help="A table with one example in each row, and the names of the columns in the first row. For example a CSV "
        "export of a ticket system, or an Excel sheet with the columns Message and Queue.",
    )
    if file is None:
        st.caption(
            "CSV, Excel (.xlsx) or JSON Lines. Formulas are not run. No model sees the file before you run the case."
        )
        return None
    content = file.getvalue()
    digest = hashlib.sha256(content).hexdigest()[:12]
    name = file.name
    is_book = content.startswith(b"PK")
    encoding = sheet = None
    if not is_book:
        chosen = st.session_state.get(f"{key}:{digest}:encoding", NONE)
        encoding = None if chosen == NONE else chosen
    else:
        sheet = st.session_state.get(f"{key}:{digest}:sheet")
    try:
        table = _read(content, name, sheet, encoding)
    except CaseError as error:
        show_problems(error)
        if not is_book:
            _encoding(key, digest)
        return None
    if len(table.sheets) > 1:
        st.selectbox(
            "Sheet",
            table.sheets,
            key=f"{key}:{digest}:sheet",
            format_func=f.one_line,
            help="The sheet that holds the examples, e.g. Tickets 2025.",
        )
    st.markdown(f"**{f.count(len(table.rows))} rows, {f.count(len(table.columns))} columns**")
    shown = [
        {"Row": str(row.number)}
        | {
            f.one_line(c) if c != "Row" else "Row (column)": f.shortened(text_of(v), 200)
            for c, v in zip(table.columns, row.values, strict=True)
        }
        for row in table.rows[:PREVIEW_ROWS]
    ]
    ui.table(shown, words=tuple(shown[0]))
    if table.notes:
        ui.bullets(table.notes)
    if not is_book:
        with st.expander("Do letters look wrong?"):
            _encoding(key, digest)
    return Upload(table, f"{key}:{digest}:{sheet}")


def _encoding(key: str, digest: str) -> None:
    st.selectbox(
        "Encoding",
        (NONE, *ENCODINGS),
        key=f"{key}:{digest}:encoding",
        format_func=lambda e: "found by itself" if e == NONE else e,
        help="How letters are stored, e.g. cp1252 for a file that an older Windows program has saved.",
    )


def columns_step(upload: Upload) -> dict[str, Any] | None:
    """What each column means, as suggested until somebody says otherwise."""
    table, found = upload.table, rules.suggest(upload.table)
    left, right = st.columns(2)
    names = list(table.columns)
    inputs = left.multiselect(
        "What comes in",
        names,
        default=[found.input] if found.input else [],
        key=f"{upload.key}:input",
        format_func=f.one_line,
        help="The column that a model is shown, e.g. Message. Several are put below each other, e.g. Subject and Body.",
    )
    outputs = right.multiselect(
        "What should come out",
        names,
        default=[found.output] if found.output else [],
        key=f"{upload.key}:output",
        format_func=f.one_line,
        help="The column with the right answer, e.g. Queue. Several make one JSON object, e.g. Customer and Amount.",
    )
    choices = [NONE, *names]
    left, right = st.columns(2)  # a row of its own: on a phone the columns of each row follow one another
    id = left.selectbox(
        "What names a row",
        choices,
        index=choices.index(found.id or NONE),
        key=f"{upload.key}:id",
        format_func=f.one_line,
        help="A column that is different in every row, e.g. Ticket number. With none, rows are named by their number.",
    )
    group = right.selectbox(
        "What belongs together",
        choices,
        index=choices.index(found.group or NONE),
        key=f"{upload.key}:group",
        format_func=f.one_line,
        help="Rows with the same value are never both learned from and judged by, e.g. Customer or Document.",
    )
    reasons = [
        f"{label} ({found.reasons[role]})"
        for role, label in (("input", "what comes in"), ("output", "what should come out"), ("id", "what names a row"),
                            ("group", "what belongs together"))
        if role in found.reasons
    ]  # fmt: skip
    if reasons:
        st.caption(f"Suggested, please check: {ui.escaped(', '.join(reasons))}.")
    missing = [text for chosen, text in ((inputs, "comes in"), (outputs, "should come out")) if not chosen]
    if missing:
        st.info(f"Choose what {' and what '.join(missing)} to go on.", icon=":material/arrow_upward:")
        return None
    return {
        "input": tuple(inputs),
        "output": tuple(outputs),
        "id": None if id == NONE else id,
        "group": None if group == NONE else group,
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
        format_func=lambda a: ASPECTS[a],
        help="The aspect of today's model that matters most, e.g. format, if answers are right but not in your form.",
    )
    kind: TaskKind = right.selectbox(
        "Kind of task",
        list(KINDS),
        index=list(KINDS).index(suggested),
        key=f"{at}:kind",
        format_func=lambda k: KINDS[k],
        help="Sorting has a fixed list of answers; pulling out fields gives JSON. For example, a message to one of "
        "five queues is sorting.",
    )
    right.caption(f"Suggested: {KINDS[suggested][0].lower()}{KINDS[suggested][1:]}, as {ui.escaped(why)}.")
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
    fields = (
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
    for n, (key, step, least, help) in enumerate(fields):
        value = columns[n % 2].number_input(
            field_label(key),
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
            said.setdefault(part, {})[name] = whole(value)
    if st.checkbox(
        "Texts must not leave this machine",
        key=f"{upload.key}:local",
        help="Rules out hosted models, e.g. for patients' data.",
    ):
        said.setdefault("constraints", {})["must_stay_local"] = True
    documents = tuple(Document(name=file.name, content=file.getvalue()) for file in files or ())
    return {"models": models, "baselines": baselines, "documents": documents, **said}


def whole(value: float | None) -> float | None:
    """A number without a needless ".0", as somebody would write it."""
    return int(value) if value is not None and float(value).is_integer() else value


def field_label(key: str) -> str:
    """An input's name, with its unit."""
    own = {
        "traffic.horizon_months": "Months to plan for",
        "constraints.latency_p95_s": "Slowest answer that is acceptable (seconds, p95)",
    }
    units = {
        "traffic.monthly_growth": " (fraction, 0.02 = 2%)",
        "costs.discount_rate": " (fraction)",
        "quality.bar": " (0 to 1)",
        "quality.min_gain": " (0 to 1)",
    }
    unit = " (USD)" if "usd" in key else units.get(key, "")
    return own.get(key) or f"{w.parameter_name(key)}{unit}"


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


def show_problems(error: CaseError) -> None:
    """Everything that is wrong, in a table with the rows of the spreadsheet."""
    count = len(error.problems)
    st.error(
        "There is one problem." if count == 1 else f"There are {count} problems. All of them are below.",
        icon=":material/error:",
    )
    ui.table(
        [
            {
                "Where": f.shortened(p.path.name, 60),
                "Row": str(p.line) if p.line else "",
                "Column or field": f.shortened(p.key or "", 80),
                "Problem": f.one_line(p.message),
            }
            for p in error.problems
        ],
        words=("Where", "Column or field", "Problem"),
    )
