"""A what-if comes to the same as deciding anew, for whatever is changed, and reads nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from advisor import workflow
from advisor.cases.assumptions import Assumption, assumptions_of
from advisor.cases.loading import load_case
from advisor.cases.model_spec import TokenPrices
from advisor.cases.numbers import Range
from advisor.cases.overrides import with_overrides
from advisor.errors import UsageError
from advisor.reports.wording import parameter_name
from advisor.resources import sample_cases_folder
from advisor.workflow.what_if import WhatIf, what_if
from tests.conftest import write_case

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CASE = sample_cases_folder() / "support_intents"


@pytest.fixture(scope="module")
def prepared() -> WhatIf:
    return what_if(CASE, now=NOW)


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"traffic.requests_per_month": "70000"},
        {"traffic.requests_per_month": "{low: 1, likely: 2, high: 3}"},
        {"quality.min_gain": "0.3", "quality.bar": "0.4"},
        {"constraints.latency_p95_s": "0.05"},
        {"models.small.serving.usd_per_hour": "3", "costs.discount_rate": "0.1"},
    ],
)
def test_it_is_what_deciding_anew_comes_to(prepared: WhatIf, overrides: dict[str, str]) -> None:
    assert prepared.decide(overrides) == workflow.decide(CASE, overrides=overrides, now=NOW)


def test_without_sensitivity_only_what_would_turn_the_verdict_is_left_out(prepared: WhatIf) -> None:
    overrides = {"traffic.requests_per_month": "{low: 1000, likely: 2000, high: 90000}"}
    whole, quick = prepared.decide(overrides), prepared.decide(overrides, sensitivity=False)
    assert whole.verdict.flips and whole.tornado and whole.verdict_map
    assert quick == whole.model_copy(
        update={
            "verdict": whole.verdict.model_copy(update={"flips": ()}),
            "tornado": (),
            "verdict_map": (),
        }
    )


def test_it_reads_no_file(prepared: WhatIf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "open", lambda *a, **k: pytest.fail("a file was opened"))
    assert prepared.decide({"traffic.requests_per_month": "1"})


def test_what_is_no_assumption_is_refused(prepared: WhatIf) -> None:
    with pytest.raises(UsageError, match="not an assumption"):
        prepared.decide({"models.small.base_url": "http://evil.example"})


def test_every_assumption_can_be_set_and_has_a_name(prepared: WhatIf) -> None:
    for a in prepared.assumptions():
        value = {"switch": "true", "months": "6"}.get(a.unit, "1")
        with_overrides(prepared.loaded, {a.key: value})
        assert parameter_name(a.key) != a.key, f"{a.key} has no name in words"


def test_nothing_that_can_be_assumed_is_left_out() -> None:
    case = load_case(CASE).case
    keys = {a.key for a in assumptions_of(case)}
    for part in ("traffic", "value", "effort", "costs", "constraints"):
        for field in type(getattr(case, part)).model_fields:
            assert f"{part}.{field}" in keys


def test_what_the_case_says_is_told_apart_from_what_it_does_not(prepared: WhatIf) -> None:
    by_key = {a.key: a for a in prepared.assumptions()}
    assert isinstance(by_key["traffic.requests_per_month"].value, Range)
    assert by_key["effort.moving_hours"].value is None
    assert by_key["value.correct_usd"].value == 0.0


def test_prices_of_the_catalogue_are_changed_together(tmp_path: Path) -> None:
    models = {"hosted": {"provider": "openai", "model": "gpt-4.1-mini"}}
    baselines = [{"name": "zero_shot", "kind": "zero_shot", "model": "hosted"}]
    loaded = load_case(write_case(tmp_path / "c", changes={"models": models, "baselines": baselines}))
    listed = {"hosted": TokenPrices(input=0.4, cached_input=0.1, output=1.6)}
    prices: dict[str, Assumption] = {a.key: a for a in assumptions_of(loaded.case, listed)}
    one = prices["models.hosted.prices.input"]
    changed = with_overrides(loaded, {**{k: str(v) for k, v in one.with_keys}, one.key: "9"})
    assert changed.case.models["hosted"].prices == TokenPrices(input=9, cached_input=0.1, output=1.6)
    assert not [a for a in assumptions_of(loaded.case) if ".prices." in a.key], (
        "unknown prices have no control"
    )
