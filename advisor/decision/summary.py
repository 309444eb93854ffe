"""From item results to the rows of the comparison: means, intervals, paired differences.

This is the expensive part and depends on no price or assumption, so that a what-if computes it once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from advisor.cases.baseline_spec import BaselineSpec
from advisor.decision import judged, set_metrics
from advisor.decision.anytime import anytime_inference
from advisor.decision.diagnosis import artefact_text, diagnose
from advisor.decision.draws import SEED, Scores, clusters_of, resampled_means, resampled_pair
from advisor.decision.evidence import CaseEvidence
from advisor.decision.inference import compare_on
from advisor.decision.learning import Course, item_metric, measured_course
from advisor.decision.stakes import Accounts
from advisor.economics.costs import CostModel, cost_model
from advisor.economics.resources import Resources, known_mean, resources_of
from advisor.records import Finding, Latency, Measured, Quality, Tokens
from advisor.scoring import is_per_item
from advisor.statistics.intervals import mean_interval
from advisor.statistics.paired import PairedComparison, adjust
from advisor.statistics.ppi import CorrectedEstimate
from advisor.tuning.training_estimate import default_epochs

MIN_ITEMS = 30
"""Fewer held-out items than this carry no verdict: a 95 % interval of a proportion is then wider than ±17 points."""


@dataclass(frozen=True)
class Standing:
    """How one baseline stands, whatever prices and assumptions say."""

    spec: BaselineSpec
    measured: Measured
    scores: Scores
    """By held-out item, in order, shape (n,); a failed item scores 0."""
    ids: tuple[str, ...]
    quality: Quality
    tokens: Tokens
    latency: Latency
    ended: bool = False
    """Whether the service of its model has ended, so that it answers no more."""

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


@dataclass(frozen=True)
class Findings:
    """All that was computed from the scores."""

    standings: tuple[Standing, ...]
    pairs: dict[str, PairedComparison]
    """By "baseline|reference": each tuned baseline against each other one, and each against the best untuned."""
    best_untuned: str | None
    """Highest mean quality of those that are not tuned."""
    adjusted_p: dict[str, float]
    """By "tuned|untuned": p-values, adjusted over all comparisons of tuned with untuned baselines (Holm)."""
    artefacts: dict[str, str]
    """Tuned baselines that look broken rather than bad, and why."""
    resources: dict[str, Resources]
    """What a request of each baseline takes, by name."""
    resampled_means: dict[str, Scores]
    """Mean quality of each baseline in the same bootstrap resamples of items, shape (draws,); for probabilities."""
    pair_draws: dict[str, tuple[Scores, Scores]] = field(default_factory=dict)
    """By "tuned|untuned", the same over the items that both answered, where these are not all that either did."""
    sequential: bool = False
    """Whether a run stopped early, so that intervals and p-values are those that hold at any time."""
    corrections: dict[str, CorrectedEstimate] = field(default_factory=dict)
    """By baseline, what human labels make of a judge's mean; empty where they correct nothing."""
    diagnosis: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    """What looks wrong with each tuned baseline."""
    n_held_out: int = 0
    """Held-out items of the case."""
    courses: dict[str, Course] = field(default_factory=dict)
    """Tuned baselines by the amount of their data, where parts of it were trained on."""

    def standing(self, name: str) -> Standing:
        """The standing of a baseline."""
        return next(s for s in self.standings if s.name == name)

    def base_of(self, tuned: Standing) -> Standing | None:
        """The same model untuned, asked in the same way: with retrieval if the tuned one is, without examples."""
        kind = "rag" if tuned.spec.uses_retrieval else "zero_shot"
        return next(
            (s for s in self.standings if s.spec.kind == kind and s.spec.model == tuned.spec.model), None
        )

    def pair(self, baseline: str, reference: str) -> PairedComparison | None:
        """The comparison of two baselines, where it was made."""
        return self.pairs.get(f"{baseline}|{reference}")

    def draws_of(self, tuned: str, untuned: str) -> tuple[Scores, Scores] | None:
        """Mean quality of two baselines in the same resamples of the items that both answered; None without any."""
        if (drawn := self.pair_draws.get(f"{tuned}|{untuned}")) is not None:
            return drawn
        both = self.resampled_means.get(tuned), self.resampled_means.get(untuned)
        return None if both[0] is None or both[1] is None else (both[0], both[1])

    def unasked(self, shared: int) -> int:
        """Held-out items of the case beside the `shared` ones; 0 where they are less than a tenth of these."""
        left = self.n_held_out - shared
        return left if left >= shared / 10 else 0

    def adjusted(self, tuned: str, untuned: str) -> float:
        """The adjusted p-value of a tuned baseline against an untuned one; 1 where they were not compared."""
        return self.adjusted_p.get(f"{tuned}|{untuned}", 1.0)


