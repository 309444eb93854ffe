"""The HTML report: well formed, self-contained, accessible, complete, and harmless whatever the data say."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from advisor.formatting import WORD_JOINER, clean, one_line
from advisor.records import Decision
from advisor.reports.html import render_html
from tests.reports.decisions import HOSTILE, full_decision, hostile_decision, sparse_decision

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
CODES = {
    "schema_version", "generated_at", "decision", "answer", "kind", "status", "source", "id", "parameter",
    "recorded_at", "metric", "flag", "what", "basis",
}  # fmt: skip


class Page(HTMLParser):
    """What a strict reader finds in a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.words: list[str] = []
        self.raw = ""
        self.feed(html)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self.open]
        self.text = " ".join("".join(self.words).replace(WORD_JOINER, "").split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.faults += [f"<{tag}> has {n} twice" for n in set(names) if names.count(n) > 1]
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:] or 'nothing'}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.raw += data
        else:
            self.words.append(
                data if self.open and self.open[-1] in ("span", "strong", "text") else f" {data} "
            )

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


DECISIONS = {"full": full_decision, "sparse": sparse_decision, "hostile": hostile_decision}


@cache
def html_of(name: str) -> str:
    return render_html(DECISIONS[name]())


@cache
def page(name: str) -> Page:
    return Page(html_of(name))


def strings(value: Any, key: str = "") -> list[str]:
    """Every free text of a decision's document."""
    if isinstance(value, str):
        return [] if key in CODES else [value]
    if isinstance(value, list):
        return [s for v in value for s in strings(v, key)]
    if isinstance(value, dict):
        return [s for k, v in value.items() for s in strings(v, k)]
    return []


every = pytest.mark.parametrize("name", DECISIONS)


@every
def test_it_is_well_formed(name: str) -> None:
    assert html_of(name).startswith("<!DOCTYPE html>")
    assert page(name).faults == []
    ids = [a["id"] for _, a in page(name).elements if "id" in a]
    assert len(ids) == len(set(ids))


@every
def test_it_loads_nothing_and_runs_nothing(name: str) -> None:
    elements = page(name).elements
    assert not {tag for tag, _ in elements} & {
        "script",
        "link",
        "iframe",
        "object",
        "embed",
        "img",
        "form",
        "base",
    }
    for _, attributes in elements:
        assert not [a for a in attributes if a.startswith("on")]
        for attribute in ("href", "src", "srcset", "xlink:href", "action"):
            assert (attributes.get(attribute) or "#").startswith("#")
    assert not re.search(r"@import|url\(", page(name).raw)
    policy = [
        m["content"] for m in page(name).all("meta") if m.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy and "default-src 'none'" in str(policy[0])


@every
def test_links_within_the_page_lead_somewhere(name: str) -> None:
    ids = {a.get("id") for _, a in page(name).elements}
    targets = [str(a["href"])[1:] for a in page(name).all("a")]
    targets += [str(a[k]) for _, a in page(name).elements for k in ("aria-labelledby",) if k in a]
    assert targets
    assert set(targets) <= ids


@every
def test_it_can_be_heard_and_found_through(name: str) -> None:
    found = page(name)
    assert found.all("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels)), "no level of headings is skipped"
    assert len(found.all("caption")) == len(found.all("table"))
    assert all(a.get("scope") in ("col", "row", "colgroup") for a in found.all("th"))
    assert all(a.get("aria-label") for a in (a for _, a in found.elements if a.get("role") == "img"))
    assert len([1 for _, a in found.elements if a.get("role") == "img"]) == len(found.all("figure"))


def test_nothing_in_the_decision_is_left_untold() -> None:
    text = page("full").text
    untold = [s for s in strings(full_decision().to_dict()) if one_line(s) not in text]
    assert untold == []


def test_foreign_text_is_shown_as_it_is_and_does_nothing() -> None:
    found = page("hostile")
    shown = one_line(HOSTILE)
    assert found.text.count(shown) > 100
    untold = [s for s in strings(hostile_decision().to_dict()) if one_line(s) not in found.text]
    assert untold == []
    assert len(found.all("style")) == 1
    assert HOSTILE not in html_of("hostile")
    assert "{{ 7*7 }}" in found.text


@every
def test_no_character_steers(name: str) -> None:
    characters = set(html_of(name))
    assert not [c for c in characters if unicodedata.category(c) == "Cc" and c not in "\n\t"]
    assert not [c for c in characters if clean(c) != c]


def test_the_same_elements_whatever_the_text() -> None:
    ordinary = [tag for tag, _ in page("full").elements if tag not in ("g", "text", "tspan", "path", "line")]
    hostile = [
        tag for tag, _ in page("hostile").elements if tag not in ("g", "text", "tspan", "path", "line")
    ]
    # the hostile keys of assumptions are no known parameters, so they have no second line
    assert set(hostile) == set(ordinary)
    assert abs(len(hostile) - len(ordinary)) <= len(full_decision().facts.assumptions) * 5


@pytest.mark.parametrize(
    ("word", "heading"),
    [("fine_tune", "Fine-tune"), ("do_not_fine_tune", "Do not fine-tune"), ("not_yet", "Not yet")],
)
def test_the_verdict_stands_first_in_a_managers_words(word: str, heading: str) -> None:
    full = full_decision()
    decision = full.model_copy(update={"verdict": full.verdict.model_copy(update={"decision": word})})
    html = render_html(decision)
    assert re.search(r"<h2[^>]*>([^<]*)</h2>", html)[1] == heading  # type: ignore[index]
    assert f"<title>{heading}: Route support messages</title>" in html


def test_unknown_costs_are_said_and_are_no_zero() -> None:
    row = re.search(r'<tr>\s*<th scope="row">(?:(?!</tr>).)*?classifier.*?</tr>', html_of("full"), re.S)
    assert row is not None
    assert row[0].count("unknown") == 4
    assert "$0" not in row[0]


def test_the_ten_questions_stand_in_their_order_with_their_evidence() -> None:
    html = html_of("full")
    places = [html.index(f">{question}</h3>") for question in re.findall(r'<h3 id="q\d+">([^<]*)</h3>', html)]
    assert len(places) == 10 and places == sorted(places)
    assert [int(n) for n in re.findall(r'<h3 id="q(\d+)">', html)] == list(range(1, 11))
    assert html.count("What would change it:") == 10
    assert len(re.findall(r'<span class="badge declared">', html)) >= 10


def test_what_is_not_there_leaves_no_empty_frame() -> None:
    sparse = page("sparse")
    assert not sparse.all("figure")
    for absent in ("How sure the differences are", "What tuning needs", "Read this with care"):
        assert absent not in sparse.text
    assert "What is missing" in sparse.text
    assert "none yet" in sparse.text


def test_charts_come_for_light_and_dark_wide_and_narrow() -> None:
    for classes in ("light wide", "light narrow", "dark wide", "dark narrow"):
        assert html_of("full").count(f'class="drawing {classes}"') == 8
    assert "prefers-color-scheme: dark" in page("full").raw
    assert "@media print" in page("full").raw


def test_the_same_decision_gives_the_same_report() -> None:
    decision: Decision = sparse_decision()
    assert render_html(decision) == render_html(decision)
