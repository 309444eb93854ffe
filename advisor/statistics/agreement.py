"""How well two raters agree: a judge and people, say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from advisor.records import Agreement
from advisor.statistics.intervals import finite

Scores = Sequence[float] | NDArray[np.float64]


def agreement(judge: Scores, human: Scores, levels: Sequence[float]) -> Agreement:
    """Raw agreement, Cohen's kappa and rank correlation of two raters' scores of the same items.

    Kappa is agreement beyond what chance would bring: 0 is chance, 1 is perfect. The weighted one, with quadratic
    weights, forgives near misses. Scores are put on the nearest of the levels first; the correlation takes them as
    they are.

    Sources: Cohen (1960), A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20;
    Cohen (1968), Weighted kappa, Psychological Bulletin 70; Spearman (1904), American Journal of Psychology 15.

    Args:
        judge: The judge's scores, shape (n,).
        human: People's scores of the same items.
        levels: The scores that a verdict can have, ascending.

    Returns:
        The figures; kappas and correlation are None where a rater (or both, for kappa) gives one score only.

    Raises:
        ValueError: There are no scores, not equally many, or one is not finite.
    """
    from sklearn.metrics import cohen_kappa_score

    ours, theirs = finite(judge, "judge"), finite(human, "human")
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} scores of the judge, but {len(theirs)} of people")
    a, b = _nearest(ours, levels), _nearest(theirs, levels)
    varied = len({*a.tolist(), *b.tolist()}) > 1
    every = list(range(len(levels)))

    def kappa(weights: str | None) -> float | None:
        return float(cohen_kappa_score(a, b, labels=every, weights=weights)) if varied else None

    ranked = len(np.unique(ours)) > 1 and len(np.unique(theirs)) > 1
    return Agreement(
        n=len(ours),
        raw=float(np.mean(a == b)),
        kappa=kappa(None),
        weighted_kappa=kappa("quadratic"),
        correlation=float(spearmanr(ours, theirs).statistic) if ranked else None,
        bias=float(np.mean(ours - theirs)),
    )


def _nearest(scores: NDArray[np.float64], levels: Sequence[float]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.abs(scores[:, None] - np.asarray(levels)[None, :]).argmin(axis=1)
    return found
