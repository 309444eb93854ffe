"""Fine-tuning at OpenAI by itself: the `tune` commands, and what becomes of a job that fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from advisor import workflow
from advisor.errors import ModelError, TuningError
from advisor.testing import ContractServer, Fault
from advisor.testing._training_data import example_tokens
from advisor.workflow import tuning
from advisor.workflow.rehearsal import keys
from tests.conftest import CliResult, make_rows, write_jsonl
from tests.hosted_case import hosted_case, living_jobs, n_of, shorten

Cli = Callable[..., CliResult]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractServer]:
    shorten(monkeypatch)
    with ContractServer(training_s=0.05) as running, keys(running):
        yield running


class Clock:
    """The server's time; it goes on when it is told to."""

    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slow_server(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[ContractServer]:
    """A server on whose clock a job takes 100 s."""
    shorten(monkeypatch)
    with ContractServer(training_s=100, clock=clock) as running, keys(running):
        yield running


# ── before anything is started ───────────────────────────────────────────────────────────────────────────


def test_prepare_writes_files_and_sends_nothing(tmp_path: Path, server: ContractServer, cli: Cli) -> None:
    case = hosted_case(tmp_path / "c", server)
    result = cli("tune", "prepare", case)
    assert result.code == 0, result.err
    train, validation = (Path(line) for line in result.out.split())
    lines = [json.loads(x)["messages"] for f in (train, validation) for x in f.read_text().splitlines()]
    assert len(lines) == 24
    assert all(json.loads(x[-1]["content"]).keys() == {"label"} for x in lines)
    (view,) = cli("tune", "prepare", case, "--json").json
    assert view["state"]["word"] == "prepared"
    assert view["files"] == [str(train), str(validation)]
    assert server.requests == []


def test_check_finds_nothing_wrong_with_a_good_case(tmp_path: Path, server: ContractServer, cli: Cli) -> None:
    result = cli("tune", "check", hosted_case(tmp_path / "c", server))
    assert (result.code, "error" in result.out) == (0, False), result.out
    assert server.requests == []


def test_check_refuses_what_the_provider_would(tmp_path: Path, server: ContractServer, cli: Cli) -> None:
    case = hosted_case(tmp_path / "c", server, n_train=8)
    result = cli("tune", "check", case)
    assert result.code == 1
    assert "error" in result.out
    (view,) = cli("tune", "check", case, "--json").json
    assert "error" in {f["severity"] for f in view["findings"]}

    started = cli("tune", "start", case)
    assert started.code == 1
    assert "refused" in started.err
    assert "advisor tune check" in started.err
    with pytest.raises(TuningError, match="would be refused"):
        workflow.run(case, baselines=["fine_tuned"])
    assert n_of(server, "files.create") == n_of(server, "jobs.create") == 0


def test_check_reads_a_training_file_of_the_users_own(tmp_path: Path, cli: Cli) -> None:
    good = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    path = tmp_path / "mine.jsonl"
    write_jsonl(path, [good] * 12)
    assert cli("tune", "check", path).code == 0
    path.write_text(path.read_text() + '{"messages": [{"role": "user", "content": "a"}]}\n{"mess\n')
    result = cli("tune", "check", path)
    assert result.code == 1
    assert "error" in result.out
    document = cli("tune", "check", path, "--json")
    assert document.code == 1
    lines = {n for f in document.json["report"]["findings"] if f["severity"] == "error" for n in f["lines"]}
    assert {13, 14} <= lines


def test_the_estimate_is_what_the_provider_bills(tmp_path: Path, server: ContractServer, cli: Cli) -> None:
    case = hosted_case(tmp_path / "c", server)
    (view,) = cli("tune", "estimate", case, "--json").json
    assert server.requests == []
    assert cli("tune", "start", case).code == 0
    job = server.jobs[0]
    assert view["estimate"]["trained_tokens"] == job.total_tokens == server.billed.trained_tokens[job.id]
    assert view["estimate"]["epochs"] == job.hyperparameters["n_epochs"]
    per_epoch = sum(example_tokens(e["messages"]) for e in job.training.examples)
    assert view["estimate"]["tokens_per_epoch"] == per_epoch
    (after,) = cli("tune", "status", case, "--json").json
    assert after["record"]["cost_usd"] == pytest.approx(view["estimate"]["usd"])
    assert after["record"]["settings"]["tokens_are"] == "billed by the provider"


# ── the job ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_is_started_looked_at_and_followed(
    tmp_path: Path, slow_server: ContractServer, clock: Clock, cli: Cli
) -> None:
    server = slow_server
    case = hosted_case(tmp_path / "c", server)
    begun = cli("tune", "start", case, "--no-wait", "--json")
    assert begun.code == 0, begun.err
    (view,) = begun.json
    assert view["state"]["word"] == "queued"
    assert view["state"]["job_id"] == server.jobs[0].id
    clock.now += 60
    (view,) = cli("tune", "status", case, "--json").json
    assert view["state"]["word"] == "running"
    assert any("Step" in e["text"] for e in view["state"]["events"])
    clock.now += 60
    followed = cli("tune", "start", case)
    assert followed.code == 0, followed.err
    assert "succeeded" in followed.out
    assert server.jobs[0].tuned_id in followed.out
    (view,) = cli("tune", "status", case, "--json").json
    assert len(view["state"]["checkpoints"]) == 3
    assert view["record"]["dev_loss"]
    assert len(server.jobs) == 1
    # the run takes the job as it is
    assert workflow.run(case).exit_code == 0
    assert len(server.jobs) == 1
    assert server.violations == []


