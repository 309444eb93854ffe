"""A model that judges answers: what it did, how well it agrees with people, and what that corrects."""

from __future__ import annotations

from typing import Literal

from advisor.records.answers import Failure
from advisor.records.base import Record

JudgeMode = Literal["rubric", "pairwise"]


class HumanLabel(Record):
    """A person's score of one answer, 0 to 1."""

    baseline: str
    id: str
    score: float
    answer: str | None = None
    """The answer that was scored; the label counts for no other."""


class JudgeRecord(Record):
    """The judging of one baseline's held-out answers; all counts are of them alone."""

    model: str
    """The case's name of the judge's model."""
    version: str | None = None
    """The model as its provider knows it."""
    mode: JudgeMode
    reference: str | None = None
    """Pairwise: the baseline that answers were compared with."""
    calls: int = 0
    judged: int = 0
    """Answers with a verdict."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    """Of all calls; None where one of them is not known."""
    usd: float | None = None
    """What the calls cost; None where it is not known. No part of what the baseline costs to serve."""
    compared: int | None = None
    """Pairwise: pairs with a verdict in both orders; the rest of `judged` needed none (equal answers, say)."""
    position_flips: int | None = None
    """Pairwise: of these, pairs whose verdict turned when the two answers changed places."""
    ties: int | None = None
    """Pairwise: pairs that count as a tie, those that turned included."""
    self_judged: bool = False
    """Whether the judge is the model that it judges, or the one that this was tuned from."""
    failures: dict[str, Failure] = {}
    """By item, why an answer has no verdict; its quality is unknown, not zero."""


class Agreement(Record):
    """How well a judge agrees with people, over the answers that both scored."""

    n: int
    raw: float
    """Share of equal verdicts."""
    kappa: float | None
    """Cohen's, unweighted."""
    weighted_kappa: float | None
    """Cohen's, with quadratic weights."""
    correlation: float | None
    """Spearman's."""
    bias: float
    """Mean of the judge's score less people's: positive where the judge is milder."""


class JudgedBaseline(Record):
    """One baseline as the judge sees it, and as people would."""

    name: str
    judge_mean: float
    """Mean of the judge's own scores."""
    n_human: int
    corrected: float | None = None
    ci95: tuple[float, float] | None = None
    """Prediction-powered estimate and interval, where there are enough human labels."""
    tuning: float | None = None
    """How far the judge is trusted, 0 to 1 (lambda)."""
    self_judged: bool = False
    unjudged: int = 0
    """Answers without a verdict."""


class JudgeSummary(Record):
    """The judge of a case, for the decision."""

    model: str
    version: str | None
    mode: JudgeMode
    reference: str | None
    calls: int
    input_tokens: int | None
    output_tokens: int | None
    usd: float | None
    """What judging cost: a cost of the evaluation."""
    position_bias: float | None
    """Pairwise: share of the pairs asked about whose verdict turned when the two answers changed places."""
    ties: float | None
    """Pairwise: share of pairs that count as a tie."""
    agreement: Agreement | None
    corrected: bool
    """Whether quality and comparisons are the prediction-powered ones."""
    n_human: int
    baselines: tuple[JudgedBaseline, ...]
