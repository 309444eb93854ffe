"""Coverage of every interval, through the functions that the product calls, for `coverage.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.stats import binom

from advisor.statistics._effective import Units
from advisor.statistics._score import quantile, wilson
from advisor.statistics._skewed import unbounded_interval
from advisor.statistics.intervals import bounded_mean_interval
from advisor.statistics.paired import bounded_difference_interval, difference_worth
from advisor.statistics.resources import ratio_interval
from benchmarks.decision.coverage_samples import (
    Floats,
    amounts,
    cluster_sizes,
    graded_pairs,
    graded_scores,
    paired_counts,
    paired_rates,
    spread_rates,
    two_amounts,
    unequal_sizes,
    units_of,
)

Interval = tuple[Floats, Floats]
Cell = dict[str, Any]
BANDS = ((0.02, 0.05), (0.05, 0.10), (0.10, 0.25), (0.25, 0.75))
CORRELATIONS = (0.1, 0.3, 0.5)
SEED = 20_261_127
CELLS_AT_ONCE = 3_000_000  # values simulated at a time, so that memory stays below 300 MB


def mean_iv(values: Floats, sizes: Floats) -> Interval:
    return bounded_mean_interval(
        units_of(values, sizes),
        at_ends=((values == 0) | (values == 1)).mean(axis=1),
        confidence=0.95,
    )


def difference_parts(d: Floats, sizes: Floats) -> tuple[Floats, Floats, Any]:
    ahead, behind = np.maximum(d, 0).sum(axis=1), np.maximum(-d, 0).sum(axis=1)
    at_ends = ((d == 0) | (np.abs(d) == 1)).mean(axis=1)
    worth = difference_worth(units_of(d, sizes), ahead, behind, at_ends=at_ends)
    return ahead, behind, worth


def counts_parts(counts: Floats, sizes: Floats) -> tuple[Floats, Floats, Any]:
    ahead, behind = counts[..., 0].sum(axis=1), counts[..., 1].sum(axis=1)
    units = Units(counts[..., 0] - counts[..., 1], sizes, counts[..., 0] + counts[..., 1])
    return ahead, behind, difference_worth(units, ahead, behind, at_ends=1.0)


def interval_cells(sizes: tuple[int, ...], replications: int) -> Iterator[Cell]:
    """Coverage of every interval."""
    number = 0
    for n in sizes:
        for correlation in (0.0, *CORRELATIONS):
            units = cluster_sizes(n) if correlation else np.ones(n)
            label = {"n": n, "clusters": len(units) if correlation else None, "correlation": correlation}
            for band in BANDS:
                for kind, simulate in BANDED.items():
                    number += 1
                    if kind == "proportion" and not correlation:
                        yield {"kind": kind, "band": band, **label, **exact_proportion(n, band)}
                        continue
                    yield {
                        "kind": kind,
                        "band": band,
                        **label,
                        **repeat(simulate, number, replications, n, band, correlation, units),
                    }
            for kind, simulate in UNBANDED.items():
                number += 1
                yield {
                    "kind": kind,
                    "band": None,
                    **label,
                    **repeat(simulate, number, replications, n, None, correlation, units),
                }


def repeat(
    simulate: Callable[..., tuple[Interval, Any]],
    number: int,
    replications: int,
    n: int,
    band: tuple[float, float] | None,
    correlation: float,
    sizes: Floats,
) -> Cell:
    """Coverage over the replications, in portions that fit into memory."""
    rng = np.random.default_rng([SEED, number])
    covered = below = above = 0
    portion = max(1, CELLS_AT_ONCE // n)
    for start in range(0, replications, portion):
        r = min(portion, replications - start)
        (low, high), truth = simulate(rng, r, band, correlation, sizes)
        below += int(np.sum(high < truth - 1e-12))
        above += int(np.sum(low > truth + 1e-12))
    covered = replications - below - above
    return {
        "coverage": round(100 * covered / replications, 2),
        "too_low": round(100 * below / replications, 2),
        "too_high": round(100 * above / replications, 2),
        "replications": replications,
    }


def exact_proportion(n: int, band: tuple[float, float], interval: Any = None) -> Cell:
    """Wilson's coverage, summed over all counts, averaged over 400 rates of the band, and at the worst of them."""
    x = np.arange(n + 1)
    low, high = interval(x, n) if interval else wilson(x / n, n, quantile(0.95, np.inf))
    rates = np.linspace(*band, 400)
    inside = np.array([((low <= p) & (p <= high)) @ binom.pmf(x, n, p) for p in rates])
    return {
        "coverage": round(100 * float(inside.mean()), 2),
        "worst_rate_coverage": round(100 * float(inside.min()), 2),
        "replications": None,
    }


def proportion(rng: Any, r: int, band: Any, correlation: float, sizes: Floats) -> tuple[Interval, Floats]:
    truth = rng.uniform(*band, r)
    rates = spread_rates(rng, truth, correlation, sizes)
    return mean_iv((rng.random(rates.shape) < rates).astype(float), sizes), truth


def graded(rng: Any, r: int, band: Any, correlation: float, sizes: Floats) -> tuple[Interval, Floats]:
    truth = rng.uniform(*band, r)
    return mean_iv(graded_scores(rng, spread_rates(rng, truth, correlation, sizes)), sizes), truth


