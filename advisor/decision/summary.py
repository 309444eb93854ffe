"""From item results to the rows of the comparison: means, intervals, paired differences.

This is the expensive part and depends on no price or assumption, so that a what-if computes it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.cases.schema import BaselineSpec
from advisor.decision import set_metrics
from advisor.decision.evidence import CaseEvidence
from advisor.decision.learning import Course, measured_course
from advisor.economics.costs import CostModel, cost_model
from advisor.records import Comparison, Latency, Measured, Quality, Record, Tokens
from advisor.scoring import is_per_item
from advisor.statistics.intervals import mean_interval
from advisor.statistics.paired import PairedComparison, adjust, compare

SEED = 20_261_123
STABILITY_RESAMPLES = 2_000
Scores = NDArray[np.float64]


class Standing(Record):
    """How one baseline stands, whatever prices and assumptions say."""

    spec: BaselineSpec
    measured: Measured
    scores: tuple[float, ...]
    """By held-out item, in order; a failed item scores 0."""
    ids: tuple[str, ...]
    quality: Quality
    tokens: Tokens
    latency: Latency

    @property
    def name(self) -> str:
        """The baseline's name."""
        return self.spec.name

    @property
    def tuned(self) -> bool:
        """Whether it is a fine-tuned model."""
        return self.spec.kind == "fine_tuned"

    @property
    def value(self) -> float | None:
        """Mean quality."""
        return self.quality.value

    @property
    def n(self) -> int:
        """Items with a result, failed ones included."""
        return len(self.ids)


class Findings(Record):
    """All that was computed from the scores."""

    standings: tuple[Standing, ...]
    pairs: dict[str, PairedComparison]
    """By "baseline|reference": each tuned baseline against each other one, and each against the best untuned."""
    best_untuned: str | None
    """Highest mean quality of those that are not tuned."""
    resampled_means: dict[str, tuple[float, ...]]
    """Mean quality of each baseline in the same bootstrap resamples of items; for the decision's stability."""
    courses: dict[str, Course] = {}
    """Tuned baselines by the amount of their data, where parts of it were trained on."""

    def standing(self, name: str) -> Standing:
        """The standing of a baseline."""
        return next(s for s in self.standings if s.name == name)

    def base_of(self, tuned: Standing) -> Standing | None:
        """The same model untuned, asked in the same way: with retrieval if the tuned one is, without examples."""
        return _base_of(self.standings, tuned)

    def pair(self, baseline: str, reference: str) -> PairedComparison | None:
        """The comparison of two baselines, where it was made."""
        return self.pairs.get(f"{baseline}|{reference}")


def summarise_findings(evidence: CaseEvidence) -> Findings:
    """Scores, intervals and paired comparisons of all that was measured."""
    specs = {b.name: b for b in evidence.case.baselines}
    measured = [m for m in evidence.measured if m.items]
    draws = _set_draws(evidence, measured)
    standings = tuple(_standing(evidence, specs[m.name], m, draws.get(m.name)) for m in measured)
    untuned = [s for s in standings if not s.tuned and s.value is not None]
    # the name settles ties, so that the order of baselines does not
    best = max(untuned, key=lambda s: (s.value or 0.0, s.name)).name if untuned else None
    pairs: dict[str, PairedComparison] = {}
    for standing in standings:
        references = [s for s in standings if s.name == best or (standing.tuned and not s.tuned)]
        for reference in references:
            if reference.name != standing.name and f"{standing.name}|{reference.name}" not in pairs:
                pair = _compare(evidence, standing, reference, draws)
                if pair is not None:
                    pairs[f"{standing.name}|{reference.name}"] = pair
    return Findings(
        standings=standings,
        pairs=pairs,
        best_untuned=best,
        resampled_means={name: tuple(map(float, d)) for name, d in draws.items()}
        or _resampled_means(standings, evidence.data.clusters),
        courses={
            s.name: course
            for s in standings
            if s.tuned and (course := measured_course(evidence, s, _base_of(standings, s))) is not None
        },
    )


def _base_of(standings: Sequence[Standing], tuned: Standing) -> Standing | None:
    kind = "rag" if tuned.spec.uses_retrieval else "zero_shot"
    return next((s for s in standings if s.spec.kind == kind and s.spec.model == tuned.spec.model), None)


def comparisons(findings: Findings) -> tuple[Comparison, ...]:
    """Each baseline against the best untuned one, with p-values adjusted over this family (Holm)."""
    reference = findings.best_untuned
    family = [
        (s.name, findings.pair(s.name, reference))
        for s in findings.standings
        if reference and s.name != reference
    ]
    found = [(name, pair) for name, pair in family if pair is not None]
    adjusted = adjust([pair.p_value for _, pair in found]) if found else []
    return tuple(
        Comparison(
            baseline=name,
            reference=str(reference),
            n=pair.n,
            difference=pair.difference,
            ci95=pair.ci95,
            test=pair.test,
            p_value=pair.p_value,
            adjusted_p_value=p,
            discordant=pair.discordant,
            detectable_difference=pair.detectable_difference,
        )
        for (name, pair), p in zip(found, adjusted, strict=True)
    )


def adjusted_p_values(findings: Findings, tuned: str) -> dict[str, float]:
    """p-values of a tuned baseline against each untuned one, adjusted over all of its comparisons (Holm)."""
    names = [s.name for s in findings.standings if not s.tuned]
    found = [(n, p) for n in names if (p := findings.pair(tuned, n)) is not None]
    return (
        dict(zip([n for n, _ in found], adjust([p.p_value for _, p in found]), strict=True)) if found else {}
    )


