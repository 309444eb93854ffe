"""The tuned model and its base on the held-out sets of other cases: asked there as any model is, zero-shot.

Prompts, labels, schema, items and metric are the other case's; the models are this one's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from advisor.baselines import Baseline, Material, build_baseline
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.loading import CASE_FILE, LoadedCase, load_case
from advisor.cases.schema import Example
from advisor.decision.learning import item_metric
from advisor.errors import AdvisorError, CaseError, Problem
from advisor.evaluation.indexes import PassageIndexes
from advisor.models.base import ChatModel
from advisor.records import ChatRequest, Elsewhere, Failure, Measured
from advisor.scoring import metric, score_item

if TYPE_CHECKING:
    from advisor.evaluation.engine import Answer
    from advisor.evaluation.session import Session


def load_others(loaded: LoadedCase) -> tuple[LoadedCase, ...]:
    """The other cases that `extensibility` names, by paths relative to this case's folder.

    Raises:
        CaseError: One of them cannot be used; with all problems of all of them.
    """
    wanted = loaded.case.extensibility
    if wanted is None:
        return ()
    file, key = loaded.folder / CASE_FILE, "extensibility.cases"
    found: list[LoadedCase] = []
    problems: list[Problem] = []
    for name in wanted.cases:
        folder = loaded.folder / name
        if folder.resolve() == loaded.folder.resolve():
            problems.append(Problem(file, f"{name!r} is this case itself", key=key))
            continue
        try:
            other = load_case(folder)
            metric(other.case.quality.metric)
        except CaseError as error:
            problems.append(Problem(file, f"{name!r} does not pass `advisor check`", key=key))
            problems += error.problems
        except AdvisorError as error:
            problems.append(
                Problem(file, f"{name!r} does not pass `advisor check`: {error.message}", key=key)
            )
        else:
            if other.case.name in {loaded.case.name, *(o.case.name for o in found)}:
                problems.append(
                    Problem(file, f"{name!r}: another case is named {other.case.name!r} too", key=key)
                )
            found.append(other)
    if problems:
        raise CaseError(problems)
    return tuple(found)


def asked_elsewhere(
    other: LoadedCase, items: int | None, model: str | None
) -> tuple[tuple[Example, ...], list[ChatRequest]]:
    """(the held-out items of another case that are asked, their zero-shot requests)."""
    spec = BaselineSpec(name="zero_shot", kind="zero_shot", model=model)
    material = Material(other.case.task, other.learn, other.dev, PassageIndexes(other))
    baseline: Baseline = build_baseline(spec, material)
    (setting,) = baseline.settings()
    chosen = other.held_out[:items]
    return chosen, [baseline.ask(item, setting).request for item in chosen]


def with_elsewhere(
    session: Session, spec: BaselineSpec, measured: Measured, model: ChatModel | None = None
) -> tuple[Measured, AdvisorError | None]:
    """(a baseline's result with what was missing of the other cases, the error that ended it early).

    The error is handed back, so that the caller can keep the result before it raises it.

    Args:
        session: The run.
        spec: The baseline; nothing is done for one that is not fine-tuned.
        measured: Its result so far.
        model: The tuned model, which stays open; absent, it is opened where something is missing, and closed.
    """
    if spec.kind != "fine_tuned" or not session.others:
        return measured, None
    from advisor.evaluation.tuned import tuned_model

    opened: list[ChatModel] = [] if model is None else [model]

    def tuned() -> ChatModel:
        if not opened:
            baseline = build_baseline(spec, session.material)
            opened.append(tuned_model(session, spec, baseline, measured.setting)[0])
        return opened[0]

    try:
        return _measured_elsewhere(session, spec, measured, tuned)
    finally:
        if model is None and opened:
            opened[0].close()


def _measured_elsewhere(
    session: Session, spec: BaselineSpec, measured: Measured, tuned: Callable[[], ChatModel]
) -> tuple[Measured, AdvisorError | None]:
    wanted = session.loaded.case.extensibility
    for other in session.others:
        items, requests = asked_elsewhere(other, wanted.items if wanted else None, spec.model)
        fingerprint = _fingerprint(other, items, requests)
        there = {e.case: e for e in measured.elsewhere}.get(other.case.name)
        if there is not None and there.fingerprint == fingerprint and _whole(there, items):
            continue
        try:
            base_scores, tuned_scores = _ask_both(session, spec, other, items, requests, tuned)
        except AdvisorError as error:
            return measured, error
        entry = Elsewhere(
            case=other.case.name,
            metric=item_metric(other.case.quality.metric),
            tuned=tuned_scores,
            base=base_scores,
            min_gain=other.case.quality.min_gain,
            groups={e.id: e.group for e in items if e.group is not None},
            fingerprint=fingerprint,
        )
        others = (e for e in measured.elsewhere if e.case != entry.case)
        measured = measured.model_copy(update={"elsewhere": (*others, entry)})
    return measured, None


def _ask_both(
    session: Session,
    spec: BaselineSpec,
    other: LoadedCase,
    items: Sequence[Example],
    requests: Sequence[ChatRequest],
    tuned: Callable[[], ChatModel],
) -> tuple[dict[str, float], dict[str, float]]:
    """(scores of the base, scores of the tuned model)."""
    assert spec.model is not None
    scores = []
    for who, model, rate in (
        ("base", session.model(spec.model), session.rate(spec)),
        ("tuned", tuned(), session.rate(spec, tuned=True)),
    ):
        what = f"{spec.name} · on {other.case.name} · {who}"
        answers = session.engine.answer(model, requests, what=what, rate=rate)
        scores.append(_scores(other, items, [answer for _, answer in answers]))
    return scores[0], scores[1]


def _whole(there: Elsewhere, items: Sequence[Example]) -> bool:
    ids = {e.id for e in items}
    return ids <= set(there.tuned) and ids <= set(there.base)


def _scores(other: LoadedCase, items: Sequence[Example], answers: Sequence[Answer]) -> dict[str, float]:
    """By item; what failed for a while only has none, and is asked again by the next run."""
    name = item_metric(other.case.quality.metric)
    return {
        item.id: 0.0
        if isinstance(answer, Failure)
        else score_item([name], item.output, answer.text, other.case.task)[name]
        for item, answer in zip(items, answers, strict=True)
        if not (isinstance(answer, Failure) and answer.transient)
    }


def _fingerprint(other: LoadedCase, items: Sequence[Example], requests: Sequence[ChatRequest]) -> str:
    content = {
        "metric": other.case.quality.metric,
        "min_gain": other.case.quality.min_gain,
        "items": [e.model_dump(mode="json") for e in items],
        "requests": [r.model_dump(mode="json") for r in requests],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