def summarise_findings(evidence: CaseEvidence) -> Findings:
    """Scores, intervals and paired comparisons of all that was measured."""
    metric, specs = evidence.case.quality.metric, {b.name: b for b in evidence.case.baselines}
    measured = [m for m in evidence.measured if m.items]
    draws = _set_draws(evidence, measured)
    standings = tuple(_standing(evidence, specs[m.name], m, draws) for m in measured)
    groups = evidence.data.clusters
    corrections = judged.corrections(evidence, standings, groups)
    standings = tuple(judged.corrected(evidence, s, corrections.get(s.name)) for s in standings)
    untuned = [s for s in standings if not s.tuned and s.value is not None]
    # the name settles ties, so that the order of baselines does not
    best = max(untuned, key=lambda s: (s.value or 0.0, s.name)).name if untuned else None
    pairs: dict[str, PairedComparison] = {}
    for standing in standings:
        references = [s for s in standings if s.name == best or (standing.tuned and not s.tuned)]
        for reference in references:
            if reference.name != standing.name and f"{standing.name}|{reference.name}" not in pairs:
                pair = _compare(evidence, standing, reference, draws, corrected=bool(corrections))
                if pair is not None:
                    pairs[f"{standing.name}|{reference.name}"] = pair
    of_tuned = {
        k: p for k, p in pairs.items() if k.partition("|")[0] in {s.name for s in standings if s.tuned}
    }
    adjusted = adjust([p.p_value for p in of_tuned.values()]) if of_tuned else []
    varying = [judged.resampled(s, corrections.get(s.name)) for s in standings]
    found = Findings(
        standings=standings,
        pairs=pairs,
        best_untuned=best,
        adjusted_p=dict(zip(of_tuned, adjusted, strict=True)),
        artefacts={},
        resources={m.name: resources_of(m) for m in evidence.measured},
        resampled_means=resampled_means(varying, groups) if is_per_item(metric) else draws,
        sequential=anytime_inference(evidence) is not None,
        pair_draws=_pair_draws(evidence, varying, draws),
        n_held_out=evidence.data.n_held_out,
        corrections=corrections,
    )
    diagnosis = {s.name: diagnose(s, found.base_of(s), evidence) for s in standings if s.tuned}
    broken = {name: artefact_text(findings) for name, findings in diagnosis.items()}
    return replace(
        found,
        diagnosis=diagnosis,
        artefacts={name: why for name, why in broken.items() if why is not None},
        courses={
            s.name: course
            for s in standings
            if s.tuned and (course := measured_course(evidence, s, found.base_of(s))) is not None
        },
    )


def _pair_draws(
    evidence: CaseEvidence, standings: Sequence[Standing], draws: dict[str, Scores]
) -> dict[str, tuple[Scores, Scores]]:
    """Draws of each tuned baseline and each other one that did not answer the same items."""
    found = {}
    for tuned, other in product(standings, standings):
        same = tuned.ids == other.ids or set(tuned.ids) == set(other.ids)
        if other.tuned or not tuned.tuned or same:
            continue
        if is_per_item(evidence.case.quality.metric):
            both = resampled_pair(tuned, other, evidence.data.clusters)
        else:
            of_both = _draws_of(evidence, [tuned.measured, other.measured], draws)
            both = (of_both[tuned.name], of_both[other.name]) if of_both else None
        if both is not None:
            found[f"{tuned.name}|{other.name}"] = both
    return found


def cost_models(evidence: CaseEvidence, findings: Findings) -> dict[str, CostModel]:
    """The cost of every baseline of the case, by name; of unmeasured ones as far as it is known."""
    return {
        b.name: cost_model(
            evidence.case,
            b,
            findings.resources.get(b.name, Resources()),
            price=evidence.prices.get(b.name),
            life_months=evidence.life_months(b.name),
            training_tokens=_training_tokens(evidence, b, findings.resources.get(b.name)),
        )
        for b in evidence.case.baselines
    }


def _training_tokens(evidence: CaseEvidence, spec: BaselineSpec, resources: Resources | None) -> float | None:
    """About what one training takes: its examples are as long as the requests and answers of the tuned model."""
    if spec.tuning is None or resources is None:
        return None
    parts = resources.fresh_tokens, resources.cached_tokens, resources.output_tokens
    learn = evidence.data.n_learn
    if None in parts or not learn:
        return None
    epochs = spec.tuning.epochs or default_epochs(learn)
    return math.fsum(p for p in parts if p is not None) * learn * epochs


