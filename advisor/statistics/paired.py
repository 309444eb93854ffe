"""Two baselines on the same items: how far apart they are, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, false_discovery_control, wilcoxon

from advisor.records import Record
from advisor.statistics._effective import (
    OF_A_DIFFERENCE,
    Clusters,
    Effective,
    Units,
    effective,
    gather,
    robust_total,
)
from advisor.statistics._resampling import sign_flip_p_value
from advisor.statistics._score import quantile, tango
from advisor.statistics._skewed import unbounded_interval
from advisor.statistics.intervals import few_clusters_note, finite
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
    wilcoxon_p_value: float | None = None
    """A second opinion on graded scores, which a few large differences sway less; None for others, or in clusters."""
    note: str | None = None
    """What to know before trusting it, such as that there are few clusters."""


@dataclass(frozen=True)
class Pairs:
    """Checked scores of two baselines on the same items, of shape (n,) each, and their differences by unit."""

    ours: NDArray[np.float64]
    theirs: NDArray[np.float64]
    units: Units
    binary: bool
    scaled: bool
    """Whether all scores lie on the scale from 0 to 1."""

    @property
    def differences(self) -> NDArray[np.float64]:
        """Baseline minus reference, shape (n,)."""
        return self.ours - self.theirs

    @property
    def discordant(self) -> tuple[int, int]:
        """Numbers of items on which the baseline, and on which the reference, has the higher score."""
        return int(np.sum(self.ours > self.theirs)), int(np.sum(self.ours < self.theirs))

    def swapped(self) -> Pairs:
        """The reference against the baseline."""
        units = Units(-self.units.sums, self.units.sizes, self.units.squares)
        return Pairs(self.theirs, self.ours, units, self.binary, self.scaled)


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
    | graded | Tango's, with an effective number of items | sign-flip permutation over items |
    | in clusters | the same, its effective number from whole clusters | sign-flip permutation over whole clusters |
    | off the scale from 0 to 1 | Student's t | sign-flip permutation |

    No interval on the scale collapses where the two baselines never differ. The exact McNemar test is more
    careful than the interval, so near the edge a p-value may stay above 0.05 although the interval just leaves
    out zero.

    Args:
        baseline: Scores, shape (n,).
        reference: Scores of the same items in the same order, shape (n,).
        binary: Whether scores are right/wrong; None: they are if all of them are 0 or 1.
        seed: Decides the permutations drawn.
        resamples: Number of permutations.
        clusters: For each item what it belongs to, None where it stands alone.

    Raises:
        ValueError: The lists are empty or differ in length, a score is not finite, or `binary` scores are not
            0 or 1.
    """
    pairs = paired(baseline, reference, binary=binary, clusters=clusters)
    units, differences = pairs.units, pairs.differences
    n, clustered = len(differences), units.clustered
    if pairs.binary and not clustered:
        p_value = exact_mcnemar(*pairs.discordant)
        test = "exact McNemar"
    else:
        p_value = sign_flip_p_value(units, resamples=resamples, seed=seed)
        test = "cluster permutation" if clustered else "paired permutation"

    effective_n = n / design_effect_of(units, differences)
    if pairs.binary:
        # Two discordant and two concordant items are added, as Agresti and Coull (1998) do for one
        # proportion: without a discordant item the rate is small, not zero.
        rate = (sum(pairs.discordant) + 2) / (n + 4)
        detectable = detectable_difference(effective_n, discordant_rate=rate)
    else:
        sd = float(np.std(differences, ddof=1)) if n > 1 else 0.0
        detectable = detectable_difference(effective_n, sd=sd)
    return PairedComparison(
        n=n,
        difference=float(differences.mean()),
        ci95=interval_of(pairs, 0.95),
        test=test,
        p_value=p_value,
        discordant=pairs.discordant if pairs.binary else None,
        detectable_difference=detectable,
        wilcoxon_p_value=None if pairs.binary or clustered else wilcoxon_signed_rank(baseline, reference),
        note=few_clusters_note(clusters),
    )


def paired(baseline: Scores, reference: Scores, *, binary: bool | None, clusters: Clusters | None) -> Pairs:
    """The scores, checked and gathered; see `compare` for the arguments and errors."""
    ours, theirs = finite(baseline, "baseline"), finite(reference, "reference")
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} scores of the baseline, but {len(theirs)} of the reference")
    right_wrong = bool(np.isin(ours, (0.0, 1.0)).all() and np.isin(theirs, (0.0, 1.0)).all())
    if binary and not right_wrong:
        raise ValueError("right/wrong scores must be 0 or 1")
    scaled = bool(min(ours.min(), theirs.min()) >= 0 and max(ours.max(), theirs.max()) <= 1)
    units = gather(ours - theirs, clusters)
    return Pairs(ours, theirs, units, right_wrong if binary is None else binary, scaled)


