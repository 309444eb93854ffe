"""What pages share: which pages and cases there are, the decision of a case, and what failed, in words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from advisor import formatting as f
from advisor import workflow
from advisor.cases.loading import CASE_FILE
from advisor.cases.workspace import CASES_VARIABLE, workspace_folder
from advisor.errors import AdvisorError
from advisor.records import Decision
from advisor.reports import escaping
from advisor.resources import sample_cases_folder
from advisor.workflow.overviews import last_change

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage

    from advisor.access import Identity
    from advisor.workflow.what_if import WhatIf

__all__ = [
    "NAVIGATION",
    "PageOf",
    "bullets",
    "case_folders",
    "case_label",
    "chosen_case",
    "decide",
    "draw",
    "errors_in_words",
    "escaped",
    "holds_cases",
    "identity",
    "last_change",
    "open_folder",
    "page_link",
    "show_navigation",
    "table",
    "what_if",
]

CASE_PARAMETER = "case"
_LINK = re.compile(r"://|(?<=\w)@(?=\w)|(?<=www)\.", re.IGNORECASE)
_CHOSEN, _BOX, _OPENED = "chosen_case", "case_box", "opened_folders"


@dataclass(frozen=True)
class PageOf:
    """A page of the app."""

    script: str
    title: str
    icon: str
    url_path: str
    """Its address; the first page has none."""


OF_A_CASE = "This case"
NAVIGATION: dict[str, tuple[PageOf, ...]] = {
    "Cases": (
        PageOf("app_pages/decisions.py", "Decisions", ":material/list_alt:", ""),
        PageOf("app_pages/new_case.py", "New case", ":material/add_circle:", "new_case"),
    ),
    OF_A_CASE: (
        PageOf("app_pages/use_case.py", "Use case and questions", ":material/help_center:", "use_case"),
        PageOf("app_pages/run.py", "Run", ":material/play_circle:", "run"),
        PageOf("app_pages/tradeoff.py", "Tradeoff", ":material/scatter_plot:", "tradeoff"),
        PageOf("app_pages/costs.py", "Costs", ":material/payments:", "costs"),
        PageOf("app_pages/answers.py", "Answers", ":material/compare_arrows:", "answers"),
        PageOf("app_pages/recommendation.py", "Recommendation", ":material/balance:", "recommendation"),
        PageOf("app_pages/review.py", "Review", ":material/how_to_reg:", "review"),
    ),
    "Reference": (PageOf("app_pages/prices.py", "Prices", ":material/sell:", "prices"),),
}
"""All pages, in the order in which a decision is taken."""


# --- cases -------------------------------------------------------------------------------------------------------


def case_folders(environment: Mapping[str, str]) -> list[Path]:
    """The cases to choose from: those opened here, those that the environment names, own ones, then the samples.

    A folder that is no case stands for the cases in it; one without any stays, so that choosing it says why.
    """
    opened = [Path(p) for p in st.session_state.get(_OPENED, ())]
    named = [Path(p) for p in environment.get(CASES_VARIABLE, "").split(os.pathsep) if p.strip()]
    own = workspace_folder(environment)  # where new cases are saved
    found: list[Path] = []
    made = [own] if any(own.glob(f"*/{CASE_FILE}")) else []
    for folder in (*opened, *named, *made, sample_cases_folder()):
        inside = sorted(p.parent for p in folder.glob(f"*/{CASE_FILE}"))
        found += [folder] if (folder / CASE_FILE).is_file() or not inside else inside
    return list(dict.fromkeys(p.resolve() for p in found))


def holds_cases(folder: Path) -> bool:
    """Whether a folder is a case, or has some in it."""
    return (folder / CASE_FILE).is_file() or any(folder.glob(f"*/{CASE_FILE}"))


def open_folder(folder: Path) -> None:
    """Adds a case, or a folder of cases, to those of this session, and chooses it."""
    st.session_state[_OPENED] = [*st.session_state.get(_OPENED, ()), str(folder)]


def case_label(folder: Path, folders: list[Path]) -> str:
    """A folder's name, with its parent's where two have the same."""
    twins = [f for f in folders if f.name == folder.name]
    return folder.name if len(twins) < 2 else f"{folder.parent.name}/{folder.name}"


def chosen_case() -> Path:
    """The case of this page: the one that the address names, else the last one chosen, else the first.

    The sidebar chooses another; the address always names the chosen one, so that it can be sent to somebody.
    """
    folders = case_folders(os.environ)
    by_label = {case_label(folder, folders): folder for folder in folders}
    wanted = st.query_params.get(CASE_PARAMETER) or st.session_state.get(_CHOSEN) or next(iter(by_label))
    if wanted not in by_label:  # a name that several have: one's own comes before a sample's
        wanted = next((label for label, folder in by_label.items() if folder.name == wanted), wanted)
    if wanted not in by_label:
        st.session_state.pop(_CHOSEN, None)
        st.title("No such case")
        st.error(f"There is no case {escaped(wanted)!r} here.", icon=":material/error:")
        st.caption(
            f"What to do: choose one of {escaped(', '.join(by_label))}, or start `advisor ui` with its folder."
        )
        st.sidebar.selectbox("Case", list(by_label), index=None, key=_BOX, on_change=_choose)
        st.stop()
    st.session_state[_CHOSEN] = st.session_state[_BOX] = wanted
    if st.query_params.get(CASE_PARAMETER) != wanted:
        st.query_params[CASE_PARAMETER] = wanted
    st.sidebar.selectbox("Case", list(by_label), key=_BOX, on_change=_choose)
    return by_label[wanted]


def _choose() -> None:
    st.query_params.clear()
    st.query_params[CASE_PARAMETER] = st.session_state[_CHOSEN] = st.session_state[_BOX]


def decide(
    folder: Path, overrides: tuple[tuple[str, str], ...] = (), *, sensitivity: bool = True
) -> Decision:
    """The decision of a case, with assumptions changed at will; kept unless one of its files changes.

    `sensitivity=False` leaves out what would turn the verdict: a change that does not show it is drawn at once.
    """
    return _decide(str(folder), overrides, sensitivity, *_version(folder))


def what_if(folder: Path) -> WhatIf:
    """What was measured of a case, read once and decided on again and again."""
    return _what_if(str(folder), *_version(folder))


def _version(folder: Path) -> tuple[float, str | None, str]:
    """What a decision is of: files, store, and day; of a store whose changes are not seen from here, the minute."""
    store = os.environ.get("ADVISOR_STORE")
    return last_change(folder), store, datetime.now(UTC).strftime("%Y-%m-%d %H:%M" if store else "%Y-%m-%d")


@st.cache_data(show_spinner="Deciding …", max_entries=64)
def _decide(
    case: str,
    overrides: tuple[tuple[str, str], ...],
    sensitivity: bool,
    changed: float,
    store: str | None,
    moment: str,
) -> Decision:
    if overrides:
        return _what_if(case, changed, store, moment).decide(dict(overrides), sensitivity=sensitivity)
    return workflow.decide(case, store=store)


@st.cache_resource(show_spinner=False, max_entries=8)
def _what_if(case: str, changed: float, store: str | None, moment: str) -> WhatIf:
    from advisor.workflow.what_if import what_if

    return what_if(case, store=store)


def show_navigation(pages: Mapping[str, StreamlitPage]) -> None:
    """The sidebar's links to all pages, by their addresses; those of a case name the one that is looked at."""
    wanted = st.query_params.get(CASE_PARAMETER) or st.session_state.get(_CHOSEN)
    with st.sidebar.container(gap="xxsmall"):
        for title, group in NAVIGATION.items():
            st.caption(title)
            for about in group:
                of_case = {CASE_PARAMETER: wanted} if wanted and title == OF_A_CASE else None
                st.page_link(pages[about.url_path], label=about.title, icon=about.icon, query_params=of_case)


