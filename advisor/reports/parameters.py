"""The inputs of a case in words: their names, and their values in their units."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from advisor.formatting import MINUS, count, difference, number, percent, score, usd

_PARAMETERS = {
    "quality difference": "Measured difference in quality",
    "held-out sampling": "Which items were held out",
    "traffic.requests_per_month": "Requests per month",
    "traffic.monthly_growth": "Growth of requests per month",
    "traffic.peak_factor": "Busiest hour against the mean one",
    "traffic.batch_share": "Share of requests that can wait",
    "traffic.horizon_months": "Months that are counted",
    "value.correct_usd": "Worth of a right answer",
    "value.wrong_usd": "Worth of a wrong answer",
    "quality.bar": "Quality bar",
    "quality.min_gain": "Smallest gain worth having",
    "effort.data_hours": "Hours for training data",
    "effort.evaluation_hours": "Hours for evaluation",
    "effort.refinement_hours": "Hours for refinement",
    "effort.hourly_rate_usd": "Price of an hour of work",
    "effort.retrains_per_year": "Retrainings per year",
    "effort.label_minutes_per_example": "Minutes to label an example",
    "effort.moving_hours": "Hours to move to another model",
    "costs.discount_rate": "Discount rate per year",
    "costs.retrieval_usd_per_month": "Storage and search of documents per month",
    "costs.retrieval_indexing_usd": "Indexing of documents, once",
    "costs.evaluation_usd": "What measuring cost",
    "constraints.latency_p95_s": "Longest latency allowed (p95)",
    "constraints.must_stay_local": "Data must stay on own machines",
}


_TOKENS = {"input": "input", "cached_input": "cached input", "output": "output"}


def parameter_name(parameter: str) -> str:
    """An input of the case in words; one that is not known is shown by its key."""
    head, _, rest = parameter.partition(".")
    if head == "models" and rest.endswith(".serving.usd_per_hour"):
        return f"Price of an hour of {rest.removesuffix('.serving.usd_per_hour')}'s machine"
    if head == "models" and rest.endswith(".serving.requests_per_s"):
        return f"Requests a second of {rest.removesuffix('.serving.requests_per_s')}'s machine"
    if head == "models" and rest.endswith(".serving.always_on"):
        return f"{rest.removesuffix('.serving.always_on')}'s machine runs all the time"
    model, prices, kind = rest.rpartition(".prices.")
    if head == "models" and prices and kind in _TOKENS:
        return f"Price of a million {_TOKENS[kind]} tokens of {model}"
    return _PARAMETERS.get(parameter, parameter)


def parameter_value(parameter: str, value: float | None, *, fraction: bool) -> str:
    """An input's value in its unit, which its name tells."""
    name = parameter.rsplit(".", 1)[-1]
    if "usd" in name or ".prices." in parameter:
        return usd(value)
    if name == "quality difference":
        return difference(value, fraction=fraction)
    if name in ("monthly_growth", "batch_share", "discount_rate"):
        return percent(value)
    if name == "bar":
        return score(value, fraction=fraction)
    if name == "min_gain":
        return difference(value, fraction=fraction).lstrip("+")
    return count(value) if value is not None and value >= 100 else number(value)


def value_beyond(parameter: str, value: float, *, down: bool, fraction: bool) -> str:
    """An input's value in its unit, rounded down or up, so that what is read has passed a border as the value has.

    Rounded to the nearest, a border just below 80.9% would be told as 80.9%, which does not turn anything.
    """
    if not math.isfinite(value):
        return parameter_value(parameter, value, fraction=fraction)
    name, per_cent = parameter.rsplit(".", 1)[-1], _is_per_cent(parameter, fraction)
    step = Decimal("0.001") if per_cent else _step(parameter, abs(value))
    exact, direction = Decimal(repr(value)), ROUND_FLOOR if down else ROUND_CEILING
    rounded = (exact / step).to_integral_value(direction) * step
    while rounded == 0 and exact != 0:  # nothing at all is another value than a little
        step /= 10
        rounded = (exact / step).to_integral_value(direction) * step
    if per_cent and step < Decimal("0.001"):
        shown = f"{abs(rounded) * 100:f}".rstrip("0")
        sign = MINUS if rounded < 0 else ""
        return f"{sign}{shown}{' points' if name in ('min_gain', 'quality difference') else '%'}"
    return parameter_value(parameter, float(rounded), fraction=fraction)


def _is_per_cent(parameter: str, fraction: bool) -> bool:
    """Whether an input is told in per cent, or in points of a percentage."""
    name = parameter.rsplit(".", 1)[-1]
    if name in ("monthly_growth", "batch_share", "discount_rate"):
        return True
    return fraction and name in ("bar", "min_gain", "quality difference")


def _step(parameter: str, size: float) -> Decimal:
    """The last digit that is shown of a value of such a size: three significant figures, but dollars and counts."""
    money = "usd" in parameter.rsplit(".", 1)[-1] or ".prices." in parameter
    if size >= 100:
        return Decimal(1)
    if money and size >= 1:
        return Decimal("0.01")
    return Decimal(1).scaleb(math.floor(math.log10(size)) - 2) if size > 0 else Decimal(1)