def paired_right_wrong(alike: bool) -> Callable[..., tuple[Interval, Floats]]:
    def simulate(rng: Any, r: int, band: Any, correlation: float, sizes: Floats) -> tuple[Interval, Floats]:
        p = paired_rates(rng, r, band, alike)
        n = int(sizes.sum())
        if correlation:
            ahead, behind, worth = counts_parts(paired_counts(rng, p, correlation, sizes), sizes)
        else:  # only the totals matter
            counts = rng.multinomial(n, p).astype(float)
            ahead, behind = counts[:, 0], counts[:, 1]
            worth = KNOWN
        return bounded_difference_interval(ahead, behind, n, worth, 0.95), p[:, 0] - p[:, 1]

    return simulate


def paired_graded(rng: Any, r: int, band: Any, correlation: float, sizes: Floats) -> tuple[Interval, Floats]:
    theirs = rng.uniform(*band, r)
    ours = np.abs(theirs + rng.uniform(-0.15, 0.15, r)) + 0.005
    d = graded_pairs(rng, ours, theirs, correlation, sizes)
    ahead, behind, worth = difference_parts(d, sizes)
    return bounded_difference_interval(ahead, behind, sizes.sum(), worth, 0.95), 0.6 * (ours - theirs)


def amount(sigma: float) -> Callable[..., tuple[Interval, float]]:
    def simulate(rng: Any, r: int, band: Any, correlation: float, sizes: Floats) -> tuple[Interval, float]:
        values = amounts(rng, r, sigma, correlation, sizes)
        low, high, _, _ = unbounded_interval(units_of(values, sizes), 0.95, skewed=True)
        return (low, high), 1.0

    return simulate


def amount_difference(
    rng: Any, r: int, band: Any, correlation: float, sizes: Floats
) -> tuple[Interval, float]:
    ours, theirs = two_amounts(rng, r, correlation, sizes)
    d = ours - theirs
    same_sign = (d >= 0).all(axis=1) | (d <= 0).all(axis=1)
    low, high, _, _ = unbounded_interval(units_of(d, sizes), 0.95, skewed=same_sign)
    return (low, high), -0.3


def amount_ratio(rng: Any, r: int, band: Any, correlation: float, sizes: Floats) -> tuple[Interval, float]:
    ours, theirs = two_amounts(rng, r, correlation, sizes)
    a, b = ours.mean(axis=1), theirs.mean(axis=1)
    errors = units_of(ours / a[:, None] - theirs / b[:, None], sizes)
    return ratio_interval(errors, a / b, 0.95), 0.7


class _Known:
    """Independent right/wrong items are worth what they are."""

    factor = np.array(1.0)
    df = np.array(np.inf)


KNOWN: Any = _Known()
BANDED: dict[str, Callable[..., tuple[Interval, Any]]] = {
    "proportion": proportion,
    "graded mean": graded,
    "paired difference, right/wrong": paired_right_wrong(alike=False),
    "paired difference, right/wrong, nearly alike": paired_right_wrong(alike=True),
    "paired difference, graded": paired_graded,
}
UNBANDED: dict[str, Callable[..., tuple[Interval, Any]]] = {
    "lognormal mean, sigma 0.5": amount(0.5),
    "lognormal mean, sigma 1": amount(1.0),
    "difference of lognormal means": amount_difference,
    "ratio of lognormal means": amount_ratio,
}


def unused_cells(sizes: tuple[int, ...], replications: int) -> Iterator[Cell]:
    """Coverage on kinds of results other than those by which the intervals' constants were chosen."""
    for number, (kind, simulate) in enumerate(OTHER_RESULTS.items()):
        for n in sizes:
            units = unequal_sizes(n) if "groups" in kind else np.ones(n)
            cell = repeat(simulate, 10_000 + number, replications, n, (0.3, 0.8), 0.3, units)
            yield {"kind": kind, "n": n, **cell}


def three_levels(rng: Any, r: int, band: Any, correlation: float, sizes: Floats) -> tuple[Interval, Floats]:
    truth = rng.uniform(*band, r)
    return mean_iv(rng.binomial(2, truth[:, None], (r, len(sizes))) / 2, sizes), truth


def narrow(rng: Any, r: int, band: Any, correlation: float, sizes: Floats) -> tuple[Interval, Floats]:
    truth = rng.uniform(*band, r)
    return mean_iv(rng.beta(20 * truth[:, None], 20 * (1 - truth[:, None]), (r, len(sizes))), sizes), truth


def weibull(rng: Any, r: int, band: Any, correlation: float, sizes: Floats) -> tuple[Interval, float]:
    values = rng.weibull(0.7, (r, len(sizes))) / 1.2658235060572  # its mean, gamma(1 + 1 / 0.7)
    low, high, _, _ = unbounded_interval(units_of(values, sizes), 0.95, skewed=True)
    return (low, high), 1.0


def two_speeds(rng: Any, r: int, band: Any, correlation: float, sizes: Floats) -> tuple[Interval, float]:
    slow = rng.random((r, len(sizes))) < 0.1
    values = np.where(slow, 10.0, 1.0) * rng.lognormal(-0.02, 0.2, slow.shape) / 1.9
    low, high, _, _ = unbounded_interval(units_of(values, sizes), 0.95, skewed=True)
    return (low, high), 1.0


OTHER_RESULTS: dict[str, Callable[..., tuple[Interval, Any]]] = {
    "graded mean, three levels (0, 0.5, 1)": three_levels,
    "graded mean, closely around it": narrow,
    "amounts, Weibull 0.7": weibull,
    "amounts, every tenth item ten times as much": two_speeds,
    "proportion, very unequal groups, ICC 0.3": proportion,
    "paired difference, right/wrong, very unequal groups, ICC 0.3": paired_right_wrong(alike=False),
    "lognormal mean, sigma 0.5, very unequal groups, ICC 0.3": amount(0.5),
}
