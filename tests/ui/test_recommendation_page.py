"""The recommendation: it asks the package and draws, decides nothing, hides nothing, and says what is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.formatting import clean
from advisor.records import Decision
from tests.reports.decisions import (
    HOSTILE,
    full_decision,
    hostile_decision,
    sparse_decision,
    undecided_decision,
)
from tests.ui.app import deciding, html, marked, opened, prepared, told


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared(monkeypatch, tmp_path)


def page_of(monkeypatch: pytest.MonkeyPatch, decision: Decision):
    deciding(monkeypatch, lambda case, overrides: decision)
    app = opened("recommendation")
    assert not app.exception
    return app


def test_it_shows_the_verdict_its_figures_and_reasons(monkeypatch) -> None:
    app = page_of(monkeypatch, full_decision())
    assert app.title[0].value == "Route support messages"
    assert "Fine-tune" in app.success[0].value
    said = told(app)
    for text in ("93%", "91.0%", "95% interval 86.2–94.2%", "well over the smallest gain worth having"):
        assert text in said
    assert "older than 90 days" in "".join(w.value for w in app.warning)
    for title in ("Why", "What is at stake", "What would turn it", "Next steps", "What tuning needs"):
        assert title in [s.value for s in app.header]


def test_what_is_missing_is_a_shopping_list_with_costs_and_the_unknown_is_said(monkeypatch) -> None:
    app = page_of(monkeypatch, undecided_decision())
    assert "Not yet" in app.warning[0].value
    table = next(body for body in html(app) if "About 200 more held-out items" in body)
    assert "$800" in table and "$4,211" in table
    assert table.count(">unknown<") == 6, "what has no known cost or worth is unknown, not free"
    assert "Something that has no price" in table
    assert any("classifier" in i.value for i in app.info), "what to use until then"


def test_the_ten_questions_can_be_opened_and_each_piece_of_evidence_says_its_kind(monkeypatch) -> None:
    app = page_of(monkeypatch, full_decision())
    questions = [e for e in app.expander if e.label[0].isdigit()]
    assert len(questions) == 10
    assert "What is the use case" in questions[0].label
    assert "Unclear" in questions[9].label
    inside = " ".join(m.value for m in questions[0].markdown)
    for badge in ("● measured", "◐ estimated", "○ declared"):
        assert badge in inside


def test_every_part_of_the_report_can_be_reached(monkeypatch) -> None:
    app = page_of(monkeypatch, full_decision())
    labels = [t.label for t in app.tabs]
    assert labels[:2] == ["Questions", "Comparison"]
    said = ""
    for label in labels:
        app.session_state["evidence"] = label
        said += told(app.run())
        assert not app.exception
    from advisor.reports.sections import build

    document = build(full_decision())
    for part in (*document.evidence, *document.appendix):
        if part.id != "warnings":
            assert part.title in said, part.title
    assert "unknown" in said


def test_the_report_can_be_taken_away_in_every_form(monkeypatch) -> None:
    app = page_of(monkeypatch, full_decision())
    labels = [b.proto.label for b in app.get("download_button")]
    for form in ("HTML", "Markdown", "JSON", "XLSX"):
        assert any(form in label for label in labels)


def test_foreign_text_draws_no_markup(monkeypatch) -> None:
    app = page_of(monkeypatch, hostile_decision())
    for label in [t.label for t in app.tabs]:
        app.session_state["evidence"] = label
        said = told(app.run())
        assert not app.exception
        assert "<script" not in said and "</style" not in said
        assert not [c for c in said if clean(c) != c]
        assert "**x**" not in marked(app).replace("\\*", "")
        assert "![i](" not in marked(app)
        assert HOSTILE not in said


def test_with_nothing_measured_it_still_stands(monkeypatch) -> None:
    app = page_of(monkeypatch, sparse_decision())
    assert "Not yet" in app.warning[0].value
    said = told(app)
    assert "none yet" in said
    assert "Results of at least one alternative." in said
