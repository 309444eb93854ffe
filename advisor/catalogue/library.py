"""What the package genai-prices says, read so that its traps do not reach a figure.

The package is imported when first asked, since that takes a tenth of a second, and its updates over the network are
never switched on. Its traps, as of 0.2.3:

- A provider's missing model is looked for at other providers: Azure's models get OpenAI's prices, and any provider
  whose name contains "openai" is taken for OpenAI.
- A batch price that it does not have is answered with the standard price.
- Beyond a number of input tokens a request may cost more; a price computed from a million tokens is that dearer one.
- Models with open weights stand under their maker, at the price of somebody who serves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from advisor.catalogue.entries import Entry
from advisor.records import Record

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

_OPEN_WEIGHTS = ("gpt-oss",)
"""OpenAI publishes these models, and does not serve them."""


class Quote(Record):
    """What the library says of a model; USD per million tokens, None where it says nothing."""

    entry: str
    """The library's own name of the model."""
    own: bool
    """Whether the price stands in this provider's list; else the library took it from another provider."""
    input: float
    cached_input: float | None
    output: float
    batch_input: float | None
    batch_cached_input: float | None
    batch_output: float | None
    note: str | None = None

    @property
    def tokens(self) -> dict[str, float | None]:
        """Its prices by name."""
        return self.model_dump(exclude={"entry", "own", "note"})


def quote(provider: str, model: str, on: date) -> Quote | None:
    """What the library says of a model on a day.

    Args:
        provider: As the library names it: `openai`, `azure`.
        model: The model's name as sent to the provider.
        on: Prices change by date; noon UTC of this day counts.

    Returns:
        Its prices up to the first threshold of input tokens, or None where it has none.
    """
    from genai_prices import Usage, calc_price

    if provider == "openai" and model.lower().startswith(_OPEN_WEIGHTS):
        return None
    noon = datetime.combine(on, time(12), tzinfo=UTC)

    def look_up(context: Mapping[str, str] | None) -> tuple[ModelPrice, str, bool]:
        found = calc_price(
            Usage(), model, provider_id=provider, genai_request_timestamp=noon, price_context=context
        )
        own = any(found.model is known for known in found.provider.models)
        return found.model_price, found.model.id, own

    try:
        standard, entry, own = look_up(None)
        batch, _, _ = look_up({"processing": "batch"})
    except LookupError:
        return None
    price, output = _base(standard.input_mtok), _base(standard.output_mtok)
    if price is None or output is None:
        return None
    cached = _base(standard.cache_read_mtok)
    return Quote(
        entry=entry,
        own=own,
        input=price,
        cached_input=cached,
        output=output,
        batch_input=_if_other(_base(batch.input_mtok), price),
        batch_cached_input=_if_other(_base(batch.cache_read_mtok), cached),
        batch_output=_if_other(_base(batch.output_mtok), output),
        note=_long_requests(standard),
    )


def quote_of(entry: Entry, *, tuned: bool, on: date) -> Quote | None:
    """What the library says of what a catalogue's entry prices, by the name that its provider would send.

    Args:
        entry: A price of the catalogue.
        tuned: Whether to ask for a model tuned from it.
        on: The day.
    """
    known_there = {"openai": "openai", "azure_openai": "azure"}.get(entry.provider)
    if known_there is None:
        return None
    model = f"{entry.model}-{entry.snapshots[0]}" if entry.snapshots else entry.model
    return quote(known_there, f"ft:{model}:org::id" if tuned else model, on)


def library_name() -> str:
    """The library and its version: genai-prices 0.2.3."""
    return f"genai-prices {version('genai-prices')}"


@cache
def library_date(provider: str, on: date) -> date | None:
    """The day of the newest change of price that the library holds for a provider, not after `on`.

    The library's data bear no date of their own. They are at least as new as this one.
    """
    from genai_prices.data_snapshot import get_snapshot

    days: set[date] = set()
    for model in next((p.models for p in get_snapshot().providers if p.id == provider), []):
        conditional = model.prices if isinstance(model.prices, list) else []
        limits = [*(c.constraint for c in conditional), *(v.constraint for v in model.price_variants or ())]
        days.update(d for limit in limits if isinstance(d := getattr(limit, "start_date", None), date))
    return max((d for d in days if d <= on), default=None)


def _base(price: object) -> float | None:
    """A price up to its first threshold."""
    if price is None:
        return None
    return float(getattr(price, "base", price))  # type: ignore[arg-type]


def _if_other(batch: float | None, standard: float | None) -> float | None:
    """A batch price that equals the standard one is a price that the library does not have."""
    return None if batch == standard else batch


def _long_requests(price: ModelPrice) -> str | None:
    tiers = getattr(price.input_mtok, "tiers", None)
    if not tiers:
        return None
    return f"requests of {tiers[0].start:,} input tokens and more cost more: input {float(tiers[0].price):g}"
