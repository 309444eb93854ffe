"""Measuring one baseline: choose its setting on dev, tune where it is tuned, then answer the held-out set.

Whatever is there already is used: a measurement of the same configuration, a finished training, stored answers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from pydantic import JsonValue

from advisor.baselines import Ask, Baseline, Material, Setting, build_baseline, prompt_parts
from advisor.cases.loading import LoadedCase
from advisor.cases.schema import BaselineSpec, Example
from advisor.catalogue.of_case import price_for
from advisor.evaluation.engine import Answer, Engine, Rate, call_cost_usd
from advisor.evaluation.indexes import PassageIndexes
from advisor.models.base import ChatModel, open_model, sent_answer, sent_messages
from advisor.records import (
    Completion,
    Failure,
    ItemResult,
    Measured,
    RetrievalQuality,
    SettingTrial,
    Tokens,
    TuningRecord,
)
from advisor.scoring import aggregate, default_metrics, score_item

LATENCY_PROBES = 10
"""Requests sent one at a time, after one that warms up, to know what a single caller waits for."""
_FORMAT = 3  # of measurements; a change of it measures everything again
MATTERS_NOT = {
    "prices",
    "serving",
    "hosting",
    "organisation",
    "concurrency",
    "api_key_env",
    "auth",
    "api_version",
}
"""What of a model changes no answer."""


@dataclass
class Session:
    """What the baselines of one run share: models, the passage index, the engine."""

    loaded: LoadedCase
    engine: Engine
    artefacts: Path
    run_id: str
    limit: int | None = None
    on: date = field(default_factory=lambda: datetime.now(UTC).date())
    """The day whose prices count."""
    _models: dict[str, ChatModel] = field(default_factory=dict)

    @cached_property
    def material(self) -> Material:
        """What baselines may work with."""
        return Material(
            self.loaded.case.task, self.loaded.learn, self.loaded.dev, PassageIndexes(self.loaded)
        )

    @property
    def held_out(self) -> tuple[Example, ...]:
        """The held-out items of this run."""
        return self.loaded.held_out[: self.limit]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The case's metric, then what else is computed for information."""
        return tuple(
            dict.fromkeys([self.loaded.case.quality.metric, *default_metrics(self.loaded.case.task.kind)])
        )

    def model(self, name: str) -> ChatModel:
        """A model of the case, opened once."""
        if name not in self._models:
            self._models[name] = open_model(self.loaded.case.models[name])
        return self._models[name]

    def rate(self, spec: BaselineSpec, *, tuned: bool = False) -> Rate:
        """What the answers of a baseline's model cost, or of the tuned one."""
        if spec.model is None:
            return Rate(free=True)
        model = self.loaded.case.models[spec.model]
        return Rate(
            price=price_for(model, tuned=tuned, on=self.on),
            usd_per_hour=model.serving.usd_per_hour if model.serving else None,
        )

    def close(self) -> None:
        """Gives back all models."""
        for model in self._models.values():
            model.close()


