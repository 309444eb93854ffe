"""The whole catalogue as rows: what every model costs on a day, by which source, and how long it is there."""

from __future__ import annotations

import datetime

from advisor.cases.schema import Case
from advisor.catalogue.entries import (
    STALE_AFTER_DAYS,
    Entry,
    GpuEntry,
    HostingEntry,
    Source,
    TokenEntry,
    TrainingEntry,
    load_prices,
)
from advisor.catalogue.lifecycle import ServiceEnd, Tunability, service_ends, tunability
from advisor.catalogue.names import Tier, known_as, parse_name
from advisor.catalogue.prices import Price, price_of
from advisor.records import Record

_BY_TIER = "azure_openai"
"""The provider whose prices depend on where a model is deployed."""


class PriceRow(Record):
    """A model, or what is tuned from it, in one tier."""

    price: Price
    tier: Tier | None
    """Where it is deployed; None: the provider has one price."""
    tunable: Tunability
    """Whether the model can be tuned, and until when."""
    stale: bool
    """Whether any of it is older than `STALE_AFTER_DAYS`."""
    ends: ServiceEnd | None
    """When it answers no more, where an end is known."""


class GpuRow(Record):
    """A GPU by the hour."""

    gpu: GpuEntry
    source: Source
    stale: bool


def price_rows(on: datetime.date) -> tuple[PriceRow, ...]:
    """Every model of the catalogue on a day; base models of OpenAI by the package that the catalogue leaves them to."""
    catalogue = load_prices()
    found = []
    for provider, model, tiers in _models(catalogue.entries):
        for tier in tiers:
            for tuned in (False, True):
                price = price_of(
                    provider,
                    model,
                    base_model=model if provider == _BY_TIER else None,
                    tuned=tuned,
                    on=on,
                    tier=tier or "global",
                )
                # where training alone is known, the row of what is tuned says it
                if price is None or (price.input is None and not tuned):
                    continue
                base = model if provider == _BY_TIER else None
                can = tunability(provider, model, base_model=base, organisation=None, on=on)
                end = service_ends(provider, model, base_model=base, tuned=tuned, on=on)
                old = price.stale or (price.date is not None and (on - price.date).days > STALE_AFTER_DAYS)
                found.append(PriceRow(price=price, tier=tier, tunable=can, stale=old, ends=end))
    return tuple(found)


def gpu_rows(on: datetime.date) -> tuple[GpuRow, ...]:
    """Every GPU of the catalogue on a day."""
    catalogue = load_prices()
    rows = [(gpu, catalogue.source_of(gpu)) for gpu in catalogue.gpu_hour]
    return tuple(GpuRow(gpu=gpu, source=source, stale=source.stale(on)) for gpu, source in rows)


def used_by(case: Case) -> frozenset[tuple[str, str, bool]]:
    """(provider, model without version, tuned) of what the baselines of a case ask."""
    found = set()
    for baseline in case.baselines:
        if baseline.model is None:
            continue
        spec = case.models[baseline.model]
        known = known_as(spec.provider, spec.model, spec.base_model)
        if known is not None:
            name = parse_name(known)
            found.add((spec.provider, name.base, name.tuned or baseline.kind == "fine_tuned"))
    return frozenset(found)


def is_used(row: PriceRow, used: frozenset[tuple[str, str, bool]]) -> bool:
    """Whether a case asks what a row prices."""
    return (row.price.provider, parse_name(row.price.model).base, row.price.tuned) in used


def _models(entries: tuple[Entry, ...]) -> list[tuple[str, str, list[Tier | None]]]:
    """(provider, model, tiers) in the order of the catalogue, each model once."""
    tiers: dict[tuple[str, str], dict[Tier, None]] = {}
    for entry in entries:
        here = tiers.setdefault((entry.provider, entry.model), {})
        if isinstance(entry, TokenEntry):
            here[entry.tier] = None
        elif isinstance(entry, TrainingEntry | HostingEntry):
            here |= dict.fromkeys(entry.tiers)
    return [
        (provider, model, list(found) if provider == _BY_TIER else [None])
        for (provider, model), found in tiers.items()
    ]
