"""The tuned model on other cases: asked while it is open, paid once, scored as that case scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor import workflow
from advisor.errors import CaseError
from advisor.testing import ContractServer
from advisor.workflow.rehearsal import keys, rehearse
from tests.conftest import make_rows, write_case, write_jsonl
from tests.hosted_case import COSTLY, SYSTEMS, hosted_case, n_of, shorten, standing


class Forgets:
    """A brain that knows the other case untuned, and nothing of it once it is tuned."""

    def answer(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        response_format: Mapping[str, Any] | None,
        tuned_on: Any,
    ) -> str:
        text = str(messages[-1]["content"])
        tuned = bool(tuned_on)
        if text.startswith("colour"):
            return '{"label": "red"}' if not tuned else '{"label": "blue"}'
        return '{"label": "other"}'


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractServer]:
    shorten(monkeypatch)
    with ContractServer(training_s=0.05, provisioning_s=0.02, brain=Forgets()) as running, keys(running):
        yield running


def other_case(folder: Path, n: int = 20, name: str = "colours") -> Path:
    rows = [
        {"id": f"{split}{i}", "input": f"colour {split} number {i * 37}", "output": "red"}
        for split in "th"
        for i in range(n)
    ]
    case = write_case(
        folder, train=[r for r in rows if r["id"][0] == "t"], held_out=[r for r in rows if r["id"][0] == "h"]
    )
    content = yaml.safe_load((case / "case.yaml").read_text())
    content |= {
        "name": name,
        "task": {"kind": "classification", "instructions": "Name it.", "labels": ["red", "blue"]},
        "quality": {"metric": "accuracy", "min_gain": 0.05},
    }
    (case / "case.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return case


def case_with(folder: Path, server: ContractServer, system: str = "openai", **wanted: Any) -> Path:
    return hosted_case(folder, server, system, changes={"extensibility": {"cases": ["../colours"], **wanted}})


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_tuned_model_that_forgot_is_found_out(tmp_path: Path, server: ContractServer, system: str) -> None:
    other_case(tmp_path / "colours")
    case = case_with(tmp_path / "c", server, system)
    outcome = workflow.run(case)
    assert outcome.exit_code == 0
    assert outcome.calls_made == 12 + 12 + 20 + 20
    found = outcome.decision.extensibility
    assert found is not None
    (there,) = found.cases
    assert (there.case, there.n, there.base, there.tuned, there.outcome) == ("colours", 20, 1.0, 0.0, "lost")
    question = {q.id: q for q in outcome.decision.questions}["benefits.extensibility"]
    assert question.answer == "no"
    assert {e.kind for e in question.evidence} >= {"measured"}
    # asked as the other case asks: its words, its labels
    asked = [r.json for r in server.requests if r.route == "chat"]
    colours = [a for a in asked if a["messages"][-1]["content"].startswith("colour h")]
    assert len(colours) == 40
    assert all("Name it." in a["messages"][0]["content"] for a in colours)
    if system == "azure_openai":
        assert n_of(server, "deployments.create") == n_of(server, "deployments.delete") == 1
    assert standing(server) == []
    assert server.violations == []

    before = len(server.requests)
    again = workflow.run(case)
    assert not [r.route for r in server.requests[before:] if r.route in COSTLY]
    assert again.decision.extensibility == found


def test_only_the_first_items_are_asked(tmp_path: Path, server: ContractServer) -> None:
    other_case(tmp_path / "colours")
    outcome = workflow.run(case_with(tmp_path / "c", server, items=5))
    assert outcome.decision.extensibility is not None
    assert outcome.decision.extensibility.cases[0].n == 5
    assert outcome.calls_made == 24 + 10


def test_named_later_it_asks_the_other_case_alone(tmp_path: Path, server: ContractServer) -> None:
    other = other_case(tmp_path / "colours")
    case = hosted_case(tmp_path / "c", server)
    workflow.run(case)
    content = yaml.safe_load((case / "case.yaml").read_text())
    content["extensibility"] = {"cases": ["../colours"], "items": 8}
    (case / "case.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    assert workflow.run(case).calls_made == 16
    assert len(server.jobs) == 1
    # another held-out set there is another question
    write_jsonl(
        other / "held_out.jsonl",
        [{"id": f"n{i}", "input": f"colour n {i}", "output": "red"} for i in range(8)],
    )
    assert workflow.run(case).calls_made == 16


def test_a_budget_that_ends_elsewhere_keeps_the_main_result(tmp_path: Path, server: ContractServer) -> None:
    other_case(tmp_path / "colours")
    spent = workflow.run(hosted_case(tmp_path / "plain", server)).spent_usd
    case = case_with(tmp_path / "c", server)
    stopped = workflow.run(case, budget_usd=spent + 0.0105)  # the answers here, at their longest
    assert stopped.exit_code == 4
    assert "on colours" in str(stopped.stopped_by_budget)
    assert [b.n for b in stopped.decision.baselines] == [12, 12]
    outcome = workflow.run(case)
    assert outcome.calls_made <= 40
    assert outcome.decision.extensibility is not None


def test_a_case_that_does_not_pass_check_is_named(tmp_path: Path, server: ContractServer, cli: Any) -> None:
    other = other_case(tmp_path / "colours")
    (other / "held_out.jsonl").write_text('{"id": 1')
    case = case_with(tmp_path / "c", server)
    for verb in (workflow.check, workflow.run):
        with pytest.raises(CaseError) as caught:
            verb(case)
        assert "'../colours' does not pass" in str(caught.value)
        assert "held_out.jsonl:1" in str(caught.value)
    assert server.requests == [] or not [r for r in server.requests if r.route in COSTLY]
    assert cli("check", case).code == 1


@pytest.mark.parametrize("path", ["../nowhere", "."])
def test_no_other_case(tmp_path: Path, server: ContractServer, path: str) -> None:
    with pytest.raises(CaseError, match="extensibility"):
        workflow.check(hosted_case(tmp_path / "c", server, changes={"extensibility": {"cases": [path]}}))


def test_check_plans_the_questions_to_both_models(tmp_path: Path, server: ContractServer) -> None:
    other_case(tmp_path / "colours")
    plan = workflow.check(case_with(tmp_path / "c", server)).plan
    (row,) = plan.baselines[1].further
    assert (row.name, row.calls, row.training_tokens) == ("on colours", 40, None)
    assert row.usd is not None
    assert plan.baselines[0].further == ()


def test_a_rehearsal_finds_the_other_cases_too(tmp_path: Path) -> None:
    other_case(tmp_path / "colours")
    case = write_case(
        tmp_path / "c",
        train=make_rows("t", 24),
        held_out=make_rows("h", 12),
        changes={
            "models": {"m": {"provider": "openai", "model": "gpt-4.1-mini"}},
            "baselines": [
                {"name": "fine_tuned", "kind": "fine_tuned", "model": "m", "tuning": {"system": "openai"}}
            ],
            "extensibility": {"cases": ["../colours"], "items": 4},
        },
    )
    found = rehearse(case, training_s=0.05).decision.extensibility
    assert found is not None
    assert found.cases[0].n == 4
