"""Costs by what they are for: the same small table in every kind of report."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from advisor.records import BaselineSummary, Decision
from advisor.reports.html import render_html
from advisor.reports.markdown import render_markdown
from advisor.reports.over_time import costs_sentences, costs_table
from advisor.reports.terminal import print_decision
from tests.reports.decisions import full_decision, sparse_decision


def tuned(decision: Decision) -> BaselineSummary:
    return next(b for b in decision.baselines if b.name == "fine_tuned")


def terminal(decision: Decision) -> str:
    file = io.StringIO()
    print_decision(decision, Console(file=file, width=100))
    return file.getvalue()


def test_parts_are_grouped_and_their_groups_add_up() -> None:
    headers, rows = costs_table(full_decision(), lambda usd: "?" if usd is None else f"{usd:.2f}")
    assert headers == [
        "Baseline", "people", "training", "serving", "retraining", "sum", "present value", "per 1,000 right answers",
    ]  # fmt: skip
    row = dict(zip(headers, next(r for r in rows if r[0] == "fine_tuned"), strict=True))
    assert row["people"] == f"{1920 + 640 + 640:.2f}"
    assert row["present value"] == "?"  # the record does not know it


def test_nothing_discounted_has_no_present_value_and_nothing_known_no_section() -> None:
    plain = full_decision().model_copy(update={"costs_over_time": None})
    assert "present value" not in costs_table(plain)[0]
    assert costs_table(sparse_decision())[1] == []
    for text in (
        terminal(sparse_decision()),
        render_markdown(sparse_decision()),
        render_html(sparse_decision()),
    ):
        assert "Costs over 12 months" not in text


@pytest.mark.parametrize("render", [terminal, render_markdown, render_html])
def test_every_report_says_it(render: object) -> None:
    assert callable(render)
    text = " ".join(render(full_decision()).replace("\\", "").replace("•", "").split())
    assert "Costs over 12 months" in text
    assert "of few_shot from the end of month 3; of rag not within 12 months" in text
    assert "discounted by 8.0% a year" in text
    assert "Measuring cost $1.35 (estimated): spent whatever is decided" in text


def test_an_unknown_part_is_unknown_and_a_missing_one_is_not_zero() -> None:
    full = full_decision()
    cost = tuned(full).cost_usd
    unknown = cost.model_copy(update={"parts": {**cost.parts, "data": None}, "over_horizon": None})
    few = next(b for b in full.baselines if b.name == "few_shot")
    prompt = few.model_copy(update={"cost_usd": few.cost_usd.model_copy(update={"parts": {"serving": 5.0}})})
    rows = costs_table(
        full.model_copy(update={"baselines": (prompt, tuned(full).model_copy(update={"cost_usd": unknown}))})
    )[1]
    assert rows[0][1:4] == ["–", "–", "$5.00"]
    assert rows[1][1] == rows[1][5] == "unknown"


def test_where_none_is_right_a_right_answer_has_no_price() -> None:
    full = full_decision()
    b = tuned(full)
    wrong = b.model_copy(update={"quality": b.quality.model_copy(update={"value": 0.0})})
    assert costs_table(full.model_copy(update={"baselines": (wrong,)}))[1][0][-1] == "none is right"


def test_ahead_from_the_start() -> None:
    full = full_decision()
    assert full.costs_over_time is not None
    (first, *_) = full.costs_over_time.paybacks
    over_time = full.costs_over_time.model_copy(
        update={"paybacks": (first.model_copy(update={"month": 0, "worth_included": False}),)}
    )
    said = costs_sentences(full.model_copy(update={"costs_over_time": over_time}))
    assert said[0] == "fine_tuned is ahead, by costs alone: of few_shot from the start."
