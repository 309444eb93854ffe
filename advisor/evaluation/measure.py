"""Measuring one baseline: choose its setting on dev, tune where it is tuned, then answer the held-out set.

Whatever is there already is used: a measurement of the same configuration, a finished training, stored answers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from advisor.baselines import Ask, Baseline, Material, Setting, build_baseline, prompt_parts
from advisor.cases.loading import LoadedCase
from advisor.cases.schema import BaselineSpec, Example, ModelSpec
from advisor.catalogue.of_case import price_for
from advisor.evaluation.elsewhere import with_elsewhere
from advisor.evaluation.engine import Answer, Engine, Rate, call_cost_usd
from advisor.evaluation.indexes import PassageIndexes
from advisor.evaluation.judging import dev_score, fingerprint_content, is_open, judged
from advisor.evaluation.repeats import (
    PROBE_REPEAT,
    answers_per_item,
    is_complete,
    joined,
    repeated,
    version_of,
)
from advisor.evaluation.repeats import notes as notes_on_repeats
from advisor.models.base import ChatModel, open_model, sent_answer, sent_messages
from advisor.records import (
    ChatRequest,
    Completion,
    Failure,
    ItemResult,
    ItemTable,
    Measured,
    RetrievalQuality,
    SettingTrial,
    Tokens,
    TuningRecord,
)
from advisor.scoring import aggregate, default_metrics, is_judged, score_item

if TYPE_CHECKING:
    from advisor.evaluation.looks import Look

if TYPE_CHECKING:
    from advisor.store.database import StoredMeasurement

LATENCY_PROBES = 10
"""Requests sent one at a time, after one that warms up, to know what a single caller waits for."""
_FORMAT = 3  # of measurements; a change of it measures everything again
_FURTHER = {"tuning": {"seeds", "learning_curve"}}
"""What of a baseline adds to its result and does not change it."""
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


@dataclass(frozen=True)
class Ready:
    """A baseline that can be asked: its setting is chosen, and its model trained where it is tuned."""

    baseline: Baseline
    setting: Setting
    trials: tuple[SettingTrial, ...]
    model: ChatModel
    tuning: TuningRecord | None = None
    owns_model: bool = False
    """Whether the model is this baseline's alone, as a tuned one is."""


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
    look: Look | None = None
    """The part of the held-out set that is asked so far, where the run may stop early."""
    others: tuple[LoadedCase, ...] = ()
    """Other cases, on which tuned models and their bases are asked too."""
    _models: dict[str, ChatModel] = field(default_factory=dict)
    _ready: dict[str, Ready] = field(default_factory=dict)
    """Baselines that are asked again at the next look."""

    @cached_property
    def material(self) -> Material:
        """What baselines may work with."""
        return Material(
            self.loaded.case.task, self.loaded.learn, self.loaded.dev, PassageIndexes(self.loaded)
        )

    @property
    def held_out(self) -> tuple[Example, ...]:
        """The held-out items of this run."""
        return self.look.items if self.look else self.loaded.held_out[: self.limit]

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

    def ready(self, spec: BaselineSpec) -> Ready:
        """A baseline with its setting and its model; where it is looked at in parts, made ready once."""
        ready = self._ready.get(spec.name) or _make_ready(self, spec)
        if self.look is not None:
            self._ready[spec.name] = ready
        return ready

    def done(self, ready: Ready) -> None:
        """Gives a baseline's own model back, unless it is asked again at the next look."""
        if ready.owns_model and self.look is None:
            ready.model.close()

    def answers(
        self, model: ChatModel, requests: Sequence[ChatRequest], *, what: str, rate: Rate
    ) -> list[tuple[str, Answer]]:
        """(call key, answer) to the request of each held-out item; what is new at a look, in batches of its own."""
        if self.look is None:
            return self.engine.answer(model, requests, what=what, rate=rate)
        found: dict[int, tuple[str, Answer]] = {}
        for part in self.look.old_and_new():
            answers = self.engine.answer(model, [requests[i] for i in part], what=what, rate=rate)
            found |= dict(zip(part, answers, strict=True))
        return [found[i] for i in range(len(requests))]

    def close(self) -> None:
        """Gives back all models, the baselines' own ones first."""
        with ExitStack() as closing:
            for model in self._models.values():
                closing.callback(model.close)
            for ready in self._ready.values():
                if ready.owns_model:
                    closing.callback(ready.model.close)


def measurement_fingerprint(loaded: LoadedCase, spec: BaselineSpec) -> str:
    """A hash of all that decides a baseline's results; prices and assumptions are no part of it."""
    case = loaded.case
    model = _described(case.models[spec.model]) if spec.model else None
    content: dict[str, Any] = {
        "format": _FORMAT,
        "task": case.task.model_dump(mode="json"),
        "metric": case.quality.metric,
        "baseline": spec.model_dump(
            mode="json", exclude={"name": True, "serving": True, **_FURTHER}, exclude_defaults=True
        ),
        "model": model,
        "documents": _documents_digest(loaded) if spec.uses_retrieval else None,
    }
    if is_judged(case.quality.metric):
        content["judge"] = fingerprint_content(loaded, spec, _described, measurement_fingerprint)
    texts = {name: json.dumps(part, sort_keys=True, ensure_ascii=False) for name, part in content.items()}
    # the examples are the larger part by far, and the same for every baseline
    texts |= loaded.canonical
    whole = ", ".join(f'"{name}": {texts[name]}' for name in sorted(texts))
    return hashlib.sha256(f"{{{whole}}}".encode()).hexdigest()


def _described(model: ModelSpec) -> JsonValue:
    """What of a model decides its answers."""
    return model.model_dump(mode="json", exclude=MATTERS_NOT, exclude_defaults=True)


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


def _make_ready(session: Session, spec: BaselineSpec) -> Ready:
    baseline = build_baseline(spec, session.material)
    setting, trials = choose_setting(session, spec, baseline)
    if spec.kind != "fine_tuned":
        return Ready(baseline, setting, trials, _answerer(session, spec, baseline, setting))
    from advisor.evaluation.tuned import tuned_model

    model, tuning = tuned_model(session, spec, baseline, setting)
    return Ready(baseline, setting, trials, model, tuning, owns_model=True)


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
        known = (call_cost_usd(a, session.rate(spec)) for _, a in answers if isinstance(a, Completion))
        paid = [usd for usd in known if usd is not None]
        trials.append(
            SettingTrial(
                setting=setting, metric=metric, value=value, n=len(dev), cost_usd=sum(paid) if paid else None
            )
        )
    best = max(trials, key=lambda t: t.value)
    return best.setting, tuple(trials)


def _mean_score(session: Session, metric: str, items: Sequence[Example], answers: Sequence[Answer]) -> float:
    if is_judged(metric):
        return dev_score(session, items, answers)
    pairs = [
        (e.output, "" if isinstance(a, Failure) else a.text) for e, a in zip(items, answers, strict=True)
    ]
    return aggregate(metric, pairs, session.loaded.case.task)


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


def _documents_digest(loaded: LoadedCase) -> dict[str, JsonValue]:
    assert loaded.documents is not None
    files = sorted(p for p in loaded.documents.rglob("*") if p.is_file())
    return {
        p.relative_to(loaded.documents).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }
