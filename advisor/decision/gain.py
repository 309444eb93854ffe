"""What tuning brings in money: the gain of one baseline over another, with all that makes it uncertain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from advisor.decision.stakes import Outlook, Stakes
from advisor.economics.drivers import Array
from advisor.statistics.paired import PairedComparison

Family = tuple[int, int]
"""Numbers of tuned baselines and of alternatives that two were picked from as the best."""
_Z = float(ndtri(0.975))
_NOISE = ndtri((np.arange(31) + 0.5) / 31)
"""Equally likely standard normal values, for the noise of a difference of quality."""


@dataclass(frozen=True)
class Gain:
    """USD over the horizon, in present value, by which a tuned baseline is ahead of an alternative."""

    likely: float
    low: float
    high: float
    """At the likely assumptions, over the noise of the held-out set: a 95 % interval for all tuned ones together."""
    sd: float
    """Standard error of `likely`, from the same noise."""
    probability: float
    """That it is positive, over that noise and the ranges of the assumptions."""
    low_over_ranges: float
    high_over_ranges: float
    """A 95 % interval over both."""
    difference: tuple[float, float]
    """The differences of quality at `low` and `high`, in rising order."""


def gain_of(
    tuned: str, against: str, pair: PairedComparison, outlook: Outlook, family: Family = (1, 1)
) -> Gain | None:
    """The gain of a tuned baseline; None where nothing has a declared worth, or a cost is unknown.

    Gain = difference of quality × worth of quality + saving. The noise of the difference is taken from its interval:
    a normal one of the same width.

    Args:
        tuned: The tuned baseline, the best of its family.
        against: The alternative.
        pair: Their qualities compared.
        outlook: The money at stake.
        family: What the two were chosen from; the interval allows for the choice.
    """
    stakes = outlook.likely
    saving = stakes.saving(tuned, against)
    if saving is None or not stakes.declared:
        return None
    quality_usd = float(stakes.quality_usd)
    likely = quality_usd * pair.difference + float(saving)
    difference = widened(pair, family)
    ends = sorted(quality_usd * end + float(saving) for end in difference)
    se = (pair.ci95[1] - pair.ci95[0]) / (2 * _Z)
    over_ranges = ends
    if outlook.spread is not None:
        over_ranges = [
            float(np.quantile(_draws(outlook.spread, tuned, against, pair.difference, se * factor), share))
            for factor, share in zip(widenings(family), (0.025, 0.975), strict=True)
        ]
    return Gain(
        likely=likely,
        low=ends[0],
        high=ends[1],
        sd=abs(quality_usd) * se,
        probability=_probability(outlook.spread or stakes, tuned, against, pair.difference, se),
        low_over_ranges=over_ranges[0],
        high_over_ranges=over_ranges[1],
        difference=difference,
    )


def widened(pair: PairedComparison, family: Family) -> tuple[float, float]:
    """The interval of a difference between the best of several tuned baselines and the best of several alternatives.

    The one that looks best flatters. Whether *some* tuned baseline is ahead of the best alternative must hold for the
    one that was picked: the lower limit's 2.5 % are shared among the tuned ones (Bonferroni). Whether *no* tuned
    baseline is ahead must hold against the alternative that was picked: the upper limit's are shared among those.
    """
    low, high = (
        pair.difference + (end - pair.difference) * factor
        for end, factor in zip(pair.ci95, widenings(family), strict=True)
    )
    return low, high


def widenings(family: Family) -> tuple[float, float]:
    """By what the lower and the upper half of an interval are multiplied."""
    low, high = (float(ndtri(1 - 0.025 / max(1, k))) / _Z for k in family)
    return low, high


def _draws(stakes: Stakes, tuned: str, against: str, difference: float, se: float) -> Array:
    """Gains over the noise of the difference and over the draws of the assumptions, flat."""
    saving, quality_usd = stakes.saving(tuned, against), stakes.quality_usd
    assert saving is not None
    noisy = difference + se * _NOISE
    found: Array = np.asarray(saving)[..., None] + np.asarray(quality_usd)[..., None] * noisy
    return found.ravel()


def _probability(stakes: Stakes, tuned: str, against: str, difference: float, se: float) -> float:
    saving, quality_usd = stakes.saving(tuned, against), np.asarray(stakes.quality_usd)
    assert saving is not None
    mean, sd = quality_usd * difference + np.asarray(saving), np.abs(quality_usd) * se
    certain = np.where(mean > 0, 1.0, np.where(mean < 0, 0.0, 0.5))
    return float(np.mean(np.where(sd > 0, ndtr(mean / np.where(sd > 0, sd, 1.0)), certain)))
