"""The same tuning again: under further seeds, and on parts of the training data.

Each variant is a job of its own, with a fingerprint of its own (data and seed are in it): paid once, found again
after a kill, held by the budget. The baseline's own result is in the store before the first variant starts, and
every variant is added to it when it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from advisor.baselines import build_baseline
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.loading import LoadedCase
from advisor.cases.schema import Example
from advisor.cases.splits import nested_part
from advisor.decision.learning import item_metric, part_size
from advisor.errors import TuningError
from advisor.records import CurvePoint, Failure, Measured, SeedRun, TuningRecord
from advisor.scoring import score_item

if TYPE_CHECKING:
    from advisor.evaluation.session import Session


@dataclass(frozen=True)
class Variant:
    """A further training of a fine-tuned baseline."""

    name: str
    """For progress and messages: "seed 2", "25% of the data"."""
    seed: int
    examples: tuple[Example, ...]
    part: bool
    """Whether it is a point of the learning curve; else it is a further seed."""


def variants_of(loaded: LoadedCase, spec: BaselineSpec) -> tuple[Variant, ...]:
    """The further trainings that a case names: first the seeds, then the parts of the data, the smallest first."""
    tuning = spec.tuning
    if tuning is None:
        return ()
    learn, n = loaded.learn, len(loaded.learn)
    seeds = tuple(Variant(f"seed {s}", s, learn, part=False) for s in tuning.seeds)
    labelled = loaded.case.task.kind == "classification"
    shares = {part_size(share, n): share for share in sorted(tuning.learning_curve, reverse=True)}
    return seeds + tuple(
        Variant(
            f"{shares[k]:.3g} of the data",
            tuning.seed,
            nested_part(learn, k, seed=loaded.case.data.seed, by_output=labelled),
            part=True,
        )
        for k in sorted(shares)
        if k < n
    )


def measure_variants(session: Session, spec: BaselineSpec, measured: Measured) -> Measured:
    """Trains and evaluates what is missing of a baseline's variants.

    A training that fails is said and leaves the others alone: the decision warns that it is missing.

    Args:
        session: The run.
        spec: The baseline.
        measured: Its own result.

    Raises:
        BudgetExceededError: The next training or answer would cost more than what is left; all before it is kept.
        ModelError: A model cannot be had.
    """
    from advisor.evaluation.measure import keep_measurement

    for variant in variants_of(session.loaded, spec):
        if is_there(measured, variant, {e.id for e in session.held_out}):
            continue
        try:
            scores, record = _measure(session, spec, measured, variant)
        except TuningError as error:
            session.engine.progress.note(f"{spec.name} · {variant.name}: left out. {error}")
            continue
        measured = _with(measured, variant, scores, record)
        keep_measurement(session, spec, measured)
    return measured


def is_there(measured: Measured, variant: Variant, wanted: set[str]) -> bool:
    """Whether a variant has scores of the wanted items."""
    if variant.part:
        sizes = {p.n_examples: p.scores for p in measured.learning_curve}
        return wanted <= set(sizes.get(len(variant.examples), {}))
    return wanted <= set({s.seed: s.scores for s in measured.seeds}.get(variant.seed, {}))


def _measure(
    session: Session, spec: BaselineSpec, measured: Measured, variant: Variant
) -> tuple[dict[str, float], TuningRecord]:
    """(scores by held-out item, the training's record); what may still be answered is not in the scores."""
    from advisor.evaluation.tuned import tuned_variant

    baseline = build_baseline(spec, session.material)
    what = f"{spec.name} · {variant.name}"
    model, record = tuned_variant(session, spec, baseline, measured.setting, variant, what=what)
    try:
        answers = session.engine.answer(
            model,
            [baseline.ask(item, measured.setting).request for item in session.held_out],
            what=f"{what} · held-out",
            rate=session.rate(spec, tuned=True),
        )
    finally:
        model.close()
    task, metric = session.loaded.case.task, item_metric(session.loaded.case.quality.metric)
    scores = {}
    for example, (_, answer) in zip(session.held_out, answers, strict=True):
        if not isinstance(answer, Failure):
            scores[example.id] = score_item([metric], example.output, answer.text, task)[metric]
        elif not answer.transient:
            scores[example.id] = 0.0
    return scores, record


def _with(measured: Measured, variant: Variant, scores: dict[str, float], record: TuningRecord) -> Measured:
    """The baseline's result with one variant more, or in place of an earlier one."""
    if variant.part:
        point = CurvePoint(n_examples=len(variant.examples), scores=scores, tuning=record)
        points = [p for p in measured.learning_curve if p.n_examples != point.n_examples]
        curve = tuple(sorted([*points, point], key=lambda p: p.n_examples))
        return measured.model_copy(update={"learning_curve": curve})
    run = SeedRun(seed=variant.seed, scores=scores, tuning=record)
    return measured.model_copy(update={"seeds": (*(s for s in measured.seeds if s.seed != run.seed), run)})
