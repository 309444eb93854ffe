"""What a GPU costs by the hour."""

from __future__ import annotations

import datetime
import re

from advisor.catalogue.entries import GpuEntry, PriceCatalogue, load_prices
from advisor.records import Record


class GpuPrice(Record):
    """A GPU by the hour, in USD."""

    gpu: str
    where: str
    usd_per_hour: float
    spot_usd_per_hour: float | None
    source: str
    date: datetime.date


def gpu_hour(name: str, *, catalogue: PriceCatalogue | None = None) -> GpuPrice | None:
    """The price of a GPU by the hour.

    Args:
        name: The GPU's short name, the name a driver gives it (`NVIDIA A100-SXM4-80GB`, `Tesla T4`), or the name
            that its renter gives it (`a10g-large`).
        catalogue: Prices to use in place of the shipped ones.

    Returns:
        The price, or None where the catalogue has none.
    """
    prices = load_prices() if catalogue is None else catalogue
    text = name.strip().lower()
    words = [w for w in re.split(r"[\s-]+", text) if w not in ("nvidia", "tesla")]
    entry = _gpu(prices, text) or (_gpu(prices, words[0]) if words else None)
    if entry is None:
        return None
    source = prices.source_of(entry)
    return GpuPrice(
        gpu=entry.gpu,
        where=entry.where,
        usd_per_hour=entry.usd_per_hour,
        spot_usd_per_hour=entry.spot_usd_per_hour,
        source=source.name,
        date=source.date,
    )


def _gpu(prices: PriceCatalogue, name: str) -> GpuEntry | None:
    return next((e for e in prices.gpu_hour if name in (e.gpu.lower(), *e.aliases)), None)
