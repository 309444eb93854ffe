"""The Markdown report says what the HTML report says, and foreign text in it stays text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from advisor.formatting import one_line
from advisor.reports.markdown import code, escaped, render_markdown
from tests.reports.decisions import HOSTILE, full_decision, hostile_decision, sparse_decision
from tests.reports.test_html_report import strings

PARSER = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])


def flat(tokens: list[Token]) -> list[Token]:
    return [t for token in tokens for t in (token, *flat(token.children or []))]


def shown(markdown: str) -> str:
    """The text that a reader of the rendered Markdown sees."""
    pieces = []
    for token in flat(PARSER.parse(markdown)):
        if token.type in ("text", "code_inline", "code_block", "fence", "text_special"):
            pieces.append(token.content)
        elif token.type == "softbreak" or token.type.endswith("_close"):
            pieces.append(" " if token.nesting == 0 or token.block else "")
    return " ".join("".join(pieces).split())


@pytest.mark.parametrize("decision", [full_decision(), sparse_decision(), hostile_decision()])
def test_it_holds_no_html_no_link_and_no_picture(decision) -> None:
    types = {t.type for t in flat(PARSER.parse(render_markdown(decision)))}
    assert not types & {"html_block", "html_inline", "link_open", "image", "s_open"}


@pytest.mark.parametrize("decision", [full_decision(), sparse_decision(), hostile_decision()])
def test_tables_keep_their_columns(decision) -> None:
    lines = render_markdown(decision).split("\n")
    for i, line in enumerate(lines):
        if re.fullmatch(r"\|( -+:? \|)+", line):
            columns = line.count("|")
            for row in (lines[i - 1], *_rows_after(lines, i)):
                assert len(re.findall(r"(?<!\\)\|", row)) == columns


def _rows_after(lines: list[str], i: int) -> list[str]:
    rows = []
    for line in lines[i + 1 :]:
        if not line.startswith("|"):
            break
        rows.append(line)
    return rows


def test_nothing_in_the_decision_is_left_untold() -> None:
    text = shown(render_markdown(full_decision()))
    # an instruction's lines are kept apart
    told = [s for value in strings(full_decision().to_dict()) for s in value.split("\n")]
    assert [s for s in told if one_line(s) not in text] == []


def test_foreign_text_is_shown_as_it_is() -> None:
    text = shown(render_markdown(hostile_decision()))
    assert text.count(one_line(HOSTILE)) > 80


def test_headings_and_emphasis_are_the_reports_own() -> None:
    def kinds(markdown: str) -> list[str]:
        return [
            t.tag
            for t in flat(PARSER.parse(markdown))
            if t.type in ("heading_open", "strong_open", "em_open")
        ]

    assert kinds(render_markdown(hostile_decision())) == kinds(render_markdown(full_decision()))


@given(st.text(max_size=60))
def test_any_text_survives_as_plain_text(text: str) -> None:
    plain = one_line(text)
    markdown = f"- {escaped(text)}"
    assert {t.type for t in flat(PARSER.parse(markdown))} <= {
        "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "paragraph_open",
        "paragraph_close", "inline", "text", "text_special",
    }  # fmt: skip
    assert shown(markdown).replace(" ", "") == plain.replace(" ", "").replace("\u00a0", "")


@given(st.text(alphabet="`|ab \\", min_size=1, max_size=20))
def test_any_text_survives_as_code_in_a_table(text: str) -> None:
    table = f"| a |\n| --- |\n| {code(text)} |"
    cells = [t for t in flat(PARSER.parse(table)) if t.type == "td_open"]
    assert len(cells) == 1


def test_dollars_are_no_formulas() -> None:
    assert not re.search(r"(?<!\\)\$", render_markdown(full_decision()))


def test_unknown_is_said() -> None:
    row = next(
        line for line in render_markdown(full_decision()).split("\n") if line.startswith("| `classifier` |")
    )
    assert row.count("unknown") == 4  # costs
    assert "| none |" in row
    assert "$0" not in row


@pytest.mark.parametrize(
    "text",
    [
        "http://x.example",
        "www.x.example",
        ":smile: :red[x] :material/home:",
        "$x$",
        "@someone",
        "[a](b)",
        "1. x",
        "- x",
    ],
)
def test_what_sites_would_draw_from_plain_text_is_escaped(text: str) -> None:
    markdown = escaped(text)
    assert re.search(r"\\[:.$@\[\-]", markdown)
    assert shown(markdown) == text