# --- who is here -------------------------------------------------------------------------------------------------


def identity() -> Identity:
    """Who uses the page: whoever the provider says signed in, or the operator of this machine."""
    import ui_signin

    return ui_signin.identity()


# --- drawing -----------------------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """Foreign text for `st.markdown`; an address in it is no link either, and a minus sign stays with its amount.

    Streamlit's Markdown makes links of addresses after it has taken escapes away; a joiner, which is not seen, keeps it
    from that.
    """
    unlinked = _LINK.sub(lambda m: f"{m[0][0]}\u2060{m[0][1:]}" if len(m[0]) > 1 else f"\u2060{m[0]}", text)
    return escaping.escaped(unlinked).replace(f"{f.MINUS}\\$", f"{f.MINUS}\u2060\\$")


def page_link(url_path: str, label: str, *, case: Path | None = None, icon: str | None = None) -> None:
    """A link to a page, of a case where the page needs one."""
    page = next(p for pages in NAVIGATION.values() for p in pages if p.url_path == url_path)
    if not (Path(__file__).parent / page.script).exists():
        return
    parameters = {CASE_PARAMETER: case_label(case, case_folders(os.environ))} if case is not None else None
    st.page_link(page.script, label=label, icon=icon or page.icon, query_params=parameters)


def draw(decision: Decision, names: tuple[str, ...]) -> None:
    """Charts beside one another, in the theme of the page."""
    from advisor.reports import charts

    theme = charts.DARK if st.context.theme.type == "dark" else charts.LIGHT
    for column, name in zip(st.columns(len(names)), names, strict=True):
        title, chart_of = charts.CHARTS[name]
        chart = chart_of(decision, theme=theme, width="container")
        if chart is not None:
            column.subheader(title)
            column.altair_chart(chart, width="stretch", theme=None, alt=charts.describe(decision, name))


def table(rows: list[dict[str, str]], *, words: tuple[str, ...] = ()) -> None:
    """Rows of finished text; columns that are no `words` stand to the right."""
    columns: dict[str, Any] = {}
    for name in rows[0] if rows else ():
        longest = max(len(name), *(len(row[name]) for row in rows))
        columns[name] = st.column_config.TextColumn(
            f.one_line(name),
            alignment=None if name in words else "right",
            width=min(480, round(22 + 6.7 * longest)),
        )
    st.dataframe(rows, hide_index=True, width="stretch", column_config=columns)


def bullets(lines: list[str] | tuple[str, ...]) -> None:
    """Foreign texts as a list."""
    st.markdown("\n".join(f"- {escaped(line)}" for line in lines))


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Shows an error of the package as a message, and ends the page there."""
    try:
        yield
    except AdvisorError as error:
        st.error("\n\n".join(escaped(line) for line in error.message.splitlines()), icon=":material/error:")
        if error.hint:
            st.caption(f"What to do: {escaped(error.hint)}")
        st.stop()
