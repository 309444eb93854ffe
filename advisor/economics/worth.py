"""What a baseline is worth over the horizon, and from when on the dearer start of another has paid off."""

from __future__ import annotations

import numpy as np

from advisor.economics.costs import CostModel
from advisor.economics.drivers import Array, Drivers, Value
from advisor.economics.horizon import HorizonCosts, discounted_requests, horizon_costs
from advisor.economics.serving import column, scalar


def net_benefit(model: CostModel, drivers: Drivers, quality: Value, horizon_months: int) -> Value | None:
    """The present value of its answers less that of its costs; None where a cost is unknown.

    Σ over months of discounted requests × (q × correct + (1 − q) × wrong), less the discounted costs.

    Args:
        model: The baseline.
        drivers: The assumptions, single numbers or draws of the shape (draws,).
        quality: Share of right answers, or draws of it.
        horizon_months: Months.
    """
    npv = horizon_costs(model, drivers, horizon_months).npv
    if npv is None:
        return None
    return scalar(discounted_requests(drivers, horizon_months) * drivers.worth_usd(quality) - npv)


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
