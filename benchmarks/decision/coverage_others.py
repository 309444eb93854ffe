"""Intervals that were not chosen, and one that cannot be had: that of somebody who knows the correlation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.stats import beta, norm, t

from advisor.statistics._score import tango, wilson
from benchmarks.decision.coverage_intervals import (
    BANDS,
    CORRELATIONS,
    SEED,
    Cell,
    Interval,
    exact_proportion,
    repeat,
)
from benchmarks.decision.coverage_samples import (
    Floats,
    amounts,
    cluster_sizes,
    graded_scores,
    paired_counts,
    paired_rates,
    spread_rates,
)


def known_correlation_cells(sizes: tuple[int, ...], replications: int) -> Iterator[Cell]:
    """Wilson's and Tango's intervals of right/wrong items in groups, divided by the true design effect.

    What no interval that has to learn the correlation from the groups can be blamed for not reaching.
    """
    kinds = {
        "proportion": _known_proportion,
        "paired difference, right/wrong": lambda *a: _known_difference(*a, alike=False),
        "paired difference, right/wrong, nearly alike": lambda *a: _known_difference(*a, alike=True),
    }
    number = 20_000
    for n in sizes:
        for correlation in CORRELATIONS:
            for band in BANDS:
                for kind, simulate in kinds.items():
                    number += 1
                    units = cluster_sizes(n)
                    cell = repeat(simulate, number, replications, n, band, correlation, units)
                    yield {"kind": kind, "band": band, "n": n, "correlation": correlation, **cell}


def _known_proportion(
    rng: Any, r: int, band: Any, correlation: float, sizes: Floats
) -> tuple[Interval, Floats]:
    truth = rng.uniform(*band, r)
    rates = spread_rates(rng, truth, correlation, sizes)
    worth = sizes.sum() / _design_effect(sizes, correlation)
    return wilson((rng.random(rates.shape) < rates).mean(axis=1), worth, norm.ppf(0.975)), truth


def _known_difference(
    rng: Any, r: int, band: Any, correlation: float, sizes: Floats, *, alike: bool
) -> tuple[Interval, Floats]:
    p = paired_rates(rng, r, band, alike)
    counts = paired_counts(rng, p, correlation, sizes).sum(axis=1) / _design_effect(sizes, correlation)
    worth = sizes.sum() / _design_effect(sizes, correlation)
    return tango(counts[:, 0], counts[:, 1], worth, norm.ppf(0.975)), p[:, 0] - p[:, 1]


def _design_effect(sizes: Floats, correlation: float) -> float:
    return float(1 + (sizes @ sizes / sizes.sum() - 1) * correlation)


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