def accounts_of(evidence: CaseEvidence, findings: Findings) -> Accounts:
    """What the money at stake is computed from."""
    data = evidence.data
    return Accounts(
        evidence.case,
        cost_models(evidence, findings),
        tuple(s.name for s in findings.standings),
        data.n_learn + data.n_dev,
    )


def _set_draws(evidence: CaseEvidence, measured: Sequence[Measured]) -> dict[str, Scores]:
    """Values on resampled sets of the items that all share, for a metric that only sets have; empty for the others."""
    if is_per_item(evidence.case.quality.metric):
        return {}
    groups = evidence.data.clusters
    return set_metrics.draw(
        evidence.case.quality.metric, measured, evidence.expected, evidence.case.task, groups, SEED
    )


def _draws_of(
    evidence: CaseEvidence, chosen: Sequence[Measured], draws: dict[str, Scores]
) -> dict[str, Scores]:
    """The same of some baselines on all the items that *they* share: `draws` itself, where that is no more."""
    everyone = [m for m in evidence.measured if m.items]
    alike = set_metrics.shared_items(chosen) == set_metrics.shared_items(everyone)
    return draws if alike else _set_draws(evidence, chosen)


def _standing(
    evidence: CaseEvidence, spec: BaselineSpec, measured: Measured, draws: dict[str, Scores]
) -> Standing:
    metric = evidence.case.quality.metric
    of_sets = not is_per_item(metric)
    column = measured.items.score(item_metric(metric))
    known = np.flatnonzero(~np.isnan(column))
    ids, scores = tuple(measured.items.ids[k] for k in known), column[known]
    clusters = clusters_of(ids, evidence.data.clusters)
    leaked = np.array([i in evidence.data.leaked for i in ids], dtype=bool)
    others = sorted(set(measured.items.scores) - {metric})
    value = float(np.mean(scores)) if len(scores) else None
    ci95 = None
    if of_sets:
        value = set_metrics.set_value(metric, measured, evidence.expected, evidence.case.task)
        own = _draws_of(evidence, [measured], draws).get(measured.name)
        ci95 = None if own is None else set_metrics.interval(own)
    elif (anytime := anytime_inference(evidence)) and len(scores):
        ci95 = anytime.mean_interval(scores, clusters)
    elif len(scores) > 1:
        ci95 = mean_interval(scores, clusters=clusters)
    quality = Quality(
        metric=metric,
        value=value,
        ci95=ci95,
        without_leaked=float(np.mean(scores[~leaked]))
        if not of_sets and 0 < leaked.sum() < len(leaked)
        else None,
        others={name: float(np.nanmean(measured.items.scores[name])) for name in others},
    )
    return Standing(
        spec=spec,
        measured=measured,
        scores=scores,
        ids=ids,
        quality=quality,
        tokens=_tokens(measured),
        latency=_latency(measured),
        ended=(life := evidence.life_months(spec.name)) is not None and life <= 0,
    )


def _tokens(measured: Measured) -> Tokens:
    answered = ~measured.items.failed
    return Tokens(
        input=known_mean(measured.items.number("input")[answered]),
        cached_input=known_mean(measured.items.number("cached_input")[answered]),
        output=known_mean(measured.items.number("output")[answered]),
    )


def _latency(measured: Measured) -> Latency:
    latencies = measured.items.number("latency_s")
    times = np.array(measured.latency_probe_s or latencies[~np.isnan(latencies)])
    if not len(times):
        return Latency(p50=None, p95=None)
    p50, p95 = np.quantile(times, [0.5, 0.95])
    return Latency(p50=float(p50), p95=float(p95), n=len(times))


def _compare(
    evidence: CaseEvidence,
    standing: Standing,
    reference: Standing,
    draws: dict[str, Scores],
    *,
    corrected: bool,
) -> PairedComparison | None:
    metric = evidence.case.quality.metric
    if is_per_item(metric):
        return compare_on(evidence, standing, reference, corrected=corrected)
    both = [standing.measured, reference.measured]
    found, shared = _draws_of(evidence, both, draws), set_metrics.shared_items(both)
    if not found:
        return None
    ours, theirs = (
        set_metrics.set_value(metric, m, evidence.expected, evidence.case.task, shared) for m in both
    )
    return set_metrics.compare_draws(ours - theirs, found[standing.name], found[reference.name], len(shared))
