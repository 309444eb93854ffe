"""All cases: verdict, confidence, quality, the value at stake, the age of the evidence, and what is missing first."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
import ui_explain as explain
import ui_shared as ui

from advisor import formatting as f
from advisor.access import THIS_MACHINE, load_access
from advisor.errors import AdvisorError, NoResultsError
from advisor.reports.overview import Overview, age, age_days, most_pressing_first
from advisor.reports.wording import confidence
from advisor.resources import sample_cases_folder
from advisor.workflow import overviews

Row = Overview | AdvisorError
ORDERS = ("What needs a decision", "Value at stake", "Oldest evidence", "Name")
MANY = 6  # from so many cases on there is a field to filter them, and a choice of order


def kept(folder: Path) -> Overview | None:
    """The row of a case that can be shown at once."""
    return overviews.kept_overview(folder, store=os.environ.get("ADVISOR_STORE"))


def decided(folder: Path) -> Row:
    """The row of a case, or why there is none."""
    try:
        return overviews.keep_overview(folder, ui.decide(folder), store=os.environ.get("ADVISOR_STORE"))
    except AdvisorError as error:
        return error


def show(folder: Path, row: Row | None) -> None:
    """A case in the list; None: its verdict is being worked out."""
    if row is None:
        st.markdown(f"**{ui.escaped(folder.name)}** :gray-badge[:material/hourglass_top: Deciding …]")
    elif isinstance(row, NoResultsError):
        head(folder, folder.name, ":gray-badge[:material/pending: Not measured yet]", "run", "Run it")
    elif isinstance(row, AdvisorError):
        head(folder, folder.name, ":red-badge[:material/error: Error]", "use_case", "Use case")
        st.markdown("  \n".join(ui.escaped(line) for line in row.message.splitlines()[:6]))
        if row.hint:
            st.caption(f"What to do: {ui.escaped(row.hint)}")
    else:
        head(folder, row.title, explain.verdict_badge(row.decision), "recommendation", "Recommendation")
        explain.facts(figures(row))
        if row.missing:
            more = f" (and {len(row.missing) - 1} more)" if len(row.missing) > 1 else ""
            st.caption(f"Missing first: {ui.escaped(row.missing[0])}{more}")


def head(folder: Path, title: str, badge: str, page: str, label: str) -> None:
    """The title of a case, its verdict, and the way to more."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{ui.escaped(title)}**&ensp;{badge}", width="content")
        ui.page_link(page, label, case=folder)


def figures(row: Overview) -> list[tuple[str, str]]:
    """The figures of a decided case, each with its name and unit."""
    reaches = {True: ", reached", False: ", missed", None: ""}[row.reaches_bar]
    bar = f"; bar {row.bar}{reaches}" if row.bar else ""
    recommended = row.recommended or (
        f"none yet; until then {row.meanwhile}" if row.meanwhile else "none yet"
    )
    sure = confidence(row.confidence) if row.confidence is not None else "none yet"
    return [
        ("Recommended", recommended),
        ("Confidence", sure),
        (f"{row.metric} of {row.quality_of or 'the best'}", f"{row.quality}{bar}"),
        (f"At stake over {f.count(row.horizon_months)} months", f.usd(row.at_stake_usd)),
        ("Age of the evidence", age(row.recorded_at, datetime.now(UTC).date())),
    ]


def in_order(rows: dict[Path, Row], order: str) -> list[Path]:
    """Folders as they are listed: what could not be decided comes last."""
    found = {p: r for p, r in rows.items() if isinstance(r, Overview)}
    today = datetime.now(UTC).date()
    ranked = most_pressing_first(found.values())
    keys = {
        ORDERS[0]: lambda p: ranked.index(found[p]),
        ORDERS[1]: lambda p: -(found[p].at_stake_usd or 0.0),
        ORDERS[2]: lambda p: -(age_days(found[p].recorded_at, today) or 0),
        ORDERS[3]: lambda p: found[p].title.casefold(),
    }
    failed = sorted(
        (p for p in rows if p not in found), key=lambda p: (not isinstance(rows[p], NoResultsError), p.name)
    )
    return [*sorted(found, key=keys[order]), *failed]


