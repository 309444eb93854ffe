"""How two baselines are compared on some of their items: everywhere as in the comparison that the verdict rests on.

A part of the held-out set, or the set without some items, is set beside the main comparison. Unless both are made
alike, the reader sees a difference of methods and takes it for one of the items: judged scores beside those that
people corrected, or a fixed-n interval beside one that holds at any time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from advisor.decision import judged
from advisor.decision.anytime import anytime_inference
from advisor.decision.draws import SEED, Scores, aligned, clusters_of
from advisor.decision.evidence import CaseEvidence
from advisor.statistics.paired import PairedComparison, compare

if TYPE_CHECKING:
    from advisor.decision.summary import Standing


def compare_on(
    evidence: CaseEvidence,
    standing: Standing,
    reference: Standing,
    *,
    corrected: bool,
    items: Collection[str] | None = None,
    alone: bool = False,
) -> PairedComparison | None:
    """Two baselines on the items that both have; None where there are too few.

    Args:
        evidence: What was measured.
        standing: A baseline.
        reference: The one that it is compared with.
        corrected: Whether people's labels correct the judge in this case (`Findings.corrections`). A part of the items
            then needs as many labels of each baseline as the whole does.
        items: Only these; None: all.
        alone: Whether items stand alone though they have groups, as where all are of one and that one is meant.
    """
    clusters = {} if alone else evidence.data.clusters
    if corrected:
        return judged.compare_corrected(evidence, standing, reference, clusters, items)
    shared, (ours, theirs) = aligned([standing, reference])
    if items is not None:
        kept = np.array([i in items for i in shared], dtype=bool)
        shared, ours, theirs = tuple(i for i in shared if i in items), ours[kept], theirs[kept]
    if len(shared) < 2:
        return None
    return compare_scores(evidence, ours, theirs, clusters_of(shared, clusters), tuned=standing.tuned)


def compare_scores(
    evidence: CaseEvidence, ours: Scores, theirs: Scores, clusters: Sequence[str] | None, *, tuned: bool
) -> PairedComparison:
    """Scores of the same items, shape (n,) each: at any time where a run stopped early, else at a fixed n.

    Args:
        evidence: Says which of the two it is.
        ours: Of the first baseline.
        theirs: Of the second.
        clusters: For each item what it belongs to; None where all stand alone.
        tuned: Whether the first is a tuned model.
    """
    if anytime := anytime_inference(evidence):
        return anytime.compare(ours, theirs, clusters, tuned=tuned)
    return compare(ours, theirs, seed=SEED, clusters=clusters)
