"""Every assumption on a control: the verdict changes in place, says what it was, and can be sent to somebody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advisor.cases.assumptions import assumptions_of
from advisor.cases.loading import load_case
from advisor.errors import UsageError
from advisor.formatting import clean
from advisor.records import Decision
from advisor.resources import sample_cases_folder
from tests.reports.decisions import HOSTILE, full_decision, hostile_decision, sparse_decision
from tests.ui.app import deciding, html, opened, prepared, told

CASE = sample_cases_folder() / "support_intents"
REQUESTS = "traffic.requests_per_month.likely"


class Scripted:
    """A what-if whose decisions are the test's."""

    def __init__(self, decide: Any) -> None:
        self.decide_on, self.calls = decide, []

    def decide(self, overrides: dict[str, str], *, sensitivity: bool = True) -> Decision:
        self.calls.append(dict(overrides))
        found: Decision = self.decide_on(overrides)
        if sensitivity:
            return found
        verdict = found.verdict.model_copy(update={"flips": ()})
        return found.model_copy(update={"verdict": verdict, "tornado": (), "verdict_map": ()})

    def assumptions(self) -> Any:
        return assumptions_of(load_case(CASE).case)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared(monkeypatch, tmp_path)


def stop() -> Decision:
    full = full_decision()
    verdict = full.verdict.model_copy(update={"decision": "do_not_fine_tune", "recommended": "few_shot"})
    return full.model_copy(update={"verdict": verdict})


def scripted(monkeypatch: pytest.MonkeyPatch, decide: Any) -> Scripted:
    what_if = Scripted(decide)
    monkeypatch.setattr("advisor.workflow.what_if.what_if", lambda case, *, store=None: what_if)
    deciding(monkeypatch, lambda case, overrides: decide({}))
    return what_if


def control(app, key: str):
    return next(n for n in app.number_input if n.key and n.key.endswith(f"|value|{key}"))


def test_a_change_turns_the_verdict_in_place_and_says_what_it_was(monkeypatch) -> None:
    what_if = scripted(monkeypatch, lambda overrides: stop() if overrides else full_decision())
    app = opened("costs", case="support_intents")
    assert not app.exception
    assert "Fine-tune" in app.success[0].value
    assert what_if.calls == []
    control(app, REQUESTS).set_value(1000.0).run()
    assert not app.exception
    assert what_if.calls[-1] == {"traffic.requests_per_month": "{low: 1000, likely: 1000, high: 15000}"}
    assert "Was: Fine-tune (fine\\_tuned). Now: Do not fine-tune (few\\_shot)." in app.info[0].value
    assert "Requests per month, likely: was 9,000 a month, now 1,000 a month" in told(app)
    app.button(key="reset").click().run()
    assert "Fine-tune" in app.success[0].value
    assert control(app, REQUESTS).value == 9000.0
    assert "set" not in app.query_params


def test_every_assumption_that_can_be_set_has_a_control_with_its_unit(monkeypatch) -> None:
    scripted(monkeypatch, lambda overrides: full_decision())
    app = opened("costs", case="support_intents")
    keys = {str(w.key).rpartition("|value|")[2] for w in (*app.number_input, *app.toggle)}
    for a in assumptions_of(load_case(CASE).case):
        assert keys & {a.key, f"{a.key}.likely"}, a.key
    units = [n.label for n in app.number_input if n.label not in ("low", "likely", "high")]
    assert all(label.endswith(")") for label in units)


def test_what_is_not_given_is_not_taken_for_zero(monkeypatch) -> None:
    what_if = scripted(monkeypatch, lambda overrides: full_decision())
    app = opened("costs", case="support_intents")
    assert control(app, "effort.moving_hours").value is None
    assert control(app, "effort.moving_hours").proto.placeholder == "not given"
    assert what_if.calls == []


