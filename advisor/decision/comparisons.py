"""Each baseline against the best untuned one.

Quality, whether "no difference" was shown or only not found, and what both use up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from advisor.decision.draws import SEED, Scores, aligned, clusters_of
from advisor.decision.evidence import CaseEvidence
from advisor.decision.summary import Findings, Standing
from advisor.records import Comparison, ResourceDifference
from advisor.scoring import is_per_item
from advisor.statistics.equivalence import equivalence, equivalence_of_draws
from advisor.statistics.paired import PairedComparison, adjust
from advisor.statistics.resources import compare_resources


def comparisons(evidence: CaseEvidence, findings: Findings) -> tuple[Comparison, ...]:
    """One row for every other baseline, with p-values adjusted for several comparisons (Holm).

    Those of tuned baselines are the verdict's, over all comparisons of tuned with untuned ones; the others are a family
    of their own.
    """
    best = findings.best_untuned
    if best is None:
        return ()
    reference = findings.standing(best)
    family = [(s, findings.pair(s.name, best)) for s in findings.standings if s.name != best]
    found = [(standing, pair) for standing, pair in family if pair is not None]
    untuned = [(s.name, pair.p_value) for s, pair in found if not s.tuned]
    adjusted = dict(zip([name for name, _ in untuned], adjust([p for _, p in untuned]), strict=True))
    adjusted |= {s.name: findings.adjusted(s.name, best) for s, _ in found if s.tuned}
    return tuple(
        Comparison(
            baseline=standing.name,
            reference=best,
            n=pair.n,
            difference=pair.difference,
            ci95=pair.ci95,
            test=pair.test,
            p_value=pair.p_value,
            adjusted_p_value=adjusted[standing.name],
            discordant=pair.discordant,
            detectable_difference=pair.detectable_difference,
            wilcoxon_p_value=pair.wilcoxon_p_value,
            note=pair.note,
            **_equivalence(evidence, findings, standing, reference, pair),
            resources=_resources(evidence, standing, reference),
        )
        for standing, pair in found
    )


def _equivalence(
    evidence: CaseEvidence,
    findings: Findings,
    standing: Standing,
    reference: Standing,
    pair: PairedComparison,
) -> dict[str, str | float]:
    """What was shown of the difference, against the smallest gain worth having.

    Nothing is said of it where intervals are of another kind: of runs that stopped early, or corrected by people.
    Nor is it of a metric of whole sets where baselines have different items: the draws are of those that all share.
    """
    margin = evidence.case.quality.min_gain
    if findings.sequential or findings.corrections:
        return {}
    of_sets = not is_per_item(evidence.case.quality.metric)
    if of_sets and any(set(s.ids) != set(standing.ids) for s in findings.standings):
        return {}
    if of_sets:
        draws = findings.resampled_means
        shown = equivalence_of_draws(
            pair.difference, draws[standing.name] - draws[reference.name], margin=margin
        )
    else:
        shared, (ours, theirs) = aligned([standing, reference])
        shown = equivalence(ours, theirs, margin=margin, clusters=clusters_of(shared, evidence.data.clusters))
    return {
        "shown": shown.verdict,
        "margin": margin,
        "p_non_inferior": shown.p_non_inferior,
        "p_equivalent": shown.p_equivalent,
    }


def _resources(
    evidence: CaseEvidence, standing: Standing, reference: Standing
) -> tuple[ResourceDifference, ...]:
    """Tokens, latency and cost per request, as far as both are known of the same items."""
    found = []
    groups = evidence.data.clusters
    ids, (first, second) = _same_items(standing.measured.items.ids, reference.measured.items.ids)
    for what in ("input_tokens", "output_tokens", "latency_s", "cost_usd"):
        ours, theirs = _amounts(standing, what)[first], _amounts(reference, what)[second]
        known = ~np.isnan(ours) & ~np.isnan(theirs)
        if known.sum() < 2:
            continue
        mine, others = ours[known], theirs[known]
        if not mine.any() and not others.any():
            continue
        clusters = clusters_of([i for i, k in zip(ids, known, strict=True) if k], groups) if groups else None
        pair = compare_resources(mine, others, seed=SEED, clusters=clusters)
        found.append(
            ResourceDifference(
                what=what,
                n=pair.n,
                baseline_mean=pair.baseline_mean,
                reference_mean=pair.reference_mean,
                difference=pair.difference,
                ci95=pair.ci95,
                p_value=pair.p_value,
                ratio=pair.ratio,
                ratio_ci95=pair.ratio_ci95,
            )
        )
    return tuple(found)


def _amounts(standing: Standing, what: str) -> Scores:
    items = standing.measured.items
    if what == "latency_s":
        # where answers are computed in batches, an item's latency is its batch's
        return np.where(np.isnan(items.number("compute_s")), items.number("latency_s"), np.nan)
    return items.number(what.removesuffix("_tokens"))


def _same_items(
    ours: Sequence[str], theirs: Sequence[str]
) -> tuple[Sequence[str], tuple[list[int] | slice, list[int] | slice]]:
    """(the items of both, their positions in each)."""
    if ours == theirs:
        return ours, (slice(None), slice(None))
    position = {item: k for k, item in enumerate(theirs)}
    shared = [(k, position[item]) for k, item in enumerate(ours) if item in position]
    return [ours[k] for k, _ in shared], ([k for k, _ in shared], [k for _, k in shared])
