"""The catalogue as rows: each model once by tier, with what is known of it on the day."""

from __future__ import annotations

from datetime import date

from advisor.cases.loading import load_case
from advisor.catalogue.entries import load_prices
from advisor.catalogue.prices import price_of
from advisor.catalogue.table import gpu_rows, is_used, price_rows, used_by
from tests.conftest import write_case

TODAY = date(2026, 11, 25)


def test_every_model_of_the_catalogue_is_there_and_no_row_twice() -> None:
    rows = price_rows(TODAY)
    keys = [(r.price.provider, r.price.model, r.price.tuned, r.tier) for r in rows]
    assert len(set(keys)) == len(keys)
    assert {(e.provider, e.model) for e in load_prices().entries} == {k[:2] for k in keys}


def test_a_row_says_what_asking_for_the_price_says() -> None:
    for row in price_rows(TODAY):
        base = row.price.model if row.price.provider == "azure_openai" else None
        asked = price_of(
            row.price.provider,
            row.price.model,
            base_model=base,
            tuned=row.price.tuned,
            on=TODAY,
            tier=row.tier or "global",
        )
        assert row.price == asked


def test_what_is_older_than_ninety_days_is_stale() -> None:
    for row in price_rows(TODAY):
        assert row.price.date is not None
        assert row.stale == ((TODAY - row.price.date).days > 90)
    assert not any(g.stale for g in gpu_rows(TODAY))
    assert all(g.stale for g in gpu_rows(date(2027, 11, 25)))


def test_models_of_a_case_are_found_whatever_their_version(tmp_path) -> None:
    models = {"m": {"provider": "openai", "model": "gpt-4.1-mini-2025-04-14"}}
    baselines = [
        {"name": "zero_shot", "kind": "zero_shot", "model": "m"},
        {"name": "tuned", "kind": "fine_tuned", "model": "m", "tuning": {"system": "openai"}},
    ]
    case = load_case(write_case(tmp_path / "c", changes={"models": models, "baselines": baselines})).case
    used = used_by(case)
    found = {(r.price.model, r.price.tuned) for r in price_rows(TODAY) if is_used(r, used)}
    assert found == {("gpt-4.1-mini", False), ("gpt-4.1-mini", True)}
