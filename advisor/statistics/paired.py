"""Two baselines on the same items: how far apart they are, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm, wilcoxon

from advisor.records import Record
from advisor.statistics._resampling import (
    Clusters,
    Units,
    bootstrap_mean_interval,
    gather,
    sign_flip_p_value,
)
from advisor.statistics.intervals import finite
from advisor.statistics.power import detectable_difference

Scores = Sequence[float] | NDArray[np.float64]


class PairedComparison(Record):
    """A baseline against a reference on the same items; positive means that the baseline is better."""

    n: int
    difference: float
    ci95: tuple[float, float]
    test: str
    p_value: float
    discordant: tuple[int, int] | None
    """(only the baseline right, only the reference right); None for graded scores."""
    detectable_difference: float | None
    """The smallest true difference that these items show with 80 % power; None where it cannot be said."""


def compare(
    baseline: Scores,
    reference: Scores,
    *,
    binary: bool | None = None,
    seed: int,
    resamples: int = 10_000,
    clusters: Clusters | None = None,
) -> PairedComparison:
    """Compares the scores of two baselines item by item.

    | scores | interval | test |
    |---|---|---|
    | right/wrong | Tango's score interval | exact McNemar |
    | graded | BCa bootstrap over items | sign-flip permutation over items |
    | in clusters | BCa bootstrap over whole clusters | sign-flip permutation over whole clusters |

    No interval collapses where the two baselines never differ. The exact McNemar test is more careful than
    the interval, so near the edge a p-value may stay above 0.05 although the interval just leaves out zero.

    Args:
        baseline: Scores, shape (n,).
        reference: Scores of the same items in the same order, shape (n,).
        binary: Whether scores are right/wrong; None: they are if all of them are 0 or 1.
        seed: Decides all draws.
        resamples: Number of bootstrap samples and of permutations.
        clusters: For each item what it belongs to, None where it stands alone.

    Raises:
        ValueError: The lists are empty or differ in length, a score is not finite, or `binary` scores are not
            0 or 1.
    """
    ours, theirs = finite(baseline, "baseline"), finite(reference, "reference")
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} scores of the baseline, but {len(theirs)} of the reference")
    right_wrong = bool(np.isin(ours, (0.0, 1.0)).all() and np.isin(theirs, (0.0, 1.0)).all())
    if binary and not right_wrong:
        raise ValueError("right/wrong scores must be 0 or 1")
    binary = right_wrong if binary is None else binary

    n = len(ours)
    differences = ours - theirs
    units = gather(differences, clusters)
    clustered = bool(units.sizes.max() > 1)
    only_ours, only_theirs = int(np.sum(differences > 0)), int(np.sum(differences < 0))
    if binary and not clustered:
        interval = tango_interval(only_ours, only_theirs, n)
        p_value = exact_mcnemar(only_ours, only_theirs)
        test = "exact McNemar"
    else:
        in_range = min(ours.min(), theirs.min()) >= 0 and max(ours.max(), theirs.max()) <= 1
        interval = _bootstrap(units, seed=seed, resamples=resamples, bounds=(-1.0, 1.0) if in_range else None)
        p_value = sign_flip_p_value(units, resamples=resamples, seed=seed)
        test = "cluster permutation" if clustered else "paired permutation"

    effective_n = n / _design_effect(units, differences)
    if binary:
        # Two discordant and two concordant items are added, as Agresti and Coull (1998) do for one
        # proportion: without a discordant item the rate is small, not zero.
        rate = (only_ours + only_theirs + 2) / (n + 4)
        detectable = detectable_difference(effective_n, discordant_rate=rate)
    else:
        sd = float(np.std(differences, ddof=1)) if n > 1 else 0.0
        detectable = detectable_difference(effective_n, sd=sd)
    return PairedComparison(
        n=n,
        difference=float(differences.mean()),
        ci95=interval,
        test=test,
        p_value=p_value,
        discordant=(only_ours, only_theirs) if binary else None,
        detectable_difference=detectable,
    )


def exact_mcnemar(only_baseline: int, only_reference: int) -> float:
    """Two-sided exact p-value of McNemar's test from the counts of discordant items; 1 where there are none.

    Source: McNemar (1947), Note on the sampling error of the difference between correlated proportions or
    percentages, Psychometrika 12; exact: the binomial test that a discordant item falls on either side alike.
    """
    discordant = only_baseline + only_reference
    return float(binomtest(only_baseline, discordant, 0.5).pvalue) if discordant else 1.0


def tango_interval(
    only_baseline: int, only_reference: int, n: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Score interval of the difference of two paired proportions, (only_baseline - only_reference) / n.

    It holds the differences that a score test does not reject, and keeps a width of its own where no item is
    discordant: ± z² / (n + z²).

    Source: Tango (1998), Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design, Statistics in Medicine 17. Compared with others by Fagerland, Lydersen and Laake
    (2014), Statistics in Medicine 33.
    """
    z = float(norm.ppf((1 + confidence) / 2))
    # The lower limit is the mirrored upper limit of the swapped comparison.
    return -_tango_upper(only_reference, only_baseline, n, z), _tango_upper(
        only_baseline, only_reference, n, z
    )