def cost_models(evidence: CaseEvidence) -> dict[str, CostModel]:
    """The cost of every baseline of the case, by name; of unmeasured ones as far as it is known."""
    measured = {m.name: m for m in evidence.measured}
    return {
        b.name: cost_model(
            evidence.case,
            b,
            measured.get(b.name),
            price=evidence.prices.get(b.name),
            life_months=evidence.life_months(b.name),
        )
        for b in evidence.case.baselines
    }


def _set_draws(evidence: CaseEvidence, measured: Sequence[Measured]) -> dict[str, Scores]:
    """Values on resampled sets, for a metric that only sets have; empty for the others."""
    if is_per_item(evidence.case.quality.metric):
        return {}
    groups = evidence.data.clusters
    return set_metrics.draw(
        evidence.case.quality.metric, measured, evidence.expected, evidence.case.task, groups, SEED
    )


def _standing(
    evidence: CaseEvidence, spec: BaselineSpec, measured: Measured, draws: Scores | None
) -> Standing:
    metric = evidence.case.quality.metric
    # where only the set has the metric, an item still has its accuracy
    by_item = metric if draws is None else "accuracy"
    # an answer that could not be had is a wrong one to whoever asked
    rows = [(i.id, 0.0 if i.failure else i.scores.get(by_item)) for i in measured.items]
    known = [(i, s) for i, s in rows if s is not None]
    ids, scores = tuple(i for i, _ in known), tuple(s for _, s in known)
    clusters = _clusters(ids, evidence.data.clusters)
    clean = [s for i, s in known if i not in evidence.data.leaked]
    others = sorted({name for i in measured.items for name in i.scores} - {metric})
    value = float(np.mean(scores)) if scores else None
    ci95 = None
    if draws is not None:
        value = set_metrics.set_value(metric, measured, evidence.expected, evidence.case.task)
        ci95 = set_metrics.interval(draws)
    elif len(scores) > 1:
        ci95 = mean_interval(np.array(scores), seed=SEED, clusters=clusters)
    quality = Quality(
        metric=metric,
        value=value,
        ci95=ci95,
        without_leaked=float(np.mean(clean)) if clean and len(clean) < len(known) and draws is None else None,
        others={
            name: float(np.mean([i.scores[name] for i in measured.items if name in i.scores]))
            for name in others
        },
    )
    return Standing(
        spec=spec,
        measured=measured,
        scores=scores,
        ids=ids,
        quality=quality,
        tokens=_tokens(measured),
        latency=_latency(measured),
    )


def _tokens(measured: Measured) -> Tokens:
    def mean(values: list[int | None]) -> float | None:
        known = [v for v in values if v is not None]
        return sum(known) / len(known) if known else None

    usages = [i.usage for i in measured.items if i.failure is None]
    return Tokens(
        input=mean([u.input for u in usages]),
        cached_input=mean([u.cached_input for u in usages]),
        output=mean([u.output for u in usages]),
    )


def _latency(measured: Measured) -> Latency:
    times = measured.latency_probe_s or [i.latency_s for i in measured.items if i.latency_s is not None]
    if not times:
        return Latency(p50=None, p95=None)
    p50, p95 = np.quantile(np.array(times), [0.5, 0.95])
    return Latency(p50=float(p50), p95=float(p95), n=len(times))


def _compare(
    evidence: CaseEvidence, standing: Standing, reference: Standing, draws: dict[str, Scores]
) -> PairedComparison | None:
    if draws:
        difference = (standing.value or 0.0) - (reference.value or 0.0)
        return set_metrics.compare_draws(difference, draws[standing.name], draws[reference.name], standing.n)
    theirs = dict(zip(reference.ids, reference.scores, strict=True))
    mine = dict(zip(standing.ids, standing.scores, strict=True))
    shared = sorted(set(mine) & set(theirs))
    if len(shared) < 2:
        return None
    return compare(
        np.array([mine[i] for i in shared]),
        np.array([theirs[i] for i in shared]),
        seed=SEED,
        clusters=_clusters(shared, evidence.data.clusters),
    )


def _clusters(ids: Sequence[str], groups: dict[str, str]) -> list[str] | None:
    return [groups.get(i, f"id:{i}") for i in ids] if groups else None


def _resampled_means(standings: Sequence[Standing], groups: dict[str, str]) -> dict[str, tuple[float, ...]]:
    """Bootstrap means over the items that all baselines answered; whole clusters are drawn where there are any."""
    if not standings:
        return {}
    shared = sorted(set.intersection(*(set(s.ids) for s in standings)))
    if len(shared) < 2:
        return {}
    by_name: dict[str, Any] = {s.name: dict(zip(s.ids, s.scores, strict=True)) for s in standings}
    matrix = np.array([[by_name[s.name][i] for i in shared] for s in standings])
    names = _clusters(shared, groups) or shared
    _, codes = np.unique(names, return_inverse=True)
    sizes = np.bincount(codes).astype(float)
    sums = np.array([np.bincount(codes, weights=row) for row in matrix])
    rng = np.random.default_rng(SEED)
    means: list[Scores] = []
    for _ in range(0, STABILITY_RESAMPLES, 100):  # by chunks: memory stays small for large held-out sets
        counts = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=100).astype(float)
        means.append((counts @ sums.T) / (counts @ sizes)[:, None])
    all_means = np.concatenate(means)
    return {s.name: tuple(float(v) for v in all_means[:, k]) for k, s in enumerate(standings)}
