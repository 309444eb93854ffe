"""What a model costs: the user's own prices over the shipped catalogue over the package genai-prices.

Never another provider's price, and never a guess: what is not known is None. The day is an argument, so that the same
question has the same answer, and nothing here goes to the network.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence

from advisor.cases.model_spec import TokenPrices
from advisor.catalogue.checks import PriceFinding, check_prices
from advisor.catalogue.entries import (
    STALE_AFTER_DAYS,
    PriceCatalogue,
    Source,
    load_prices,
)
from advisor.catalogue.gpus import GpuPrice, gpu_hour
from advisor.catalogue.library import library_date, library_name, quote, quote_of
from advisor.catalogue.names import ModelName, Tier, known_as, parse_name, tier_name
from advisor.catalogue.wording import differing
from advisor.records import EvidenceKind, Record

__all__ = [
    "STALE_AFTER_DAYS",
    "GpuPrice",
    "Price",
    "PriceCatalogue",
    "PriceFinding",
    "check_prices",
    "gpu_hour",
    "load_prices",
    "price_of",
]

_BY_THE_TOKEN = ("openai", "azure_openai")
"""Providers whose base models cost tokens alone."""


class Price(Record):
    """What a model costs; USD per million tokens unless the name says otherwise. None is unknown."""

    provider: str
    model: str
    """What the prices were looked up by: on Azure the base model, else the model without tuning."""
    tuned: bool
    input: float | None = None
    cached_input: float | None = None
    """Input whose computation the provider reused. None does not mean that it is free."""
    output: float | None = None
    batch_input: float | None = None
    batch_cached_input: float | None = None
    batch_output: float | None = None
    training: float | None = None
    """Per million training tokens (tokens of the file times epochs), to tune this model."""
    hosting_usd_per_hour: float | None = None
    """A deployment by the hour, used or not; 0 where it is known to cost nothing."""
    deployment_hours: float | None = None
    """Hours after which such a deployment is removed by the provider; None: it stays."""
    source: str
    """Where the prices of tokens come from; of training and hosting where those are all that is known."""
    url: str | None = None
    date: datetime.date | None
    """The day the figures are of; None where nobody says, as with the user's own."""
    kind: EvidenceKind
    """`declared` by the user, or `estimated` from price lists."""
    stale: bool = False
    """Whether figures of a price list are older than `STALE_AFTER_DAYS`: those of tokens, and for a tuned model those
    of training and hosting too."""
    disagreements: tuple[str, ...] = ()
    """What other sources say of the same prices, where they differ."""
    notes: tuple[str, ...] = ()


def price_of(
    provider: str,
    model: str,
    *,
    base_model: str | None = None,
    tuned: bool = False,
    own: TokenPrices | None = None,
    on: datetime.date,
    tier: str = "global",
    training_tier: str | None = None,
    catalogue: PriceCatalogue | None = None,
) -> Price | None:
    """Find what a model costs.

    Args:
        provider: As in a case: `openai`, `azure_openai`, `openai_compatible`, `huggingface`, `embedded`.
        model: The model's name; a tuned model's (`ft:...`) counts as tuned, whatever `tuned` says.
        base_model: Azure: the model behind the deployment. Without it nothing is known there.
        tuned: Whether a model tuned from this one is meant.
        own: The user's prices. They take the place of all prices of tokens; training and hosting, which they do not
            name, still come from the catalogue.
        on: The day for which prices are asked.
        tier: Azure: where it is deployed; the catalogue's word or Azure's (`GlobalStandard`, `DeveloperTier`).
        training_tier: Azure: where the training job runs; by default as `tier`.
        catalogue: Prices to use in place of the shipped ones.

    Returns:
        The price with its source and date, or None where nothing at all is known.

    Raises:
        UsageError: A tier that nobody knows.
    """
    prices = load_prices() if catalogue is None else catalogue
    azure = provider == "azure_openai"
    deployed = tier_name(tier) if azure else "global"
    trained = tier_name(training_tier or tier) if azure else "global"
    known = known_as(provider, model, base_model)
    if known is None:
        return None if own is None else _declared(provider, model, tuned, own, _Rest(), None, on)
    name = parse_name(known)
    tuned = tuned or name.tuned
    rest = _rest(prices, provider, name, tuned, deployed, trained)
    listed = _from_catalogue(prices, provider, name, tuned, deployed, rest, on)
    if listed is None and not tuned:
        listed = _from_library(provider, name, rest, on)
    if own is not None:
        return _declared(provider, name.full, tuned, own, rest, listed, on)
    if listed is None and rest.sources:  # training or hosting alone is known
        listed = _price(provider, name.full, tuned, {}, rest, (), on)
    return listed