def matches(folder: Path, row: Row | None, words: str) -> bool:
    """Whether a case holds all words that were typed."""
    text = folder.name
    if isinstance(row, Overview):
        text += f" {row.title} {row.recommended or ''} {row.decision.replace('_', ' ')}"
    return all(word in text.casefold() for word in words.casefold().split())


def listed(folders: list[Path], order: str, words: str) -> bool:
    """A list of cases: what is known at once, the rest as it comes; whether anything had to be worked out."""
    there = {folder: kept(folder) for folder in folders}
    known: dict[Path, Row] = {p: row for p, row in there.items() if row is not None}
    shown = [*in_order(known, order), *(p for p in folders if p not in known)]
    shown = [p for p in shown if p not in known or matches(p, known[p], words)]
    if not shown:
        st.caption("No case holds these words.")
    places = {}
    for folder in shown:
        places[folder] = st.empty()
        with places[folder].container(border=True):
            show(folder, known.get(folder))
    waiting = [p for p in shown if p not in known]
    for folder in waiting:
        place = places[folder]
        with place.container(border=True):
            show(folder, None)
            row = decided(folder)
        if not matches(folder, row, words):
            place.empty()
            continue
        with place.container(border=True):
            show(folder, row)
        known[folder] = row
    return any(isinstance(known.get(p), Overview) for p in waiting)


def open_a_folder() -> None:
    """Adds a case, or a folder of cases, of this machine to the list."""
    with st.popover("Open a folder", icon=":material/folder_open:"), st.form("open_folder", border=False):
        typed = st.text_input(
            "Folder", key="folder", placeholder="/home/me/cases", help="A case, or a folder that holds cases."
        )
        if st.form_submit_button("Open", type="primary") and typed.strip():
            folder = Path(typed.strip()).expanduser()
            if not folder.is_dir():
                st.error(f"There is no folder {ui.escaped(str(folder))}.")
            elif not ui.holds_cases(folder):
                st.error(f"{ui.escaped(str(folder))} holds no case: a case is a folder with a case.yaml.")
            else:
                ui.open_folder(folder.resolve())
                st.rerun()


st.title("Decisions", anchor=False)
folders = ui.case_folders(os.environ)
samples = [p for p in folders if p.parent == sample_cases_folder().resolve()]
own = [p for p in folders if p not in samples]
with ui.errors_in_words():
    # where others sign in, no one may look around on this machine
    may_open = load_access() is None and ui.identity().asserted_by == THIS_MACHINE
with st.container(horizontal=True, vertical_alignment="center"):
    ui.page_link("new_case", "New case")
    if may_open:
        open_a_folder()
    explain.explanation("verdict", "confidence", "quality", "bar", "stake", "age", "missing")
order, words = ORDERS[0], ""
if len(folders) > MANY:
    left, right = st.columns([2, 1])
    words = left.text_input(
        "Filter",
        key="filter",
        placeholder="Words of a title, a verdict, a baseline",
        icon=":material/search:",
    )
    order = right.selectbox("Order", ORDERS)

fresh = False
if own:
    fresh = listed(own, order, words)
else:
    with st.container(border=True):
        st.markdown("**You have no case of your own yet.**")
        st.markdown(
            "A case is a folder with examples and the decision to take. Start one from a spreadsheet of examples, or "
            "look at a sample below: each was measured, so its verdict is there."
        )
        ui.page_link("new_case", "New case")
if samples:
    st.header("Sample cases", anchor=False)
    fresh = listed(samples, order, words) or fresh
elif not own:
    st.info("The sample cases did not come with this installation. Install the package again to have them.")
if fresh and "sorted_once" not in st.session_state:  # now that all is known, in its order
    st.session_state["sorted_once"] = True
    st.rerun()