def measurement_fingerprint(loaded: LoadedCase, spec: BaselineSpec) -> str:
    """A hash of all that decides a baseline's results; prices and assumptions are no part of it."""
    case = loaded.case
    model = (
        case.models[spec.model].model_dump(mode="json", exclude=MATTERS_NOT, exclude_defaults=True)
        if spec.model
        else None
    )
    content: dict[str, Any] = {
        "format": _FORMAT,
        "task": case.task.model_dump(mode="json"),
        "metric": case.quality.metric,
        "baseline": spec.model_dump(mode="json", exclude={"name", "serving"}, exclude_defaults=True),
        "model": model,
        "learn": [e.model_dump(mode="json") for e in loaded.learn],
        "dev": [e.model_dump(mode="json") for e in loaded.dev],
        "held_out": [e.model_dump(mode="json") for e in loaded.held_out],
        "documents": _documents_digest(loaded) if spec.uses_retrieval else None,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


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
    if there is not None and {e.id for e in session.held_out} <= {
        i.id for i in there.items if i.failure is None or not i.failure.transient
    }:
        session.engine.progress.start(f"{spec.name} · held-out", len(session.held_out))
        session.engine.progress.advance(len(session.held_out), stored=True)
        return Measured(items=there.items, **there.about)

    baseline = build_baseline(spec, session.material)
    setting, trials = choose_setting(session, spec, baseline)
    tuned = spec.kind == "fine_tuned"
    tuning: TuningRecord | None = None
    if tuned:
        from advisor.evaluation.tuned import tuned_model

        model, tuning = tuned_model(session, spec, baseline, setting)
    else:
        model = _answerer(session, spec, baseline, setting)
    rate = session.rate(spec, tuned=tuned)
    try:
        asks = [baseline.ask(item, setting) for item in session.held_out]
        answers = session.engine.answer(
            model, [a.request for a in asks], what=f"{spec.name} · held-out", rate=rate
        )
        items = [
            _item(session, example, ask, key, answer, rate)
            for example, ask, (key, answer) in zip(session.held_out, asks, answers, strict=True)
        ]
        probe = _probe(session, spec, baseline, setting, model, rate, answers)
        parts = prompt_parts(model, asks)
        estimated = _estimated_tokens(model, asks, answers)
    finally:
        if tuned:
            model.close()
    measured = Measured(
        name=spec.name,
        kind=spec.kind,
        model=spec.model,
        provider=model.provider,
        items=tuple(items),
        setting=setting,
        trials=trials,
        tuning=tuning,
        retrieval=_retrieval_quality(session.held_out, asks, setting) if spec.uses_retrieval else None,
        uses_retrieval=spec.uses_retrieval,
        prompt_parts=parts,
        latency_probe_s=probe,
        notes=(*getattr(model, "notes", ()), *_changes(spec.name, [a for _, a in answers])),
        estimated_tokens=estimated,
    )
    positions = {e.id: n for n, e in enumerate(session.loaded.held_out)}
    session.engine.store.save_measurement(
        case_name=case.name,
        baseline=spec.name,
        fingerprint=fingerprint,
        run_id=session.run_id,
        about=measured.model_dump(mode="json", exclude={"items"}),
        items=[(positions[i.id], i) for i in items],
    )
    return measured


def _changes(name: str, answers: Sequence[Answer]) -> list[str]:
    """A provider that changed the model while it was measured."""
    versions = list(
        dict.fromkeys(
            (a.model_version, a.fingerprint)
            for a in answers
            if isinstance(a, Completion) and a.compute_s is None and a.model_version is not None
        )
    )
    if len(versions) < 2:
        return []
    listed = ", ".join(f"{model} ({fingerprint or 'no fingerprint'})" for model, fingerprint in versions)
    return [f"{name}: the provider changed the model during the measurement: {listed}."]


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


def _answerer(session: Session, spec: BaselineSpec, baseline: Baseline, setting: Setting) -> ChatModel:
    return baseline.answerer(setting) or session.model(str(spec.model))


def choose_setting(
    session: Session, spec: BaselineSpec, baseline: Baseline
) -> tuple[Setting, tuple[SettingTrial, ...]]:
    """The best setting on the dev split; of equal ones the first, which is the cheapest.

    A tuned model's setting is chosen with its base, so that one training is enough.
    """
    settings = baseline.settings()
    dev = session.loaded.dev
    if len(settings) == 1 or not dev:
        return settings[0], ()
    metric = session.loaded.case.quality.metric
    trials = []
    for setting in settings:
        name = ", ".join(f"{k}={v}" for k, v in setting.items())
        asks = [baseline.ask(item, setting) for item in dev]
        answers = session.engine.answer(
            _answerer(session, spec, baseline, setting),
            [a.request for a in asks],
            what=f"{spec.name} · dev, {name}",
            rate=session.rate(spec),
        )
        value = _mean_score(session, metric, dev, [a for _, a in answers])
        trials.append(SettingTrial(setting=setting, metric=metric, value=value, n=len(dev)))
    best = max(trials, key=lambda t: t.value)
    return best.setting, tuple(trials)


def _mean_score(session: Session, metric: str, items: Sequence[Example], answers: Sequence[Answer]) -> float:
    pairs = [
        (e.output, "" if isinstance(a, Failure) else a.text) for e, a in zip(items, answers, strict=True)
    ]
    return aggregate(metric, pairs, session.loaded.case.task)


def _item(session: Session, example: Example, ask: Ask, key: str, answer: Answer, rate: Rate) -> ItemResult:
    retrieved = ask.retrieved or None
    if isinstance(answer, Failure):
        return ItemResult(id=example.id, failure=answer, retrieved=retrieved, call_key=key)
    return ItemResult(
        id=example.id,
        answer=answer.text,
        scores=score_item(session.metrics, example.output, answer.text, session.loaded.case.task),
        usage=answer.usage,
        latency_s=answer.latency_s,
        compute_s=answer.compute_s,
        cost_usd=call_cost_usd(answer, rate),
        retrieved=retrieved,
        call_key=key,
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
    # repeat=1 keeps these calls apart from those that give an answer
    requests = [baseline.ask(item, setting).request.model_copy(update={"repeat": 1}) for item in items]
    found = session.engine.answer(
        model, requests, what=f"{spec.name} · latency", rate=rate, one_at_a_time=True
    )
    times = [a.latency_s for _, a in found if isinstance(a, Completion) and a.latency_s is not None]
    return tuple(times[1:])


def _documents_digest(loaded: LoadedCase) -> dict[str, JsonValue]:
    assert loaded.documents is not None
    files = sorted(p for p in loaded.documents.rglob("*") if p.is_file())
    return {
        p.relative_to(loaded.documents).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }
