"""How often each test at 5 % finds what is not there, for `coverage.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import gammaln, xlogy
from scipy.stats import binom

from advisor.statistics import compare
from advisor.statistics._effective import Units
from advisor.statistics._resampling import sign_flip_p_value
from advisor.statistics._score import tango_statistic
from advisor.statistics.equivalence import exact_p_above, score_p_above
from advisor.statistics.paired import exact_mcnemar
from benchmarks.decision.coverage_intervals import (
    CELLS_AT_ONCE,
    CORRELATIONS,
    SEED,
    Cell,
    counts_parts,
    difference_parts,
)
from benchmarks.decision.coverage_samples import Floats, cluster_sizes, graded_pairs, paired_counts


def error_cells(sizes: tuple[int, ...], replications: int) -> Iterator[Cell]:
    """How often each test at 5 % is wrong: finds what is not there."""
    for n in (n for n in sizes if n <= 300):
        sizes_ = cluster_sizes(n)
        mcnemar = [mcnemar_size(n, rate) for rate in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)]
        yield error("exact McNemar, the worst of six discordant rates", n, max(mcnemar))
        rng = np.random.default_rng([SEED, 2, n])
        yield error("paired permutation, graded", n, permutation_size(rng, n, np.ones(n), replications))
        yield error("Wilcoxon, graded", n, wilcoxon_size(rng, n, min(replications, 1_000)))
        yield error("cluster permutation, right/wrong", n, cluster_size(rng, sizes_, replications))
        for margin in (0.02, 0.05, 0.1):
            exact = [non_inferiority_size(n, margin, rate) for rate in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)]
            name = f"non-inferiority by {margin}, right/wrong, the worst rate"
            yield error(name, n, max(exact))
    for n in sizes:
        for margin in (0.02, 0.05, 0.1) if n <= 300 else (0.02,):
            rng = np.random.default_rng([SEED, 3, n, int(margin * 100)])
            for correlation in (0.0, *CORRELATIONS) if n <= 300 else (0.0, 0.3):
                units = cluster_sizes(n) if correlation else np.ones(n)
                within = f", ICC {correlation}" if correlation else ""
                yield error(
                    f"non-inferiority by {margin}, graded{within}",
                    n,
                    graded_size(rng, units, correlation, margin, replications),
                )
                if correlation:
                    yield error(
                        f"non-inferiority by {margin}, right/wrong{within}",
                        n,
                        clustered_size(rng, units, correlation, margin, replications),
                    )


def error(test: str, n: int, share: float) -> Cell:
    return {"test": test, "n": n, "error_rate": round(100 * share, 2)}


def mcnemar_size(n: int, rate: float) -> float:
    """Exact, by summing over the number of discordant items."""
    total = 0.0
    for m in range(1, n + 1):
        b = np.arange(m + 1)
        lowest = next((k for k in range(m // 2, -1, -1) if exact_mcnemar(k, m - k) <= 0.05), -1)
        if lowest >= 0:
            total += binom.pmf(m, n, rate) * 2 * binom.pmf(b[: lowest + 1], m, 0.5).sum()
        if m > n * rate + 8 * np.sqrt(n * rate) + 10:
            break
    return float(total)


def permutation_size(rng: np.random.Generator, n: int, sizes: Floats, replications: int) -> float:
    truth = rng.uniform(0.1, 0.9, replications)
    d = graded_pairs(rng, truth, truth, 0.0, sizes)
    found = [sign_flip_p_value(Units(x, sizes, x**2), resamples=199, seed=i) <= 0.05 for i, x in enumerate(d)]
    return float(np.mean(found))


def wilcoxon_size(rng: np.random.Generator, n: int, replications: int) -> float:
    truth = rng.uniform(0.1, 0.9, replications)
    d = graded_pairs(rng, truth, truth, 0.0, np.ones(n))
    results = [compare(np.maximum(x, 0), np.maximum(-x, 0), binary=False, seed=0, resamples=1) for x in d]
    return float(np.mean([(r.wilcoxon_p_value or 0.0) <= 0.05 for r in results]))


def cluster_size(rng: np.random.Generator, sizes: Floats, replications: int) -> float:
    p = np.tile([0.15, 0.15, 0.4, 0.3], (replications, 1))
    counts = paired_counts(rng, p, 0.3, sizes)
    sums = counts[..., 0] - counts[..., 1]
    found = [
        sign_flip_p_value(Units(x, sizes, x**2), resamples=199, seed=i) <= 0.05 for i, x in enumerate(sums)
    ]
    return float(np.mean(found))


def non_inferiority_size(n: int, margin: float, rate: float) -> float:
    """Exact: the probability, where the baseline is worse by just the margin, of calling it non-inferior."""
    b, c = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    b, c = b[b + c <= n], c[b + c <= n]
    statistic = tango_statistic(b, c, n, -margin)
    levels = np.unique(np.round(statistic, 9))
    low, high = 0, len(levels)  # the p-value falls as the statistic grows: find the first level below 5 %
    while low < high:
        middle = (low + high) // 2
        i = int(np.argmin(np.abs(statistic - levels[middle])))
        if exact_p_above(int(b[i]), int(c[i]), n, -margin) <= 0.05:
            high = middle
        else:
            low = middle + 1
    if low == len(levels):
        return 0.0
    rejected = statistic >= levels[low] - 1e-8
    rate = max(rate, margin)
    p, q = (rate - margin) / 2, (rate + margin) / 2
    b, c = b[rejected], c[rejected]
    log_p = gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(n - b - c + 1)
    return float(np.exp(log_p + xlogy(b, p) + xlogy(c, q) + xlogy(n - b - c, 1 - p - q)).sum())


def graded_size(
    rng: np.random.Generator, sizes: Floats, correlation: float, margin: float, replications: int
) -> float:
    wrong = 0
    portion = max(1, CELLS_AT_ONCE // int(sizes.sum()))
    for start in range(0, replications, portion):
        r = min(portion, replications - start)
        theirs = rng.uniform(0.3, 0.9, r)
        d = graded_pairs(rng, theirs - margin / 0.6, theirs, correlation, sizes)
        wrong += int(np.sum(score_p_above(*with_n(difference_parts(d, sizes), sizes), -margin) <= 0.05))
    return wrong / replications


def clustered_size(
    rng: np.random.Generator, sizes: Floats, correlation: float, margin: float, replications: int
) -> float:
    rate = rng.uniform(max(0.1, margin), 0.4, replications)
    p = np.stack([(rate - margin) / 2, (rate + margin) / 2, (1 - rate) / 2, (1 - rate) / 2], axis=1)
    parts = counts_parts(paired_counts(rng, p, correlation, sizes), sizes)
    return float(np.mean(score_p_above(*with_n(parts, sizes), -margin) <= 0.05))


def with_n(parts: tuple[Floats, Floats, Any], sizes: Floats) -> tuple[Floats, Floats, float, Any]:
    ahead, behind, worth = parts
    return ahead, behind, float(sizes.sum()), worth
