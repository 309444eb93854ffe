"""What further trainings say: what twice the data would bring and cost, and how much of the result is luck."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from advisor.decision.draws import clusters_of
from advisor.decision.evidence import CaseEvidence
from advisor.decision.inference import compare_scores
from advisor.decision.judged import is_corrected
from advisor.economics.costs import CostModel
from advisor.economics.drivers import drivers_of
from advisor.economics.horizon import training_usd
from advisor.formatting import count, difference, interval, percent, usd
from advisor.records import (
    AtDouble,
    LearningCurve,
    LearningPoint,
    LearningStep,
    Record,
    SeedQuality,
    SeedSpread,
)
from advisor.scoring import is_per_item
from advisor.statistics.intervals import mean_interval
from advisor.statistics.learning_curve import FEWEST_SIZES, Extrapolation, extrapolate
from advisor.statistics.paired import compare

if TYPE_CHECKING:
    from advisor.decision.summary import Standing

SEED = 20_261_124
LIKELY_WORTH = 0.8
UNLIKELY_WORTH = 0.2
NO_GAIN = 1e-6
"""Gains up to this are zero, but for rounding."""


class Course(Record):
    """A tuned baseline by the amount of its data, as measured; no assumption of the case is in it."""

    points: tuple[LearningPoint, ...]
    steps: tuple[LearningStep, ...]
    n_items: int
    extrapolation: Extrapolation | None
    training_sd: float | None


def measured_course(evidence: CaseEvidence, tuned: Standing, base: Standing | None) -> Course | None:
    """The points of a learning curve, the steps between them, and the law through them; None without parts."""
    record = tuned.measured.tuning
    if record is None:
        return None
    # of each size once, and none that is the whole: shares of few examples may come to the same number
    parts = {
        p.n_examples: p.scores for p in tuned.measured.learning_curve if p.n_examples < record.n_examples
    }
    if not parts:
        return None
    rows: list[tuple[int, Mapping[str, float]]] = sorted(parts.items(), key=lambda part: part[0])
    rows.append((record.n_examples, _scores(tuned)))
    if base is not None:
        rows.insert(0, (0, _scores(base)))
    shared = sorted(set.intersection(*(set(scores) for _, scores in rows)))
    if len(shared) < 2:
        return None
    clusters = clusters_of(shared, evidence.data.clusters)
    sizes = [n for n, _ in rows]
    matrix = np.array([[scores[i] for i in shared] for _, scores in rows])
    points = tuple(
        LearningPoint(
            n_examples=n,
            what="untuned" if n == 0 else "whole" if n == record.n_examples else "part",
            value=float(row.mean()),
            ci95=mean_interval(row, clusters=clusters),
        )
        for n, row in zip(sizes, matrix, strict=True)
    )
    steps = []
    for k in range(1, len(sizes)):
        pair = compare(matrix[k], matrix[k - 1], seed=SEED, clusters=clusters)
        steps.append(
            LearningStep(
                from_examples=sizes[k - 1],
                to_examples=sizes[k],
                difference=pair.difference,
                ci95=pair.ci95,
            )
        )
    first = 0 if base is None else 1
    sd = training_sd(tuned)
    found = None
    if len(sizes) - first >= FEWEST_SIZES:
        found = extrapolate(
            sizes[first:],
            matrix[first:],
            to=2 * record.n_examples,
            seed=SEED,
            clusters=clusters,
            training_sd=sd or 0.0,
        )
    return Course(points=points, steps=tuple(steps), n_items=len(shared), extrapolation=found, training_sd=sd)


def training_sd(tuned: Standing) -> float | None:
    """Standard deviation of the mean quality under the seeds that were trained; None with one alone.

    It holds the luck of training only: all seeds are asked the same items.
    """
    values = [_mean(_scores(tuned)), *(_mean(s.scores) for s in tuned.measured.seeds if s.scores)]
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def learning_curve(
    evidence: CaseEvidence, course: Course, tuned: Standing, costs: CostModel
) -> LearningCurve:
    """What the curve says, at what price, in words."""
    at = _at_double(evidence, course, tuned, costs)
    own = (
        " All of it are the judge's own scores, which people did not correct here."
        if is_corrected(tuned)
        else ""
    )
    return LearningCurve(
        baseline=tuned.name,
        metric=item_metric(evidence.case.quality.metric),
        n_items=course.n_items,
        points=course.points,
        steps=course.steps,
        fit=course.extrapolation.law if course.extrapolation else None,
        at_double=at,
        training_sd=course.training_sd,
        warnings=tuple(_warnings(course)),
        text=f"{_text(evidence, course, at)}{own}",
    )


def seed_spread(evidence: CaseEvidence, tuned: Standing, reference: Standing | None) -> SeedSpread | None:
    """The quality under every seed, each against the best baseline that is not tuned; None with one seed alone.

    Nobody scored the answers of the other trainings: where people correct the judge, its own scores of all trainings
    stand side by side, and are compared with no baseline.
    """
    tuning = tuned.spec.tuning
    found = [(s.seed, s.scores) for s in tuned.measured.seeds if s.scores]
    if tuning is None or not found:
        return None
    judged = is_corrected(tuned)
    theirs = _scores(reference) if reference is not None and not judged else {}
    runs = []
    for seed, scores in [(tuning.seed, _scores(tuned)), *found]:
        shared = sorted(set(scores) & set(theirs))
        pair = None
        if len(shared) > 1:
            pair = compare_scores(
                evidence,
                np.array([scores[i] for i in shared]),
                np.array([theirs[i] for i in shared]),
                clusters_of(shared, evidence.data.clusters),
                tuned=True,
            )
        runs.append(
            SeedQuality(
                seed=seed,
                value=_mean(scores),
                difference=pair.difference if pair else None,
                ci95=pair.ci95 if pair else None,
            )
        )
    values = [r.value for r in runs]
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    text = (
        f"{tuned.name} trained under {len(runs)} seeds: {percent(min(values))} to {percent(max(values))}, mean "
        f"{percent(mean)}, standard deviation {sd * 100:.1f} points."
    )
    ahead = [r.difference > 0 for r in runs if r.difference is not None]
    if reference is not None and ahead:
        text += f" It is ahead of {reference.name} under {sum(ahead)} of {len(ahead)}."
    if judged:
        text += (
            " These are the judge's own scores, as people scored no answers of the other trainings: they are not "
            "compared with a quality that people correct."
        )
    return SeedSpread(
        baseline=tuned.name,
        reference=reference.name if reference else None,
        runs=tuple(runs),
        mean=mean,
        sd=sd,
        text=text,
    )


def further_warnings(
    evidence: CaseEvidence, tuned: Standing, curve: LearningCurve | None, spread: SeedSpread | None
) -> list[str]:
    """Luck that decides, curves that misbehave, and trainings that the case names but that are not there."""
    warnings = [f"Learning curve of {tuned.name}: {w}" for w in (curve.warnings if curve else ())]
    if spread is not None:
        signs = {r.difference > 0 for r in spread.runs if r.difference is not None}
        if len(signs) > 1:
            warnings.append(
                f"The seed decides: {spread.text} The verdict rests on seed {spread.runs[0].seed} alone."
            )
    tuning = tuned.spec.tuning
    if tuning is None or tuned.measured.imported:
        return warnings
    there = {s.seed for s in tuned.measured.seeds if s.scores}
    missing = [f"seed {s}" for s in tuning.seeds if s not in there]
    n = evidence.data.n_learn
    sizes = {p.n_examples for p in tuned.measured.learning_curve if p.scores}
    missing += [
        f"{share:g} of the data"
        for share in sorted(tuning.learning_curve)
        if part_size(share, n) not in sizes
    ]
    if missing:
        warnings.append(
            f"{tuned.name}: the case names further trainings that were not measured yet ({', '.join(missing)}); run it "
            "again."
        )
    return warnings


def part_size(share: float, n: int) -> int:
    """How many of `n` examples a share is: at least one."""
    return max(1, round(share * n))


def item_metric(metric: str) -> str:
    """The metric that items are scored with: where only a set has the case's, accuracy."""
    return metric if is_per_item(metric) else "accuracy"


