"""Intervals and p-values of a run that was looked at before it ended, in place of those for a fixed number of items.

A run that stops where the verdict is settled has chosen its n by what it saw; fixed-n intervals are then too narrow
and p-values too small. As soon as one measurement of a case ended early, the intervals and p-values of its qualities
and of all differences of quality between baselines are sequential ones: over all items, without near-duplicates, on
parts of them, and under other seeds. A judge's scores that people correct, metrics of whole sets, tokens and times,
versions of a model, learning curves, other cases and the odds of each baseline have fixed-n ones all the same.

How the 5 % are spent: a go claims that *one* tuned model beats *every* alternative, so its chance of being wrong adds
up over tuned models only; a stop claims that *some* alternative leaves *every* tuned model no gain, so its chance
adds up over alternatives only (Berger 1982, Multiparameter hypothesis testing and acceptance sampling, Technometrics
24: intersection-union tests). Lower limits of "tuned less alternative" therefore take 2.5 % divided by the number
of tuned models, upper limits 2.5 % divided by the number of alternatives: a wrong go has at most 2.5 %, and so has a
wrong stop, however often one looks. Both numbers are the case's, so they are known beforehand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.decision.evidence import CaseEvidence
from advisor.records import StoppedEarly
from advisor.statistics.paired import PairedComparison
from advisor.statistics.sequential import compare_sequentially, sequential_interval

ALPHA = 0.05
Groups = Sequence[Hashable | None]
Scores = Sequence[float] | NDArray[np.float64]


def stopped_early(evidence: CaseEvidence) -> StoppedEarly | None:
    """How the run ended early: of several baselines, as the one that was asked least; None where none did."""
    found = [m.stopped_early for m in evidence.measured if m.stopped_early is not None]
    return min(found, key=lambda s: s.asked, default=None)


def anytime_inference(evidence: CaseEvidence) -> AnytimeInference | None:
    """The inference of a case whose run stopped early; None where the fixed-n one is right."""
    if stopped_early(evidence) is None:
        return None
    baselines = evidence.case.baselines
    n_tuned = sum(b.kind == "fine_tuned" for b in baselines)
    sizes = Counter(evidence.data.clusters.values())
    return AnytimeInference(
        n_tuned=max(1, n_tuned),
        n_alternatives=max(1, len(baselines) - n_tuned),
        largest=max(sizes.values(), default=1),
    )


@dataclass(frozen=True)
class AnytimeInference:
    """Intervals and p-values that hold whenever a run stops."""

    n_tuned: int
    n_alternatives: int
    largest: int
    """Items of the largest cluster of the held-out set."""

    def mean_interval(self, scores: Scores, clusters: Groups | None) -> tuple[float, float]:
        """The interval of a baseline's mean score; those of all baselines hold together with 95 %."""
        alpha = ALPHA / (self.n_tuned + self.n_alternatives)
        return sequential_interval(
            scores, alpha=alpha, bounds=(0.0, 1.0), clusters=clusters, largest=self.largest
        )

    def compare(
        self, baseline: Scores, reference: Scores, clusters: Groups | None, *, tuned: bool
    ) -> PairedComparison:
        """The comparison of two baselines on the same items; `tuned` where the first is a tuned model.

        Without clusters every item is an observation, as within one cluster.
        """
        below, above = (self.n_tuned, self.n_alternatives) if tuned else (1, 1)
        return compare_sequentially(
            baseline,
            reference,
            alpha=(ALPHA / 2 / below, ALPHA / 2 / above),
            clusters=clusters,
            largest=1 if clusters is None else self.largest,
        )
