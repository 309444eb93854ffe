"""Other seeds and parts of the data: each a job of its own, made once, and never at the cost of the main result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor import workflow
from advisor.errors import CaseError
from advisor.evaluation.jobs import JobLedger
from advisor.evaluation.progress import Silent
from advisor.testing import ContractServer, Fault
from advisor.workflow.rehearsal import keys
from tests.hosted_case import COSTLY, SYSTEMS, hosted_case, n_of, shorten, standing

FURTHER: dict[str, Any] = {"seeds": [1, 2], "learning_curve": [0.5, 0.75]}
ANSWERS_AT_MOST = 0.0105
"""USD that the budget sets aside for the tuned model's 12 answers, at their longest."""
N_LEARN = 48  # of 60, the rest is the dev split


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractServer]:
    shorten(monkeypatch)
    with ContractServer(training_s=0.05, provisioning_s=0.02) as running, keys(running):
        yield running


def case_of(folder: Path, server: ContractServer, system: str = "openai", **tuning: Any) -> Path:
    return hosted_case(folder, server, system, tuning=tuning, n_train=60)


def change(case: Path, **tuning: Any) -> None:
    content = yaml.safe_load((case / "case.yaml").read_text())
    content["baselines"][1]["tuning"].update(tuning)
    (case / "case.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def trained_ids(server: ContractServer) -> list[set[str]]:
    """The user messages of each training file, in the order of upload."""
    return [
        {json.loads(line)["messages"][1]["content"] for line in f.content.decode().splitlines()}
        for f in server.files
        if f.filename.endswith("-train.jsonl")
    ]


class Told(Silent):
    """Hears the stages of a run."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.notes: list[str] = []

    def start(self, what: str, total: int) -> None:
        self.stages.append(what)

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_variant_is_trained_and_evaluated_once(
    tmp_path: Path, server: ContractServer, system: str
) -> None:
    case = case_of(tmp_path / "c", server, system, **FURTHER)
    told = Told()
    outcome = workflow.run(case, progress=told)
    assert outcome.exit_code == 0
    assert len(server.jobs) == 5
    assert sorted(j.seed for j in server.jobs) == [0, 0, 0, 1, 2]
    assert standing(server) == []
    assert server.violations == []
    assert outcome.calls_made == 12 * 6
    for name in ("seed 1", "seed 2", "0.5 of the data", "0.75 of the data"):
        assert any(s.startswith(f"fine_tuned · {name} · held-out") for s in told.stages)
        assert any(n.startswith(f"fine_tuned · {name} · training") for n in told.notes)

    parts = sorted(trained_ids(server), key=len)[:2]
    assert [len(p) for p in parts] == [24, 36]
    assert parts[0] < parts[1] < max(trained_ids(server), key=len)

    found = outcome.decision
    assert found.learning_curve is not None
    assert [p.n_examples for p in found.learning_curve.points] == [0, 24, 36, N_LEARN]
    assert found.seed_spread is not None
    assert [r.seed for r in found.seed_spread.runs] == [0, 1, 2]

    # what is there is not paid again
    before = len(server.requests)
    again = workflow.run(case)
    assert not [r.route for r in server.requests[before:] if r.route in COSTLY]
    assert (again.calls_made, again.spent_usd) == (0, 0.0)
    assert again.decision.learning_curve == found.learning_curve


def test_a_variant_that_is_named_later_is_all_that_is_paid(tmp_path: Path, server: ContractServer) -> None:
    case = case_of(tmp_path / "c", server)
    first = workflow.run(case)
    change(case, seeds=[7])
    assert workflow.decide(case).baselines[1].quality == first.decision.baselines[1].quality, "it is kept"
    assert any("seed 7" in w and "not measured yet" in w for w in workflow.decide(case).warnings)
    second = workflow.run(case)
    assert len(server.jobs) == 2
    assert second.calls_made == 12
    assert second.decision.provenance.held_out_looks == first.decision.provenance.held_out_looks
    change(case, learning_curve=[0.5])
    third = workflow.run(case)
    assert len(server.jobs) == 3
    assert third.calls_made == 12
    assert third.decision.seed_spread is not None, "what was measured before stays"


def test_a_budget_that_ends_in_a_variant_keeps_the_main_result(
    tmp_path: Path, server: ContractServer
) -> None:
    plain = case_of(tmp_path / "plain", server)
    spent = workflow.run(plain).spent_usd
    case = case_of(tmp_path / "c", server, seeds=[1, 2])
    stopped = workflow.run(case, budget_usd=spent + ANSWERS_AT_MOST)
    assert stopped.exit_code == 4
    assert "seed 1 · training" in str(stopped.stopped_by_budget)
    assert stopped.decision.baselines[1].n == 12
    assert stopped.decision.seed_spread is None
    n_jobs = len(server.jobs)
    outcome = workflow.run(case)
    assert outcome.exit_code == 0
    assert len(server.jobs) == n_jobs + 2
    assert outcome.decision.seed_spread is not None


def test_a_variant_whose_training_fails_is_left_out_and_said(tmp_path: Path, server: ContractServer) -> None:
    case = case_of(tmp_path / "c", server)
    workflow.run(case)
    change(case, seeds=[1, 2])
    server.inject(Fault("jobs.create", "500", every=1))
    told = Told()
    outcome = workflow.run(case, progress=told)
    assert any("seed 1: left out" in n for n in told.notes)
    assert any("seed 2: left out" in n for n in told.notes), "one that fails leaves the other alone"
    assert outcome.decision.seed_spread is None
    assert [b.n for b in outcome.decision.baselines] == [12, 12]
    assert any("seed 1" in w and "run it again" in w for w in outcome.decision.warnings)
    server.clear_faults()
    healed = workflow.run(case).decision
    assert healed.seed_spread is not None
    assert [r.seed for r in healed.seed_spread.runs] == [0, 1, 2]
    assert not any("not measured yet" in w for w in healed.warnings)


class Killed(BaseException):
    """As a kill: no handler of the program sees it coming."""


@pytest.mark.parametrize("system", SYSTEMS)
def test_killed_at_any_change_of_a_page_no_variant_is_trained_twice(
    tmp_path: Path, server: ContractServer, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    """Each run gets three changes of a job's page further than the one before it."""
    case = case_of(tmp_path / "c", server, system, seeds=[1], learning_curve=[0.5])
    save = JobLedger._save
    left = 0

    def dying(self: JobLedger, *arguments: Any, **options: Any) -> Any:
        nonlocal left
        found = save(self, *arguments, **options)
        left -= 1
        if left == 0:
            raise Killed
        return found

    monkeypatch.setattr(JobLedger, "_save", dying)
    runs = 0
    while runs < 60:
        left, runs = 3, runs + 1
        try:
            outcome = workflow.run(case)
            break
        except Killed:
            continue
    else:
        pytest.fail("the run never ended")
    assert runs > 3
    assert outcome.exit_code == 0
    assert len(server.jobs) == 3
    assert standing(server) == []
    assert server.violations == []
    assert outcome.decision.seed_spread is not None
    assert outcome.decision.learning_curve is not None
    # an answer in flight when it died may have been paid twice, nothing else
    assert n_of(server, "jobs.create") == 3


def test_existing_tuning_cannot_be_repeated(tmp_path: Path, server: ContractServer, cli: Any) -> None:
    case = case_of(tmp_path / "c", server, seeds=[1])
    change(case, system="existing", model="ft:mine")
    with pytest.raises(CaseError) as caught:
        workflow.check(case)
    assert "cannot be repeated" in str(caught.value)
    assert "case.yaml:" in str(caught.value)
    assert "baselines[1].tuning" in str(caught.value)
    assert cli("check", case).code == 1


@pytest.mark.parametrize("tuning", [{"seeds": [1, 1]}, {"seeds": [0]}, {"learning_curve": [0.5, 0.5]}])
def test_a_variant_named_twice_is_an_error(
    tmp_path: Path, server: ContractServer, tuning: dict[str, Any]
) -> None:
    with pytest.raises(CaseError):
        workflow.check(case_of(tmp_path / "c", server, **tuning))


def test_check_plans_each_variant_with_its_cost(tmp_path: Path, server: ContractServer, cli: Any) -> None:
    # what a provider chooses itself depends on the number of examples
    case = case_of(tmp_path / "c", server, **FURTHER, epochs=3)
    plain = workflow.check(case_of(tmp_path / "plain", server, epochs=3)).plan
    plan = workflow.check(case).plan
    row = plan.baselines[1]
    assert [x.name for x in row.further] == ["seed 1", "seed 2", "0.5 of the data", "0.75 of the data"]
    assert {x.calls for x in row.further} == {12}
    assert row.training_tokens == row.further[0].training_tokens
    assert row.further[2].training_tokens is not None
    assert row.training_tokens is not None
    assert row.further[2].training_tokens / row.training_tokens == pytest.approx(0.5, rel=0.05)
    assert plan.usd is not None
    assert plain.usd is not None
    assert plan.usd == pytest.approx(plain.usd + sum(x.usd or 0 for x in row.further))
    shown = cli("check", case).out
    assert "seed 2" in shown
    spent = workflow.run(case).spent_usd
    assert spent == pytest.approx(plan.usd, rel=0.35)


def test_check_says_what_will_not_work(tmp_path: Path, server: ContractServer) -> None:
    case = case_of(tmp_path / "c", server, learning_curve=[0.1], seeds=[3])
    notes = workflow.check(case).plan.baselines[1].notes
    assert any("0.1 of the data" in n and "refuses" in n for n in notes)
    change(case, system="autotrain")
    content = yaml.safe_load((case / "case.yaml").read_text())
    content["models"]["m"] = {"provider": "huggingface", "model": "/nowhere"}
    (case / "case.yaml").write_text(yaml.safe_dump(content))
    assert any("AutoTrain ignores the seed" in n for n in workflow.check(case).plan.baselines[1].notes)