def _at_double(evidence: CaseEvidence, course: Course, tuned: Standing, costs: CostModel) -> AtDouble | None:
    found, record = course.extrapolation, tuned.measured.tuning
    if found is None or record is None:
        return None
    effort, drivers = evidence.case.effort, drivers_of(evidence.case)
    # labels that take no time cost nothing, whatever the rate
    free = drivers.label_minutes_per_example is not None and not np.any(drivers.label_minutes_per_example)
    label = 0.0 if free else drivers.label_usd()
    labelling = None if label is None else record.n_examples * float(label)
    missing = [
        f"effort.{name}"
        for name in ("label_minutes_per_example", "hourly_rate_usd")
        if label is None and getattr(effort, name) is None
    ]
    once = training_usd(costs, drivers)
    training = None if once is None else 2 * float(once)  # as many epochs over twice the tokens
    if training is None:
        missing.append("what training costs")
    worth = evidence.case.quality.min_gain
    return AtDouble(
        n_examples=2 * record.n_examples,
        value=found.value,
        ci95=found.ci95,
        gain=found.gain,
        gain_ci95=found.gain_ci95,
        # a law that only rises has a gain of zero at least: without a smallest gain worth having it must be one
        p_min_gain=float(np.mean([g >= worth and g > NO_GAIN for g in found.gains])),
        labelling_usd=labelling,
        training_usd=training,
        price_usd=None if labelling is None or training is None else labelling + training,
        missing=tuple(missing),
    )


