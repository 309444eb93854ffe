"""The decision over all that is not known: the noise of the held-out set, and the ranges of the assumptions.

A Monte Carlo with a fixed seed. Each draw takes the qualities of all baselines from the same bootstrap resample of the
held-out items, and one value of every range from its triangular distribution; the two are independent. Where answers
have a worth, each draw gives every baseline whose costs are known a net benefit, and from these follow

- the probability that a baseline is the best choice (of those that reach the bar in the draw, if any does), its
  expected net benefit and its expected regret;
- the expected value of perfect information, E[max] − max E, and of knowing one input alone
  (Raiffa and Schlaifer 1961; Claxton 1999, The irrelevance of inference, Journal of Health Economics 18).

Where nothing is declared, the best is the cheapest that reaches the bar, or the best in quality where none does, and
nothing is said in money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from advisor.cases.schema import Case
from advisor.decision.gain import Family, Gain
from advisor.decision.options import ROUNDING, broken_constraint
from advisor.decision.shopping import offers
from advisor.decision.stakes import Accounts, Stakes, range_draws, stakes
from advisor.decision.summary import Findings
from advisor.economics.drivers import Array, drivers_of, ranges_of, with_values
from advisor.records import BaselineOdds, Information, Uncertainty

DRAWS = 2048
SAMPLING = "held-out sampling"
BINS = 16
"""Slices of one input's draws, within which the other inputs are averaged."""


def uncertainty(
    findings: Findings,
    accounts: Accounts,
    likely: Stakes,
    gain: Gain | None,
    n: int | None,
    family: Family = (1, 1),
) -> Uncertainty | None:
    """The odds of every baseline that breaks no constraint; None where there is nothing to draw from.

    Args:
        findings: With the resampled means of quality.
        accounts: What costs are computed from.
        likely: The stakes at the likely assumptions.
        gain: What tuning brings, for what more examples would be worth.
        n: Items that the gain rests on.
        family: What the two of the gain were picked from.
    """
    qualities = _qualities(accounts.case, findings)
    if not qualities:
        return None
    names = sorted(qualities)
    if likely.declared and (priced := [name for name in names if likely.costs[name] is not None]):
        names = priced
    count = min(DRAWS, len(qualities[names[0]]))
    # a metric of whole sets has fewer draws: each meets several of the ranges'
    quality = np.stack([np.resize(qualities[name], DRAWS) for name in names])
    ranges = range_draws(ranges_of(accounts.case), DRAWS)
    money = stakes(accounts, with_values(drivers_of(accounts.case), ranges)) if ranges else likely
    worth = _net_benefits(names, quality, money) if likely.declared else None
    utility = (
        _by_bar(accounts.case, names, quality, money)
        if worth is None
        else _bar_first(accounts.case, quality, worth)
    )
    # those that are equally good in a draw share it
    wins = utility == utility.max(axis=0)
    p_best = (wins / wins.sum(axis=0)).mean(axis=1)
    if worth is None:
        odds = tuple(_odds(name, p, None, 0.0) for name, p in zip(names, p_best, strict=True))
        return Uncertainty(draws=count, odds=_ranked(odds), perfect_information_usd=None)
    best_of_all = float(worth.max(axis=0).mean())
    best_on_average = float(worth.mean(axis=1).max())
    perfect = max(0.0, best_of_all - best_on_average)
    odds = tuple(_odds(name, p, row, best_of_all) for name, p, row in zip(names, p_best, worth, strict=True))
    return Uncertainty(
        draws=count,
        odds=_ranked(odds),
        perfect_information_usd=perfect,
        information=_information(worth, _over_ranges(names, quality, money), ranges, most=perfect),
        more_examples=() if gain is None or n is None else offers(gain, n, likely, family),
    )


def _qualities(case: Case, findings: Findings) -> dict[str, Array]:
    """Draws of the quality of every baseline that may be chosen."""
    allowed = {s.name for s in findings.standings if broken_constraint(case, s) is None}
    return {name: draws[:DRAWS] for name, draws in findings.resampled_means.items() if name in allowed}


