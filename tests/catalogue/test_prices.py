"""Prices: what is shipped, which source counts, and what is unknown stays unknown."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.cases.model_spec import TokenPrices
from advisor.catalogue.entries import Source, TokenEntry
from advisor.catalogue.library import library_date, library_name, quote
from advisor.catalogue.names import parse_name
from advisor.catalogue.prices import (
    STALE_AFTER_DAYS,
    PriceCatalogue,
    check_prices,
    gpu_hour,
    load_prices,
    price_of,
)
from advisor.errors import UsageError

TODAY = date(2026, 11, 24)


def tokens(price: object) -> tuple[float | None, ...]:
    return tuple(getattr(price, name) for name in ("input", "cached_input", "output"))


def batch(price: object) -> tuple[float | None, ...]:
    return tuple(getattr(price, f"batch_{name}") for name in ("input", "cached_input", "output"))


@pytest.mark.parametrize(
    ("model", "training", "standard", "batched"),
    [  # OpenAI's pricing page, two copies made after May 2026; LiteLLM 1.110.2 has the same standard and batch prices
        ("gpt-4.1-2025-04-14", 25, (3, 0.75, 12), (1.5, 0.50, 6)),
        ("gpt-4.1-mini-2025-04-14", 5, (0.80, 0.20, 3.20), (0.40, 0.10, 1.60)),
        ("gpt-4.1-nano-2025-04-14", 1.5, (0.20, 0.05, 0.80), (0.10, 0.025, 0.40)),
        ("gpt-4o-2024-08-06", 25, (3.75, 1.875, 15), (2.225, 0.90, 12.5)),
        ("gpt-4o-mini-2024-07-18", 3, (0.30, 0.15, 1.20), (0.15, 0.075, 0.60)),
    ],
)
def test_openai_tuned_models(
    model: str, training: float, standard: tuple[float, ...], batched: tuple[float, ...]
) -> None:
    price = price_of("openai", f"ft:{model}:our-org:support:AbC123", on=TODAY)
    assert price is not None
    assert price.tuned and price.kind == "estimated"
    assert (price.training, tokens(price), batch(price)) == (training, standard, batched)
    assert price.hosting_usd_per_hour == 0  # a premium on tokens, and no hosting
    assert price.disagreements == ()


@pytest.mark.parametrize(
    ("base", "training", "standard"),
    [  # Azure retail meters of 2026-08-11: training global, data zone, developer; global inference
        ("gpt-4.1", (25, 27.5, 12.5), (2, 0.50, 8)),
        ("gpt-4.1-mini", (5, 5.5, 2.5), (0.40, 0.10, 1.60)),
        ("gpt-4.1-nano", (1.5, 1.65, 0.75), (0.10, 0.025, 0.40)),
        ("gpt-4o", (25, 27.5, 12.5), (2.5, 1.25, 10)),
        ("gpt-4o-mini", (3, 3.3, 1.5), (0.15, 0.075, 0.60)),
    ],
)
def test_azure_charges_the_base_rate_and_hosting(
    base: str, training: tuple[float, ...], standard: tuple[float, ...]
) -> None:
    def at(tier: str) -> float | None:
        price = price_of("azure_openai", "d", base_model=base, tuned=True, on=TODAY, training_tier=tier)
        assert price is not None
        assert tokens(price) == standard
        assert price.hosting_usd_per_hour == 1.70
        return price.training

    assert tuple(at(t) for t in ("GlobalStandard", "data_zone", "Developer")) == training
    untuned = price_of("azure_openai", "d", base_model=base, on=TODAY)
    assert untuned is not None
    assert tokens(untuned) == standard
    assert untuned.hosting_usd_per_hour == 0


@pytest.mark.parametrize(
    ("base", "expected"),
    [  # Azure retail meters of 2026-08-11: training, input, output, hosting by the hour
        ("gpt-oss-20b", (3.6, 0.07, 0.30, 0.30)),
        ("Ministral-3B", (1, 0.05, 0.15, 0.65)),
        ("Llama-3.3-70B-Instruct", (4.5, 0.71, 0.71, 0.30)),
    ],
)
def test_open_models_on_azure(base: str, expected: tuple[float, ...]) -> None:
    price = price_of("azure_openai", "d", base_model=base, tuned=True, on=TODAY)
    assert price is not None
    assert (price.training, price.input, price.output, price.hosting_usd_per_hour) == expected
    assert price.cached_input is None


def test_a_developer_deployment_is_free_and_does_not_last() -> None:
    price = price_of("azure_openai", "d", base_model="gpt-4o", tuned=True, on=TODAY, tier="DeveloperTier")
    assert price is not None
    assert (price.hosting_usd_per_hour, price.deployment_hours) == (0, 24)
    assert price.training == 12.5
    assert tokens(price) == (None, None, None)  # the meters read say nothing of this tier's tokens


def test_gpus_by_the_hour() -> None:
    # Hugging Face Jobs, October 2026; AWS g4dn.xlarge, 2026-10-01.
    shown = {name: gpu_hour(name) for name in ("L4", "A10G", "L40S", "A100", "H200", "T4")}
    assert {n: p and p.usd_per_hour for n, p in shown.items()} == {
        "L4": 0.80, "A10G": 1.50, "L40S": 1.80, "A100": 2.50, "H200": 5.00, "T4": 0.526,
    }  # fmt: skip
    assert shown["T4"] is not None and shown["T4"].spot_usd_per_hour == 0.274
    for driver, short in (("NVIDIA A100-SXM4-80GB", "A100"), ("Tesla T4", "T4"), ("a10g-large", "A10G")):
        assert gpu_hour(driver) == shown[short]
    assert gpu_hour("H100") is None
    assert gpu_hour("NVIDIA") is None


def test_every_price_has_a_source_and_a_day() -> None:
    prices = load_prices()
    for entry in (*prices.entries, *prices.gpu_hour):
        source = prices.source_of(entry)
        assert source.name and source.date <= source.read_on <= TODAY
    for entry in prices.entries:  # a name is looked up in lower case and without version
        assert parse_name(entry.model).full == entry.model


def test_an_entry_without_a_source_is_refused() -> None:
    entry = TokenEntry(provider="p", model="m", of=("base",), input=1, output=1, source="nowhere")
    with pytest.raises(ValueError, match="nowhere"):
        PriceCatalogue(sources={}, inference=(entry,))


# ── layers ───────────────────────────────────────────────────────────────────────────────────────────────


def test_openais_base_models_are_priced_by_the_library() -> None:
    # OpenAI's list price of gpt-4.1-mini: 0.40 in, 0.10 cached, 1.60 out; batch 0.20 in, 0.80 out.
    price = price_of("openai", "gpt-4.1-mini", on=TODAY)
    assert price is not None
    assert price.source == library_name()
    assert tokens(price) == (0.40, 0.10, 1.60)
    assert batch(price) == (0.20, None, 0.80)  # it has no batch price for cached input
    assert price.training == 5  # what training it would cost
    assert price.date == library_date("openai", TODAY)
    assert not price.stale


def test_versions_may_have_prices_of_their_own() -> None:
    # gpt-4o-2024-05-13 costs 5 in and 15 out, later versions 2.50 and 10.
    old, new = price_of("openai", "gpt-4o-2024-05-13", on=TODAY), price_of("openai", "gpt-4o", on=TODAY)
    assert old is not None and new is not None
    assert (old.input, old.output, new.input, new.output) == (5, 15, 2.5, 10)
    assert old.training is None
    assert price_of("azure_openai", "d", base_model="gpt-4o-2024-05-13", on=TODAY) is None


def test_the_price_of_ordinary_requests_is_not_that_of_very_long_ones() -> None:
    # gpt-6-luna: 0.10 / 0.50; from 272,000 input tokens on 0.20 / 0.75.
    price = price_of("openai", "gpt-6-luna", on=TODAY)
    assert price is not None
    assert (price.input, price.output) == (0.10, 0.50)
    assert any("272,000" in note for note in price.notes)


def test_ones_own_prices_count_first() -> None:
    own = TokenPrices(input=0.5, output=2)
    price = price_of("azure_openai", "d", base_model="gpt-4.1-mini", tuned=True, own=own, on=TODAY)
    assert price is not None
    assert price.kind == "declared" and price.date is None
    assert tokens(price) == (0.5, None, 2)
    assert batch(price) == (None, None, None)  # a catalogue's batch price would not go with them
    assert (price.training, price.hosting_usd_per_hour) == (5, 1.70)
    assert any("2026-08-11" in note for note in price.notes)
    assert price.disagreements == ("Azure Retail Prices API, 2026-08-11 says input 0.40, output 1.60",)


@pytest.mark.parametrize("provider", ["openai_compatible", "huggingface", "embedded", "some_plug_in"])
def test_only_ones_own_prices_count_elsewhere(provider: str) -> None:
    own = TokenPrices(input=0.3, cached_input=0.03, output=2.5)
    price = price_of(provider, "gpt-4o", own=own, on=TODAY)
    assert price is not None
    assert tokens(price) == (0.3, 0.03, 2.5)
    assert (price.training, price.hosting_usd_per_hour, price.disagreements) == (None, None, ())
    assert price_of(provider, "gpt-4o", on=TODAY) is None


# ── unknown, and never another's ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("provider", "model", "base_model"),
    [
        ("openai", "ft:gpt-3.5-turbo-0125:org::id", None),  # the library has one; tuned prices are ours alone
        ("openai", "ft:o4-mini-2025-04-16:org::id", None),
        ("openai", "no-such-model", None),
        ("openai", "gpt-oss-20b", None),  # the library lists somebody else's price under OpenAI
        ("azure_openai", "gpt-4.1-mini", None),  # a deployment's name
        ("azure_openai", "d", "o4-mini"),
        ("azure_openai", "d", "gpt-6-luna"),  # the library answers with OpenAI's price
    ],
)
def test_what_is_not_known_has_no_price(provider: str, model: str, base_model: str | None) -> None:
    assert price_of(provider, model, base_model=base_model, on=TODAY) is None


def test_azure_never_gets_openais_premium() -> None:
    misled = quote("azure", "ft:gpt-4o-2024-08-06:org::id", TODAY)
    assert misled is not None and not misled.own and misled.input == 3.75
    price = price_of("azure_openai", "d", base_model="gpt-4o-2024-08-06", tuned=True, on=TODAY)
    assert price is not None and price.input == 2.50


@given(
    provider=st.sampled_from(["openai", "azure_openai", "openai_compatible", "huggingface", "embedded"]),
    model=st.text(max_size=30),
    base_model=st.none() | st.text(max_size=30),
    tuned=st.booleans(),
)
def test_no_name_makes_it_guess(provider: str, model: str, base_model: str | None, tuned: bool) -> None:
    price = price_of(provider, model, base_model=base_model, tuned=tuned, on=TODAY)
    assert price is None or (provider in ("openai", "azure_openai") and price.input != 0)


def test_a_tier_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(UsageError, match="nowhere"):
        price_of("azure_openai", "d", base_model="gpt-4o", on=TODAY, tier="nowhere")


def test_a_tier_without_a_price_is_unknown() -> None:
    price = price_of("azure_openai", "d", base_model="gpt-4o", tuned=True, on=TODAY, tier="DataZoneStandard")
    assert price is not None
    assert (price.input, price.training, price.hosting_usd_per_hour) == (None, 27.5, 1.70)
    assert price_of("azure_openai", "d", base_model="gpt-4o", on=TODAY, tier="Standard") is None


# ── age and disagreement ─────────────────────────────────────────────────────────────────────────────────


def invented(day: date, *, output: float = 15.0) -> PriceCatalogue:
    entry = TokenEntry(
        provider="openai",
        model="gpt-4o",
        snapshots=("2024-08-06",),
        of=("tuned",),
        input=3.75,
        output=output,
        source="s",
    )
    source = Source(name="a page", date=day, read_on=day, confidence="source")
    return PriceCatalogue(sources={"s": source}, inference=(entry,))


@pytest.mark.parametrize(
    ("days", "stale"), [(0, False), (STALE_AFTER_DAYS, False), (STALE_AFTER_DAYS + 1, True)]
)
def test_a_price_is_stale_after_ninety_days(days: int, stale: bool) -> None:
    catalogue = invented(TODAY - timedelta(days=days))
    price = price_of("openai", "gpt-4o", tuned=True, on=TODAY, catalogue=catalogue)
    assert price is not None and price.stale is stale
    findings = [f for f in check_prices(TODAY, catalogue=catalogue) if f.kind == "stale"]
    assert bool(findings) is stale


def test_sources_that_disagree_are_both_shown() -> None:
    catalogue = invented(TODAY, output=14.0)
    price = price_of("openai", "ft:gpt-4o-2024-08-06:org::id", on=TODAY, catalogue=catalogue)
    assert price is not None
    assert price.output == 14  # ours counts
    assert price.disagreements == (f"{library_name()} says output 15.00",)
    [finding] = [f for f in check_prices(TODAY, catalogue=catalogue) if f.kind == "disagreement"]
    assert finding.text == price.disagreements[0]
    assert "a page" in finding.source


def test_what_the_library_gets_wrong_is_listed() -> None:
    found = {(f.provider, f.model, f.text) for f in check_prices(TODAY) if f.kind == "library"}
    said = library_name()
    assert ("openai", "gpt-4.1-mini, tuned", f"{said} knows no price of it") in found
    assert (
        "openai", "gpt-4o, tuned", f"{said} answers with the standard price for batches, 3.75 in place of 2.225",
    ) in found  # fmt: skip
    assert (
        "openai", "gpt-4o, tuned", f"{said} bills cached input in full, 3.75 in place of 1.875"
    ) in found  # fmt: skip
    assert (
        "azure_openai", "gpt-4o, tuned", f"{said} says input 3.75, output 15.00: another provider's price"
    ) in found  # fmt: skip
    assert any(provider == "openai_compatible" for provider, _, _ in found)


def test_the_same_day_has_the_same_findings() -> None:
    assert check_prices(TODAY) == check_prices(TODAY)
    assert not [f for f in check_prices(date(2026, 6, 2)) if f.kind == "stale" and f.provider == "gpu"]
    assert [f.model for f in check_prices(date(2027, 6, 1)) if f.kind == "stale" and f.model == "base models"]


def test_the_library_is_not_imported_before_it_is_asked() -> None:
    code = (
        "import sys, advisor.catalogue.prices, advisor.catalogue.lifecycle\n"
        "advisor.catalogue.prices.load_prices()\n"
        "print(sorted({'genai_prices', 'httpx2'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
