"""The assumptions of a case that a what-if moves: each with its key, what the case says, and what it may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from advisor.cases.model_spec import TokenPrices
from advisor.cases.numbers import Range
from advisor.cases.schema import Case

Group = Literal["traffic", "value", "effort", "prices", "costs", "limits"]
Unit = Literal[
    "requests", "factor", "share", "months", "usd", "usd_per_million", "hours", "per_year", "minutes", "score",
    "seconds", "rate", "switch",
]  # fmt: skip

_FIELDS: tuple[tuple[Group, str, Unit], ...] = (
    ("traffic", "traffic.requests_per_month", "requests"),
    ("traffic", "traffic.monthly_growth", "share"),
    ("traffic", "traffic.peak_factor", "factor"),
    ("traffic", "traffic.batch_share", "share"),
    ("traffic", "traffic.horizon_months", "months"),
    ("value", "value.correct_usd", "usd"),
    ("value", "value.wrong_usd", "usd"),
    ("effort", "effort.data_hours", "hours"),
    ("effort", "effort.evaluation_hours", "hours"),
    ("effort", "effort.refinement_hours", "hours"),
    ("effort", "effort.hourly_rate_usd", "usd"),
    ("effort", "effort.retrains_per_year", "per_year"),
    ("effort", "effort.label_minutes_per_example", "minutes"),
    ("effort", "effort.moving_hours", "hours"),
    ("costs", "costs.discount_rate", "share"),
    ("costs", "costs.retrieval_usd_per_month", "usd"),
    ("costs", "costs.retrieval_indexing_usd", "usd"),
    ("costs", "costs.evaluation_usd", "usd"),
    ("limits", "quality.bar", "score"),
    ("limits", "quality.min_gain", "score"),
    ("limits", "constraints.latency_p95_s", "seconds"),
    ("limits", "constraints.must_stay_local", "switch"),
)
_LEAST: Mapping[str, float | None] = {
    "traffic.peak_factor": 1.0,
    "traffic.horizon_months": 1.0,
    "traffic.monthly_growth": None,
    "value.correct_usd": None,
    "value.wrong_usd": None,
    "quality.bar": None,
}
"""The least value where it is not 0; None: any."""
_MOST: Mapping[str, float] = {"traffic.batch_share": 1.0, "traffic.horizon_months": 120.0}
_SINGLE = frozenset(
    {
        "traffic.batch_share", "traffic.horizon_months", "costs.discount_rate", "costs.evaluation_usd", "quality.bar",
        "quality.min_gain", "constraints.latency_p95_s", "constraints.must_stay_local",
    }
)  # fmt: skip
"""Given as one value, never as a range."""


@dataclass(frozen=True)
class Assumption:
    """Something that the case assumes, and that a what-if may replace."""

    key: str
    """As `advisor decide --set` takes it."""
    group: Group
    unit: Unit
    value: float | bool | Range | None
    """What the case says; None: nothing."""
    least: float | None = 0.0
    most: float | None = None
    may_be_range: bool = False
    with_keys: tuple[tuple[str, float], ...] = ()
    """What must be said along with it, e.g. the other prices of a model whose prices come from the catalogue."""


def assumptions_of(case: Case, listed: Mapping[str, TokenPrices] | None = None) -> tuple[Assumption, ...]:
    """Every assumption that can be set as a number or a switch, in the order of the case file.

    Args:
        case: The case.
        listed: Prices of the catalogue by the case's name of a model, for models without prices of their own.
    """
    found = [
        Assumption(
            key,
            group,
            unit,
            _given(case, key),
            least=_LEAST.get(key, 0.0),
            most=_MOST.get(key),
            may_be_range=key not in _SINGLE,
        )
        for group, key, unit in _FIELDS
    ]
    for name, model in case.models.items():
        if model.serving is not None:
            head = f"models.{name}.serving"
            found += [
                Assumption(f"{head}.usd_per_hour", "prices", "usd", model.serving.usd_per_hour),
                Assumption(f"{head}.requests_per_s", "prices", "rate", model.serving.requests_per_s),
                Assumption(f"{head}.always_on", "prices", "switch", model.serving.always_on),
            ]
            continue
        prices = model.prices or (listed or {}).get(name)
        if prices is None:
            continue
        values = {kind: getattr(prices, kind) for kind in ("input", "cached_input", "output")}
        keys = {f"models.{name}.prices.{kind}": value for kind, value in values.items()}
        for key, value in keys.items():
            others = (
                () if model.prices else tuple((k, v) for k, v in keys.items() if k != key and v is not None)
            )
            found.append(Assumption(key, "prices", "usd_per_million", value, with_keys=others))
    return tuple(found)


def _given(case: Case, key: str) -> Any:
    part, _, name = key.partition(".")
    return getattr(getattr(case, part), name)
