"""The plan: every call that a run would make, with estimated tokens, cost and time, before anything is spent."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import date

from pydantic import JsonValue

from advisor.baselines import Baseline, Material, Setting, build_baseline
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.loading import LoadedCase
from advisor.cases.model_spec import IN_PROCESS, ModelSpec
from advisor.cases.schema import Example
from advisor.catalogue.of_case import price_for
from advisor.errors import AdvisorError
from advisor.evaluation.elsewhere import load_others
from advisor.evaluation.indexes import PassageIndexes
from advisor.evaluation.judging import ASSUMED_VERDICT_TOKENS, planned_calls
from advisor.evaluation.measure import LATENCY_PROBES
from advisor.evaluation.repeats import ONCE_NOTE, answers_per_item
from advisor.evaluation.tuned import HOSTED_SYSTEMS
from advisor.models.base import ChatModel, open_model, sent_answer, sent_messages
from advisor.prompts import render_output
from advisor.records import ChatRequest, Record
from advisor.scoring import is_binary
from advisor.statistics.power import detectable_difference, needed_examples
from advisor.tuning._local import ASSUMED_TRAINING_SPEED
from advisor.tuning.base import TuningSettings
from advisor.tuning.training_estimate import default_epochs

# Speeds assumed of a model in this process before any was measured: a small model on two cores. Tokens a second.
ASSUMED_PROMPT_SPEED = 1000.0
ASSUMED_ANSWER_SPEED = 150.0
CHARACTERS_PER_TOKEN = 4.0
ANSWER_OVERHEAD = 4
"""Tokens that a hosted training counts around an answer: three of the message, one of its role."""
_SAMPLE = 40
"""Items whose prompts are counted with a model's own tokenizer; the others are taken to be like them."""


class PlannedSetting(Record):
    """What one baseline would take if this setting is the one that the dev split chooses; the choice is included."""

    setting: dict[str, JsonValue]
    input_tokens: int
    output_tokens: int
    training_tokens: int | None
    usd: float | None
    seconds: float | None


class PlannedFurther(Record):
    """A further training of a fine-tuned baseline with its evaluation, or its questions on another case."""

    name: str
    calls: int
    input_tokens: int
    output_tokens: int
    training_tokens: int | None
    usd: float | None
    seconds: float | None


class PlannedBaseline(Record):
    """What one baseline would take; all figures are estimates, None where unknown.

    Where the dev split chooses the setting, the figures are those of the most expensive one: what is needed at most.
    """

    name: str
    kind: str
    model: str | None
    calls_dev: int
    calls_held_out: int
    input_tokens: int | None
    output_tokens: int | None
    training_tokens: int | None
    usd: float | None
    seconds: float | None
    over_context: int = 0
    """Held-out items whose prompt does not fit the model's context window."""
    by_setting: tuple[PlannedSetting, ...] = ()
    """The settings that the dev split chooses from, in the order of the case."""
    notes: tuple[str, ...] = ()
    further: tuple[PlannedFurther, ...] = ()
    """Other seeds, parts of the data, other cases; not in the figures above."""


class PlannedJudge(Record):
    """What judging all answers would take, where the metric is `judge`; estimates, None where unknown."""

    model: str
    mode: str
    calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    seconds: float | None
    notes: tuple[str, ...] = ()


class Plan(Record):
    """What a run would take, and what its held-out set can show."""

    baselines: tuple[PlannedBaseline, ...]
    judge: PlannedJudge | None = None
    n_held_out: int
    detectable: float | None
    """The smallest difference that this many items show, at 80 % power; None for graded metrics."""
    min_gain: float
    needed: int | None
    """Held-out items that would show `min_gain`."""

    @property
    def usd(self) -> float | None:
        """All baselines, the judge and what is further asked; None where one is unknown."""
        known = [u for b in self.baselines for u in (b.usd, *(x.usd for x in b.further))]
        known += [self.judge.usd] if self.judge else []
        return None if None in known else sum(u for u in known if u is not None)

    @property
    def seconds(self) -> float | None:
        """All baselines, the judge and what is further asked; None where one is unknown."""
        known = [s for b in self.baselines for s in (b.seconds, *(x.seconds for x in b.further))]
        known += [self.judge.seconds] if self.judge else []
        return None if None in known else sum(s for s in known if s is not None)


