"""What should be looked at in the price catalogue: age, disagreement, and where a library would mislead."""

from __future__ import annotations

from datetime import date
from typing import Literal

from advisor.catalogue.entries import STALE_AFTER_DAYS, PriceCatalogue, Source, TokenEntry, load_prices
from advisor.catalogue.library import library_date, library_name, quote, quote_of
from advisor.catalogue.wording import differing, usd
from advisor.records import Record


class PriceFinding(Record):
    """One thing about a price that somebody should know."""

    kind: Literal["stale", "disagreement", "library"]
    """Older than it should be; another source says otherwise; or the library is wrong, and is not used for it."""
    provider: str
    model: str
    text: str
    source: str
    """Where the price that is used comes from."""


def check_prices(on: date, *, catalogue: PriceCatalogue | None = None) -> list[PriceFinding]:
    """Everything about the prices that should be looked at on a day.

    Args:
        on: The day from which age is counted.
        catalogue: Prices to check in place of the shipped ones.

    Returns:
        Stale prices first, then disagreements with the library genai-prices, then what that library gets wrong
        without saying so. The last are no faults of the catalogue: they are why it does not ask the library there.
    """
    prices = load_prices() if catalogue is None else catalogue
    kinds = ("stale", "disagreement", "library")
    found = [*_stale(prices, on), *_against_library(prices, on), *_other_endpoints(on)]
    return sorted(found, key=lambda f: kinds.index(f.kind))


def _stale(prices: PriceCatalogue, on: date) -> list[PriceFinding]:
    """One finding for each model and source, however many prices of it there are."""
    by_model: dict[tuple[str, str, str], Source] = {}
    for entry in prices.entries:
        by_model[entry.provider, entry.model, entry.source] = prices.source_of(entry)
    for gpu in prices.gpu_hour:
        by_model["gpu", gpu.gpu, gpu.source] = prices.source_of(gpu)
    found = [
        _finding("stale", provider, model, _age(source.date, on), source.name)
        for (provider, model, _), source in by_model.items()
        if source.stale(on)
    ]
    day = library_date("openai", on)
    if day is None or (on - day).days > STALE_AFTER_DAYS:
        text = "its data hold no dated price" if day is None else f"newest change of price: {_age(day, on)}"
        found.append(_finding("stale", "openai", "base models", text, library_name()))
    return found


def _age(day: date, on: date) -> str:
    return f"of {day}, {(on - day).days} days old; more than {STALE_AFTER_DAYS} is stale"


def _against_library(prices: PriceCatalogue, on: date) -> list[PriceFinding]:
    found = []
    for entry in prices.inference:
        for what in entry.of:
            batch = next(
                (b for b in prices.batch if (b.provider, b.model) == (entry.provider, entry.model) and what in b.of),
                None,
            )  # fmt: skip
            found += _entry_against_library(prices, entry, batch, tuned=what == "tuned", on=on)
    return found


def _entry_against_library(
    prices: PriceCatalogue, entry: TokenEntry, batch: TokenEntry | None, *, tuned: bool, on: date
) -> list[PriceFinding]:
    source, library = prices.source_of(entry).label, library_name()
    ours = entry.tokens | ({f"batch_{k}": v for k, v in batch.tokens.items()} if batch else {})
    model = f"{entry.model}, tuned" if tuned else entry.model

    def finding(kind: Literal["disagreement", "library"], text: str) -> PriceFinding:
        return _finding(kind, entry.provider, model, text, source)

    said = quote_of(entry, tuned=tuned, on=on)
    if said is None:
        # An absent price is no trap on Azure, where the library is never asked.
        missing = entry.provider == "openai"
        return [finding("library", f"{library} knows no price of it")] if missing else []
    if not said.own:
        other = differing(library, said.tokens, ours)
        return [finding("library", f"{text}: another provider's price") for text in other]
    found = [finding("disagreement", text) for text in differing(library, said.tokens, ours)]
    if entry.cached_input is not None and said.cached_input is None:
        text = (
            f"{library} bills cached input in full, {usd(said.input)} in place of {usd(entry.cached_input)}"
        )
        found.append(finding("library", text))
    if batch is not None and said.batch_input is None:
        wrong, right = usd(said.input), usd(batch.input)
        text = f"{library} answers with the standard price for batches, {wrong} in place of {right}"
        found.append(finding("library", text))
    return found


def _other_endpoints(on: date) -> list[PriceFinding]:
    """Providers that the library takes for OpenAI by their name alone."""
    said = quote("openai_compatible", "gpt-4.1-mini", on)
    if said is None:
        return []
    text = f"{library_name()} takes any such endpoint for OpenAI, and gives it OpenAI's prices"
    return [_finding("library", "openai_compatible", "any", text, "the case's own prices")]


def _finding(
    kind: Literal["stale", "disagreement", "library"], provider: str, model: str, text: str, source: str
) -> PriceFinding:
    return PriceFinding(kind=kind, provider=provider, model=model, text=text, source=source)
