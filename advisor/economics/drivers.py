"""The uncertain assumptions that costs and worth depend on: each a number, or as many draws of it.

What is measured or priced of a baseline stands in its `CostModel`; what may be otherwise stands here. The keys are
those of `advisor decide --set`, so that a what-if, a range and a sensitivity speak of the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.cases.numbers import Range, likely
from advisor.cases.schema import Case

Array = NDArray[np.float64]
Value = float | Array
"""A number, or draws of it in an array of the shape (draws,)."""

FIELDS = {
    **{f"traffic.{f}": f for f in ("requests_per_month", "monthly_growth", "peak_factor", "batch_share")},
    **{f"value.{f}": f for f in ("correct_usd", "wrong_usd")},
    **{
        f"effort.{f}": f
        for f in (
            "data_hours", "evaluation_hours", "refinement_hours", "hourly_rate_usd", "retrains_per_year",
            "label_minutes_per_example", "moving_hours",
        )
    },
    **{f"costs.{f}": f for f in ("discount_rate", "retrieval_usd_per_month", "retrieval_indexing_usd")},
}  # fmt: skip
"""Dotted key → field of `Drivers`. Prices of models have keys too: `machine_key`, `token_key`."""


@dataclass(frozen=True)
class Drivers:
    """The assumptions of a case; None is unknown. Draws of several must have the same shape (draws,)."""

    requests_per_month: Value = 0.0
    """In the first month."""
    monthly_growth: Value = 0.0
    peak_factor: Value = 1.0
    """The busiest hour against the mean one."""
    batch_share: Value = 0.0
    data_hours: Value | None = None
    evaluation_hours: Value | None = None
    refinement_hours: Value | None = None
    hourly_rate_usd: Value | None = None
    retrains_per_year: Value = 0.0
    moving_hours: Value | None = None
    label_minutes_per_example: Value | None = None
    discount_rate: Value = 0.0
    """A year's."""
    retrieval_usd_per_month: Value = 0.0
    retrieval_indexing_usd: Value = 0.0
    correct_usd: Value = 0.0
    wrong_usd: Value = 0.0
    prices: Mapping[str, Value] = field(default_factory=dict)
    """Prices of models by dotted key; what is not here is taken from the `CostModel`."""

    @property
    def peak(self) -> Value:
        """The busiest hour's load, of what cannot wait, against the mean hour's of all; never below that."""
        return np.maximum(1.0, (1 - self.batch_share) * np.maximum(1.0, self.peak_factor))

    def labour_usd(self, field: str) -> Value | None:
        """Hours of a field × the hourly rate; no hours cost nothing, whatever the rate."""
        hours, rate = getattr(self, field), self.hourly_rate_usd
        if hours is not None and not np.any(hours):
            return 0.0
        return None if hours is None or rate is None else hours * rate

    def label_usd(self) -> Value | None:
        """What labelling one more example costs; no minutes cost nothing, whatever the rate."""
        minutes, rate = self.label_minutes_per_example, self.hourly_rate_usd
        if minutes is not None and not np.any(minutes):
            return 0.0
        return None if minutes is None or rate is None else minutes / 60 * rate

    def worth_usd(self, quality: Value) -> Value:
        """Mean worth of an answer; a graded score counts as a share of a right answer."""
        return quality * self.correct_usd + (1 - quality) * self.wrong_usd


def machine_key(model: str) -> str:
    """The key of a machine's price by the hour; `model` is the case's name of the model."""
    return f"models.{model}.serving.usd_per_hour"


def token_key(model: str, kind: str) -> str:
    """The key of a price of tokens; `kind` is input, cached_input or output."""
    return f"models.{model}.prices.{kind}"


def drivers_of(case: Case) -> Drivers:
    """The likely values of a case's assumptions."""
    found: dict[str, Any] = {}
    for key, name in FIELDS.items():
        number = _given(case, key)
        found[name] = None if number is None else likely(number)
    prices: dict[str, float] = {}
    for name, model in case.models.items():
        if model.serving is not None:
            prices[machine_key(name)] = model.serving.usd_per_hour
        if model.prices is not None:
            given = model.prices.model_dump(exclude_none=True)
            prices |= {token_key(name, kind): usd for kind, usd in given.items()}
    return Drivers(**found, prices=prices)


def ranges_of(case: Case) -> dict[str, Range]:
    """By dotted key, the assumptions that the case gives as ranges."""
    return {key: number for key in FIELDS if isinstance(number := _given(case, key), Range)}


def is_driver(key: str) -> bool:
    """Whether a dotted key names a driver; `quality.bar` and `quality.min_gain` do not."""
    head, _, rest = key.partition(".")
    kind = rest.partition(".")[2]
    return key in FIELDS or (
        head == "models" and (kind == "serving.usd_per_hour" or kind.startswith("prices."))
    )


def with_values(drivers: Drivers, values: Mapping[str, Value]) -> Drivers:
    """The drivers with some replaced, by dotted key.

    Raises:
        KeyError: A key names no driver.
    """
    unknown = [key for key in values if not is_driver(key)]
    if unknown:
        raise KeyError(f"{', '.join(unknown)}: no driver of costs")
    fields: dict[str, Any] = {FIELDS[k]: v for k, v in values.items() if k in FIELDS}
    prices = {k: v for k, v in values.items() if k not in FIELDS}
    return replace(drivers, **fields, prices={**drivers.prices, **prices})


def value_of(drivers: Drivers, key: str) -> Value | None:
    """The value of a driver by its dotted key; None where it is unknown."""
    if key in FIELDS:
        found: Value | None = getattr(drivers, FIELDS[key])
        return found
    return drivers.prices.get(key)


def _given(case: Case, key: str) -> float | Range | None:
    part, _, name = key.partition(".")
    found: float | Range | None = getattr(getattr(case, part), name)
    return found