def _net_benefits(names: Sequence[str], quality: Array, money: Stakes) -> Array | None:
    """(baselines, draws); None where a cost is unknown."""
    rows = [money.net_benefit(name, q) for name, q in zip(names, quality, strict=True)]
    if any(row is None for row in rows):
        return None
    return np.stack([np.broadcast_to(np.asarray(row, dtype=float), quality.shape[1]) for row in rows])


def _over_ranges(names: Sequence[str], quality: Array, money: Stakes) -> Array:
    """(baselines, draws): net benefits at each quality drawn, on average over the assumptions' ranges.

    Exact, as a net benefit is linear in the quality and the two are drawn independently.
    """
    of_one, of_none = np.mean(money.quality_usd), np.mean(np.asarray(money.requests) * money.wrong_usd)
    costs = np.array([np.mean(np.asarray(money.costs[name], dtype=float)) for name in names])
    found: Array = quality * of_one + of_none - costs[:, None]
    return found


def _bar_first(case: Case, quality: Array, worth: Array) -> Array:
    """Net benefits, with those that miss the bar below all that reach it in the same draw."""
    if case.quality.bar is None:
        return worth
    step = float(worth.max() - worth.min()) + 1.0
    return np.where(quality >= case.quality.bar - ROUNDING, worth + step, worth)


def _by_bar(case: Case, names: Sequence[str], quality: Array, money: Stakes) -> Array:
    """A number that ranks the baselines in each draw: quality below the bar; above it, the cheaper the higher."""
    bar = case.quality.bar
    if bar is None:
        return quality
    costs = [money.costs[name] for name in names]
    dear = max((float(np.max(c)) for c in costs if c is not None), default=0.0) + 1.0
    cheapness = np.stack([np.broadcast_to(dear if c is None else c, quality.shape[1]) for c in costs])
    return np.where(quality >= bar - ROUNDING, 2.0 - cheapness / dear, quality - 1.0)


def _odds(name: str, p: float, worth: Array | None, best_of_all: float) -> BaselineOdds:
    if worth is None:
        return BaselineOdds(
            name=name, p_best=float(p), net_benefit_usd=None, net_benefit_ci95=None, regret_usd=None
        )
    low, high = np.quantile(worth, [0.025, 0.975])
    return BaselineOdds(
        name=name,
        p_best=float(p),
        net_benefit_usd=float(worth.mean()),
        net_benefit_ci95=(float(low), float(high)),
        regret_usd=best_of_all - float(worth.mean()),
    )


def _ranked(odds: Sequence[BaselineOdds]) -> tuple[BaselineOdds, ...]:
    return tuple(sorted(odds, key=lambda o: (-o.p_best, o.name)))


def _information(
    worth: Array, by_quality: Array, ranges: Mapping[str, Array], *, most: float
) -> tuple[Information, ...]:
    """What knowing one input alone is worth: E[max over baselines of E[net benefit | input]] − max E.

    A range's draws are cut into equal slices, and the net benefits averaged within each (Strong and Oakley 2013,
    Medical Decision Making 33, the single-parameter block method).

    Args:
        worth: Net benefits, (baselines, draws).
        by_quality: The same at each quality drawn, averaged over the ranges.
        ranges: The draws of each range.
        most: What knowing everything is worth: by Jensen's inequality a part of it is worth no more, and a figure
            above it is noise of the draws.
    """
    known = {SAMPLING: float(by_quality.max(axis=0).mean() - by_quality.mean(axis=1).max())}
    for key, draws in ranges.items():
        blocks = np.array_split(np.argsort(draws), BINS)
        means = np.stack([worth[:, block].mean(axis=1) for block in blocks])
        shares = np.array([len(block) for block in blocks]) / worth.shape[1]
        known[key] = float(shares @ means.max(axis=1)) - float(worth.mean(axis=1).max())
    found = [Information(what=what, worth_usd=min(most, max(0.0, usd))) for what, usd in known.items()]
    return tuple(sorted(found, key=lambda i: (-i.worth_usd, i.what)))
