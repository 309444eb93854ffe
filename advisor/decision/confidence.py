"""How sure a verdict is: the probability that its side is the right one, over all that is not known.

Each draw takes the qualities of both baselines from the same bootstrap resample of the held-out items, and a value of
every range of the assumptions. Whether tuning is right in a draw is asked as the rule would ask it if these were known:
where answers have a worth, if it brings more than it costs and misses no bar that the alternative reaches; else by bar,
smallest gain worth having, and costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from advisor.cases.schema import Case
from advisor.decision.anytime import ALPHA
from advisor.decision.options import ROUNDING
from advisor.decision.stakes import Outlook, Stakes
from advisor.decision.summary import Findings
from advisor.economics.drivers import Array

if TYPE_CHECKING:
    from advisor.decision.verdict import Judgement


def confidence(findings: Findings, judgement: Judgement) -> float | None:
    """The probability that the verdict's side is right; None for "not yet", and where there is nothing to draw from."""
    share = judgement.for_tuning
    if judgement.decision == "not_yet" or share is None:
        return None
    share = share if judgement.decision == "fine_tune" else 1 - share
    if findings.sequential:  # resampling knows nothing of the moment to stop having been chosen
        share = min(share, 1 - ALPHA)
    # more digits than the draws carry would only show in which order they were added up
    return round(share, 4)


def share_for_tuning(
    case: Case, findings: Findings, outlook: Outlook, tuned: str, other: str, *, champion_broken: bool
) -> float | None:
    """The share of draws in which tuning is right; None where there is nothing to draw from.

    Args:
        case: The case.
        findings: With the resampled means of quality.
        outlook: The money at stake.
        tuned: The tuned baseline.
        other: The alternative.
        champion_broken: Whether the alternative breaks a constraint, so that reaching the bar does not help it.
    """
    drawn = findings.draws_of(tuned, other)
    if drawn is None:
        return None
    ours, theirs = drawn
    stakes = outlook.spread or outlook.likely
    right = _tuning_is_right(case, stakes, tuned, other, ours, theirs, may_reach=not champion_broken)
    return float(np.mean(right))


def _tuning_is_right(
    case: Case, stakes: Stakes, tuned: str, other: str, ours: Array, theirs: Array, *, may_reach: bool
) -> Array:
    """Whether tuning is right in each draw."""
    bar, least, saving = (
        case.quality.bar,
        case.quality.min_gain,
        _along(stakes.saving(tuned, other), len(ours)),
    )
    reached = np.ones(len(ours), dtype=bool) if bar is None else ours >= bar - ROUNDING
    by_other = np.zeros(len(ours), dtype=bool) if bar is None or not may_reach else theirs >= bar - ROUNDING
    if stakes.declared and saving is not None:
        quality_usd = _along(stakes.quality_usd, len(ours))
        assert quality_usd is not None
        return np.asarray((quality_usd * (ours - theirs) + saving > 0) & (reached | ~by_other))
    cheaper = np.zeros(len(ours), dtype=bool) if saving is None else saving > 0
    gain = ours - theirs
    better, as_good = gain >= least, cheaper & (gain > -least)
    return np.asarray(np.where(reached, np.where(by_other, as_good, better | as_good), ~by_other & better))


def _along(value: object, n: int) -> Array | None:
    """Draws of an assumption repeated to n draws; the two kinds of draws are independent."""
    return None if value is None else np.resize(np.asarray(value, dtype=float), n)
