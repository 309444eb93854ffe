"""What further trainings, and questions on other cases, would take; see `advisor.evaluation.plan`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import date

from advisor.baselines import Baseline
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.loading import LoadedCase
from advisor.cases.model_spec import IN_PROCESS
from advisor.evaluation.elsewhere import asked_elsewhere
from advisor.evaluation.plan import (
    ASSUMED_ANSWER_SPEED,
    ASSUMED_PROMPT_SPEED,
    CHARACTERS_PER_TOKEN,
    PlannedBaseline,
    PlannedFurther,
    answer_tokens,
    prompt_tokens,
    training_tokens,
    usd_of,
)
from advisor.evaluation.tuned import HOSTED_SYSTEMS
from advisor.evaluation.variants import variants_of
from advisor.models.base import ChatModel, sent_answer, sent_messages
from advisor.prompts import render_output
from advisor.records import ChatRequest
from advisor.tuning._local import ASSUMED_TRAINING_SPEED

FEWEST_HOSTED = 10
"""Examples below which providers refuse a training file."""


def further_notes(loaded: LoadedCase, spec: BaselineSpec) -> list[str]:
    """What a reader of the plan should know of a baseline's further trainings."""
    tuning, notes = spec.tuning, []
    if tuning is None:
        return []
    if tuning.system == "autotrain" and tuning.seeds:
        notes.append(
            "AutoTrain ignores the seed: the trainings under further seeds differ by themselves, and cannot be repeated"
        )
    few = [v for v in variants_of(loaded, spec) if v.part and len(v.examples) < FEWEST_HOSTED]
    if tuning.system in HOSTED_SYSTEMS and few:
        notes.append(
            f"{', '.join(v.name for v in few)}: fewer than {FEWEST_HOSTED} examples, which {tuning.system} refuses"
        )
    return notes


def planned_further(
    loaded: LoadedCase,
    spec: BaselineSpec,
    baseline: Baseline,
    row: PlannedBaseline,
    model: ChatModel | None,
    on: date,
    others: Sequence[LoadedCase],
) -> tuple[PlannedFurther, ...]:
    """Each variant of a fine-tuned baseline, and each other case that it is asked on; () for other baselines.

    Where the dev split chooses the setting, the figures are those of the most expensive one.
    """
    if spec.kind != "fine_tuned" or spec.model is None:
        return ()
    model_spec = loaded.case.models[spec.model]
    in_process = model_spec.provider in IN_PROCESS
    settings = baseline.settings()
    setting = max(row.by_setting, key=lambda s: s.input_tokens).setting if row.by_setting else settings[0]
    found = []

    def add(
        name: str, calls: int, tokens_in: int, tokens_out: int, training: int | None, *, base_too: bool
    ) -> None:
        seconds = None
        if in_process:
            seconds = (1 + base_too) * (tokens_in / ASSUMED_PROMPT_SPEED + tokens_out / ASSUMED_ANSWER_SPEED)
            seconds += (training or 0) / ASSUMED_TRAINING_SPEED
        usd = usd_of(model_spec, True, on, tokens_in, tokens_out, training, seconds)
        if base_too and model_spec.serving is None:
            base = usd_of(model_spec, False, on, tokens_in, tokens_out, None, None)
            usd = None if usd is None or base is None else usd + base
        found.append(
            PlannedFurther(
                name=name,
                calls=(1 + base_too) * calls,
                input_tokens=(1 + base_too) * tokens_in,
                output_tokens=(1 + base_too) * tokens_out,
                training_tokens=training,
                usd=usd,
                seconds=seconds,
            )
        )

    n = len(loaded.held_out)
    for variant in variants_of(loaded, spec):
        prompts = statistics.fmean(prompt_tokens(baseline, loaded.held_out, setting, model))
        answers = answer_tokens(loaded, baseline, loaded.held_out, setting, model)
        training = training_tokens(loaded, spec, baseline, setting, model, variant.examples)
        add(variant.name, n, round(prompts * n), round(answers * n), training, base_too=False)
    wanted = loaded.case.extensibility
    for other in others:
        items, requests = asked_elsewhere(other, wanted.items if wanted else None, spec.model)
        texts = [render_output(other.case.task, e.output) for e in items]
        tokens_in, tokens_out = _tokens(requests, texts, model)
        add(f"on {other.case.name}", len(items), tokens_in, tokens_out, None, base_too=True)
    return tuple(found)


def _tokens(
    requests: Sequence[ChatRequest], answers: Sequence[str], model: ChatModel | None
) -> tuple[int, int]:
    """(tokens of the prompts, tokens of the expected answers)."""
    if model is None:
        characters = sum(len(m.content) for r in requests for m in r.messages)
        return round(characters / CHARACTERS_PER_TOKEN), round(
            sum(len(a) / CHARACTERS_PER_TOKEN + 1 for a in answers)
        )
    pairs = zip(requests, answers, strict=True)
    return (
        sum(model.count_tokens(sent_messages(model, r)) for r in requests),
        sum(model.count_text_tokens(sent_answer(model, r, a)) for r, a in pairs),
    )
