"""Judging: a model's verdicts become the scores of answers that are stored already.

The judge is asked through the engine like any other model, at temperature 0: its calls are paid once, kept, budgeted,
retried and found again. What it costs is a cost of the evaluation, never of serving a baseline. An answer whose
judging failed has no score: it is left out and said, not counted as wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.loading import LoadedCase
from advisor.cases.model_spec import ModelSpec
from advisor.cases.schema import Case, Example, JudgeSpec
from advisor.catalogue.names import known_as, parse_name
from advisor.catalogue.of_case import price_for
from advisor.evaluation.engine import Answer, Rate, call_cost_usd
from advisor.prompts import render_output
from advisor.records import ChatRequest, Completion, Failure, ItemResult, JudgeRecord, Measured
from advisor.scoring.judge import (
    both_orders,
    pairwise_requests,
    read_grade,
    read_preference,
    rubric_request,
)

if TYPE_CHECKING:
    from advisor.evaluation.session import Session

METRIC = "judge"
ASSUMED_VERDICT_TOKENS = 60
"""Tokens of a verdict before any was given: a sentence, and the score."""
Measure = Callable[["Session", BaselineSpec], Measured]


@dataclass
class _Verdicts:
    """What the judge said of some answers."""

    scores: dict[str, float] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    calls: dict[str, Answer] = field(default_factory=dict)
    """By call key."""
    compared: int = 0
    flips: int = 0
    ties: int = 0


def judged(session: Session, spec: BaselineSpec, measured: Measured, measure: Measure) -> Measured:
    """A measurement with the judge's scores of its answers.

    Args:
        session: The run.
        spec: The baseline.
        measured: Its answers.
        measure: Measures the reference of a pairwise judge, where it was not measured yet.

    Raises:
        BudgetExceededError: The budget ends before the verdicts are there; those that are there are kept.
        ModelError: The judge cannot be had.
    """
    case = session.loaded.case
    judge = _judge(case)
    reference = case.judge_reference
    model = session.model(judge.model)
    record = {"model": judge.model, "version": model.version, "mode": judge.mode, "reference": reference}
    if spec.name == reference:  # compared with itself: as good, by definition
        items = tuple(i if i.failure else _with_score(i, 0.5) for i in measured.items)
        return measured.model_copy(update={"items": items, "judge": JudgeRecord(**record)})

    answers = {i.id: i.answer or "" for i in measured.items if i.failure is None}
    examples = [e for e in session.held_out if e.id in answers]
    what = f"{spec.name} · judge"
    if reference is None:
        verdicts = _graded(session, judge, [(e, answers[e.id]) for e in examples], what)
    else:
        other = measure(session, next(b for b in case.baselines if b.name == reference))
        theirs = {i.id: None if i.failure else i.answer or "" for i in other.items}
        verdicts = _compared(session, judge, [(e, answers[e.id], theirs.get(e.id)) for e in examples], what)
    made = list(verdicts.calls.values())
    completions = [a for a in made if isinstance(a, Completion)]
    rate = _rate(session, judge)
    items = tuple(
        _with_score(i, verdicts.scores[i.id]) if i.id in verdicts.scores else i for i in measured.items
    )
    pairwise = reference is not None
    return measured.model_copy(
        update={
            "items": items,
            "judge": JudgeRecord(
                **record,
                calls=len(made),
                judged=len(verdicts.scores),
                input_tokens=_sum(c.usage.input for c in completions),
                output_tokens=_sum(c.usage.output for c in completions),
                usd=_sum(call_cost_usd(c, rate) for c in completions),
                compared=verdicts.compared if pairwise else None,
                position_flips=verdicts.flips if pairwise else None,
                ties=verdicts.ties if pairwise else None,
                self_judged=judges_itself(case, spec),
                failures=verdicts.failures,
            ),
        }
    )


def dev_score(session: Session, items: Sequence[Example], answers: Sequence[Answer]) -> float:
    """The mean grade of answers to dev items, by which a setting is chosen; a failed answer counts 0.

    Graded in either mode: settings are compared with one another, not with a reference.
    """
    judge = _judge(session.loaded.case).model_copy(update={"mode": "rubric", "reference": None})
    pairs = [(e, a.text) for e, a in zip(items, answers, strict=True) if isinstance(a, Completion)]
    scores = list(_graded(session, judge, pairs, "dev · judge").scores.values())
    n = len(scores) + len(items) - len(pairs)
    return sum(scores) / n if n else 0.0


def is_open(about: Mapping[str, Any]) -> bool:
    """Whether verdicts of a stored measurement failed for a while only, so that a later run asks again."""
    record = about.get("judge") or {}
    return any(f.get("transient") for f in record.get("failures", {}).values())


def judges_itself(case: Case, spec: BaselineSpec) -> bool:
    """Whether the judge is the model of a baseline or what that was tuned from; pairwise, of either side.

    Names decide, without version, tuning and provider: the same model at another provider favours itself as well.
    """
    judge = _judge(case)
    names = {spec.name, case.judge_reference}
    sides = [b for b in case.baselines if b.name in names and b.model is not None]
    asked = {_base(case.models[str(b.model)]) for b in sides}
    asked |= {parse_name(b.tuning.model).base for b in sides if b.tuning and b.tuning.model}
    return _base(case.models[judge.model]) in asked


def planned_calls(
    loaded: LoadedCase, dev_answers: int, count: Callable[[ChatRequest], int], step: int
) -> tuple[int, int]:
    """(calls, input tokens) of judging a whole run; an answer is taken to be as long as the expected one.

    Args:
        loaded: The case.
        dev_answers: Answers to dev items, which are graded to choose settings.
        count: Tokens of a request.
        step: Every how many items one is counted.
    """
    case = loaded.case
    judge, task = _judge(case), case.task

    def mean(items: Sequence[Example], mode: str) -> float:
        counted = []
        for example in items[::step]:
            expected = example.output
            if task.kind == "question_answering" and isinstance(expected, list):
                expected = expected[0]
            text = render_output(task, expected)
            if mode == "rubric":
                counted.append(count(rubric_request(judge, task, example, text)))
            else:
                counted += [count(r) for r in pairwise_requests(judge, task, example, text, text)]
        return sum(counted) / len(counted) if counted else 0.0

    pairwise = judge.mode == "pairwise"
    n = len(loaded.held_out) * (2 * (len(case.baselines) - 1) if pairwise else len(case.baselines))
    tokens = n * mean(loaded.held_out, judge.mode)
    if dev_answers:
        tokens += dev_answers * mean(loaded.dev, "rubric")
    return n + dev_answers, round(tokens)


def _judge(case: Case) -> JudgeSpec:
    assert case.judge is not None  # the case's schema holds metric and judge together
    return case.judge


def _base(model: ModelSpec) -> str:
    return parse_name(known_as(model.provider, model.model, model.base_model) or model.model).base


def _rate(session: Session, judge: JudgeSpec) -> Rate:
    model = session.loaded.case.models[judge.model]
    return Rate(
        price=price_for(model, tuned=False, on=session.on),
        usd_per_hour=model.serving.usd_per_hour if model.serving else None,
    )


def _graded(session: Session, judge: JudgeSpec, pairs: Sequence[tuple[Example, str]], what: str) -> _Verdicts:
    task = session.loaded.case.task
    requests = [rubric_request(judge, task, example, answer) for example, answer in pairs]
    found = _Verdicts()
    for (example, _), answer in zip(pairs, _asked(session, judge, requests, what, found), strict=True):
        grade = answer if isinstance(answer, Failure) else read_grade(answer.text)
        _note(found, example.id, _unreadable(answer) if grade is None else grade)
    return found


def _compared(
    session: Session, judge: JudgeSpec, triples: Sequence[tuple[Example, str, str | None]], what: str
) -> _Verdicts:
    """Each answer against the reference's, in both orders; where nothing can be compared nobody is asked."""
    task = session.loaded.case.task
    found = _Verdicts()
    asked: list[Example] = []
    requests: list[ChatRequest] = []
    for example, answer, reference in triples:
        if reference is None:  # the reference failed for good, and this one answered
            found.scores[example.id] = 1.0
        elif answer == reference:
            found.scores[example.id] = 0.5
            found.ties += 1
        else:
            asked.append(example)
            requests += pairwise_requests(judge, task, example, answer, reference)
    answers = _asked(session, judge, requests, what, found)
    for k, example in enumerate(asked):
        first = _preference(answers[2 * k], "A")
        second = _preference(answers[2 * k + 1], "B")
        if isinstance(first, Failure) or isinstance(second, Failure):
            _note(found, example.id, first if isinstance(first, Failure) else second)
            continue
        score = both_orders(first, second)
        _note(found, example.id, score)
        found.compared += 1
        found.flips += first != second
        found.ties += score == 0.5
    return found


