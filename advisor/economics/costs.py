"""The shape of a baseline's costs: what was measured and priced of it, whatever the assumptions say.

- A model priced by the token costs what its measured tokens cost.
- A model on a machine paid by the hour costs hours: all of them where it is always on, else those that its
  throughput needs.
- A model tuned at a provider that hosts it by the hour costs both: tokens, and the hours of its deployment.
- Fine-tuning costs, once, the hours of data preparation, evaluation and refinement, and the training itself;
  and training and evaluation again with every retraining. A classifier costs the data hours, since it learns from
  the same labels. Prompting and retrieval are charged no hours.

Together with the assumptions (`Drivers`) it gives costs month by month (`horizon`). What is not known makes the sums
that need it unknown, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.model_spec import Serving, TokenPrices
from advisor.cases.schema import Case
from advisor.catalogue.prices import Price
from advisor.economics.capacity import served_throughput
from advisor.economics.drivers import machine_key
from advisor.economics.resources import Resources
from advisor.records import BaselineKind, Record

HoursField = Literal["data_hours", "evaluation_hours", "refinement_hours"]


class TokenRates(Record):
    """USD per million tokens."""

    input: float
    cached_input: float | None = None
    """None: reused tokens cost as fresh ones."""
    output: float
    batch_input: float | None = None
    """None: no batch price is known, and requests that could wait cost as the others."""
    batch_cached_input: float | None = None
    batch_output: float | None = None


class CostModel(Record):
    """What is measured and priced of one baseline. None is unknown."""

    name: str
    kind: BaselineKind
    model: str | None = None
    """The case's name of its model, by which drivers may change its prices."""
    billing: Literal["tokens", "machine", "calls", "unknown"] = "unknown"
    """`calls`: results that came with what each call cost."""

    fresh_tokens: float | None = None
    cached_tokens: float | None = None
    output_tokens: float | None = None
    rates: TokenRates | None = None
    usd_per_call: float | None = None
    hosting_usd_per_hour: float = 0.0
    """A deployment at a provider, used or not."""
    machine_usd_per_hour: float | None = None
    machine_keys: tuple[str, ...] = ()
    """Keys of the machine's price among the drivers; of several, the cheapest counts."""
    always_on: bool = False
    machine_s: float | None = None
    """Machine time of a request, at full use."""

    hours: tuple[HoursField, ...] = ()
    """What people do, once."""
    training_usd: float | None = 0.0
    training_hours: float | None = None
    """Where training is paid by the hour: at the price of the machine that serves."""
    life_months: float | None = None
    """Months until the service of its model ends; None where no end is known."""
    retrieves: bool = False
    measuring_usd: float | None = None
    """What measuring it cost: spent, and no part of the sums."""
    judging_usd: float = 0.0
    """What the judge of one evaluation costs; it is paid again with every retraining."""
    notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """What is not known, and makes sums unknown."""

    @property
    def tuned(self) -> bool:
        """Whether it is a fine-tuned model."""
        return self.kind == "fine_tuned"

    @property
    def by_the_month(self) -> bool:
        """Whether a machine or deployment is paid, used or not."""
        return (self.billing == "machine" and self.always_on) or self.hosting_usd_per_hour > 0


class _Notes(list[str]):
    """What is to be said of a baseline's costs, and what of it makes them unknown."""

    def __init__(self) -> None:
        super().__init__()
        self.unknown: list[str] = []

    def lack(self, text: str) -> None:
        """Notes what is not known."""
        self.append(text)
        self.unknown.append(text)


def total(parts: Iterable[float | None]) -> float | None:
    """The sum of the parts; unknown where one of them is."""
    known = list(parts)
    return None if None in known else math.fsum(v for v in known if v is not None)


def cost_model(
    case: Case,
    spec: BaselineSpec,
    resources: Resources,
    price: Price | None = None,
    life_months: float | None = None,
    training_tokens: float | None = None,
) -> CostModel:
    """The cost of one baseline, from the case's prices and what was measured.

    Args:
        case: The case.
        spec: The baseline.
        resources: What a request takes, by `resources_of`.
        price: What its model costs by the token; absent, the case's own prices.
        life_months: Months until the service of its model ends; None where no end is known.
        training_tokens: Tokens that one training takes, where it was not trained here; an estimate.
    """
    notes = _Notes()
    found = CostModel(
        name=spec.name,
        kind=spec.kind,
        model=spec.model,
        life_months=life_months,
        retrieves=spec.uses_retrieval,
        measuring_usd=resources.measuring_usd,
        judging_usd=resources.judging_usd,
    )
    if spec.kind == "classifier":
        shape = _classifier(case, spec, resources, notes)
    else:
        shape = _served(case, spec, resources, price, notes)
    listed = None if price is None or price.training is None else price.training / 1e6
    estimate = None if listed is None or training_tokens is None else listed * training_tokens
    shape |= _once(case, spec, resources, estimate, notes)
    return found.model_copy(update={**shape, "notes": tuple(notes), "unknown": tuple(notes.unknown)})


