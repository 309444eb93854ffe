"""From when on the dearer start of one baseline has paid off against another."""

from __future__ import annotations

import numpy as np

from advisor.economics.drivers import Array, Value
from advisor.economics.horizon import HorizonCosts
from advisor.economics.serving import column, scalar


def cumulative_net(
    tuned: HorizonCosts, other: HorizonCosts, worth_difference_usd: Value = 0.0
) -> Array | None:
    """By how much `tuned` is ahead of `other` after each month, discounted; (..., 1 + months). None if unknown.

    Args:
        tuned: Costs of the one.
        other: Costs of the other, under the same assumptions.
        worth_difference_usd: By how much an answer of the one is worth more.
    """
    mine, theirs = tuned.total, other.total
    if mine is None or theirs is None:
        return None
    gains = (theirs - mine + tuned.requests * column(worth_difference_usd)) * tuned.discount
    found: Array = np.cumsum(gains, axis=-1)
    return found


def payback_months(
    tuned: HorizonCosts, other: HorizonCosts, worth_difference_usd: Value = 0.0
) -> Value | None:
    """The month from which `tuned` is ahead of `other`, and stays so to the end of the horizon.

    0 where it is ahead from the start. NaN where it is not ahead at the end, or no costs differ; None where a cost is
    unknown. A month counts only when what comes later (a retraining, moving) does not undo it.
    """
    net = cumulative_net(tuned, other, worth_difference_usd)
    if net is None:
        return None
    ahead = net > 1e-9
    # months at the end that are ahead without a break
    run = np.cumprod(ahead[..., ::-1], axis=-1).sum(axis=-1)
    return scalar(np.where(run > 0, net.shape[-1] - run, np.nan))
