"""The judge in the reports: who judged, how far people agree, what was corrected; nothing where no model judged."""

from __future__ import annotations

import io
import json

from rich.console import Console

from advisor.records import Agreement, Decision, JudgedBaseline, JudgeSummary
from advisor.reports.html import render_html
from advisor.reports.judge import judge_lines
from advisor.reports.markdown import render_markdown
from advisor.reports.terminal import print_decision
from tests.reports.decisions import HOSTILE, full_decision

SUMMARY = JudgeSummary(
    model="large",
    version="large-1",
    mode="pairwise",
    reference="zero_shot",
    calls=480,
    input_tokens=310_000,
    output_tokens=20_000,
    usd=0.52,
    position_bias=0.12,
    ties=0.31,
    agreement=Agreement(n=60, raw=0.72, kappa=0.55, weighted_kappa=0.71, correlation=0.69, bias=0.08),
    corrected=True,
    n_human=60,
    baselines=(
        JudgedBaseline(
            name="few_shot",
            judge_mean=0.61,
            n_human=60,
            corrected=0.54,
            ci95=(0.45, 0.63),
            tuning=0.6,
            self_judged=True,
            unjudged=2,
        ),
    ),
)


def judged(summary: JudgeSummary = SUMMARY) -> Decision:
    return full_decision().model_copy(update={"judge": summary})


def terminal(decision: Decision) -> str:
    console = Console(file=io.StringIO(), width=100)
    print_decision(decision, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_lines_say_what_a_reader_must_know() -> None:
    text = "\n".join(judge_lines(judged()))
    for said in (
        "compared answers with those of zero_shot: 480 calls",
        "a cost of the evaluation, not of serving",
        "turned in 12.0% of the pairs",
        "on 60 answers: the same verdict in 72.0%",
        "kappa 0.55 (weighted 0.71)",
        "milder by 8.0 points",
        "few_shot: 61.0% by the judge, 54.0% corrected",
        "judged its own model's answers in few_shot",
        "Without a verdict, and left out: few_shot 2.",
    ):
        assert said in text, (said, text)


def test_every_report_has_the_section_where_a_model_judged_and_only_there() -> None:
    for render in (render_html, render_markdown, terminal):
        assert "The judge" in render(judged())
        assert "60 human labels" in " ".join(render(judged()).split())
        assert "The judge" not in render(full_decision())


def test_unknown_agreement_and_unknown_cost_are_said() -> None:
    unknown = SUMMARY.model_copy(
        update={"agreement": None, "usd": None, "corrected": False, "position_bias": None, "mode": "rubric"}
    )
    text = "\n".join(judge_lines(judged(unknown)))
    assert "Its agreement with people is not known" in text
    assert "unknown; a cost of the evaluation" in text


def test_hostile_names_stay_text() -> None:
    hostile = judged(SUMMARY.model_copy(update={"model": HOSTILE, "reference": HOSTILE}))
    assert "<script>" not in render_html(hostile)
    assert "<script>" not in render_markdown(hostile)
    assert "\x1b[31m" not in terminal(hostile)


def test_the_json_holds_the_judge_under_its_own_names() -> None:
    judge = json.loads(judged().to_json())["judge"]
    assert judge["agreement"]["weighted_kappa"] == 0.71
    assert judge["baselines"][0]["corrected"] == 0.54
    assert json.loads(full_decision().to_json())["judge"] is None
