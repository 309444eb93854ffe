"""The tradeoff at a glance: quality against cost and latency, and who betters whom, in words too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.formatting import clean
from tests.reports.decisions import HOSTILE, full_decision, hostile_decision, sparse_decision
from tests.ui.app import deciding, html, opened, prepared, told


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared(monkeypatch, tmp_path)


def drawn(app) -> list[dict]:
    return [json.loads(e.proto.spec) for e in app.get("vega_lite_chart") or app.get("arrow_vega_lite_chart")]


def test_quality_is_set_against_what_one_chooses(monkeypatch) -> None:
    deciding(monkeypatch, lambda case, overrides: full_decision())
    app = opened("tradeoff")
    assert not app.exception
    for axis, title in (
        ("per_1k", "Cost per 1,000 requests (USD)"),
        ("total", "Cost over 12 months (USD)"),
        ("latency", "Latency p95 (seconds)"),
    ):
        app.session_state["axis"] = axis
        app.run()
        assert not app.exception
        assert title in json.dumps(drawn(app)[0])


def test_who_betters_whom_is_said_and_the_unknown_is_named(monkeypatch) -> None:
    deciding(monkeypatch, lambda case, overrides: full_decision())
    said = told(opened("tradeoff")).replace("\\", "")
    assert "on the frontier" in said
    assert "Cost per 1,000 requests or quality is unknown: classifier." in said


def test_every_baseline_is_in_the_table_with_units_and_unknown_is_said(monkeypatch) -> None:
    deciding(monkeypatch, lambda case, overrides: full_decision())
    (table,) = [body for body in html(opened("tradeoff")) if "Every baseline" in body]
    for b in full_decision().baselines:
        assert f">{b.name}" in table
    row = table.partition(">classifier<")[2].partition("</tr>")[0]
    assert row.count(">unknown<") >= 3
    assert "$" in table and "USD per 1,000 requests" in table


def test_figures_explain_themselves(monkeypatch) -> None:
    deciding(monkeypatch, lambda case, overrides: full_decision())
    helps = [s.proto.help for s in opened("tradeoff").header]
    assert any("*How sure:*" in h and "Pareto" in h for h in helps)


def test_foreign_text_draws_no_markup(monkeypatch) -> None:
    deciding(monkeypatch, lambda case, overrides: hostile_decision())
    app = opened("tradeoff")
    assert not app.exception
    said = told(app)
    assert "<script" not in said and "</style" not in said
    assert not [c for c in said if clean(c) != c]
    assert HOSTILE not in said


def test_with_nothing_measured_it_still_stands(monkeypatch) -> None:
    deciding(monkeypatch, lambda case, overrides: sparse_decision())
    app = opened("tradeoff")
    assert not app.exception
    assert "unknown is not zero" in told(app)