def test_the_address_holds_the_changes_and_opens_with_them(monkeypatch) -> None:
    what_if = scripted(monkeypatch, lambda overrides: stop() if overrides else full_decision())
    app = opened("costs", case="support_intents")
    control(app, "effort.hourly_rate_usd").set_value(120.0).run()
    assert app.query_params["set"] == ["effort.hourly_rate_usd=120"] or app.query_params["set"] == (
        "effort.hourly_rate_usd=120"
    )
    prepared_again = opened("costs", case="support_intents", set=["effort.hourly_rate_usd=120"])
    assert what_if.calls[-1] == {"effort.hourly_rate_usd": "120"}
    assert control(prepared_again, "effort.hourly_rate_usd").value == 120.0


def test_what_the_address_says_wrongly_is_left_out_and_named(monkeypatch) -> None:
    what_if = scripted(monkeypatch, lambda overrides: full_decision())
    app = opened(
        "costs",
        case="support_intents",
        set=["models.x.base_url=evil", "effort.hourly_rate_usd=<b>", "quality.bar=nan"],
    )
    assert not app.exception
    assert what_if.calls == []
    said = told(app)
    assert "left out" in said and "models.x.base" in said
    assert "<b>" not in said


def test_a_value_that_does_not_fit_is_said_and_the_case_stays_as_it_is(monkeypatch) -> None:
    def decide(overrides: dict[str, str]) -> Decision:
        if overrides:
            raise UsageError("The new value does not fit: quality.bar.", hint="Give another one.")
        return full_decision()

    scripted(monkeypatch, decide)
    app = opened("costs", case="support_intents")
    control(app, "quality.bar").set_value(500.0).run()
    assert not app.exception
    assert "does not fit" in app.error[0].value
    assert "Fine-tune" in app.success[0].value


def test_costs_are_there_month_by_month_with_units_and_the_unknown_is_named(monkeypatch) -> None:
    scripted(monkeypatch, lambda overrides: full_decision())
    said = told(opened("costs", case="support_intents"))
    assert "What it costs over time" in said
    assert "Not drawn, as costs are unknown: classifier." in said
    assert "Break-even" in said


def test_inputs_and_map_are_drawn_when_they_are_looked_at(monkeypatch) -> None:
    scripted(monkeypatch, lambda overrides: full_decision())
    app = opened("costs", case="support_intents")
    key = f"{CASE.resolve()}|tabs"
    for tab, said in (
        ("Sensitivity", "One assumption at a time"),
        ("Verdict map", "The verdict at other volumes and worths"),
    ):
        app.session_state[key] = tab
        app.run()
        assert not app.exception
        assert said in told(app)
        assert len(app.get("vega_lite_chart") or app.get("arrow_vega_lite_chart")) == 1


def test_what_would_turn_a_changed_verdict_is_there_when_it_is_looked_at(monkeypatch) -> None:
    scripted(monkeypatch, lambda overrides: full_decision())
    app = opened("costs", case="support_intents")
    for tab, said in (
        ("Sensitivity", "One assumption at a time"),
        ("Verdict map", "The verdict at other volumes and worths"),
    ):
        app.session_state[f"{CASE.resolve()}|tabs"] = tab
        control(app, REQUESTS).set_value(1000.0 + len(tab)).run()
        assert not app.exception
        assert said in told(app)
        assert len(app.get("vega_lite_chart") or app.get("arrow_vega_lite_chart")) == 1


@pytest.mark.parametrize("of", [hostile_decision, sparse_decision])
def test_hostile_text_and_a_case_without_results_leave_it_standing(monkeypatch, of) -> None:
    scripted(monkeypatch, lambda overrides: of())
    app = opened("costs", case="support_intents")
    assert not app.exception
    said = told(app)
    assert "<script" not in said and HOSTILE not in said
    assert not [c for c in said if clean(c) != c]


def test_on_a_real_case_a_limit_of_latency_turns_the_verdict() -> None:
    app = opened("costs", case="support_intents")
    assert "Not yet" in app.warning[0].value
    control(app, "constraints.latency_p95_s").set_value(0.05).run()
    assert not app.exception
    assert "Was: Not yet. Now: Do not fine-tune" in app.info[0].value
    assert any("fine_tuned" in body for body in html(app))
