"""The first steps of a new case: a file, and which of its columns is what."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import streamlit as st
import ui_shared as ui

from advisor import formatting as f
from advisor.cases import suggest as rules
from advisor.cases.upload import ENCODINGS, FORMATS, Table, read_table, text_of
from advisor.errors import CaseError

NONE = "none"
PREVIEW_ROWS = 8


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


def show_problems(error: CaseError) -> None:
    """Everything that is wrong, in a table with the rows of the spreadsheet."""
    count = error.count
    st.error(
        "There is one problem." if count == 1 else f"There are {count:,} problems. They are below.",
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