def make_plan(loaded: LoadedCase, on: date) -> Plan:
    """Plans a run at the prices of a day; counts tokens with the models' own tokenizers, and calls no model.

    Raises:
        CaseError: Another case that it names cannot be used.
    """
    from advisor.evaluation.plan_further import further_notes, planned_further

    case = loaded.case
    others = load_others(loaded)
    material = Material(case.task, loaded.learn, loaded.dev, PassageIndexes(loaded))
    models: dict[str, ChatModel | None] = {}
    tried: list[tuple[str | None, ChatRequest]] = []
    rows = []
    for spec in case.baselines:
        model_spec = case.models[spec.model] if spec.model else None
        notes: list[str] = []
        if spec.model is not None:
            _open(spec.model, loaded, models, notes)
        model = models.get(spec.model) if spec.model else None
        notes += further_notes(loaded, spec)
        baseline = build_baseline(spec, material)
        row = _planned(loaded, spec, baseline, model, model_spec, notes, on, tried)
        further = planned_further(loaded, spec, baseline, row, model, on, others)
        rows.append(row.model_copy(update={"further": further}))
    judge = _planned_judge(loaded, rows, models, on)
    for opened in models.values():
        if opened is not None:
            opened.close()
    binary = is_binary(case.quality.metric)
    n = len(loaded.held_out)
    # agreement of two good baselines is not known yet; 20 % of items that only one gets right is usual
    return Plan(
        baselines=tuple(rows),
        judge=judge,
        n_held_out=n,
        detectable=detectable_difference(n, discordant_rate=ASSUMED_DISCORDANT) if binary else None,
        min_gain=case.quality.min_gain,
        needed=needed_examples(case.quality.min_gain, discordant_rate=ASSUMED_DISCORDANT)
        if binary and case.quality.min_gain > 0
        else None,
    )


ASSUMED_DISCORDANT = 0.2
"""Share of items that only one of two baselines gets right, assumed before any was measured."""


def _open(name: str, loaded: LoadedCase, models: dict[str, ChatModel | None], notes: list[str]) -> None:
    """Opens a model once; notes why where it cannot be had."""
    if name in models:
        return
    try:
        models[name] = open_model(loaded.case.models[name])
    except AdvisorError as error:
        notes.append(error.message)
        models[name] = None


def _planned_judge(
    loaded: LoadedCase, rows: Sequence[PlannedBaseline], models: dict[str, ChatModel | None], on: date
) -> PlannedJudge | None:
    judge = loaded.case.judge
    if judge is None:
        return None
    notes: list[str] = []
    _open(judge.model, loaded, models, notes)
    model, spec = models[judge.model], loaded.case.models[judge.model]
    if model is None:
        notes.append("tokens are estimated from characters")
    calls, tokens_in = planned_calls(
        loaded,
        sum(r.calls_dev for r in rows),
        lambda request: _request_tokens(request, model),
        _step(loaded.held_out, model),
    )
    tokens_out = calls * ASSUMED_VERDICT_TOKENS
    seconds = None
    if spec.provider in IN_PROCESS:
        seconds = tokens_in / ASSUMED_PROMPT_SPEED + tokens_out / ASSUMED_ANSWER_SPEED
    return PlannedJudge(
        model=judge.model,
        mode=judge.mode,
        calls=calls,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        usd=usd_of(spec, False, on, tokens_in, tokens_out, None, seconds),
        seconds=seconds,
        notes=tuple(notes),
    )


def _planned(
    loaded: LoadedCase,
    spec: BaselineSpec,
    baseline: Baseline,
    model: ChatModel | None,
    model_spec: ModelSpec | None,
    notes: list[str],
    on: date,
    tried: list[tuple[str | None, ChatRequest]],
) -> PlannedBaseline:
    settings = baseline.settings()
    trials = len(settings) if len(settings) > 1 and loaded.dev else 0
    asked = answers_per_item(spec, None if model_spec is None else model_spec.provider)
    n_dev, n_held_out = trials * len(loaded.dev), len(loaded.held_out) * asked
    common = {
        "name": spec.name,
        "kind": spec.kind,
        "model": spec.model,
        "calls_dev": n_dev,
        "calls_held_out": n_held_out,
    }
    if model_spec is None:
        return PlannedBaseline(
            **common,
            input_tokens=0,
            output_tokens=0,
            training_tokens=None,
            usd=0.0,
            seconds=1.0,
            notes=tuple(notes),
        )
    if model is None:
        notes.append("tokens are estimated from characters")
    if asked < spec.repeats:
        notes.append(ONCE_NOTE)
    in_process = model_spec.provider in IN_PROCESS
    probes = LATENCY_PROBES + 1 if in_process else 0
    window = model.context_window if model else None
    dev_in = 0
    for setting in settings if trials else ():
        first = (spec.model, baseline.ask(loaded.dev[0], setting).request)
        if first in tried:  # another baseline asks the same of the same model, and a call is paid once
            n_dev -= len(loaded.dev)
            continue
        tried.append(first)
        prompts = prompt_tokens(baseline, loaded.dev, setting, model)
        dev_in += round(statistics.fmean(prompts) * len(loaded.dev))
    planned, over = [], 0
    for setting in settings:
        prompts = prompt_tokens(baseline, loaded.held_out, setting, model)
        answer = answer_tokens(loaded, baseline, loaded.held_out, setting, model)
        tokens_in = dev_in + round(statistics.fmean(prompts) * (n_held_out + probes))
        tokens_out = round(answer * (n_held_out + probes + n_dev))
        training = training_tokens(loaded, spec, baseline, setting, model)
        if window is not None:
            over = sum(p + answer > window for p in prompts) * len(loaded.held_out) // len(prompts)
        seconds = None
        if in_process:
            seconds = tokens_in / ASSUMED_PROMPT_SPEED + tokens_out / ASSUMED_ANSWER_SPEED
            seconds += (training or 0) / ASSUMED_TRAINING_SPEED
        planned.append(
            PlannedSetting(
                setting=setting,
                input_tokens=tokens_in,
                output_tokens=tokens_out,
                training_tokens=training,
                usd=usd_of(
                    model_spec, spec.kind == "fine_tuned", on, tokens_in, tokens_out, training, seconds
                ),
                seconds=seconds,
            )
        )
    most = max(planned, key=lambda x: x.input_tokens)
    return PlannedBaseline(
        **{**common, "calls_dev": n_dev},
        **most.model_dump(exclude={"setting"}),
        over_context=over,
        by_setting=tuple(planned) if len(planned) > 1 else (),
        notes=tuple(notes),
    )


