"""The money at stake: what an answer is worth and what each baseline costs, under assumptions that may vary.

The likely values of a case give one `Stakes` of floats. Ranges give draws: arrays of the shape (draws,). And a what-if
over many values of one input gives one `Stakes` a value, computed together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np
from scipy.stats import qmc

from advisor.cases.numbers import Range
from advisor.cases.schema import Case
from advisor.economics.costs import CostModel
from advisor.economics.drivers import Array, Drivers, Value, drivers_of, ranges_of, with_values
from advisor.economics.horizon import discounted_requests, horizon_costs
from advisor.economics.serving import full_use_usd
from advisor.records import EvidenceKind

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
    known_costs: Mapping[str, Value] = field(default_factory=dict)
    """The present value of those costs that are known, which is the least that it can be."""
    example_usd: Value | None = None
    """One more held-out example: labelled, and answered by every measured baseline."""
    answers_usd: Value | None = None
    """The answers of every measured baseline to one example that is labelled already."""
    example_kind: EvidenceKind = "estimated"

    @cached_property
    def quality_usd(self) -> Value:
        """What a quality of 1 is worth above a quality of 0, over the horizon."""
        return self.requests * (self.correct_usd - self.wrong_usd)

    @cached_property
    def declared(self) -> bool:
        """Whether it is said what right and wrong answers are worth."""
        return any(bool(np.any(usd)) for usd in (self.correct_usd, self.wrong_usd))

    def net_benefit(self, name: str, quality: Value) -> Value | None:
        """Worth of a baseline's answers at a quality, less its costs; None where those are unknown."""
        cost = self.costs[name]
        return None if cost is None else quality * self.quality_usd + self.requests * self.wrong_usd - cost

    def at_the_least(self, name: str) -> Stakes:
        """The same, with a baseline at the least that it can cost."""
        return replace(self, costs={**self.costs, name: self.known_costs[name]})

    def saving(self, of: str, against: str) -> Value | None:
        """By how much one baseline costs less than another; None where a cost is unknown."""
        mine, theirs = self.costs[of], self.costs[against]
        return None if mine is None or theirs is None else theirs - mine


@dataclass(frozen=True)
class Accounts:
    """What the stakes are computed from."""

    case: Case
    costs: Mapping[str, CostModel]
    measured: tuple[str, ...]
    """Baselines that a further held-out example would be put to."""
    n_train: int
    """Training examples; their data hours estimate what labelling one takes, where that is not given."""

    def of(self, case: Case) -> Accounts:
        """The same under a changed case."""
        return replace(self, case=case)


@dataclass(frozen=True)
class Outlook:
    """The stakes at the likely values, and, where the case gives ranges, over draws of them."""

    likely: Stakes
    spread: Stakes | None = None

    def at_the_least(self, name: str) -> Outlook:
        """The same, with a baseline at the least that it can cost."""
        spread = None if self.spread is None else self.spread.at_the_least(name)
        return Outlook(self.likely.at_the_least(name), spread)


def outlook(accounts: Accounts) -> Outlook:
    """The stakes of a case as it is."""
    drivers, ranges = drivers_of(accounts.case), ranges_of(accounts.case)
    likely = stakes(accounts, drivers)
    if not ranges:
        return Outlook(likely)
    return Outlook(likely, stakes(accounts, with_values(drivers, range_draws(ranges, RANGE_DRAWS))))


def outlooks(accounts: Accounts, values: Mapping[str, Sequence[float]]) -> list[Outlook]:
    """The stakes at each of many points, computed together.

    Args:
        accounts: What they are computed from.
        values: Drivers by dotted key, which are then certain: value k of each makes point k.
    """
    points = {key: np.asarray(column, dtype=float) for key, column in values.items()}
    count = len(next(iter(points.values())))
    base = drivers_of(accounts.case)
    likely = stakes(accounts, with_values(base, points))
    ranges = {k: r for k, r in ranges_of(accounts.case).items() if k not in points}
    if not ranges:
        return [Outlook(_at(likely, k)) for k in range(count)]
    # every point with every draw, flat: point 0 with all draws, then point 1 ...
    draws = {k: np.tile(d, count) for k, d in range_draws(ranges, RANGE_DRAWS).items()}
    every = {k: np.repeat(column, RANGE_DRAWS) for k, column in points.items()}
    spread = stakes(accounts, with_values(base, {**draws, **every}))
    parts = [slice(k * RANGE_DRAWS, (k + 1) * RANGE_DRAWS) for k in range(count)]
    return [Outlook(_at(likely, k), _at(spread, part)) for k, part in enumerate(parts)]