def interval_of(pairs: Pairs, confidence: float) -> tuple[float, float]:
    """Interval of the mean difference, as `compare` chooses it."""
    differences = pairs.differences
    if pairs.scaled:
        ahead, behind, worth = worth_of(pairs)
        low, high = bounded_difference_interval(ahead, behind, len(differences), worth, confidence)
    else:
        same_sign = bool((differences >= 0).all() or (differences <= 0).all())
        low, high, _, _ = unbounded_interval(pairs.units, confidence, skewed=same_sign)
    mean = float(differences.mean())
    return min(float(low), mean), max(float(high), mean)


def worth_of(pairs: Pairs) -> tuple[float, float, Effective]:
    """(sum of the gains, sum of the losses, what the items are worth) of scores between 0 and 1."""
    differences = pairs.differences
    ahead, behind = float(differences[differences > 0].sum()), float(-differences[differences < 0].sum())
    at_ends = np.mean((differences == 0) | (np.abs(differences) == 1))
    return ahead, behind, difference_worth(pairs.units, ahead, behind, at_ends=at_ends)


def difference_worth(units: Units, ahead: Any, behind: Any, *, at_ends: Any) -> Effective:
    """What the items are worth as of independent right/wrong ones, for many samples at once.

    Args:
        units: Differences summed by unit, shape (..., k).
        ahead: Sum of the positive differences, shape (...).
        behind: Sum of the negative differences, as a positive number, shape (...).
        at_ends: Share of the differences that right/wrong items could have: -1, 0 or 1; shape (...).
    """
    ceiling = np.maximum(np.asarray(ahead + behind) - units.n * units.mean**2, 0.0)
    return effective(units, ceiling=ceiling, at_ends=np.asarray(at_ends), assumed=OF_A_DIFFERENCE)


def bounded_difference_interval(
    ahead: Any, behind: Any, n: float, worth: Effective, confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tango's interval with an effective number of items, for many samples at once; see `difference_worth`."""
    f = worth.factor
    return tango(ahead / f, behind / f, n / f, quantile(confidence, worth.df))


def exact_mcnemar(only_baseline: int, only_reference: int) -> float:
    """Two-sided exact p-value of McNemar's test from the counts of discordant items; 1 where there are none.

    Source: McNemar (1947), Note on the sampling error of the difference between correlated proportions or
    percentages, Psychometrika 12; exact: the binomial test that a discordant item falls on either side alike.
    """
    discordant = only_baseline + only_reference
    return float(binomtest(only_baseline, discordant, 0.5).pvalue) if discordant else 1.0


@lru_cache(maxsize=4096)  # a what-if asks for the same ones again and again
def tango_interval(
    only_baseline: int, only_reference: int, n: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Score interval of the difference of two paired proportions; see `_score.tango`."""
    low, high = tango(only_baseline, only_reference, n, quantile(confidence, np.inf))
    return float(low), float(high)


def wilcoxon_signed_rank(baseline: Scores, reference: Scores) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test of paired scores; 1 where no pair differs.

    Differences that are equal but for rounding (1 - 2/3 and 2/3 - 1/3) are ties, so nine decimals are ranked.

    Source: Wilcoxon (1945), Individual comparisons by ranking methods, Biometrics Bulletin 1(6).
    """
    differences = np.round(finite(baseline, "baseline") - finite(reference, "reference"), 9)
    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0


def adjust(p_values: Sequence[float], method: Literal["holm", "fdr"] = "holm") -> list[float]:
    """The p-values of one family of comparisons, adjusted for their number, in the same order.

    `holm` keeps the chance of even one false finding within the level: for the few comparisons that a decision
    rests on. `fdr` keeps the expected share of false ones among the findings within it: for looking through
    many slices of the data.

    Sources: Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6; Benjamini and Hochberg (1995), Controlling the false discovery rate, Journal of the Royal
    Statistical Society B 57(1).
    """
    array = np.asarray(p_values, dtype=np.float64)
    if len(array) == 0:
        return []
    if method == "fdr":
        return [float(p) for p in false_discovery_control(array, method="bh")]
    order = np.argsort(array)
    # The smallest counts as many times as there are comparisons, the next once less, and none falls below
    # another.
    stepped = np.maximum.accumulate(array[order] * np.arange(len(array), 0, -1))
    adjusted = np.empty_like(array)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(p) for p in adjusted]


def design_effect_of(units: Units, differences: NDArray[np.float64]) -> float:
    """How many clustered items tell as much as one independent item; at least 1.

    Variance of the mean over clusters, divided by what it would be for independent items; where nothing
    varies, the mean cluster size. Source: Kish (1965), Survey Sampling.
    """
    n, k = len(differences), len(units.sums)
    if k == n:
        return 1.0
    independent = float(np.sum((differences - differences.mean()) ** 2)) / (n - 1) * n
    if k == 1 or independent <= 0:
        return n / k
    return max(float(robust_total(units)[0]) / independent, 1.0)