def training_tokens(
    loaded: LoadedCase,
    spec: BaselineSpec,
    baseline: Baseline,
    setting: Setting,
    model: ChatModel | None,
    learn: Sequence[Example] | None = None,
) -> int | None:
    """Tokens of all epochs, as the system that trains counts them; of all that there is to learn, or of a part."""
    if spec.tuning is None or spec.tuning.system == "existing":
        return None
    learn = learn or loaded.learn
    answer = answer_tokens(loaded, baseline, learn, setting, model)
    per_example = statistics.fmean(prompt_tokens(baseline, learn, setting, model)) + answer
    if spec.tuning.system in HOSTED_SYSTEMS:
        epochs = spec.tuning.epochs or default_epochs(len(learn))
        per_example += ANSWER_OVERHEAD
    else:
        epochs = TuningSettings.from_spec(spec.tuning).epochs
    return round(per_example * len(learn) * epochs)


def prompt_tokens(
    baseline: Baseline, items: Sequence[Example], setting: Setting, model: ChatModel | None
) -> list[int]:
    """Tokens of the prompts of some of the items; see `_step`."""
    chosen = items[:: _step(items, model)]
    return [_request_tokens(baseline.ask(item, setting).request, model) for item in chosen] or [0]


def _request_tokens(request: ChatRequest, model: ChatModel | None) -> int:
    if model is not None:
        return model.count_tokens(sent_messages(model, request))
    return round(sum(len(m.content) for m in request.messages) / CHARACTERS_PER_TOKEN)


def answer_tokens(
    loaded: LoadedCase,
    baseline: Baseline,
    items: Sequence[Example],
    setting: Setting,
    model: ChatModel | None,
) -> float:
    """Mean tokens of the expected answers; a model of this process adds one that ends them."""
    task = loaded.case.task
    chosen = items[:: _step(items, model)]
    texts = [render_output(task, e.output) for e in chosen]
    if model is None:
        return statistics.fmean(len(t) for t in texts) / CHARACTERS_PER_TOKEN + 1
    request = baseline.ask(chosen[0], setting).request
    end = 1 if model.provider in IN_PROCESS else 0
    return statistics.fmean(model.count_text_tokens(sent_answer(model, request, t)) for t in texts) + end


def _step(items: Sequence[Example], model: ChatModel | None) -> int:
    """Every how many items one is counted: all where counting is quick."""
    quick = model is not None and model.provider not in IN_PROCESS
    return 1 if quick else max(1, len(items) // _SAMPLE)


def usd_of(
    spec: ModelSpec,
    tuned: bool,
    on: date,
    tokens_in: int,
    tokens_out: int,
    training: int | None,
    seconds: float | None,
) -> float | None:
    """What tokens or seconds cost, at the prices of a day; None where it is not known."""
    if spec.serving is not None:
        return None if seconds is None else seconds / 3600 * spec.serving.usd_per_hour
    price = price_for(spec, tuned=tuned, on=on)
    if price is None or price.input is None or price.output is None:
        return None
    usd = (tokens_in * price.input + tokens_out * price.output) / 1e6
    if training:
        if price.training is None:
            return None
        usd += training * price.training / 1e6
    return usd