def test_what_costs_more_than_the_budget_is_not_started(
    tmp_path: Path, server: ContractServer, cli: Cli
) -> None:
    case = hosted_case(tmp_path / "c", server)
    result = cli("tune", "start", case, "--budget", "0.0001")
    assert result.code == 4
    assert "budget" in result.err
    assert server.requests == []
    assert cli("tune", "start", case, "--budget", "5").code == 0
    # what is paid already stays within any budget
    assert cli("tune", "start", case, "--budget", "0").code == 0
    assert len(server.jobs) == 1


def test_a_cancelled_job_stays_so_until_another_is_asked_for(
    tmp_path: Path, slow_server: ContractServer, clock: Clock, cli: Cli
) -> None:
    server = slow_server
    case = hosted_case(tmp_path / "c", server)
    cli("tune", "start", case, "--no-wait")
    result = cli("tune", "cancel", case, "--json")
    assert result.code == 0, result.err
    assert result.json[0]["state"]["word"] == "cancelled"
    assert server.jobs[0].status == "cancelled"
    assert cli("tune", "cancel", case).code == 0, "asked twice, nothing else comes of it"
    again = cli("tune", "start", case, "--no-wait")
    assert again.code == 1
    assert "--again" in again.err
    with pytest.raises(TuningError, match="cancelled"):
        workflow.run(case, baselines=["fine_tuned"])
    assert len(server.jobs) == 1
    assert cli("tune", "start", case, "--again", "--no-wait").code == 0
    assert [j.status for j in server.jobs] == ["cancelled", "validating_files"]
    assert n_of(server, "files.create") == 2, "the files are there already"
    # and once more changes nothing, since that one runs
    assert cli("tune", "start", case, "--again", "--no-wait").code == 0
    assert len(server.jobs) == 2


@pytest.mark.parametrize("kind", ["500", "disconnect", "malformed"])
def test_a_cancellation_whose_answer_is_lost_is_one_all_the_same(
    tmp_path: Path, slow_server: ContractServer, kind: Any
) -> None:
    server = slow_server
    case = hosted_case(tmp_path / "c", server)
    tuning.start(case, wait=False)
    server.inject(Fault("jobs.cancel", kind, after=True))
    assert tuning.cancel(case).state.word == "cancelled"


def test_a_job_that_may_have_been_made_is_cancelled_too(tmp_path: Path, slow_server: ContractServer) -> None:
    """Its creation was never answered, and could not be looked for: cancelling must not forget it."""
    server = slow_server
    case = hosted_case(tmp_path / "c", server)
    server.inject(Fault("jobs.create", "500", after=True), Fault("jobs.list", "500", every=1))
    with pytest.raises(TuningError):
        tuning.start(case, wait=False)
    server.clear_faults()
    assert tuning.cancel(case).state.word == "cancelled"
    assert [j.status for j in server.jobs] == ["cancelled"]


def test_cancelling_before_anything_was_started_asks_nobody(tmp_path: Path, server: ContractServer) -> None:
    case = hosted_case(tmp_path / "c", server)
    assert tuning.cancel(case).state.word == "cancelled"
    assert server.requests == []


