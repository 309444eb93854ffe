"""`run --batch`: cheaper, without latencies, never handed over twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from advisor import workflow
from advisor.errors import ModelError
from advisor.evaluation import batches
from advisor.records import ChatRequest, Message
from advisor.store.database import Store
from advisor.testing import ContractServer, Fault
from advisor.workflow.rehearsal import keys
from tests.hosted_case import SYSTEMS, hosted_case, living_jobs, n_of, shorten, standing


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractServer]:
    shorten(monkeypatch)
    with ContractServer(training_s=0.05, provisioning_s=0.02) as running, keys(running):
        yield running


@pytest.mark.parametrize("system", SYSTEMS)
def test_base_and_tuned_model_are_asked_by_batches(
    tmp_path: Path, server: ContractServer, system: str
) -> None:
    outcome = workflow.run(hosted_case(tmp_path / "c", server, system), use_batches=True)
    assert outcome.exit_code == 0
    # a tuned deployment of Azure is asked directly: it takes no batches, and is billed by the hour
    by_batch = 2 if system == "openai" else 1
    assert [len(b.results) for b in server.batches] == [12] * by_batch
    assert sum(t.calls for t in server.billed.chat.values()) == (0 if system == "openai" else 13)
    for row in outcome.decision.baselines[:by_batch]:
        assert row.n == 12
        assert row.latency_s is None or row.latency_s.p50 is None, "a batch tells of no latency"
    assert server.violations == []
    assert standing(server) == []
    assert len(living_jobs(server)) == 1
    before = len(server.batches), n_of(server, "chat")
    assert workflow.run(server_case := tmp_path / "c", use_batches=True).calls_made == 0
    assert workflow.run(server_case).calls_made == 0, "the answers count without --batch too"
    assert (len(server.batches), n_of(server, "chat")) == before


def test_batch_answers_cost_batch_prices(tmp_path: Path, server: ContractServer) -> None:
    direct = hosted_case(tmp_path / "direct", server, baselines=("zero_shot",))
    batched = hosted_case(tmp_path / "batched", server, baselines=("zero_shot",))
    usual = workflow.run(direct).spent_usd
    assert 0 < workflow.run(batched, use_batches=True).spent_usd == pytest.approx(usual / 2)


def test_a_batch_that_would_cost_too_much_is_not_handed_over(tmp_path: Path, server: ContractServer) -> None:
    from advisor.errors import BudgetExceededError

    case = hosted_case(tmp_path / "c", server, baselines=("zero_shot",))
    with pytest.raises(BudgetExceededError):
        workflow.run(case, use_batches=True, budget_usd=1e-6)
    assert server.batches == []


def test_lines_that_failed_are_asked_again_by_the_next_run(tmp_path: Path, server: ContractServer) -> None:
    case = hosted_case(tmp_path / "c", server, baselines=("zero_shot",))
    server.inject(Fault("batches.line", "500", nth=2), Fault("batches.line", "timeout", nth=7))
    first = workflow.run(case, use_batches=True)
    assert (first.exit_code, first.failed) == (3, 2)
    second = workflow.run(case, use_batches=True)
    assert (second.exit_code, second.failed, second.calls_made) == (0, 0, 2)
    assert [len(b.results) for b in server.batches] == [12, 2]
    assert server.violations == []


def test_a_lost_answer_to_the_handing_over_makes_no_second_batch(
    tmp_path: Path, server: ContractServer
) -> None:
    case = hosted_case(tmp_path / "c", server, baselines=("zero_shot",))
    server.inject(Fault("batches.create", "disconnect", after=True))
    assert workflow.run(case, use_batches=True).exit_code == 0
    assert len(server.batches) == 1


class Stop(BaseException):
    """As a kill: no handler of the program sees it coming."""


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_run_that_dies_while_it_waits_finds_its_batch_again(
    tmp_path: Path, server: ContractServer, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    case = hosted_case(tmp_path / "c", server, system, baselines=("zero_shot",))
    polled: Callable[..., Any] = batches._polled
    monkeypatch.setattr(batches, "_polled", stop)
    with pytest.raises(Stop):
        workflow.run(case, use_batches=True)
    monkeypatch.setattr(batches, "_polled", polled)
    assert len(server.batches) == 1
    outcome = workflow.run(case, use_batches=True)
    assert (outcome.exit_code, outcome.calls_made) == (0, 12)
    assert len(server.batches) == 1
    assert server.billed.chat == {}


def test_a_tuned_model_is_not_tuned_again_when_its_batch_is_found(
    tmp_path: Path, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = hosted_case(tmp_path / "c", server, baselines=("fine_tuned",))
    polled: Callable[..., Any] = batches._polled
    monkeypatch.setattr(batches, "_polled", stop)
    with pytest.raises(Stop):
        workflow.run(case, use_batches=True)
    monkeypatch.setattr(batches, "_polled", polled)
    assert workflow.run(case, use_batches=True).exit_code == 0
    assert len(server.batches) == len(server.jobs) == 1


def stop(*_: Any) -> None:
    raise Stop


def test_a_batch_that_failed_is_said_and_not_waited_for_for_ever(
    tmp_path: Path, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from advisor.testing import _routes_batches as routes

    case = hosted_case(tmp_path / "c", server, baselines=("zero_shot",))
    with monkeypatch.context() as broken:
        error = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached.", "line": None}
        broken.setattr(routes, "read_input", lambda *_: ([], [{**error, "param": None}]))
        with pytest.raises(ModelError, match="Enqueued token limit") as caught:
            workflow.run(case, use_batches=True)
    assert caught.value.hint
    assert workflow.run(case, use_batches=True).exit_code == 0
    assert [b.status for b in server.batches] == ["failed", "completed"]


def test_a_batch_that_the_provider_has_forgotten_is_handed_over_anew(
    tmp_path: Path, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = hosted_case(tmp_path / "c", server, baselines=("zero_shot",))
    polled: Callable[..., Any] = batches._polled
    monkeypatch.setattr(batches, "_polled", stop)
    with pytest.raises(Stop):
        workflow.run(case, use_batches=True)
    monkeypatch.setattr(batches, "_polled", polled)
    server.service.state.batches.clear()
    with pytest.raises(ModelError, match="No batch found"):
        workflow.run(case, use_batches=True)
    assert workflow.run(case, use_batches=True).exit_code == 0


def test_what_is_handed_over_is_in_the_store_first(tmp_path: Path, server: ContractServer) -> None:
    case = hosted_case(tmp_path / "c", server, baselines=("zero_shot",))
    server.inject(Fault("files.create", "500", every=1))
    store_url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("advisor.models._hosted_batch.HostedBatches.submit", stop)
        with pytest.raises(Stop):
            workflow.run(case, use_batches=True, store=store_url)
    version = f"openai:{server.base_url.removeprefix('http://')}:gpt-4.1-mini"
    with Store(store_url) as store:
        (row,) = store.open_batches(version)
    assert (row["batch_id"], len(row["requests"])) == (None, 12)


def test_large_sets_are_handed_over_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = {str(i): ChatRequest(messages=(Message(role="user", content="x" * 100),)) for i in range(10)}
    monkeypatch.setattr(batches, "MOST_CHARACTERS", 350)
    assert [len(p) for p in batches._parts(requests)] == [3, 3, 3, 1]
    monkeypatch.setattr(batches, "MOST_REQUESTS", 2)
    assert [len(p) for p in batches._parts(requests)] == [2] * 5
    monkeypatch.setattr(batches, "MOST_CHARACTERS", 50)
    assert [len(p) for p in batches._parts(requests)] == [1] * 10, "one that is too large goes alone"
    assert json.dumps(list(batches._parts({}))) == "[]"
