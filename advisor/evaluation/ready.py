"""Making a baseline ready to be asked: its setting is chosen on dev, and its model tuned where it is tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from advisor.baselines import Baseline, Setting, build_baseline
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.schema import Example
from advisor.evaluation.engine import Answer, call_cost_usd
from advisor.evaluation.judging import dev_score
from advisor.models.base import ChatModel
from advisor.records import Completion, Failure, SettingTrial, TuningRecord
from advisor.scoring import aggregate, is_judged

if TYPE_CHECKING:
    from advisor.evaluation.session import Session


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


def make_ready(session: Session, spec: BaselineSpec) -> Ready:
    """A baseline that can be asked: chooses its setting, tunes its model where it is tuned."""
    baseline = build_baseline(spec, session.material)
    setting, trials = choose_setting(session, spec, baseline)
    if spec.kind != "fine_tuned":
        return Ready(baseline, setting, trials, _answerer(session, spec, baseline, setting))
    from advisor.evaluation.tuned import tuned_model

    model, tuning = tuned_model(session, spec, baseline, setting)
    return Ready(baseline, setting, trials, model, tuning, owns_model=True)


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


def _answerer(session: Session, spec: BaselineSpec, baseline: Baseline, setting: Setting) -> ChatModel:
    return baseline.answerer(setting) or session.model(str(spec.model))