def wilcoxon_signed_rank(baseline: Scores, reference: Scores) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test of paired scores; 1 where no pair differs.

    Source: Wilcoxon (1945), Individual comparisons by ranking methods, Biometrics Bulletin 1(6).
    """
    differences = finite(baseline, "baseline") - finite(reference, "reference")
    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0


def adjust(p_values: Sequence[float]) -> list[float]:
    """The p-values of one family of comparisons, adjusted for their number, in the same order.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6.
    """
    array = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(array)
    # The smallest counts as many times as there are comparisons, the next once less, and none falls below
    # another.
    stepped = np.maximum.accumulate(array[order] * np.arange(len(array), 0, -1))
    adjusted = np.empty_like(array)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(p) for p in adjusted]


def _tango_upper(b: int, c: int, n: int, z: float) -> float:
    low, high = (b - c) / n, 1.0
    for _ in range(60):  # the statistic falls as the difference grows: halve the bracket
        middle = (low + high) / 2
        if _tango_statistic(b, c, n, middle) >= -z:
            low = middle
        else:
            high = middle
    return high


def _tango_statistic(b: int, c: int, n: int, difference: float) -> float:
    """How many standard errors the observed difference lies above an assumed one."""
    # q is the likelihood's best probability of "only the reference is right" under the assumed difference.
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1 - difference)
    q = (math.sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
    variance = n * (2 * q + difference * (1 - difference))
    surplus = b - c - n * difference
    if variance <= 0:
        return math.copysign(math.inf, surplus) if abs(surplus) > 1e-9 else 0.0
    return surplus / math.sqrt(variance)


def _bootstrap(
    units: Units, *, seed: int, resamples: int, bounds: tuple[float, float] | None
) -> tuple[float, float]:
    """The bootstrap interval; exactly mirrored where baseline and reference are swapped."""
    mirrored = np.sort(-units.sums)
    unequal = np.flatnonzero(np.sort(units.sums) != mirrored)
    swap = len(unequal) > 0 and np.sort(units.sums)[unequal[0]] < mirrored[unequal[0]]
    low, high = bootstrap_mean_interval(
        Units(-units.sums, units.sizes) if swap else units,
        confidence=0.95,
        resamples=resamples,
        seed=seed,
        bounds=bounds,
    )
    return (-high, -low) if swap else (low, high)


def _design_effect(units: Units, differences: NDArray[np.float64]) -> float:
    """How many clustered items tell as much as one independent item; at least 1.

    Variance of the mean over clusters, divided by what it would be for independent items; where nothing
    varies, the mean cluster size. Source: Kish (1965), Survey Sampling.
    """
    n, k = len(differences), len(units.sums)
    if k == n:
        return 1.0
    independent = float(np.sum((differences - differences.mean()) ** 2)) / (n - 1) / n
    if k == 1 or independent == 0:
        return n / k
    residuals = units.sums - differences.mean() * units.sizes
    clustered = float(np.sum(residuals**2)) * k / (k - 1) / n**2
    return max(clustered / independent, 1.0)
