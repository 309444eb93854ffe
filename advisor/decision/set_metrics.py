"""Metrics that only a whole set of items has, as macro F1: their intervals and paired differences.

An item alone has no score, so the set is drawn again (whole clusters, where items have groups) and the metric is
computed on each draw. A baseline's own interval comes from draws of all its items. Two baselines are compared on the
items that both have, and see the same draws of them, which makes differences paired. The interval is the percentile
interval; the p-value is twice the smaller share of draws on either side of zero (Davison and Hinkley, Bootstrap Methods
and their Application, 1997, chapter 4, with one added to both counts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from advisor.cases.schema import Task
from advisor.records import Measured
from advisor.scoring import aggregate
from advisor.statistics.paired import PairedComparison

DRAWS = 500
Draws = NDArray[np.float64]
_POWER_QUANTILES = 1.96 + 0.84  # two-sided 5 %, power 80 %


def set_value(
    metric: str,
    measured: Measured,
    expected: Mapping[str, JsonValue],
    task: Task,
    items: Sequence[str] | None = None,
) -> float:
    """The metric over the given items of a baseline, or all; a failed item has the empty answer."""
    return aggregate(metric, _pairs(measured, expected, measured.items.ids if items is None else items), task)


def shared_items(measured: Sequence[Measured]) -> list[str]:
    """Items that all of these baselines have, sorted."""
    return sorted(set.intersection(*(set(m.items.ids) for m in measured))) if measured else []


def draw(
    metric: str,
    measured: Sequence[Measured],
    expected: Mapping[str, JsonValue],
    task: Task,
    groups: Mapping[str, str],
    seed: int,
) -> dict[str, Draws]:
    """The metric of each baseline on the same draws of the items that all of them have; empty below two items.

    The draws depend on the items and the seed alone: of the same items a baseline has the same draws, whichever others
    are drawn with it.
    """
    shared = shared_items(measured)
    if len(shared) < 2:
        return {}
    members: dict[str, list[str]] = {}
    for item in shared:
        members.setdefault(f"group:{groups[item]}" if item in groups else f"id:{item}", []).append(item)
    units = list(members.values())
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = {m.name: [] for m in measured}
    for _ in range(DRAWS):
        ids = [i for u in rng.integers(len(units), size=len(units)) for i in units[u]]
        for m in measured:
            found[m.name].append(aggregate(metric, _pairs(m, expected, ids), task))
    return {name: np.array(values) for name, values in found.items()}


def interval(draws: Draws) -> tuple[float, float]:
    """The 95 % percentile interval."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def compare_draws(difference: float, baseline: Draws, reference: Draws, n: int) -> PairedComparison:
    """The comparison of two baselines by their values on the same draws."""
    differences = baseline - reference
    below, above = (np.sum(differences <= 0) + 1), (np.sum(differences >= 0) + 1)
    return PairedComparison(
        n=n,
        difference=difference,
        ci95=interval(differences),
        test="paired bootstrap over items",
        p_value=float(min(1.0, 2 * min(below, above) / (len(differences) + 1))),
        discordant=None,
        detectable_difference=float(_POWER_QUANTILES * differences.std()) or None,
    )


def _pairs(
    measured: Measured, expected: Mapping[str, JsonValue], ids: Sequence[str]
) -> list[tuple[JsonValue, str]]:
    items = measured.items
    answers = {
        item: "" if failed else answer or ""
        for item, failed, answer in zip(items.ids, items.failed, items.answers, strict=True)
    }
    return [(expected[i], answers[i]) for i in ids]
