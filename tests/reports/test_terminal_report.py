"""The decision on a terminal: readable in 100 columns, and nothing in the data steers the terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from advisor.formatting import clean, one_line
from advisor.records import Decision
from advisor.reports.terminal import print_decision
from tests.reports.decisions import HOSTILE, full_decision, hostile_decision, sparse_decision


def printed(decision: Decision, *, width: int = 120, colour: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=colour, color_system="truecolor" if colour else None
    )
    print_decision(decision, console)
    return out.getvalue()


@pytest.mark.parametrize("decision", [full_decision(), sparse_decision(), hostile_decision()])
@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_it_fits_the_terminal_and_at_most_100_columns(decision: Decision, width: int) -> None:
    lines = printed(decision, width=width).split("\n")
    assert max(cell_len(line) for line in lines) <= min(100, width)


def test_it_says_the_verdict_the_figures_the_ten_answers_and_the_warnings() -> None:
    text = printed(full_decision(), width=100)
    assert "Fine-tune" in text
    assert "Use fine_tuned." in text
    assert "Confidence 93%" in text
    assert re.search(
        r"fine_tuned +200 +91\.0% +86\.2–94\.2 +112 → 3\.1 +110 ms +\$0\.73 +\$3\.2k +\$143 +\$4\.92k", text
    )
    for question in full_decision().questions:
        assert re.search(rf"^{question.answer} +{re.escape(question.id)} ", text, re.M)
    assert "Prices of 2026-08-11 are older than 90 days." in text
    assert "measured" in text and "estimated" in text and "declared" in text


def test_unknown_is_a_question_mark_and_no_zero() -> None:
    row = next(line for line in printed(full_decision()).split("\n") if line.startswith("classifier"))
    assert row.count("?") == 4  # costs; it has no prompt, so that its tokens are known to be none
    assert "none" in row
    assert "$0" not in row


def test_with_80_columns_no_name_and_no_figure_is_broken() -> None:
    text = printed(full_decision(), width=80)
    for b in full_decision().baselines:
        assert re.search(rf"^{b.name} +\d", text, re.M)
    assert re.search(
        r"^fine_tuned +91\.0% +86\.2–94\.2 +112 → 3\.1 +110 ms +\$0\.73 +\$4\.92k *$", text, re.M
    )


def test_what_is_missing_is_said() -> None:
    text = printed(sparse_decision())
    assert "Not yet" in text
    assert "Results of at least one alternative." in text
    assert "Confidence" not in text


def test_foreign_text_sends_the_terminal_nothing() -> None:
    coloured = printed(hostile_decision(), colour=True)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)  # the report's own colours
    assert clean(plain) == plain
    assert "\x1b[31mred" not in coloured


def test_markup_in_foreign_text_is_shown_and_not_obeyed() -> None:
    text = re.sub(
        r"[\s│]+", "", printed(hostile_decision("[bold]x[/bold] [/] [link=file:///x]y[/link]"), width=100)
    )
    assert "[bold]x[/bold][/][link=file:///x]y[/link]" in text


def test_a_long_foreign_text_is_folded_not_lost() -> None:
    text = re.sub(r"[\s│]+", "", printed(hostile_decision(), width=100))
    assert one_line(HOSTILE).replace(" ", "") in text
