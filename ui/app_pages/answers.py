"""The answers: each held-out item with what all baselines made of it, side by side, and the prompt that was sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import streamlit as st
import ui_answers as draw
import ui_shared as ui

from advisor import formatting as f
from advisor.errors import NoResultsError
from advisor.workflow.answers import ONLY, ORDERS, AnswerBook, AnswerFilter, AnswerRow, Only, Order, prompt_in

SIZE = 20  # items a page
MOST_CHOICES = 500  # of labels and groups in a list; the others are found by their text
ONLY_WORDS: dict[Only, str] = {
    "differ": "baselines differ",
    "all_wrong": "all wrong",
    "failed": "a failed answer",
    "no_score": "an answer or score missing",
    "near_duplicate": "nearly the same as a training example",
}
ORDER_WORDS: dict[Order, str] = {
    "held_out": "As in the held-out set",
    "difference": "Largest difference",
    "longest": "Longest input",
    "slowest": "Slowest answer",
    "dearest": "Dearest answer",
}
FILTERS = ("q", "right", "wrong", "only", "label", "group", "slice")
LOST: list[str] = []  # what the address names and is not there; a script begins anew with each run


def key(name: str) -> str:
    """A widget's key."""
    return f"answers_{name}"


# ── the address: what is looked for stands there, so that it can be sent to somebody ──


def listed(name: str, known: list[str] | tuple[str, ...]) -> list[str]:
    """Values of the address that are known; others are noted."""
    values = st.query_params.get_all(name)
    LOST.extend(f"{name} = {v}" for v in values if v not in known)
    return [v for v in dict.fromkeys(values) if v in known]


def one(name: str, known: list[str] | tuple[str, ...]) -> str | None:
    """A value of the address that is known."""
    return next(iter(listed(name, known)), None)


def remember(name: str) -> None:
    """Takes a widget's value into the address; another selection begins on its first page."""
    value = st.session_state[key(name)]
    if value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)
    for gone in ("page", "item"):
        st.query_params.pop(gone, None)


def clear() -> None:
    """Takes all filters away."""
    for name in (*FILTERS, "page"):
        st.query_params.pop(name, None)


def open_item(item: str | None, page: int) -> None:
    """Shows an item, or the first of a page."""
    st.query_params["page"] = str(page)
    if item is None:
        st.query_params.pop("item", None)
    else:
        st.query_params["item"] = item


def open_chosen(page: int) -> None:
    """Shows the item that was chosen from the list."""
    open_item(st.session_state[key("item")], page)


def open_page(name: str) -> None:
    """Shows the page that was chosen."""
    open_item(None, st.session_state[name])


# ── filters ──


def widget(kind: Any, label: str, name: str, value: Any, **options: Any) -> None:
    """A widget whose value is the address's."""
    st.session_state[key(name)] = value
    kind(label, key=key(name), on_change=remember, args=(name,), **options)


