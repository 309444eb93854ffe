"""What the questions are answered from, and the phrases that their answers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from advisor.cases.schema import Case
from advisor.decision.evidence import CaseEvidence
from advisor.decision.summary import Findings, Standing
from advisor.decision.verdict import Judgement
from advisor.economics.costs import CostModel
from advisor.formatting import interval, percent
from advisor.records import (
    AnswerWord,
    BaselineSummary,
    BreakEven,
    Cost,
    Evidence,
    EvidenceKind,
    Extensibility,
    LearningCurve,
    Question,
    SeedSpread,
)


@dataclass(frozen=True)
class Situation:
    """What the questions are answered from."""

    evidence: CaseEvidence
    findings: Findings
    costs: dict[str, CostModel]
    baselines: tuple[BaselineSummary, ...]
    judgement: Judgement
    break_even: tuple[BreakEven, ...]
    learning: LearningCurve | None = None
    seeds: SeedSpread | None = None
    elsewhere: Extensibility | None = None

    @property
    def case(self) -> Case:
        """The case."""
        return self.evidence.case

    def cost(self, name: str) -> Cost:
        """What a measured baseline costs."""
        return next(b.cost_usd for b in self.baselines if b.name == name)

    def of_kind(self, *kinds: str) -> list[Standing]:
        """The measured baselines of some kinds, the best first."""
        found = [s for s in self.findings.standings if s.spec.kind in kinds and s.value is not None]
        return sorted(found, key=lambda s: (-(s.value or 0.0), s.name))

    @property
    def tuned(self) -> Standing | None:
        """The tuned model that the verdict speaks of, or the best one."""
        found = self.of_kind("fine_tuned")
        return next((s for s in found if s.name == self.judgement.challenger), found[0] if found else None)


def tokens_per_request(x: Standing) -> float | None:
    """Mean tokens of a request and its answer; None where unknown."""
    return None if x.tokens.input is None or x.tokens.output is None else x.tokens.input + x.tokens.output


def score_text(s: Situation, x: Standing) -> str:
    """The mean of the case's metric, with its name."""
    return f"{s.case.quality.metric} {percent(x.value)}"


def against_bar(s: Situation, x: Standing) -> str:
    """Where it lies against the bar, if there is one."""
    bar = s.case.quality.bar
    if bar is None:
        return ""
    return f", {'at or above' if (x.value or 0.0) >= bar else 'below'} the bar of {percent(bar)}"


def standing_text(s: Situation, x: Standing) -> str:
    """A baseline's quality with its interval, n and setting."""
    text = f"{x.name}: {score_text(s, x)} (95% interval {interval(x.quality.ci95, fraction=True)}, n = {x.n})"
    return text + (f", with {setting_text(x.measured.setting)}." if x.measured.setting else ".")


def interval_text(ends: tuple[float, float]) -> str:
    """The interval of a difference."""
    return f"95% interval {interval(ends, fraction=True, signed=True)}"


def setting_text(setting: Mapping[str, object]) -> str:
    """A setting in words: "3 examples"."""
    return (
        ", ".join(f"{v} {k}" if isinstance(v, int) else f"{k} = {v}" for k, v in setting.items())
        or "no setting"
    )


def said(kind: EvidenceKind, text: str) -> Evidence:
    """One piece of evidence."""
    return Evidence(kind=kind, text=text)


def answered(
    id: str,
    section: str,
    question: str,
    answer: AnswerWord,
    summary: str,
    evidence: list[Evidence],
    would_change: str,
) -> Question:
    """A question with its answer."""
    return Question(
        id=id,
        section=section,
        question=question,
        answer=answer,
        summary=summary,
        evidence=tuple(evidence),
        would_change=would_change,
    )
