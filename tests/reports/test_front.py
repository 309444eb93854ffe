"""The page for the decision-maker: figures of the pair that the reasons name, dangers, and steps that can be taken."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.records import BreakEven, Decision, Purchase
from advisor.reports import stakes, uncertain, wording
from advisor.reports.context import ReportContext
from advisor.reports.sections import appendix, build, front, outlook
from tests.reports.decisions import full_decision

DECISION = full_decision()
ITEMS = "About 50 more held-out items."


def changed(verdict: dict[str, Any] | None = None, **more: Any) -> Decision:
    return DECISION.model_copy(update={"verdict": DECISION.verdict.model_copy(update=verdict or {}), **more})


def waiting(*missing: Purchase, source: str = "measured here") -> Decision:
    verdict = {"decision": "not_yet", "recommended": None, "meanwhile": "few_shot", "shopping_list": missing}
    provenance = DECISION.provenance.model_copy(update={"source": source})
    return changed(verdict, provenance=provenance)


def items(cost: float, worth: float) -> Purchase:
    return Purchase(what="held_out_examples", text=ITEMS, amount=50, cost_usd=cost, worth_usd=worth)


def test_without_a_recommendation_the_tiles_are_of_the_pair_that_the_reasons_compare() -> None:
    noise = DECISION.noise
    assert noise is not None and noise.difference is not None
    pair = noise.difference.model_copy(update={"baseline": "fine_tuned", "reference": "zero_shot"})
    d = waiting().model_copy(update={"noise": noise.model_copy(update={"difference": pair})})
    labels = [t.label for t in front.front_page(d, ReportContext(), ()).tiles]
    assert any("fine_tuned" in label for label in labels)
    assert any("zero_shot" in label for label in labels)


def test_nobody_is_sent_to_buy_what_is_not_worth_its_price() -> None:
    first, second, *_ = front.next_steps(waiting(items(10.0, 2.0)))
    assert "would cost $10.00 and bring $2.00" in first
    assert second == "Use few_shot meanwhile."
    assert uncertain.shopping(waiting(items(10.0, 2.0)))[0].endswith("which is not worth its price.")
    assert front.next_steps(waiting(items(10.0, 20.0)))[0].startswith("Get what is missing first: about 50")
    other = Purchase(what="tuned_model", text="A tuned model that reaches the bar.")
    assert "a tuned model" in front.next_steps(waiting(items(10.0, 2.0), other))[0]


def test_results_from_elsewhere_are_imported_again_not_run() -> None:
    steps = " ".join(front.next_steps(waiting(items(1.0, 20.0), source="imported")))
    assert "advisor import" in steps
    assert "advisor run" not in steps
    cost = Purchase(what="cost", text="What it costs.")
    assert "advisor import" not in " ".join(front.next_steps(waiting(cost, source="imported")))
    lines = "\n".join(appendix.commands(waiting(source="imported")))
    assert "advisor import" in lines
    assert "advisor run" not in lines
    assert "advisor run" in "\n".join(appendix.commands(waiting()))


def test_a_tuned_model_that_is_there_needs_no_making() -> None:
    from advisor.records import ReadinessItem

    ready = tuple(
        ReadinessItem(item=item, status="missing", text="")
        for item in (
            "a pre-trained model to tune",
            "a training environment to run the job",
            "a hosting environment",
        )
    )
    d = changed({"decision": "fine_tune", "recommended": "fine_tuned"}, readiness=ready)
    settle = next(s for s in front.next_steps(d) if s.startswith("Settle"))
    assert settle == "Settle what its use needs: a hosting environment."


def test_the_first_page_tells_the_dangers_of_what_it_recommends() -> None:
    ends = "fine_tuned: the service of its model ends on 2027-01-14."
    other = "rag: the service of its model ends on 2027-01-14."
    worse = "fine_tuned is worse than its own base model (53.3% against 80.0% of zero_shot)."
    d = changed({"recommended": "fine_tuned"}, warnings=(other, ends, worse))
    assert front.front_page(d, ReportContext(), ()).mind == (ends, worse)


def only_losses(correct: object = 0.0) -> dict[str, Any]:
    return {**DECISION.facts.assumptions, "value": {"correct_usd": correct, "wrong_usd": -1.0}}


def test_where_only_losses_are_declared_nothing_is_called_unprofitable() -> None:
    assert DECISION.uncertainty is not None
    odds = tuple(o.model_copy(update={"net_benefit_usd": -1000.0}) for o in DECISION.uncertainty.odds)
    facts = DECISION.facts.model_copy(update={"assumptions": only_losses()})
    d = changed(facts=facts, uncertainty=DECISION.uncertainty.model_copy(update={"odds": odds}))
    said = " ".join(stakes.stake_lines(d))
    assert "Errors and running cost $1,000 over 12 months with" in said
    assert "what right answers bring is not declared" in said
    assert "neither earns" not in said
    gains = d.model_copy(
        update={
            "facts": facts.model_copy(update={"assumptions": only_losses({"low": 0, "likely": 0, "high": 1})})
        }
    )
    assert "neither earns" in " ".join(stakes.stake_lines(gains))


def test_meanwhile_is_the_least_of_the_alternatives_where_only_losses_are_declared() -> None:
    facts = DECISION.facts.model_copy(update={"assumptions": only_losses()})
    worth = {"few_shot": -36_770.0, "zero_shot": -50_000.0}
    rows = tuple(
        b.model_copy(update={"value_usd_over_horizon": worth.get(b.name)}) for b in DECISION.baselines
    )
    d = waiting().model_copy(update={"facts": facts, "baselines": rows})
    d = d.model_copy(update={"verdict": d.verdict.model_copy(update={"meanwhile_pays": False})})
    assert uncertain.meanwhile(d) == (
        "Until then: use few_shot. Errors and running cost $36,770 over 12 months with few_shot, the least of the "
        "alternatives; what right answers bring is not declared."
    )


@pytest.mark.parametrize("basis", ["range", "assumed"])
def test_ranges_are_spoken_of_only_where_the_case_gives_some(basis: str) -> None:
    tornado = tuple(b.model_copy(update={"basis": basis}) for b in DECISION.tornado)
    d = changed({"confidence": 0.9}, tornado=tornado)
    page = front.front_page(d, ReportContext(), ())
    told = " ".join([*(t.note for t in page.tiles), *page.stake, uncertain.odds_sentence(d) or ""])
    assert ("ranges of the assumptions" in told) == (basis == "range")


def test_settings_chosen_elsewhere_are_not_claimed_to_be_chosen_on_dev() -> None:
    from advisor.reports.html import render_html

    imported = waiting(source="imported")
    html = render_html(imported)
    assert "how settings were chosen there" in html
    assert "never on the held-out items" not in html
    told = [str(b) for s in build(imported, drawn=()).appendix for b in s.blocks]
    assert not any("never on the held-out items" in t for t in told)


def test_what_is_left_out_on_the_first_page_of_a_pdf_is_counted() -> None:
    from advisor.reports.pdf import FRONT_LINES, _cut

    page = front.front_page(waiting(), ReportContext(), ()).model_copy(
        update={"missing": tuple(f"Thing {i}." for i in range(FRONT_LINES["missing"] + 3))}
    )
    shown, cut = _cut(page)
    assert cut
    assert shown.missing[-1] == "and 4 more, page 2"
    assert len(shown.missing) == FRONT_LINES["missing"]


def test_a_default_is_not_called_declared() -> None:
    assert wording.given("value.correct_usd", "0") == "default"
    assert wording.given("value.correct_usd", "0.5").endswith("declared")
    assert wording.given("effort.data_hours", "not given") == "–"


def test_hollow_tables_and_maps_are_one_sentence() -> None:
    unknown = tuple(
        b.model_copy(update={"gain_at_low": None, "gain_at_high": None}) for b in DECISION.tornado
    )
    same = tuple(p.model_copy(update={"decision": "not_yet"}) for p in DECISION.verdict_map)
    section = outlook.inputs(changed(tornado=unknown, verdict_map=same), ())
    assert section is not None
    assert not [b for b in section.blocks if b.type == "table"]
    told = " ".join(str(b) for b in section.blocks)
    assert "What tuning brings is not known" in told
    assert "Not yet in all of them" in told


def test_the_same_unknown_break_even_is_said_once() -> None:
    pairs = tuple(
        BreakEven(
            baseline="t",
            against=a,
            requests_per_month=None,
            within_capacity=None,
            text="Unknown: the cost of t.",
        )
        for a in ("a", "b", "c")
    )
    assert wording.break_evens(changed(break_even=pairs)) == ["Unknown: the cost of t."]
