"""Do 95 % intervals cover 95 %, and do tests at 5 % err in no more than 5 %?

Every interval and test of `advisor.statistics` is applied to simulated results whose truth is known, through the
same functions that the product calls, on thousands of samples at once. A cell is one kind of result, one number of
items and one band of rates; a cell is good if its coverage lies between 93.5 and 96.5 %.

- Rates come from bands, and coverage is averaged within: counts are whole, so at any one rate the coverage of any
  interval oscillates (Brown, Cai and DasGupta 2001). The worst single rate is reported too. Bands above one half mirror
  those below, and so do the intervals.
- Clusters have 1, 3, 5, 7 or 9 items (2, 4, 6 and 8 where there are 20 items in all), with an intraclass correlation
  of 0.1, 0.3 or 0.5.
- The constants of the intervals were chosen by simulation on results of these kinds with other seeds and partly other
  sizes of clusters. This one was looked at once before, which led to one correction, for very unequal clusters. Of the
  "other results", three levels and Weibull amounts played no part; the two others, in like form, were seen early on.
- Where it can be, coverage is computed exactly, by summing over all counts; else from `--replications` samples.

    python benchmarks/decision/coverage.py [--quick] [--replications 4000]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy
from scipy.stats import beta, binom, norm, t

sys.path.insert(0, str(Path(__file__).parents[1]))
import _results

from advisor.statistics import compare
from advisor.statistics._effective import Units
from advisor.statistics._resampling import sign_flip_p_value
from advisor.statistics._score import quantile, tango_statistic, wilson
from advisor.statistics._skewed import unbounded_interval
from advisor.statistics.equivalence import exact_p_above, score_p_above
from advisor.statistics.intervals import bounded_mean_interval
from advisor.statistics.paired import bounded_difference_interval, difference_worth, exact_mcnemar
from advisor.statistics.resources import ratio_interval

Floats = NDArray[np.float64]
Interval = tuple[Floats, Floats]
SIZES = (20, 50, 100, 300, 1_000, 3_000)
QUICK_SIZES = (20, 100, 300)
BANDS = ((0.02, 0.05), (0.05, 0.10), (0.10, 0.25), (0.25, 0.75))
CORRELATIONS = (0.1, 0.3, 0.5)
GOOD = (93.5, 96.5)
SEED = 20_261_125
CELLS_AT_ONCE = 3_000_000  # values simulated at a time, so that memory stays below 300 MB
Cell = dict[str, Any]


def main() -> None:
    """Simulates, prints a table, writes results/coverage.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer numbers of items and samples")
    parser.add_argument("--replications", type=int, help="samples a cell: 4,000, or 1,000 if quick")
    arguments = parser.parse_args()
    replications = arguments.replications or (1_000 if arguments.quick else 4_000)
    sizes = QUICK_SIZES if arguments.quick else SIZES

    started = time.perf_counter()
    intervals = list(interval_cells(sizes, replications))
    print_intervals(intervals, sizes)
    others = list(other_intervals(sizes, min(replications, 2_000)))
    print("\nother intervals, for comparison (coverage in %)")
    for cell in others:
        print(f"{cell['kind']:<34}{cell['method']:<14}n={cell['n']:<6}{cell['coverage']}")
    unused = list(unused_cells(sizes, replications))
    print("\nother results, not tuned for (coverage in %)")
    for kind in OTHER_RESULTS:
        print(f"{kind:<66}" + "".join(f"{c['coverage']:>7.1f}" for c in unused if c["kind"] == kind))
    errors = list(error_cells(sizes, replications))
    print("\nerrors of tests at 5 %")
    for cell in errors:
        print(f"{cell['test']:<58}n={cell['n']:<6}{cell['error_rate']:.2f} %")
    bad = [c for c in intervals if not good(c)]
    seconds = time.perf_counter() - started
    print(f"\n{len(intervals) - len(bad)} of {len(intervals)} cells within {GOOD} %; {seconds:.0f} s")
    path = _results.write(
        "coverage_quick" if arguments.quick else "coverage",
        hardware=f"{platform.machine()}, one process",
        packages=["numpy", "scipy", "statsmodels"],
        figures={
            "replications": replications,
            "seconds": round(seconds),
            "cells": len(intervals),
            "cells_in_range": len(intervals) - len(bad),
            "outside": [f"{c['kind']}, {c['band']}, n={c['n']}: {c['coverage']}" for c in bad],
            "intervals": intervals,
            "other_results": unused,
            "other_intervals": others,
            "tests": errors,
        },
    )
    print(json.dumps(str(path)))


# --- what is simulated -------------------------------------------------------------------------------------------


