"""The money at stake: what an answer is worth and what each baseline costs, under assumptions that may vary.

The likely values of a case give one `Stakes` of floats. Ranges give draws: arrays of the shape (draws,). And a what-if
over many values of one input gives one `Stakes` a value, computed together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from advisor.cases.schema import Case, Range
from advisor.economics.costs import CostModel
from advisor.economics.drivers import Array, Drivers, Value, drivers_of, is_driver, ranges_of, with_values
from advisor.economics.horizon import discounted_requests, horizon_costs

RANGE_DRAWS = 128
"""Draws of all ranges in each judgement; quasi-random, so that few are enough."""
_SEED = 20_261_124


@dataclass(frozen=True)
class Stakes:
    """What an answer is worth and what each baseline costs; floats, or draws of the shape (draws,)."""

    requests: Value
    """Over the horizon, each weighed as the money of its month."""
    correct_usd: Value
    wrong_usd: Value
    costs: Mapping[str, Value | None]
    """Present value of each baseline's costs over the horizon; None where unknown."""

    @property
    def quality_usd(self) -> Value:
        """What a quality of 1 is worth above a quality of 0, over the horizon."""
        return self.requests * (self.correct_usd - self.wrong_usd)

    @property
    def declared(self) -> bool:
        """Whether it is said what right and wrong answers are worth."""
        return bool(np.any(np.asarray(self.correct_usd) != 0) or np.any(np.asarray(self.wrong_usd) != 0))

    def net_benefit(self, name: str, quality: Value) -> Value | None:
        """Worth of a baseline's answers at a quality, less its costs; None where those are unknown."""
        cost = self.costs[name]
        return None if cost is None else quality * self.quality_usd + self.requests * self.wrong_usd - cost

    def saving(self, of: str, against: str) -> Value | None:
        """By how much one baseline costs less than another; None where a cost is unknown."""
        mine, theirs = self.costs[of], self.costs[against]
        return None if mine is None or theirs is None else theirs - mine


@dataclass(frozen=True)
class Outlook:
    """The stakes at the likely values, and, where the case gives ranges, over draws of them."""

    likely: Stakes
    spread: Stakes | None = None


def outlook(case: Case, costs: Mapping[str, CostModel]) -> Outlook:
    """The stakes of a case as it is."""
    return outlooks(case, costs, None, [0.0])[0]


def outlooks(
    case: Case, costs: Mapping[str, CostModel], key: str | None, values: Sequence[float]
) -> list[Outlook]:
    """The stakes at each of many values of one driver, which is then certain; computed together.

    A key that drives no cost (as `quality.bar`), or None, gives the same stakes for every value.
    """
    if key is None or not is_driver(key):
        return [_one(case, costs)] * len(values)
    several = np.asarray(values, dtype=float)
    likely = stakes(case, costs, with_values(drivers_of(case), {key: several}))
    ranges = {k: r for k, r in ranges_of(case).items() if k != key}
    if not ranges:
        return [Outlook(_at(likely, k)) for k in range(len(several))]
    # every value with every draw, flat: value 0 with all draws, then value 1 ...
    draws = {k: np.tile(d, len(several)) for k, d in range_draws(ranges, RANGE_DRAWS).items()}
    drivers = with_values(drivers_of(case), {**draws, key: np.repeat(several, RANGE_DRAWS)})
    spread = stakes(case, costs, drivers)
    parts = [slice(k * RANGE_DRAWS, (k + 1) * RANGE_DRAWS) for k in range(len(several))]
    return [Outlook(_at(likely, k), _at(spread, part)) for k, part in enumerate(parts)]


def stakes(case: Case, costs: Mapping[str, CostModel], drivers: Drivers) -> Stakes:
    """The stakes under given drivers."""
    horizon = case.traffic.horizon_months
    return Stakes(
        requests=discounted_requests(drivers, horizon),
        correct_usd=drivers.correct_usd,
        wrong_usd=drivers.wrong_usd,
        costs={name: horizon_costs(model, drivers, horizon).npv for name, model in costs.items()},
    )


def range_draws(ranges: Mapping[str, Range], n: int) -> dict[str, Array]:
    """n quasi-random draws of each range, from the triangular distribution of its low, likely and high value.

    Independent of one another. Source of the points: Sobol (1967), scrambled after Owen (1998); n is best a power
    of two.
    """
    if not ranges:
        return {}
    points = qmc.Sobol(len(ranges), seed=_SEED).random(n)
    return {key: triangular(r, points[:, k]) for k, (key, r) in enumerate(sorted(ranges.items()))}


def triangular(r: Range, share: Array) -> Array:
    """The quantiles of a range's triangular distribution, for shares between 0 and 1."""
    width = r.high - r.low
    if width == 0:
        return np.full_like(share, r.likely)
    below = (r.likely - r.low) / width
    rising = r.low + np.sqrt(share * width * (r.likely - r.low))
    falling = r.high - np.sqrt((1 - share) * width * (r.high - r.likely))
    return np.where(share < below, rising, falling)


def _one(case: Case, costs: Mapping[str, CostModel]) -> Outlook:
    drivers, ranges = drivers_of(case), ranges_of(case)
    likely = stakes(case, costs, drivers)
    if not ranges:
        return Outlook(likely)
    return Outlook(likely, stakes(case, costs, with_values(drivers, range_draws(ranges, RANGE_DRAWS))))


def _at(found: Stakes, part: int | slice) -> Stakes:
    """One of many values; what does not vary with them stays as it is."""

    def one(value: Value) -> Value:
        if np.ndim(value) == 0:
            return float(value)
        cut = np.asarray(value)[part]
        return float(cut) if isinstance(part, int) else cut

    return Stakes(
        requests=one(found.requests),
        correct_usd=one(found.correct_usd),
        wrong_usd=one(found.wrong_usd),
        costs={name: None if cost is None else one(cost) for name, cost in found.costs.items()},
    )