class _Rest(Record):
    """What is not a price of tokens: training and hosting, and where they were read."""

    training: float | None = None
    hosting_usd_per_hour: float | None = None
    deployment_hours: float | None = None
    sources: tuple[Source, ...] = ()

    @property
    def values(self) -> dict[str, float | None]:
        """The figures by name."""
        return self.model_dump(exclude={"sources"})


def _rest(
    prices: PriceCatalogue, provider: str, name: ModelName, tuned: bool, deployed: Tier, trained: Tier
) -> _Rest:
    sources = []
    hosting, hours, training = None, None, None
    if (training_entry := prices.training_of(provider, name)) is not None and trained in training_entry.tiers:
        training = training_entry.tiers[trained]
        sources.append(prices.source_of(training_entry))
    if not tuned:
        hosting = 0.0 if provider in _BY_THE_TOKEN else None
    elif (entry := prices.hosting_of(provider, name)) is not None and deployed in entry.tiers:
        hosting = entry.tiers[deployed]
        hours = entry.developer_hours if deployed == "developer" else None
        sources.append(prices.source_of(entry))
    return _Rest(
        training=training, hosting_usd_per_hour=hosting, deployment_hours=hours, sources=_distinct(sources)
    )


def _from_catalogue(
    prices: PriceCatalogue,
    provider: str,
    name: ModelName,
    tuned: bool,
    deployed: Tier,
    rest: _Rest,
    on: datetime.date,
) -> Price | None:
    entry = prices.tokens("inference", provider, name, tuned=tuned, tier=deployed)
    if entry is None:
        return None
    batch = prices.tokens("batch", provider, name, tuned=tuned, tier=deployed)
    tokens = entry.tokens | ({f"batch_{k}": v for k, v in batch.tokens.items()} if batch else {})
    sources = _distinct([prices.source_of(e) for e in (entry, batch) if e is not None])
    said = quote_of(entry, tuned=tuned, on=on)
    disagreements = differing(library_name(), said.tokens, tokens) if said is not None and said.own else ()
    return _price(provider, name.full, tuned, tokens, rest, sources, on, disagreements=disagreements)


def _from_library(provider: str, name: ModelName, rest: _Rest, on: datetime.date) -> Price | None:
    """OpenAI's base models; no other provider's, and no tuned ones, which the library gets wrong."""
    said = quote("openai", name.full, on) if provider == "openai" else None
    if said is None or not said.own:
        return None
    day = library_date("openai", on)
    source = None if day is None else Source(name=library_name(), date=day, read_on=day, confidence="copy")
    sources = () if source is None else (source,)
    price = _price(provider, name.full, False, said.tokens, rest, sources, on)
    notes = (*([said.note] if said.note else []), *price.notes)
    return price.model_copy(
        update={
            "source": library_name(), "date": day, "url": None, "notes": notes, "stale": price.stale or not day
        }
    )  # fmt: skip


def _declared(
    provider: str,
    model: str,
    tuned: bool,
    own: TokenPrices,
    rest: _Rest,
    listed: Price | None,
    on: datetime.date,
) -> Price:
    """The user's own prices of tokens, and what the catalogue knows beside them."""
    tokens = {"input": own.input, "cached_input": own.cached_input, "output": own.output}
    price = _price(provider, model, tuned, tokens, rest, (), on)
    disagreements: tuple[str, ...] = ()
    if listed is not None:
        day = f", {listed.date}" if listed.date else ""
        disagreements = differing(f"{listed.source}{day}", listed.model_dump(include=set(tokens)), tokens)
    return price.model_copy(
        update={
            "source": "the case's own prices", "url": None, "date": None, "kind": "declared",
            "disagreements": disagreements,
        }
    )  # fmt: skip


def _price(
    provider: str,
    model: str,
    tuned: bool,
    tokens: Mapping[str, float | None],
    rest: _Rest,
    sources: Sequence[Source],
    on: datetime.date,
    *,
    disagreements: tuple[str, ...] = (),
) -> Price:
    """A price from its parts; `sources` are those of its tokens."""
    every = _distinct([*sources, *rest.sources])
    first = every[0] if every else None
    elsewhere = [s for s in rest.sources if s not in sources]
    dated = every if tuned else sources
    return Price.model_validate(
        {
            "provider": provider,
            "model": model,
            "tuned": tuned,
            **tokens,
            **rest.values,
            "source": first.name if first else "",
            "url": first.url if first else None,
            "date": first.date if first else None,
            "kind": "estimated",
            "stale": any(s.stale(on) for s in dated),
            "disagreements": disagreements,
            "notes": (
                *(f"training and hosting: {s.label}" for s in elsewhere),
                *(s.note for s in every if s.note),
            ),
        }
    )


def _distinct(sources: Iterable[Source]) -> tuple[Source, ...]:
    return tuple({s.name: s for s in sources}.values())