def cluster_sizes(n: int) -> Floats:
    """Items of each cluster, five on average."""
    return np.array([2.0, 4, 6, 8]) if n == 20 else np.tile([1.0, 3, 5, 7, 9], n // 25)


def units_of(values: Floats, sizes: Floats) -> Units:
    """Values of shape (r, n), in the order of the clusters, as units of shape (r, k)."""
    if sizes.max() == 1:
        return Units(values, sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(int)
    return Units(np.add.reduceat(values, starts, axis=1), sizes)


def spread_rates(rng: np.random.Generator, mean: Floats, correlation: float, sizes: Floats) -> Floats:
    """The rate of each item, shape (r, n): the same within a cluster, beta distributed between them."""
    if sizes.max() == 1:
        return np.broadcast_to(mean[:, None], (len(mean), len(sizes)))
    f = (1 - correlation) / correlation
    rates = rng.beta(mean[:, None] * f, (1 - mean[:, None]) * f, size=(len(mean), len(sizes)))
    return np.repeat(rates, sizes.astype(int), axis=1)


def graded_scores(rng: np.random.Generator, rates: Floats) -> Floats:
    """Scores like token F1: half of them are right or wrong, half lie between; the mean is the rate."""
    between = rng.integers(0, 2, rates.shape, dtype=bool)
    scores = np.empty(rates.shape)
    inner, outer = rates[between], rates[~between]
    scores[between] = rng.beta(np.maximum(3 * inner, 1e-9), np.maximum(3 * (1 - inner), 1e-9))
    scores[~between] = rng.random(len(outer)) < outer
    return scores


def amounts(rng: np.random.Generator, r: int, sigma: float, correlation: float, sizes: Floats) -> Floats:
    """Lognormal amounts of mean 1, shape (r, n), with a correlation of their logarithms within clusters."""
    n = int(sizes.sum())
    z = rng.normal(size=(r, n)) * np.sqrt(1 - correlation)
    if correlation:
        z += np.repeat(rng.normal(size=(r, len(sizes))), sizes.astype(int), axis=1) * np.sqrt(correlation)
    return np.exp(sigma * z - sigma**2 / 2)


def paired_rates(rng: np.random.Generator, r: int, band: tuple[float, float], alike: bool) -> Floats:
    """Probabilities of (only baseline, only reference, both, none right), shape (r, 4).

    The reference's rate is from the band; the baseline's too if they are alike, else up to 15 points off.
    """
    reference = rng.uniform(*band, r)
    ours = rng.uniform(*band, r) if alike else np.abs(reference + rng.uniform(-0.15, 0.15, r)) + 0.005
    phi = rng.uniform(0.0, 0.6, r)
    both = ours * reference + phi * np.sqrt(ours * (1 - ours) * reference * (1 - reference))
    both = np.minimum(both, 0.98 * np.minimum(ours, reference))
    return np.stack([ours - both, reference - both, both, 1 - ours - reference + both], axis=1)


def paired_counts(
    rng: np.random.Generator, p: Floats, correlation: float, sizes: Floats
) -> NDArray[np.float64]:
    """Counts of the four outcomes by unit, shape (r, k, 4)."""
    if sizes.max() == 1:
        raise ValueError("independent items are counted as a whole")
    f = (1 - correlation) / correlation
    shares = rng.gamma(np.maximum(p[:, None, :] * f, 1e-6), size=(len(p), len(sizes), 4))
    shares /= np.maximum(shares.sum(axis=2, keepdims=True), 1e-300)
    return rng.multinomial(sizes.astype(int), shares).astype(float)


def graded_pairs(
    rng: np.random.Generator, ours: Floats, theirs: Floats, correlation: float, sizes: Floats
) -> Floats:
    """Differences of graded scores, shape (r, n): on 40 % of the items both have the same answer."""
    n = int(sizes.sum())
    reference = graded_scores(rng, spread_rates(rng, theirs, correlation, sizes))
    baseline = graded_scores(rng, spread_rates(rng, ours, correlation, sizes))
    return np.where(rng.random((len(ours), n)) < 0.4, 0.0, baseline - reference)


# --- intervals ---------------------------------------------------------------------------------------------------


def mean_iv(values: Floats, sizes: Floats) -> Interval:
    return bounded_mean_interval(
        units_of(values, sizes),
        squares=(values**2).sum(axis=1),
        at_ends=((values == 0) | (values == 1)).mean(axis=1),
        confidence=0.95,
    )


def difference_parts(d: Floats, sizes: Floats) -> tuple[Floats, Floats, Any]:
    ahead, behind = np.maximum(d, 0).sum(axis=1), np.maximum(-d, 0).sum(axis=1)
    at_ends = ((d == 0) | (np.abs(d) == 1)).mean(axis=1)
    worth = difference_worth(units_of(d, sizes), ahead, behind, squares=(d**2).sum(axis=1), at_ends=at_ends)
    return ahead, behind, worth


def counts_parts(counts: Floats, sizes: Floats) -> tuple[Floats, Floats, Any]:
    ahead, behind = counts[..., 0].sum(axis=1), counts[..., 1].sum(axis=1)
    units = Units(counts[..., 0] - counts[..., 1], sizes)
    return ahead, behind, difference_worth(units, ahead, behind, squares=ahead + behind, at_ends=1.0)


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


def two_amounts(rng: Any, r: int, correlation: float, sizes: Floats) -> tuple[Floats, Floats]:
    """Amounts of a baseline (mean 0.7) and a reference (mean 1) that share half of what makes an item long."""
    shared = amounts(rng, r, 0.5, correlation, sizes)
    return 0.7 * shared * amounts(rng, r, 0.5, correlation, sizes), shared * amounts(
        rng, r, 0.5, correlation, sizes
    )


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


def unequal_sizes(n: int) -> Floats:
    """Items of each cluster: one holds a fifth of all, others fewer and fewer, many one."""
    sizes, left = [], n
    while left:
        sizes.append(max(1, round(left * 0.2)) if len(sizes) < 12 else 1)
        left -= sizes[-1]
    return np.array(sizes, dtype=float)


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


def good(cell: Cell) -> bool:
    return bool(GOOD[0] <= cell["coverage"] <= GOOD[1])


def print_intervals(cells: list[Cell], sizes: tuple[int, ...]) -> None:
    """Lowest and highest coverage over bands, by kind, correlation and number of items."""
    print(f"{'coverage in %, over bands':<46}{'ICC':>5}" + "".join(f"{n:>14,}" for n in sizes))
    for kind in (*BANDED, *UNBANDED):
        for correlation in (0.0, *CORRELATIONS):
            row = f"{kind:<46}{correlation or 'none':>5}"
            for n in sizes:
                found = [
                    c["coverage"]
                    for c in cells
                    if (c["kind"], c["correlation"], c["n"]) == (kind, correlation, n)
                ]
                row += f"{min(found):>7.1f}–{max(found):.1f}".rjust(14)
            print(row, flush=True)


# --- other intervals, which were not chosen ----------------------------------------------------------------------


def other_intervals(sizes: tuple[int, ...], replications: int) -> Iterator[Cell]:
    """Jeffreys' interval for proportions; t, BCa and bootstrap-t for lognormal and graded means."""
    for n in (n for n in sizes if n <= 300):
        for band in BANDS:
            cell = exact_proportion(n, band, jeffreys)
            yield {"kind": f"proportion {band}", "method": "Jeffreys", "n": n, **cell}
    for n in (n for n in sizes if n <= 50):
        rng = np.random.default_rng([SEED, 1, n])
        truth = rng.uniform(*BANDS[1], replications)
        samples = {
            "lognormal mean, sigma 1": (amounts(rng, replications, 1.0, 0.0, np.ones(n)), 1.0),
            f"graded mean {BANDS[1]}": (
                graded_scores(rng, np.broadcast_to(truth[:, None], (replications, n))),
                truth,
            ),
        }
        for kind, (values, mean) in samples.items():
            methods = {"t": student(values), **bootstraps(values, rng)}
            for method, (low, high) in methods.items():
                coverage = round(100 * float(np.mean((low <= mean) & (mean <= high))), 2)
                yield {"kind": kind, "method": method, "n": n, "coverage": coverage}


def jeffreys(x: Any, n: int) -> Interval:
    low = np.where(x == 0, 0.0, beta.ppf(0.025, x + 0.5, n - x + 0.5))
    return low, np.where(x == n, 1.0, beta.ppf(0.975, x + 0.5, n - x + 0.5))


def student(values: Floats) -> Interval:
    n = values.shape[1]
    mean, width = values.mean(axis=1), t.ppf(0.975, n - 1) * values.std(axis=1, ddof=1) / np.sqrt(n)
    return mean - width, mean + width


def bootstraps(values: Floats, rng: np.random.Generator, resamples: int = 1_000) -> dict[str, Interval]:
    """BCa with levels widened by t, as Hesterberg (2015) advises, and bootstrap-t."""
    r, n = values.shape
    bca, studentised = np.empty((2, r)), np.empty((2, r))
    z = t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1))
    for i, x in enumerate(values):
        drawn = x[rng.integers(0, n, (resamples, n))]
        means, mean = drawn.mean(axis=1), x.mean()
        e = x - mean
        a = (e**3).sum() / 6 / max((e**2).sum(), 1e-300) ** 1.5
        below = np.clip(np.mean(means < mean) + np.mean(means == mean) / 2, 1e-3, 1 - 1e-3)
        z0 = norm.ppf(below)
        levels = [norm.cdf(z0 + (z0 + s) / max(1 - a * (z0 + s), 1e-6)) for s in (-z, z)]
        bca[:, i] = np.quantile(means, levels)
        errors = np.maximum(drawn.std(axis=1, ddof=1), 1e-9) / np.sqrt(n)
        upper, lower = np.quantile((means - mean) / errors, [0.975, 0.025])
        studentised[:, i] = mean - np.array([upper, lower]) * x.std(ddof=1) / np.sqrt(n)
    return {"BCa": (bca[0], bca[1]), "bootstrap-t": (studentised[0], studentised[1])}


# --- tests -------------------------------------------------------------------------------------------------------


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
    found = [sign_flip_p_value(Units(x, sizes), resamples=199, seed=i) <= 0.05 for i, x in enumerate(d)]
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
    found = [sign_flip_p_value(Units(x, sizes), resamples=199, seed=i) <= 0.05 for i, x in enumerate(sums)]
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


if __name__ == "__main__":
    main()
