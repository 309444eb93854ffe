"""What the catalogue says of the models that a case names, baseline by baseline."""

from __future__ import annotations

import datetime

from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.model_spec import ModelSpec
from advisor.cases.schema import Case
from advisor.catalogue.lifecycle import ServiceEnd, Tunability, service_ends, tunability
from advisor.catalogue.prices import Price, price_of


def price_for(model: ModelSpec, *, tuned: bool, on: datetime.date) -> Price | None:
    """What a model, or a tune of it, costs by the token; None for one on a machine paid by the hour."""
    if model.serving is not None:
        return None
    hosting = model.hosting
    tier = hosting.tier if hosting is not None and tuned else "global"
    price = price_of(
        model.provider,
        model.model,
        base_model=model.base_model,
        tuned=tuned,
        own=model.prices,
        on=on,
        tier=tier,
    )
    if price is not None and tuned and hosting is not None and hosting.usd_per_hour is not None:
        price = price.model_copy(update={"hosting_usd_per_hour": hosting.usd_per_hour})
    return price


def prices_of_case(case: Case, on: datetime.date) -> dict[str, Price]:
    """The price of each baseline whose model is paid by the token, where one is known."""
    found = {
        b.name: price_for(case.models[b.model], tuned=_tuned(b), on=on) for b in case.baselines if b.model
    }
    return {name: price for name, price in found.items() if price is not None}


def ends_of_case(
    case: Case, on: datetime.date, reported: dict[str, datetime.date] | None = None
) -> dict[str, ServiceEnd]:
    """When the service of each baseline's model ends, where an end is known.

    Args:
        case: The case.
        on: The day it is asked for.
        reported: Shutdown dates that providers report, by the case's name of a model.
    """
    found = {}
    for baseline in case.baselines:
        if baseline.model is None:
            continue
        model = case.models[baseline.model]
        found[baseline.name] = service_ends(
            model.provider,
            model.model,
            base_model=model.base_model,
            tuned=_tuned(baseline),
            on=on,
            reported=(reported or {}).get(baseline.model),
        )
    return {name: end for name, end in found.items() if end is not None}


def tunability_of_case(
    case: Case, on: datetime.date, reported: dict[str, datetime.date] | None = None
) -> dict[str, Tunability]:
    """Whether each model that a fine-tuned baseline names can be tuned, by the case's name of it."""
    found = {}
    for baseline in case.baselines:
        if baseline.kind != "fine_tuned" or baseline.model is None:
            continue
        model = case.models[baseline.model]
        found[baseline.model] = tunability(
            model.provider,
            model.model,
            base_model=model.base_model,
            organisation=model.organisation,
            on=on,
            reported=(reported or {}).get(baseline.model),
        )
    return found


def _tuned(baseline: BaselineSpec) -> bool:
    return baseline.kind == "fine_tuned"
