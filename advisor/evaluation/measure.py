"""Measuring one baseline: make it ready, then answer the held-out set.

Whatever is there already is used: a measurement of the same configuration, a finished training, stored answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from advisor.baselines import Ask, Baseline, Setting, prompt_parts
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.schema import Example
from advisor.evaluation.elsewhere import with_elsewhere
from advisor.evaluation.engine import Answer, Rate, call_cost_usd
from advisor.evaluation.fingerprint import measurement_fingerprint
from advisor.evaluation.judging import is_open, judged
from advisor.evaluation.repeats import (
    PROBE_REPEAT,
    answers_per_item,
    is_complete,
    joined,
    repeated,
    version_of,
)
from advisor.evaluation.repeats import notes as notes_on_repeats
from advisor.evaluation.session import Session
from advisor.models.base import ChatModel, sent_answer, sent_messages
from advisor.records import (
    Completion,
    ItemResult,
    ItemTable,
    Measured,
    RetrievalQuality,
    Tokens,
)
from advisor.scoring import is_judged, score_item

if TYPE_CHECKING:
    from advisor.store.database import StoredMeasurement

LATENCY_PROBES = 10
"""Requests sent one at a time, after one that warms up, to know what a single caller waits for."""


def measure(session: Session, spec: BaselineSpec) -> Measured:
    """Measures a baseline, or returns what was measured of it before.

    Raises:
        BudgetExceededError: The budget ends before the baseline does; what was answered is kept.
        ModelError: Its model cannot be had.
        TuningError: Its tuning failed.
    """
    case = session.loaded.case
    fingerprint = measurement_fingerprint(session.loaded, spec)
    there = session.engine.store.measurement(case.name, spec.name, fingerprint)
    if (
        there is not None
        and not is_open(there.about)
        and {e.id for e in session.held_out} <= {i.id for i in there.items if is_complete(i)}
        and (session.look is None or session.look.may_reuse(there.about))
    ):
        session.engine.progress.start(f"{spec.name} · held-out", len(session.held_out))
        session.engine.progress.advance(len(session.held_out), stored=True)
        found = Measured(items=there.items, **there.about)
        further, stopped = with_elsewhere(session, spec, found)
        if further is not found:
            keep_measurement(session, spec, further)
        if stopped is not None:
            raise stopped
        return further

    ready = session.ready(spec)
    baseline, setting, model = ready.baseline, ready.setting, ready.model
    rate = session.rate(spec, tuned=spec.kind == "fine_tuned")
    try:
        asks = [baseline.ask(item, setting) for item in session.held_out]
        times = answers_per_item(spec, model.provider)
        every = session.answers(
            model, repeated([a.request for a in asks], times), what=f"{spec.name} · held-out", rate=rate
        )
        answers = every[: len(asks)]
        items = [
            _item(session, example, ask, every[n :: len(asks)], rate)
            for n, (example, ask) in enumerate(zip(session.held_out, asks, strict=True))
        ]
        probe = _probe(session, spec, baseline, setting, model, rate, answers)
        parts = prompt_parts(model, asks)
        estimated = _estimated_tokens(model, asks, answers)
        measured = Measured(
            name=spec.name,
            kind=spec.kind,
            model=spec.model,
            provider=model.provider,
            items=ItemTable(items),
            setting=setting,
            trials=ready.trials,
            tuning=ready.tuning,
            retrieval=_retrieval_quality(session.held_out, asks, setting) if spec.uses_retrieval else None,
            uses_retrieval=spec.uses_retrieval,
            prompt_parts=parts,
            latency_probe_s=probe,
            notes=(
                *getattr(model, "notes", ()),
                *notes_on_repeats(spec, times),
                *_changes(spec.name, [a for _, a in every]),
            ),
            estimated_tokens=estimated,
            stopped_early=session.look.stopped if session.look else None,
            **_further(there),
        )
        # before it is closed: a deployment is made once for all that it is asked
        stopped = None
        if session.look is None:
            measured, stopped = with_elsewhere(session, spec, measured, model)
    finally:
        session.done(ready)
    if is_judged(case.quality.metric):
        measured = judged(session, spec, measured, measure)
    # after it is closed: a measurement that is kept leaves nothing standing
    keep_measurement(session, spec, measured)
    if stopped is not None:
        raise stopped
    return measured


def keep_measurement(session: Session, spec: BaselineSpec, measured: Measured) -> None:
    """Keeps a measurement, in place of an earlier one of the same configuration."""
    positions = {e.id: n for n, e in enumerate(session.loaded.held_out)}
    session.engine.store.save_measurement(
        case_name=session.loaded.case.name,
        baseline=spec.name,
        fingerprint=measurement_fingerprint(session.loaded, spec),
        run_id=session.run_id,
        about=measured.model_dump(mode="json", exclude={"items"}),
        items=[(positions[i.id], i) for i in measured.items],
    )


def _further(there: StoredMeasurement | None) -> dict[str, Any]:
    """What an earlier measurement of the same configuration holds beside its items."""
    return (
        {k: there.about[k] for k in ("seeds", "learning_curve", "elsewhere") if k in there.about}
        if there
        else {}
    )


def _changes(name: str, answers: Sequence[Answer]) -> list[str]:
    """A provider that changed the model while it was measured."""
    versions = list(
        dict.fromkeys(
            version for a in answers if isinstance(a, Completion) and (version := version_of(a)) is not None
        )
    )
    if len(versions) < 2:
        return []
    return [f"{name}: the provider changed the model during the measurement: {', '.join(versions)}."]


def _estimated_tokens(
    model: ChatModel, asks: Sequence[Ask], answers: Sequence[tuple[str, Answer]]
) -> Tokens | None:
    """Tokens as counted here, where a provider reports its own count beside it."""
    counted = [
        (ask, answer)
        for ask, (_, answer) in zip(asks, answers, strict=True)
        if isinstance(answer, Completion) and answer.compute_s is None and answer.usage.input is not None
    ]
    if not counted:
        return None
    return Tokens(
        input=fmean(model.count_tokens(sent_messages(model, ask.request)) for ask, _ in counted),
        cached_input=None,
        output=fmean(
            model.count_text_tokens(sent_answer(model, ask.request, answer.text)) for ask, answer in counted
        ),
    )


def _item(
    session: Session, example: Example, ask: Ask, answers: Sequence[tuple[str, Answer]], rate: Rate
) -> ItemResult:
    task = session.loaded.case.task
    came = [a for _, a in answers if isinstance(a, Completion)]
    return joined(
        example.id,
        [a for _, a in answers],
        [score_item(session.metrics, example.output, a.text, task) for a in came],
        [call_cost_usd(a, rate) for a in came],
        retrieved=ask.retrieved or None,
        call_key=answers[0][0],
    )


def _retrieval_quality(
    items: Sequence[Example], asks: Sequence[Ask], setting: Setting
) -> RetrievalQuality | None:
    from advisor.retrieval.quality import retrieval_quality

    passages = setting.get("passages")
    assert isinstance(passages, int)
    return retrieval_quality([a.retrieved for a in asks], [e.documents for e in items], passages)


def _probe(
    session: Session,
    spec: BaselineSpec,
    baseline: Baseline,
    setting: Setting,
    model: ChatModel,
    rate: Rate,
    answers: Sequence[tuple[str, Answer]],
) -> tuple[float, ...] | None:
    """Latencies of single requests, on training items; None for models whose own latencies are such already."""
    in_process = any(isinstance(a, Completion) and a.compute_s is not None for _, a in answers)
    items = session.loaded.train[: LATENCY_PROBES + 1]
    if not in_process or len(items) < 2:
        return None
    # a repeat number of their own keeps these calls apart from those that give an answer
    requests = [
        baseline.ask(item, setting).request.model_copy(update={"repeat": PROBE_REPEAT}) for item in items
    ]
    found = session.engine.answer(
        model, requests, what=f"{spec.name} · latency", rate=rate, one_at_a_time=True
    )
    times = [a.latency_s for _, a in found if isinstance(a, Completion) and a.latency_s is not None]
    return tuple(times[1:])
