"""Costs over time in the decision: paybacks, present value, and that what is spent decides nothing."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from advisor.cases.schema import Case
from advisor.decision.decide import decide
from advisor.decision.summary import cost_models, summarise_findings
from advisor.records import Decision, ItemTable
from tests.decision.evidence import hits, make_case, make_evidence, measured

TOKENS = {"m": {"provider": "openai", "model": "x", "prices": {"input": 100, "output": 100}}}
RIGHT = {"zero_shot": hits(0.4), "few_shot": hits(0.6, shift=3), "fine_tuned": hits(0.9)}


def decided(case: Case, **changes: Any) -> Decision:
    return decide(make_evidence(case, RIGHT, **changes))


def paybacks(decision: Decision) -> dict[str, tuple[int | None, bool]]:
    assert decision.costs_over_time is not None
    return {p.against: (p.month, p.worth_included) for p in decision.costs_over_time.paybacks}


def test_when_tuning_is_ahead_by_costs_and_with_what_answers_are_worth() -> None:
    # 10,000 requests: zero_shot $105 a month, few_shot $405, fine_tuned $105 and $2,000 once; training has no price
    baselines = [
        {"name": n, "kind": n, "model": "m", **({"examples": 3} if n == "few_shot" else {})}
        for n in ("zero_shot", "few_shot")
    ]
    tuned = {
        "name": "fine_tuned",
        "kind": "fine_tuned",
        "model": "m",
        "tuning": {"system": "existing", "model": "y"},
    }
    shape: dict[str, Any] = {"models": TOKENS, "baselines": [*baselines, tuned]}
    decision = decided(make_case(**shape))
    assert paybacks(decision) == {"zero_shot": (None, False), "few_shot": (7, False)}
    # 0.3 more right answers of $0.11 each: $330 a month more against few_shot; 0.5 and $550 against zero_shot
    worth = decided(make_case(**shape, value={"correct_usd": 0.11}))
    assert paybacks(worth) == {"zero_shot": (4, True), "few_shot": (4, True)}


def test_the_json_holds_costs_month_by_month() -> None:
    document = json.loads(decided(make_case()).to_json())
    (row,) = (b["cost_usd"] for b in document["baselines"] if b["name"] == "fine_tuned")
    assert [m["month"] for m in row["months"]] == list(range(13))
    assert row["months"][0]["parts"]["data"] == 1000
    assert row["months"][-1]["cumulative"] == pytest.approx(row["over_horizon"])
    assert row["npv"] == pytest.approx(row["over_horizon"])


def test_a_discount_rate_lowers_the_present_value_and_is_what_is_weighed() -> None:
    plain, discounted = (
        decided(make_case(value={"correct_usd": 0.1}, costs={"discount_rate": r})) for r in (0.0, 0.2)
    )
    for a, b in zip(plain.baselines, discounted.baselines, strict=True):
        assert a.cost_usd.over_horizon == b.cost_usd.over_horizon
        assert (a.cost_usd.npv or 0) > (b.cost_usd.npv or 0)
        assert (a.value_usd_over_horizon or 0) > (b.value_usd_over_horizon or 0)
    assert any("in present value" in r for r in discounted.verdict.reasons)
    assert not any("in present value" in r for r in plain.verdict.reasons)


def test_what_measuring_cost_decides_nothing() -> None:
    case = make_case()
    dear = tuple(
        m.model_copy(update={"items": ItemTable(i.model_copy(update={"cost_usd": 100.0}) for i in m.items)})
        for m in (measured(case, n, RIGHT[n]) for n in RIGHT)
    )
    free, spent = decided(case), decided(case, measured=dear)
    assert spent.costs_over_time is not None
    assert spent.costs_over_time.measuring_usd == pytest.approx(3 * 200 * 100)
    assert spent.verdict == free.verdict
    told = decided(make_case(costs={"evaluation_usd": 7.0}))
    assert told.costs_over_time is not None
    assert (told.costs_over_time.measuring_usd, told.costs_over_time.measuring_is) == (7.0, "declared")


def test_a_what_if_costs_no_second_look_at_the_items() -> None:
    case = make_case(("zero_shot", "few_shot", "classifier", "fine_tuned"))
    evidence = make_evidence(case, {**RIGHT, "classifier": hits(0.7)})
    findings = summarise_findings(evidence)
    start = time.perf_counter()
    for hours in range(100):
        changed = evidence.model_copy(
            update={
                "case": case.model_copy(
                    update={"effort": case.effort.model_copy(update={"data_hours": float(hours)})}
                )
            }
        )
        cost_models(changed, findings)
    assert time.perf_counter() - start < 0.4  # 4 baselines 100 times: 1 ms each at most
