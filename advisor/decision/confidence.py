"""How sure a verdict is: the probability that its side is the right one, over all that is not known.

Each draw takes the qualities of both baselines from the same bootstrap resample of the held-out items, and a value of
every range of the assumptions. Tuning is right in a draw if it brings more there than it costs and misses no bar that
the alternative reaches; where nothing is declared, if it is the better option by bar, quality and cost.
"""

from __future__ import annotations

import numpy as np

from advisor.cases.schema import Case
from advisor.decision.anytime import ALPHA
from advisor.decision.stakes import Outlook, Stakes
from advisor.decision.summary import Findings
from advisor.decision.verdict import Judgement
from advisor.economics.drivers import Array


def confidence(case: Case, findings: Findings, outlook: Outlook, judgement: Judgement) -> float | None:
    """The probability that the verdict's side is right; None for "not yet", and where there is nothing to draw from."""
    if judgement.decision == "not_yet" or judgement.challenger is None or judgement.champion is None:
        return None
    draws = findings.resampled_means
    if judgement.challenger not in draws or judgement.champion not in draws:
        return None
    ours, theirs = draws[judgement.challenger], draws[judgement.champion]
    stakes = outlook.spread or outlook.likely
    right = _tuning_is_right(case, stakes, judgement.challenger, judgement.champion, ours, theirs)
    share = float(np.mean(right))
    share = share if judgement.decision == "fine_tune" else 1 - share
    if findings.sequential:  # resampling knows nothing of the moment to stop having been chosen
        share = min(share, 1 - ALPHA)
    # more digits than the draws carry would only show in which order they were added up
    return round(share, 4)


def _tuning_is_right(case: Case, stakes: Stakes, tuned: str, other: str, ours: Array, theirs: Array) -> Array:
    """Whether tuning is right in each draw."""
    bar, saving = case.quality.bar, _along(stakes.saving(tuned, other), len(ours))
    reached = np.ones(len(ours), dtype=bool) if bar is None else (ours >= bar) | (theirs < bar)
    if stakes.declared and saving is not None:
        quality_usd = _along(stakes.quality_usd, len(ours))
        assert quality_usd is not None
        return np.asarray((quality_usd * (ours - theirs) + saving > 0) & reached)
    if bar is None:
        return np.asarray(ours > theirs)
    cheaper = np.zeros(len(ours), dtype=bool) if saving is None else saving > 0
    both = (ours >= bar) & (theirs >= bar)
    neither = (ours < bar) & (theirs < bar)
    return np.asarray(np.where(both, cheaper, np.where(neither, ours > theirs, ours >= bar)))


def _along(value: object, n: int) -> Array | None:
    """Draws of an assumption repeated to n draws; the two kinds of draws are independent."""
    return None if value is None else np.resize(np.asarray(value, dtype=float), n)