def _text(evidence: CaseEvidence, course: Course, at: AtDouble | None) -> str:
    worth = evidence.case.quality.min_gain
    if at is None:
        last = course.steps[-1]
        return (
            f"From {count(last.from_examples)} to {_examples(last.to_examples)} the quality changed by "
            f"{difference(last.difference, fraction=True)} (95% interval "
            f"{interval(last.ci95, fraction=True, signed=True)}). What more would bring is not told from fewer than "
            f"{FEWEST_SIZES} sizes: name another share in `tuning.learning_curve`."
        )
    if at.p_min_gain >= LIKELY_WORTH:
        word = "likely worth having"
    elif at.p_min_gain <= UNLIKELY_WORTH:
        word = "not likely worth having"
    else:
        word = "perhaps worth having"
    least = f"a gain of {worth * 100:g} points or more" if worth > 0 else "any gain"
    price = (
        f"It would cost about {usd(at.price_usd)} (labels {usd(at.labelling_usd)}, training {usd(at.training_usd)})."
        if at.price_usd is not None
        else f"What it would cost is not known: {', '.join(at.missing)}."
    )
    return (
        f"Twice the data ({count(at.n_examples)} examples) would give about {percent(at.value)} (95% interval "
        f"{interval(at.ci95, fraction=True)}), a change of {difference(at.gain, fraction=True)}: {word} ({least} in "
        f"{percent(at.p_min_gain, digits=0)} of the refits). {price}"
    )


def _warnings(course: Course) -> list[str]:
    warnings = [
        f"from {count(s.from_examples)} to {_examples(s.to_examples)} the quality fell by "
        f"{abs(s.difference) * 100:.1f} points (95% interval {interval(s.ci95, fraction=True, signed=True)}): the "
        "curve misbehaves, and a law that only rises does not hold for it."
        for s in course.steps
        if s.ci95[1] < 0
    ]
    return warnings


def _scores(standing: Standing) -> dict[str, float]:
    return dict(zip(standing.ids, standing.scores, strict=True))


def _mean(scores: Mapping[str, float]) -> float:
    return float(np.mean(list(scores.values())))


def _examples(n: int) -> str:
    return f"{count(n)} example" if n == 1 else f"{count(n)} examples"