def _served(
    case: Case, spec: BaselineSpec, resources: Resources, price: Price | None, notes: _Notes
) -> dict[str, object]:
    """How the answers of a language model are paid."""
    model = case.models[str(spec.model)]
    if model.serving is not None:
        return _machine(case, model.serving, resources, machine_key(str(spec.model)), notes)
    if price is not None or model.prices is not None:
        shape: dict[str, object] = {
            "billing": "tokens",
            "fresh_tokens": resources.fresh_tokens,
            "cached_tokens": resources.cached_tokens,
            "output_tokens": resources.output_tokens,
            "rates": _rates(price or model.prices, case, notes),
        }
        if resources.fresh_tokens is None:
            notes.lack("tokens are unknown")
        if price is not None and price.hosting_usd_per_hour:
            shape["hosting_usd_per_hour"] = price.hosting_usd_per_hour
            notes.append(f"its deployment costs {price.hosting_usd_per_hour:g} USD an hour, used or not")
        if price is not None and price.kind != "declared":
            notes.append(_price_note(price))
        return shape
    if resources.paid_usd is None:
        notes.lack(f"model {spec.model!r} has neither `serving` nor `prices`: its cost is unknown")
        return {}
    return {"billing": "calls", "usd_per_call": resources.paid_usd}


def _rates(prices: Price | TokenPrices | None, case: Case, notes: _Notes) -> TokenRates | None:
    if prices is None or prices.input is None or prices.output is None:
        notes.lack("the price of tokens is unknown")
        return None
    rates = TokenRates(input=prices.input, cached_input=prices.cached_input, output=prices.output)
    if isinstance(prices, Price) and prices.batch_input is not None and prices.batch_output is not None:
        batch = {k: getattr(prices, k) for k in ("batch_input", "batch_cached_input", "batch_output")}
        return rates.model_copy(update=batch)
    if case.traffic.batch_share:
        notes.append("no batch price is known: requests that can wait cost as the others")
    return rates


def _price_note(price: Price) -> str:
    """Where the prices are from, and whether to trust them."""
    parts = [f"prices: {price.source}{f', {price.date}' if price.date else ''}"]
    parts += ["older than they should be"] if price.stale else []
    return "; ".join([*parts, *price.disagreements])


def _machine(
    case: Case, serving: Serving, resources: Resources, key: str | None, notes: _Notes
) -> dict[str, object]:
    """A machine by the hour: its throughput under load, else the declared one, else that of the measured batches."""
    seconds = resources.machine_s
    per_s, source = served_throughput(resources.load, serving.requests_per_s, case.constraints.latency_p95_s)
    if per_s is not None:
        seconds = 1 / per_s
    if source:
        notes.append(source)
    if seconds is None:
        notes.append("throughput is unknown: one machine is assumed")
    return {
        "billing": "machine",
        "machine_usd_per_hour": serving.usd_per_hour,
        "machine_keys": (key,) if key else (),
        "always_on": serving.always_on,
        "machine_s": seconds,
    }


def _classifier(case: Case, spec: BaselineSpec, resources: Resources, notes: _Notes) -> dict[str, object]:
    """It runs inside the caller's program, unless it has a machine of its own."""
    if spec.serving is not None:
        return _machine(case, spec.serving, resources, None, notes)
    machines = {machine_key(n): m.serving.usd_per_hour for n, m in case.models.items() if m.serving}
    if not machines or resources.machine_s is None:
        notes.lack("give the classifier `serving: {usd_per_hour: …}` to price the machine it runs on")
        return {"machine_s": resources.machine_s}
    cheapest = min(machines.values())
    notes.append(f"runs inside the caller's program; its machine time is priced at {cheapest:g} USD an hour")
    return {
        "billing": "machine",
        "machine_usd_per_hour": cheapest,
        "machine_keys": tuple(machines),
        "machine_s": resources.machine_s,
    }


def _once(
    case: Case, spec: BaselineSpec, resources: Resources, training_usd: float | None, notes: _Notes
) -> dict[str, object]:
    """What people do, and what training takes."""
    fields: tuple[HoursField, ...] = ()
    shape: dict[str, object] = {}
    if spec.kind == "classifier":
        fields = ("data_hours",)
    elif spec.kind == "fine_tuned" and spec.tuning is not None:
        fields = ("data_hours", "evaluation_hours", "refinement_hours")
        if spec.tuning.system != "existing":
            shape = _training(case, spec, resources, training_usd, notes)
    for name in fields:
        hours = getattr(case.effort, name)
        if hours is None or (hours != 0 and case.effort.hourly_rate_usd is None):
            notes.lack(f"effort.{name if hours is None else 'hourly_rate_usd'} is not given")
    return {**shape, "hours": fields}


def _training(
    case: Case, spec: BaselineSpec, resources: Resources, estimate: float | None, notes: _Notes
) -> dict[str, object]:
    """One training: as billed, or by its hours, or by the estimate of its tokens."""
    record = resources.tuning
    if record is not None and record.cost_usd is not None:
        notes.append(f"training: {record.tokens:,} tokens, {record.settings.get('tokens_are', 'billed')}")
        return {"training_usd": record.cost_usd}
    serving = case.models[str(spec.model)].serving
    if record is None and serving is None and estimate is not None:
        notes.append(f"training was not measured here: about ${estimate:,.2f}, estimated from its tokens")
        return {"training_usd": estimate}
    if record is None or serving is None:
        notes.lack("what training costs is unknown")
        return {"training_usd": None}
    notes.append(
        f"training took {record.duration_s:,.0f} s, priced as serving is, at {serving.usd_per_hour:g} USD an hour"
    )
    return {"training_usd": None, "training_hours": record.duration_s / 3600}