def stakes(accounts: Accounts, drivers: Drivers) -> Stakes:
    """The stakes under given drivers."""
    horizon = accounts.case.traffic.horizon_months
    label, kind = _label_usd(drivers, accounts.n_train)
    over_horizon = {name: horizon_costs(model, drivers, horizon) for name, model in accounts.costs.items()}
    asked = [full_use_usd(accounts.costs[name], drivers) for name in accounts.measured]
    return Stakes(
        requests=discounted_requests(drivers, horizon),
        correct_usd=drivers.correct_usd,
        wrong_usd=drivers.wrong_usd,
        costs={name: costs.npv for name, costs in over_horizon.items()},
        known_costs={name: costs.known_npv for name, costs in over_horizon.items()},
        # an answer's price that is not known is small beside a label's
        example_usd=None if label is None else label + sum(usd for usd in asked if usd is not None),
        answers_usd=None
        if any(usd is None for usd in asked)
        else sum(usd for usd in asked if usd is not None),
        example_kind=kind,
    )


def _label_usd(drivers: Drivers, n_train: int) -> tuple[Value | None, EvidenceKind]:
    """What labelling one more example costs, and how that is known."""
    if drivers.label_minutes_per_example is not None:
        return drivers.label_usd(), "declared"
    data = drivers.labour_usd("data_hours")
    # hours of zero say that the examples were there: nothing about what another one costs
    unknown = data is None or not n_train or not np.any(data)
    return None if unknown or data is None else data / n_train, "estimated"


def range_draws(ranges: Mapping[str, Range], n: int) -> dict[str, Array]:
    """N quasi-random draws of each range, from the triangular distribution of its low, likely and high value.

    Independent of one another. Source of the points: Sobol (1967), scrambled after Owen (1998); n is best a power
    of two.
    """
    if not ranges:
        return {}
    points = _sobol(len(ranges), n)
    return {key: triangular(r, points[:, k]) for k, (key, r) in enumerate(sorted(ranges.items()))}


@lru_cache(maxsize=32)
def _sobol(dimensions: int, n: int) -> Array:
    """Points of the shape (n, dimensions), always the same: a what-if asks for them again and again."""
    points: Array = qmc.Sobol(dimensions, seed=_SEED).random(n)
    points.flags.writeable = False
    return points


def triangular(r: Range, share: Array) -> Array:
    """The quantiles of a range's triangular distribution, for shares between 0 and 1."""
    width = r.high - r.low
    if width == 0:
        return np.full_like(share, r.likely)
    below = (r.likely - r.low) / width
    rising = r.low + np.sqrt(share * width * (r.likely - r.low))
    falling = r.high - np.sqrt((1 - share) * width * (r.high - r.likely))
    return np.where(share < below, rising, falling)


def _at(found: Stakes, part: int | slice) -> Stakes:
    """One of many values; what does not vary with them stays as it is."""

    def one(value: Value) -> Value:
        if not isinstance(value, np.ndarray):
            return value
        return float(value[part]) if isinstance(part, int) else value[part]

    return Stakes(
        requests=one(found.requests),
        correct_usd=one(found.correct_usd),
        wrong_usd=one(found.wrong_usd),
        costs={name: None if cost is None else one(cost) for name, cost in found.costs.items()},
        known_costs={name: one(cost) for name, cost in found.known_costs.items()},
        example_usd=None if found.example_usd is None else one(found.example_usd),
        answers_usd=None if found.answers_usd is None else one(found.answers_usd),
        example_kind=found.example_kind,
    )
