"""A verdict rests on the two baselines that it compares: what else the case has neither hides nor turns it."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from advisor.cases.model_spec import ModelSpec
from advisor.catalogue.lifecycle import ServiceEnd
from advisor.decision.decide import decide
from advisor.decision.draws import resampled_means
from advisor.decision.options import model_is_local
from advisor.records import Decision, ItemTable
from tests.decision.evidence import SPECS, hits, make_case, make_evidence, measured

WORTH = {"correct_usd": 0.5, "wrong_usd": 0.0}
NO_BAR = {"metric": "accuracy", "min_gain": 0.02}


def by_token(usd: float | None) -> dict[str, Any]:
    """A model of which a million tokens costs so much; None: nobody knows."""
    return {"provider": "openai", "model": "x"} | (
        {} if usd is None else {"prices": {"input": usd, "output": usd}}
    )


def case_of(prices: dict[str, float | None], **changes: Any) -> Any:
    """Baselines by name, each with a model of its own; names that begin with `ft` are tuned elsewhere already."""
    baselines = []
    for name in prices:
        if name.startswith("ft"):
            tuning = {"system": "existing", "model": f"{name}+"}
            baselines.append({"name": name, "kind": "fine_tuned", "model": name, "tuning": tuning})
        else:
            kind = "few_shot" if name.startswith("few") else "zero_shot"
            baselines.append({"name": name, **{**SPECS[kind], "model": name}})
    models = {name: by_token(usd) for name, usd in prices.items()}
    effort = {"data_hours": 0, "evaluation_hours": 0, "refinement_hours": 0, "hourly_rate_usd": 0}
    return make_case(models=models, baselines=baselines, **{"effort": effort, **changes})


def decided(
    prices: dict[str, float | None], shares: dict[str, float], n: int = 2000, **changes: Any
) -> Decision:
    return decide(make_evidence(case_of(prices, **changes), {k: hits(s, n) for k, s in shares.items()}))


def test_a_third_baseline_of_a_few_items_does_not_hide_a_clear_verdict() -> None:
    case = make_case(value=WORTH, quality=NO_BAR)
    right = {"few_shot": hits(0.70, 1000, shift=3), "fine_tuned": hits(0.78, 1000)}
    whole = decide(make_evidence(case, {"zero_shot": [0.0] * 1000, **right})).verdict
    rng = np.random.default_rng(1)
    for count in (1, 10, 40):
        evidence = make_evidence(case, right)
        items = measured(case, "zero_shot", [0.0] * 1000).items
        chosen = sorted(rng.choice(1000, count, replace=False))
        part = measured(case, "zero_shot", [], items=ItemTable([items[int(k)] for k in chosen]))
        found = decide(
            evidence.model_copy(update={"measured": (part, *evidence.measured)}), sensitivity=False
        ).verdict
        assert (found.decision, found.recommended) == (whole.decision, "fine_tuned")
        assert found.confidence == pytest.approx(whole.confidence, abs=0.01)


def test_a_go_is_not_for_being_cheaper_than_one_of_several_equals() -> None:
    # the tuned model is cheaper than the alternative that leads by a hair, and dearer than one that is as good
    prices = {"few_shot": 100.0, "zero_shot": 0.01, "ft": 2.0}
    found = decided(prices, {"few_shot": 0.80, "zero_shot": 0.7995, "ft": 0.80}, quality=NO_BAR).verdict
    assert (found.decision, found.recommended) == ("do_not_fine_tune", "zero_shot")


def test_another_tuned_model_that_becomes_better_does_not_undo_a_go() -> None:
    prices = {"few_shot": 100.0, "ft_cheap": 0.1, "ft_dear": 200.0}
    for dear in (0.80, 0.802, 0.84):
        found = decided(
            prices, {"few_shot": 0.80, "ft_cheap": 0.801, "ft_dear": dear}, quality=NO_BAR
        ).verdict
        assert found.decision == "fine_tune"


def test_what_reaches_the_bar_goes_before_what_brings_a_little_more() -> None:
    quality = {"metric": "accuracy", "bar": 0.85, "min_gain": 0.02}
    prices = {"few_shot": 1.0, "ft_small": 1.0, "ft_big": 30.0}
    shares = {"few_shot": 0.70, "ft_small": 0.84, "ft_big": 0.88}
    found = decided(prices, shares, quality=quality, value={"correct_usd": 0.05}).verdict
    assert (found.decision, found.recommended) == ("fine_tune", "ft_big")
    prices = {"few_shot": 1.0, "few_big": 10.0, "ft": 500.0}
    shares = {"few_shot": 0.845, "few_big": 0.86, "ft": 0.80}
    found = decided(prices, shares, quality=quality, value={"correct_usd": 0.05}).verdict
    assert (found.decision, found.recommended) == ("do_not_fine_tune", "few_big")


@pytest.mark.parametrize("changes", [{"value": {"correct_usd": 0.01}}, {"quality": NO_BAR}])
def test_an_unknown_cost_makes_nothing_lose(changes: dict[str, Any]) -> None:
    shares = {"few_shot": 0.90, "ft": 0.895}
    assert decided({"few_shot": 1000.0, "ft": 0.1}, shares, **changes).verdict.decision == "fine_tune"
    found = decided({"few_shot": None, "ft": 0.1}, shares, **changes).verdict
    assert found.decision == "not_yet"
    assert any("few_shot" in text for text in found.missing)


def test_a_tuned_model_that_loses_at_any_price_needs_no_price() -> None:
    for changes in ({"value": {"correct_usd": 0.01}}, {}):
        found = decided({"few_shot": 0.1, "ft": None}, {"few_shot": 0.90, "ft": 0.80}, **changes).verdict
        assert (found.decision, found.recommended) == ("do_not_fine_tune", "few_shot")


def test_another_alternative_of_unknown_cost_does_not_hold_up_a_no() -> None:
    prices = {"few_shot": 0.1, "zero_shot": None, "ft": 5.0}
    shares = {"few_shot": 0.90, "zero_shot": 0.90, "ft": 0.90}
    for changes in ({"value": {"correct_usd": 0.01}}, {}):
        found = decided(prices, shares, **changes).verdict
        assert (found.decision, found.recommended) == ("do_not_fine_tune", "few_shot")


def test_the_odds_leave_out_what_has_no_known_cost() -> None:
    prices = {"few_shot": 0.1, "zero_shot": None, "ft": 500.0}
    shares = {"few_shot": 0.85, "zero_shot": 0.50, "ft": 0.86}
    found = decided(prices, shares, value={"correct_usd": 0.001}, quality=NO_BAR)
    assert found.uncertainty is not None
    odds = {o.name: o for o in found.uncertainty.odds}
    assert set(odds) == {"few_shot", "ft"}
    assert odds["few_shot"].p_best == pytest.approx(1.0) and odds["few_shot"].net_benefit_usd is not None


def test_the_odds_put_the_bar_first_as_the_verdict_does() -> None:
    shares = {"few_shot": 0.90, "ft": 0.60}
    quality = {"metric": "accuracy", "bar": 0.8, "min_gain": 0.02}
    prices = {"few_shot": 3000.0, "ft": 0.1}
    found = decided(prices, shares, quality=quality, value={"correct_usd": 0.001})
    assert found.verdict.decision == "do_not_fine_tune"
    assert found.uncertainty is not None and found.uncertainty.odds[0].name == "few_shot"


def test_a_service_that_has_ended_is_never_recommended() -> None:
    case = case_of({"few_shot": 1.0, "zero_shot": 1.0, "ft": 5.0})
    right = {"few_shot": hits(0.9, 500), "zero_shot": hits(0.85, 500), "ft": hits(0.9, 500)}
    evidence = make_evidence(case, right)
    ended = ServiceEnd(date=date(2026, 10, 22), reason="x", source="x", read_on=None)
    found = decide(evidence.model_copy(update={"ends": {"few_shot": ended}}))
    assert (found.verdict.decision, found.verdict.recommended) == ("do_not_fine_tune", "zero_shot")
    assert any("ended on 2026-10-22" in w for w in found.warnings)
    every = {"few_shot": ended, "zero_shot": ended}
    alone = decide(evidence.model_copy(update={"ends": every})).verdict
    assert alone.recommended not in every and alone.meanwhile not in every


def test_draws_of_unequal_sets_keep_each_mean_and_are_paired_where_both_answered() -> None:
    case = make_case(("few_shot", "fine_tuned"))
    evidence = make_evidence(case, {"few_shot": hits(0.5, 100), "fine_tuned": hits(0.8, 400)})
    standings = [
        type("S", (), {"name": m.name, "ids": m.items.ids, "scores": m.items.score("accuracy")})()
        for m in evidence.measured
    ]
    drawn = resampled_means(standings, {})
    for standing in standings:
        n, mean = len(standing.scores), standing.scores.mean()
        assert drawn[standing.name].mean() == pytest.approx(mean, abs=0.005)
        assert drawn[standing.name].std() == pytest.approx((mean * (1 - mean) / n) ** 0.5, rel=0.1)


def test_the_spread_of_many_distinct_units_is_their_standard_error() -> None:
    scores = np.random.default_rng(0).random(8000)
    standing = type("S", (), {"name": "a", "ids": tuple(map(str, range(8000))), "scores": scores})()
    drawn = resampled_means([standing], {})["a"]
    assert drawn.std() == pytest.approx(scores.std() / 8000**0.5, rel=0.05)


def test_a_quality_that_is_the_bar_but_for_rounding_reaches_it() -> None:
    case = make_case(("few_shot", "fine_tuned"), quality={"metric": "accuracy", "bar": 0.6, "min_gain": 0.02})
    # three times 0.2 is a little less than 0.6 in floating point
    right = {"few_shot": [0.2, 0.2, 0.2] * 40, "fine_tuned": [0.5999999999999999] * 120}
    found = decide(make_evidence(case, right)).verdict
    assert any("fine_tuned reaches the bar" in reason for reason in found.reasons)


def test_a_quality_that_only_looks_like_the_bar_says_by_how_much_it_misses_it() -> None:
    case = make_case(
        ("few_shot", "fine_tuned"), quality={"metric": "accuracy", "bar": 0.85, "min_gain": 0.02}
    )
    found = decide(
        make_evidence(case, {"few_shot": hits(0.5, 4001), "fine_tuned": [1.0] * 3399 + [0.0] * 602})
    )
    assert "misses it by 0.046 points" in " ".join(found.verdict.reasons)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:8000/v1", True), ("http://127.0.0.1/v1", True), ("http://[::1]:80", True),
        ("http://192.168.1.20:8000/v1", True), ("http://10.1.2.3", True), ("http://gpu01.internal/v1", True),
        ("http://gpu01:8000", True), ("http://0.0.0.0:8000", True),
        ("https://api.example.com/v1", False), ("https://8.8.8.8/v1", False), (None, False),
    ],
)  # fmt: skip
def test_a_model_on_a_private_network_stays_local(url: str | None, local: bool) -> None:
    assert model_is_local(ModelSpec(provider="openai_compatible", model="m", base_url=url)) is local


def test_as_good_is_not_passed_on_from_one_alternative_to_the_next() -> None:
    # each is worse than the one before by less than the smallest gain worth having, and cheaper
    shares = {"few_shot": 0.90, "zero_shot": 0.81, "ft": 0.75}
    prices = {"few_shot": 100.0, "zero_shot": 50.0, "ft": 1.0}
    quality = {"metric": "accuracy", "min_gain": 0.1}
    found = decided(prices, shares, quality=quality).verdict
    assert found.decision == "do_not_fine_tune"
    near = decided(prices, {**shares, "ft": 0.88}, quality=quality).verdict
    assert (near.decision, near.recommended) == ("fine_tune", "ft")


def test_a_no_is_not_said_of_a_tuned_model_that_answered_too_few_items() -> None:
    case = case_of({"few_shot": 1.0, "ft_bad": 1.0, "ft_new": 0.1}, quality=NO_BAR)
    right = {"few_shot": hits(0.80, 400), "ft_bad": hits(0.60, 400)}
    few = {**right, "ft_new": [1.0] * 20}
    assert decide(make_evidence(case, right)).verdict.decision == "do_not_fine_tune"
    assert any("nothing of it: ft_new" in w for w in decide(make_evidence(case, right)).warnings)
    found = decide(make_evidence(case, few)).verdict
    assert found.decision == "not_yet" and "20 held-out items in common" in found.reasons[0]


def test_a_no_that_leaves_the_alternative_open_recommends_no_poor_one() -> None:
    shares = {"few_shot": 0.60, "zero_shot": 0.95, "ft": 0.55}
    prices = {"few_shot": 1.0, "zero_shot": None, "ft": 5.0}
    for changes in ({"quality": NO_BAR}, {}):  # quality alone decides, and zero_shot's is the best
        found = decided(prices, shares, **changes).verdict
        assert (found.decision, found.recommended) == ("do_not_fine_tune", "zero_shot")
    found = decided(prices, shares, value={"correct_usd": 0.01}).verdict
    assert (found.decision, found.recommended) == ("do_not_fine_tune", None)
    assert "Whether zero_shot is the better alternative" in found.reasons[-1]
    assert any("zero_shot" in text for text in found.missing)


def test_forbidden_alternatives_forbid_nothing() -> None:
    local = {"provider": "embedded", "model": "x", "serving": {"usd_per_hour": 0.01, "always_on": False}}
    tuning = {"system": "existing", "model": "x+"}
    ft = {"name": "ft", "kind": "fine_tuned", "model": "own", "tuning": tuning}
    case = make_case(
        models={"few_shot": by_token(1.0), "own": local},
        baselines=[{"name": "few_shot", "kind": "few_shot", "model": "few_shot", "examples": 3}, ft],
        constraints={"must_stay_local": True},
    )
    found = decide(make_evidence(case, {"few_shot": hits(0.95, 400), "ft": hits(0.88, 400)})).verdict
    assert (found.decision, found.recommended, found.meanwhile) == ("not_yet", None, None)
    assert any("keeps the constraints" in text for text in found.missing)


def test_an_alternative_that_loses_at_any_price_needs_no_price() -> None:
    shares = {"few_shot": 0.80, "zero_shot": 0.0, "ft": 0.95}
    prices = {"few_shot": 100.0, "zero_shot": None, "ft": 1.0}
    found = decided(prices, shares, value={"correct_usd": 1.0}, quality=NO_BAR).verdict
    assert (found.decision, found.recommended) == ("fine_tune", "ft")


def test_without_a_tuned_model_any_alternative_that_surely_reaches_the_bar_will_do() -> None:
    shares = {"few_shot": 0.95, "zero_shot": 0.81}
    found = decided({"few_shot": 10.0, "zero_shot": 1.0}, shares, n=200).verdict
    assert (found.decision, found.recommended) == ("do_not_fine_tune", "few_shot")


def test_the_reason_is_the_quality_where_that_decides_whatever_the_cost() -> None:
    found = decided({"few_shot": 0.1, "ft": None}, {"few_shot": 0.90, "ft": 0.60}).verdict
    assert found.decision == "do_not_fine_tune"
    assert "not known in full" not in found.reasons[0]