def test_deploying_is_no_step_of_its_own_at_openai(tmp_path: Path, server: ContractServer, cli: Cli) -> None:
    case = hosted_case(tmp_path / "c", server)
    early = cli("tune", "deploy", case)
    assert early.code == 1
    assert "no tuned model yet" in early.err
    cli("tune", "start", case)
    before = len(server.requests)
    (view,) = cli("tune", "deploy", case, "--json").json
    assert view["name"] == server.jobs[0].tuned_id
    assert cli("tune", "undeploy", case).code == 0
    assert len(server.requests) == before


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────


def test_a_job_that_fails_at_the_provider_is_said_and_not_paid_for_again(
    tmp_path: Path, server: ContractServer, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    case = hosted_case(tmp_path / "c", server)
    with monkeypatch.context() as strict:
        strict.setattr("advisor.testing._training_data.MIN_EXAMPLES", 100)
        result = cli("tune", "start", case)
        assert result.code == 1
        assert "must have at least 100 examples" in result.err
        assert "--again" in result.err
    for _ in range(2):
        with pytest.raises(TuningError, match="at least 100 examples"):
            workflow.run(case, baselines=["fine_tuned"])
    shown = cli("tune", "status", case)
    assert "failed" in shown.out
    assert "at least 100 examples" in shown.out
    assert len(server.jobs) == 1
    assert cli("tune", "start", case, "--again").code == 0
    assert [j.status for j in server.jobs] == ["failed", "succeeded"]


def test_a_provider_that_takes_no_more_jobs_is_said(tmp_path: Path, server: ContractServer) -> None:
    case = hosted_case(tmp_path / "c", server)
    server.closed = True
    with pytest.raises(ModelError, match="no longer available"):
        tuning.start(case)
    assert server.jobs == []
    server.closed = False
    assert tuning.start(case).state.word == "succeeded", "a refusal is no creation that might have been"


def test_files_that_the_provider_has_removed_are_uploaded_again(
    tmp_path: Path, server: ContractServer
) -> None:
    case = hosted_case(tmp_path / "c", server)
    server.inject(Fault("jobs.create", "insufficient_quota"))
    with pytest.raises(ModelError, match="quota"):
        tuning.start(case)
    for file in server.files:
        file.deleted = True
    assert tuning.start(case).state.word == "succeeded"
    assert n_of(server, "files.create") == 4


def test_an_answer_that_is_no_job_is_a_lost_one(
    tmp_path: Path, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy's page, with status 200: the job is looked for, and nothing breaks."""
    from starlette.responses import HTMLResponse

    from advisor.testing import _exchange

    strike = _exchange.Endpoint._strike

    async def page(self: Any, fault: Fault, request: Any) -> Any:
        if fault.kind == "malformed":
            return HTMLResponse("<html>Please sign in.</html>")
        return await strike(self, fault, request)

    monkeypatch.setattr(_exchange.Endpoint, "_strike", page)
    case = hosted_case(tmp_path / "c", server)
    for route, after in (
        ("files.create", True),
        ("jobs.create", True),
        ("jobs.retrieve", False),
        ("jobs.events", False),
    ):
        server.inject(Fault(route, "malformed", after=after))
    assert tuning.start(case).state.word == "succeeded"
    assert len(living_jobs(server)) == 1
    server.inject(Fault("jobs.retrieve", "malformed", every=1))
    with pytest.raises(TuningError, match="malformed") as caught:
        tuning.status(case)
    assert caught.value.hint


def test_other_examples_make_another_job(tmp_path: Path, server: ContractServer) -> None:
    case = hosted_case(tmp_path / "c", server)
    tuning.start(case)
    write_jsonl(case / "train.jsonl", make_rows("other", 24))
    tuning.start(case)
    assert len({j.training_file for j in server.jobs}) == len(server.jobs) == 2


def test_the_settings_of_the_case_reach_the_job(tmp_path: Path, server: ContractServer) -> None:
    given = {
        "epochs": 2,
        "batch_size": 4,
        "learning_rate_multiplier": 0.5,
        "seed": 7,
        "suffix": "routes",
    }
    tuning.start(hosted_case(tmp_path / "c", server, tuning=given))
    (job,) = server.jobs
    assert job.hyperparameters == {"n_epochs": 2, "batch_size": 4, "learning_rate_multiplier": 0.5}
    assert (job.seed, job.body["suffix"]) == (7, "routes")
    with pytest.raises(TuningError, match="whole epochs"):
        tuning.start(hosted_case(tmp_path / "d", server, tuning={"epochs": 1.5}))