def filters(book: AnswerBook) -> tuple[AnswerFilter, Order]:
    """The filters, as the address has them."""
    labels = [v for v, _ in book.expected_values[:MOST_CHOICES]]
    groups = [v for v, _ in book.groups[:MOST_CHOICES]]
    slices = {f"{dimension}: {value}": (dimension, value) for dimension, value, _ in book.slices}
    text = st.query_params.get("q", "")[:200]
    # a group or a label that is in no list can still be linked to
    label, group = st.query_params.get("label"), st.query_params.get("group")
    labels += [label] if label and label not in labels else []
    groups += [group] if group and group not in groups else []
    right, wrong = listed("right", book.names), listed("wrong", book.names)
    only, part = listed("only", ONLY), one("slice", list(slices))
    order: Order = next((o for o in ORDERS if o == one("sort", ORDERS)), "held_out")

    first, second, third, fourth = st.columns([5, 4, 4, 4])
    with first:
        widget(
            st.text_input,
            "Search",
            "q",
            text,
            placeholder="in inputs and answers",
            max_chars=200,
            type="search",
        )
    with second:
        widget(st.multiselect, "Right", "right", right, options=book.names, placeholder="any baseline")
    with third:
        widget(st.multiselect, "Wrong", "wrong", wrong, options=book.names, placeholder="any baseline")
    with fourth:
        words = ONLY_WORDS.__getitem__
        widget(
            st.multiselect,
            "Only with",
            "only",
            only,
            options=ONLY,
            format_func=words,
            placeholder="all items",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        more = sum(x is not None for x in (label, group, part)) + (order != "held_out")
        with st.popover(f"More filters, order{f' ({more})' if more else ''}", icon=":material/tune:"):
            shown = {"format_func": lambda x: f.shortened(x, 60), "placeholder": "all"}
            if labels:
                widget(st.selectbox, "Expected", "label", label, options=labels, index=None, **shown)
            if groups:
                widget(st.selectbox, "Group", "group", group, options=groups, index=None, **shown)
            if slices:
                widget(st.selectbox, "Slice", "slice", part, options=list(slices), index=None, **shown)
            widget(st.selectbox, "Order", "sort", order, options=ORDERS, format_func=ORDER_WORDS.__getitem__)
        if any(name in st.query_params for name in FILTERS):
            st.button("Clear filters", icon=":material/filter_alt_off:", on_click=clear, key=key("clear"))
    wanted = AnswerFilter(
        text=text,
        expected=label,
        group=group,
        right=tuple(right),
        wrong=tuple(wrong),
        only=tuple(o for o in ONLY if o in only),
        slice=slices[part] if part else None,
    )
    return wanted, order


def in_words(wanted: AnswerFilter) -> str:
    """What is looked for."""
    found = [f"{name} right" for name in wanted.right] + [f"{name} wrong" for name in wanted.wrong]
    found += [f"with {ONLY_WORDS[o]}" if o in ("failed", "no_score") else ONLY_WORDS[o] for o in wanted.only]
    found += [f"expected {f.shortened(wanted.expected, 60)}"] if wanted.expected is not None else []
    found += [f"group {f.shortened(wanted.group, 60)}"] if wanted.group is not None else []
    found += [" ".join(wanted.slice)] if wanted.slice else []
    found += [f"“{f.shortened(wanted.text, 60)}” in the text"] if wanted.text.strip() else []
    return ", ".join(found)


# ── the list and the item ──


def the_page(n_pages: int) -> int:
    """The page that the address names."""
    named = st.query_params.get("page", "1")
    return min(max(int(named), 1), n_pages) if named.isascii() and named.isdigit() and len(named) < 9 else 1


def show_list(
    rows: tuple[AnswerRow, ...], chosen: str, page: int, n_pages: int, wanted: AnswerFilter
) -> None:
    """The items of a page, to choose one."""
    if n_pages > 1:
        name = key(f"page_{page}_{n_pages}")  # it begins where the address says
        st.pagination(n_pages, default=page, key=name, on_change=open_page, args=(name,), max_visible_pages=5)
    by_id = {row.id: row for row in rows}

    def label(item: str) -> str:
        text = by_id[item].input
        words = text if isinstance(text, str) else str(text[-1].get("content", ""))
        return f"**{ui.escaped(f.shortened(item, 40))}** {ui.escaped(f.shortened(words, 64))}"

    st.session_state[key("item")] = chosen if chosen in by_id else None
    with st.container(key="items"):
        st.radio(
            f"Items on page {f.count(page)} of {f.count(n_pages)}",
            list(by_id),
            format_func=label,
            captions=[draw.caption_of(row, (*wanted.right, *wanted.wrong)) for row in rows],
            key=key("item"),
            on_change=open_chosen,
            args=(page,),
        )


def show_item(row: AnswerRow, book: AnswerBook, folder: Path) -> None:
    """An item with all answers, and what was sent for it."""
    about = [f"item {f.count(row.position + 1)} of {f.count(len(book))}"]
    about += [f"group {row.group}"] if row.group else []
    about += [f"answer in {', '.join(row.documents)}"] if row.documents else []
    st.subheader(ui.escaped(f.shortened(row.id, 60)), anchor=False)
    st.caption(ui.escaped(" · ".join(about)))
    if row.near_duplicate is not None:
        same = "the same as" if row.near_duplicate.exact else "nearly the same as"
        st.warning(
            f"This input is {same} training example {ui.escaped(row.near_duplicate.second)}: who learned that one may "
            "know this answer by heart.",
            icon=":material/content_copy:",
        )
    draw.show_question(row, book.loaded.case.task)
    st.markdown("**Answers**")
    draw.show_answers(row, book)
    if book.loaded.case.task.kind != "classification":
        st.caption(draw.legend())
    asked = [a.baseline for a in row.answers if a.state != "not_asked"]
    prompt = st.expander("The prompt", icon=":material/chat:", key=key("prompt"), on_change="rerun")
    if prompt.open and asked:
        with prompt:
            baseline = st.segmented_control(
                "Sent to", asked, default=asked[0], required=True, key=key("prompt_of")
            )
            with ui.errors_in_words():
                draw.show_prompt(prompt_in(book, os.environ.get("ADVISOR_STORE"), baseline, row.id))


def steps(book: AnswerBook, found: Any, at: int) -> None:
    """Buttons to the items before and after."""

    def go(label: str, icon: str, to: int, shortcut: str, name: str) -> None:
        there = 0 <= to < len(found)
        target = book.loaded.held_out[int(found[to])].id if there else None
        st.button(
            label,
            icon=icon,
            key=key(name),
            disabled=not there,
            shortcut=shortcut,
            on_click=open_item,
            args=(target, to // SIZE + 1),
        )

    with st.container(horizontal=True, vertical_alignment="center"):
        go("Previous", ":material/arrow_back:", at - 1, "Alt+P", "previous")
        go("Next", ":material/arrow_forward:", at + 1, "Alt+N", "next")
        st.caption(f"{f.count(at + 1)} of {f.count(len(found))}")


def main() -> None:
    """The page."""
    folder = ui.chosen_case()
    st.title("Answers", anchor=False)
    draw.style()
    with ui.errors_in_words():
        try:
            book = draw.book_of(folder)
        except NoResultsError as error:
            st.info(f"There are no answers yet. {ui.escaped(error.message)}", icon=":material/pending:")
            ui.page_link("run", "Run the case", case=folder)
            st.stop()
    case = book.loaded.case
    rule = "; an answer counts as right from a score of one half on" if book.graded else ""
    st.caption(
        ui.escaped(
            f"{case.title or case.name}: {f.count(len(book))} held-out items, {f.count(len(book.names))} baselines, "
            f"scored by {book.metric}{rule}. {book.provenance.source.capitalize()}"
            + (f" {book.provenance.recorded_at}." if book.provenance.recorded_at else ".")
        )
    )
    for warning in book.warnings:
        st.warning(ui.escaped(warning), icon=":material/warning:")
    with ui.errors_in_words():
        wanted, order = filters(book)
        found = book.select(wanted, order)
    if LOST:
        st.warning(
            f"The link names what is not there, and it was left out: {ui.escaped('; '.join(LOST))}.",
            icon=":material/link_off:",
        )
    words = in_words(wanted)
    named = st.query_params.get("item")
    position = book.position(named) if named else None
    if named and position is None:
        st.warning(
            f"There is no held-out item {ui.escaped(f.shortened(named, 80))}.", icon=":material/link_off:"
        )
    if not len(found):
        st.info(f"No item fits: {ui.escaped(words)}.", icon=":material/search_off:")
        if words:
            st.button("Clear filters", on_click=clear, key=key("clear_empty"), type="primary")
        return
    many = (
        f"{f.count(len(found))} of {f.count(len(book))} items" if words else f"All {f.count(len(book))} items"
    )
    st.markdown(f"**{many}**{f': {ui.escaped(words)}' if words else ''}")

    n_pages = -(-len(found) // SIZE)
    at = next(iter((found == position).nonzero()[0]), None) if position is not None else None
    page = int(at) // SIZE + 1 if at is not None else the_page(n_pages)
    rows = book.page(found, (page - 1) * SIZE, SIZE)
    if position is None:
        at, shown = (page - 1) * SIZE, rows[0]
    else:
        shown = book.row(position)
    left, right = st.columns([3, 8], gap="medium")
    with left:
        show_list(rows, shown.id, page, n_pages, wanted)
    with right:
        if at is None:
            st.info(
                "This item is not among those that fit the filters; it is shown since the link names it.",
                icon=":material/info:",
            )
        else:
            steps(book, found, int(at))
        show_item(shown, book, folder)
    with st.container(horizontal=True):
        ui.page_link("recommendation", "Recommendation", case=folder)
        ui.page_link("tradeoff", "Tradeoff", case=folder)


main()
