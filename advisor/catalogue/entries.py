"""The price catalogue as it is written: entries of `prices.yaml`, each with its source and date."""

from __future__ import annotations

import datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, model_validator

from advisor.catalogue.names import ModelName, Tier, matches
from advisor.records import Record

STALE_AFTER_DAYS = 90
"""A price whose date lies further back is stale: it may still hold, but should be looked up again."""

Confidence = Literal["source", "copy", "derived"]
Usd = Annotated[float, Field(ge=0)]


class Source(Record):
    """Where a fact was read, and of which day it is."""

    name: str
    date: datetime.date
    """The day of the figures, or the earliest day they can be of."""
    read_on: datetime.date
    confidence: Confidence
    """Read in the source itself, read in a copy of it, or computed."""
    url: str | None = None
    note: str | None = None

    @property
    def label(self) -> str:
        """Name and day: Azure Retail Prices API, 2026-08-11."""
        return f"{self.name}, {self.date}"

    def age_days(self, on: datetime.date) -> int:
        """Days from the figures' date to `on`."""
        return (on - self.date).days

    def stale(self, on: datetime.date) -> bool:
        """Whether the figures are older than `STALE_AFTER_DAYS` on that day."""
        return self.age_days(on) > STALE_AFTER_DAYS


class Entry(Record):
    """What all prices of a model have."""

    provider: str
    model: str
    """Without version, in lower case."""
    aliases: tuple[str, ...] = ()
    snapshots: tuple[str, ...] | None = None
    """The dated versions that it holds for; None: any."""
    source: str
    """A key of the catalogue's sources."""

    def is_of(self, provider: str, name: ModelName) -> bool:
        """Whether it is a price of this model of this provider."""
        return provider == self.provider and matches(name, self.model, self.aliases, self.snapshots)


class TokenEntry(Entry):
    """Answering requests, at once or in batches; USD per million tokens."""

    of: tuple[Literal["base", "tuned"], ...] = Field(min_length=1)
    tier: Tier = "global"
    input: Usd
    cached_input: Usd | None = None
    output: Usd

    @property
    def tokens(self) -> dict[str, float | None]:
        """Its prices by name."""
        return {"input": self.input, "cached_input": self.cached_input, "output": self.output}


class TrainingEntry(Entry):
    """Training; USD per million training tokens, by where the job may run."""

    tiers: dict[Tier, Usd]


class HostingEntry(Entry):
    """A deployed tuned model; USD per hour, used or not, by the deployment's tier."""

    tiers: dict[Tier, Usd]
    developer_hours: Annotated[float, Field(gt=0)] | None = None
    """Hours after which a deployment of the developer tier is removed."""


class GpuEntry(Record):
    """One GPU; USD per hour."""

    gpu: str
    aliases: tuple[str, ...] = ()
    where: str
    usd_per_hour: Usd
    spot_usd_per_hour: Usd | None = None
    """Where the machine may be taken away at any time."""
    source: str


class PriceCatalogue(Record):
    """Every price that ships with the product."""

    schema_version: Literal[1] = 1
    sources: dict[str, Source]
    inference: tuple[TokenEntry, ...] = ()
    batch: tuple[TokenEntry, ...] = ()
    training: tuple[TrainingEntry, ...] = ()
    hosting: tuple[HostingEntry, ...] = ()
    gpu_hour: tuple[GpuEntry, ...] = ()

    @model_validator(mode="after")
    def _sources_exist(self) -> Self:
        used = {e.source for e in self.entries} | {g.source for g in self.gpu_hour}
        unknown = sorted(used - set(self.sources))
        if unknown:
            raise ValueError(f"no such source: {', '.join(unknown)}")
        return self

    @property
    def entries(self) -> tuple[TokenEntry | TrainingEntry | HostingEntry, ...]:
        """All prices of models, of every kind."""
        return (*self.inference, *self.batch, *self.training, *self.hosting)

    def source_of(self, entry: Entry | GpuEntry) -> Source:
        """Where an entry was read."""
        return self.sources[entry.source]

    def tokens(
        self, kind: Literal["inference", "batch"], provider: str, name: ModelName, *, tuned: bool, tier: Tier
    ) -> TokenEntry | None:
        """The price of answering, for this model of this provider in this tier; None: unknown."""
        entries = self.inference if kind == "inference" else self.batch
        what = "tuned" if tuned else "base"
        return next((e for e in entries if e.is_of(provider, name) and what in e.of and e.tier == tier), None)

    def training_of(self, provider: str, name: ModelName) -> TrainingEntry | None:
        """The price of training this model; None: unknown."""
        return next((e for e in self.training if e.is_of(provider, name)), None)

    def hosting_of(self, provider: str, name: ModelName) -> HostingEntry | None:
        """The price of hosting a model tuned from this one; None: unknown."""
        return next((e for e in self.hosting if e.is_of(provider, name)), None)


@cache
def load_prices() -> PriceCatalogue:
    """The catalogue that ships with the product; read once."""
    text = files("advisor.catalogue").joinpath("prices.yaml").read_text(encoding="utf-8")
    return PriceCatalogue.model_validate(yaml.safe_load(text))