def _asked(
    session: Session, judge: JudgeSpec, requests: Sequence[ChatRequest], what: str, found: _Verdicts
) -> list[Answer]:
    if not requests:
        return []
    answers = session.engine.answer(
        session.model(judge.model), requests, what=what, rate=_rate(session, judge)
    )
    found.calls |= dict(answers)
    return [a for _, a in answers]


def _note(found: _Verdicts, item: str, verdict: float | Failure) -> None:
    if isinstance(verdict, Failure):
        found.failures[item] = verdict
    else:
        found.scores[item] = verdict


def _preference(answer: Answer, position: str) -> float | Failure:
    read = None if isinstance(answer, Failure) else read_preference(answer.text, answer_is=position)
    return _unreadable(answer) if read is None else read


def _unreadable(answer: Answer) -> Failure:
    """Why there is no verdict: the call failed, or nothing can be read in what it brought."""
    if isinstance(answer, Failure):
        return answer
    return Failure(
        error="verdict", message=f"The judge gave no verdict that can be read: {answer.text[:200]!r}"
    )


def _with_score(item: ItemResult, score: float) -> ItemResult:
    return item.model_copy(update={"scores": {**item.scores, METRIC: score}})


_Number = TypeVar("_Number", int, float)


def _sum(values: Iterable[_Number | None]) -> _Number | None:
    """The sum; None where a part, or everything, is not known."""
    known = list(values)
    return None if not known or None in known else sum(v for v in known if v is not None)
