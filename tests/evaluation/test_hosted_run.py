"""From a case to an evaluated tuned model at a provider: once paid, found again after every fault and every kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from advisor import workflow
from advisor.errors import AdvisorError, TuningError
from advisor.testing import ContractServer, Fault
from advisor.workflow.rehearsal import keys
from advisor.workflow.tuning import status, undeploy
from tests.conftest import make_rows, write_jsonl
from tests.hosted_case import (
    COSTLY,
    SYSTEMS,
    hosted_case,
    living_jobs,
    n_of,
    short_waits,
    shorten,
    standing,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractServer]:
    shorten(monkeypatch)
    with ContractServer(training_s=0.05, provisioning_s=0.02) as running, keys(running):
        yield running


def check_one_job_and_nothing_standing(server: ContractServer) -> None:
    assert server.violations == []
    assert len(living_jobs(server)) == 1
    assert living_jobs(server)[0].status == "succeeded"
    assert standing(server) == []


# ── the whole path ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("system", SYSTEMS)
def test_one_run_leads_from_the_case_to_the_evaluated_tuned_model(
    tmp_path: Path, server: ContractServer, system: str
) -> None:
    train = make_rows("t", 24)
    held_out = [*make_rows("h", 12), {**train[0], "id": "seen"}]  # one that training saw, to compare prompts
    case = hosted_case(tmp_path / "c", server, system, train=train, held_out=held_out)
    outcome = workflow.run(case)
    assert outcome.exit_code == 0
    assert {b.name: b.n for b in outcome.decision.baselines} == {"zero_shot": 13, "fine_tuned": 13}
    assert outcome.calls_made == 26
    check_one_job_and_nothing_standing(server)
    assert len(server.jobs) == 1
    assert server.jobs[0].metadata is not None

    # what is trained on is what is asked, byte for byte
    training = next(f for f in server.files if f.filename.endswith("-train.jsonl"))
    lines = [json.loads(x)["messages"] for x in training.content.decode().splitlines()]
    tuned_name = {r.json["model"] for r in server.requests if r.route == "chat"} - {
        "gpt-4.1-mini",
        "base-deployment",
    }
    assert len(tuned_name) == 1
    asked = [
        json.dumps(r.json["messages"])
        for r in server.requests
        if r.route == "chat" and r.json["model"] in tuned_name and "response_format" in r.json
    ]
    assert len(asked) == 13
    prompts = [json.dumps(x[:-1]) for x in lines]
    assert len(set(asked) & set(prompts)) == 1
    assert {m[0]["content"] for m in map(json.loads, asked)} == {x[0]["content"] for x in lines}
    assert {tuple(m["role"] for m in x) for x in lines} == {("system", "user", "assistant")}
    for line in lines:
        label = json.loads(line[-1]["content"])
        assert list(label) == ["label"]
    (by_text,) = [x for x in lines if json.dumps(x[:-1]) in asked]
    assert json.loads(by_text[-1]["content"]) == {"label": train[0]["output"]}
    assert any(f.filename.endswith("-validation.jsonl") for f in server.files)

    # what is there is not paid again
    before, spent = len(server.requests), outcome.spent_usd
    again = workflow.run(case)
    assert not [r.route for r in server.requests[before:] if r.route in COSTLY]
    assert (again.calls_made, again.spent_usd) == (0, 0.0)
    assert spent > 0
    (view,) = status(case)
    assert view.record is not None
    assert (
        view.record.tokens == server.jobs[0].total_tokens == server.billed.trained_tokens[server.jobs[0].id]
    )
    assert view.record.cost_usd is not None
    assert view.state.deployment is None
    assert (view.state.hosted_hours > 0) == (system == "azure_openai")


def test_hosting_is_spent_by_the_hour(tmp_path: Path, server: ContractServer) -> None:
    spent = []
    for price in (0.0, 3600.0):
        hosting = {"subscription_id": "s", "resource_group": "g", "account": "a", "usd_per_hour": price}
        case = hosted_case(
            tmp_path / f"c{price:.0f}", server, "azure_openai", model={"hosting": hosting},
            tuning={"seed": int(price)},
        )  # fmt: skip
        spent.append(workflow.run(case).spent_usd)
        (view,) = status(case)
    # a dollar a second
    assert spent[1] - spent[0] == pytest.approx(view.state.hosted_hours * 3600, rel=0.01)
    assert 0 < view.state.hosted_hours * 3600 < 60


def test_a_deployment_is_made_once_for_all_its_questions(tmp_path: Path, server: ContractServer) -> None:
    case = hosted_case(tmp_path / "c", server, "azure_openai", model={"concurrency": 1}, n_held_out=30)
    workflow.run(case)
    assert n_of(server, "deployments.create") == n_of(server, "deployments.delete") == 1


def test_a_deployment_that_is_to_stay_is_said(tmp_path: Path, server: ContractServer) -> None:
    case = hosted_case(tmp_path / "c", server, "azure_openai", tuning={"keep_deployed": True})
    decision = workflow.run(case).decision
    (name,) = standing(server)
    assert any(name in w and "billed by the hour" in w for w in decision.warnings)
    undeploy(case)
    assert standing(server) == []
    assert not any("billed by the hour" in w for w in workflow.decide(case).warnings)


def test_what_an_earlier_version_of_the_case_left_standing_can_be_removed(
    tmp_path: Path, server: ContractServer
) -> None:
    case = hosted_case(tmp_path / "c", server, "azure_openai", tuning={"keep_deployed": True})
    workflow.run(case)
    write_jsonl(case / "train.jsonl", make_rows("other", 24))
    assert len(standing(server)) == 1
    undeploy(case)
    assert standing(server) == []


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────────

STEPS = [
    ("openai", "files.list", False),
    ("openai", "files.create", True),
    ("openai", "jobs.create", True),
    ("openai", "jobs.retrieve", False),
    ("openai", "jobs.events", False),
    ("openai", "jobs.checkpoints", False),
    ("azure_openai", "files.retrieve", False),
    ("azure_openai", "jobs.create", True),
    ("azure_openai", "deployments.create", True),
    ("azure_openai", "deployments.retrieve", False),
    ("azure_openai", "deployments.delete", True),
    ("azure_openai", "deployments.operation", False),
]


def faults(*kinds: str, of_reads: tuple[str, ...]) -> list[Any]:
    return [
        pytest.param(system, route, kind, after, id=f"{system}-{route}-{kind}{'-after' * after}")
        for system, route, changes in STEPS
        for kind in (kinds if changes else of_reads)
        for after in ((False, True) if changes else (False,))
    ]


def run_or_say(case: Path) -> AdvisorError | None:
    try:
        workflow.run(case)
    except AdvisorError as error:
        return error
    return None


def check_the_next_run_ends_it(case: Path, server: ContractServer, error: AdvisorError | None) -> None:
    """Whatever came of the first run is clear, and the second one goes on from it."""
    if error is not None:
        assert error.hint
        assert len(living_jobs(server)) <= 1
        if standing(server):
            assert any(standing(server)[0] in w for w in workflow.decide(case).warnings)
            (view,) = status(case)
            assert [view.state.deployment] == standing(server)
    server.clear_faults()
    outcome = workflow.run(case)
    assert outcome.exit_code == 0
    assert {b.name: b.n for b in outcome.decision.baselines} == {"zero_shot": 12, "fine_tuned": 12}
    check_one_job_and_nothing_standing(server)
    totals = server.billed.chat
    tuned = [t.calls for name, t in totals.items() if "ft" in name.split(":")[0] or ".ft-" in name]
    assert sum(tuned) <= 12 + 3, "answers that are there are not asked for again"


@pytest.mark.parametrize(
    ("system", "route", "kind", "after"), faults("500", "malformed", "disconnect", of_reads=("malformed",))
)
def test_a_passing_fault_does_no_harm(
    tmp_path: Path, server: ContractServer, system: str, route: str, kind: Any, after: bool
) -> None:
    case = hosted_case(tmp_path / "c", server, system)
    server.inject(Fault(route, kind, after=after))
    error = run_or_say(case)
    assert any(r.fault for r in server.requests)
    check_the_next_run_ends_it(case, server, error)


@pytest.mark.parametrize(("system", "route", "kind", "after"), faults("500", of_reads=("500",)))
def test_a_lasting_fault_ends_in_a_clear_state(
    tmp_path: Path, server: ContractServer, system: str, route: str, kind: Any, after: bool
) -> None:
    case = hosted_case(tmp_path / "c", server, system)
    server.inject(Fault(route, kind, every=1, after=after))
    error = run_or_say(case)
    if route == "jobs.create" and after:
        assert error is None, "the job is found although no creation is ever answered"
    elif route == "deployments.delete" and after:
        pass  # it is gone, and the second attempt is told so
    else:
        assert isinstance(error, TuningError)
    check_the_next_run_ends_it(case, server, error)


@pytest.mark.parametrize(
    ("system", "route", "after"),
    [
        ("openai", "files.create", True),
        ("openai", "jobs.create", False),
        ("openai", "jobs.create", True),
        ("openai", "jobs.retrieve", False),
        ("azure_openai", "deployments.create", True),
        ("azure_openai", "deployments.delete", True),
    ],
)
def test_silence_is_not_waited_for_for_ever(
    tmp_path: Path,
    server: ContractServer,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    route: str,
    after: bool,
) -> None:
    case = hosted_case(tmp_path / "c", server, system)
    shorten(monkeypatch, call_s=1.0)
    server.inject(Fault(route, "timeout", after=after))
    error = run_or_say(case)
    shorten(monkeypatch)
    check_the_next_run_ends_it(case, server, error)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_creation_whose_job_cannot_be_looked_for_is_settled_by_the_next_run(
    tmp_path: Path, server: ContractServer, system: str
) -> None:
    case = hosted_case(tmp_path / "c", server, system)
    server.inject(Fault("jobs.create", "disconnect", after=True), Fault("jobs.list", "500", every=1))
    error = run_or_say(case)
    assert isinstance(error, TuningError)
    assert error.hint is not None
    assert "run the same command again" in error.hint
    assert len(server.jobs) == 1
    server.clear_faults()
    (view,) = status(case)
    assert view.state.job_id == server.jobs[0].id, "asking for the job's state finds it too"
    check_the_next_run_ends_it(case, server, error)
    assert n_of(server, "jobs.create") == 1


@pytest.mark.parametrize("kind", ["500", "malformed", "disconnect", "429"])
def test_a_question_that_meets_a_fault_is_asked_again(
    tmp_path: Path, server: ContractServer, kind: Any
) -> None:
    case = hosted_case(tmp_path / "c", server, "azure_openai")
    server.inject(Fault("chat", kind, nth=16, after=kind != "429"))  # of the tuned model
    outcome = workflow.run(case)
    assert outcome.exit_code == 0
    check_one_job_and_nothing_standing(server)


def test_what_fails_for_a_while_is_asked_again_by_the_next_run(
    tmp_path: Path, server: ContractServer
) -> None:
    case = hosted_case(tmp_path / "c", server, "azure_openai")
    # only the tuned model's questions: the base has answered by then
    workflow.run(case, baselines=["zero_shot"])
    server.inject(Fault("chat", "429_long", nth=5))
    first = workflow.run(case)
    assert first.exit_code == 3
    assert first.failed > 0
    assert standing(server) == []
    server.clear_faults()
    second = workflow.run(case)
    assert (second.exit_code, second.calls_made) == (0, first.failed)
    check_one_job_and_nothing_standing(server)
    assert n_of(server, "jobs.create") == 1


# ── what providers change ────────────────────────────────────────────────────────────────────────────────


class Changing:
    """A brain during whose answers the provider changes the model."""

    server: ContractServer
    calls = 0

    def answer(self, *_: Any) -> str:
        self.calls += 1
        if self.calls == 6:
            self.server.fingerprint = "fp_after_the_change"
        return "other"


def test_a_model_that_changes_while_it_is_measured_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch)
    brain = Changing()
    with ContractServer(brain=brain) as server, keys(server):
        brain.server = server
        case = hosted_case(tmp_path / "c", server, baselines=("zero_shot",), model={"concurrency": 1})
        warnings = workflow.run(case).decision.warnings
    (said,) = [w for w in warnings if "changed the model" in w]
    assert "fp_after_the_change" in said
    assert "zero_shot" in said


def test_a_shutdown_that_the_provider_reports_shortens_the_time_in_which_tuning_must_pay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch)
    from datetime import UTC, datetime, timedelta

    day = str((datetime.now(UTC) + timedelta(days=40)).date())
    with (
        ContractServer(training_s=0.05, shutdown_dates={"gpt-4.1-mini": day}) as server,
        keys(server),
    ):
        case = hosted_case(tmp_path / "c", server, model={"organisation": "active"})
        decision = workflow.run(case).decision
    said = [w for w in decision.warnings if day in w]
    assert any(w.startswith("fine_tuned:") and "tuned anew on another base in month 2" in w for w in said)
    assert any(w.startswith("zero_shot:") for w in said)
    assert any(day in w for w in workflow.decide(case).warnings), "it is kept with the run"


# ── kills ────────────────────────────────────────────────────────────────────────────────────────────────

# Reads orders and forks a process for each, which runs a case and kills itself at the ordered moment: with a
# request sent or not, answered or not; with a change of the job's page in the store or before it.
KILLER = """
import json, os, re, signal, sys
import httpx2, tiktoken, sklearn, openai.types.chat, openai.types.fine_tuning  # so that no fork has to
import azure.mgmt.cognitiveservices, azure.core.pipeline.transport as transport
from advisor import workflow
from advisor.evaluation import batches, jobs, tuned
from advisor.testing import _billing
from tests.hosted_case import shorten

_billing.encoding()
shorten()

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def work(order):
    signal.alarm(60)
    os.environ.update(order["env"])
    left = [order["nth"]]

    def struck(text):
        if re.search(order["at"], text):
            left[0] -= 1
            return left[0] == 0
        return False

    send, save = httpx2.AsyncHTTPTransport.handle_async_request, jobs.JobLedger._save
    manage = transport.RequestsTransport.send

    async def sent(self, request):
        hit = struck(f"{request.method} {request.url.path}")
        if hit and not order["after"]:
            die()
        response = await send(self, request)
        if hit:
            die()
        return response

    def managed(self, request, **more):
        hit = struck(f"{request.method} {request.url}")
        if hit and not order["after"]:
            die()
        response = manage(self, request, **more)
        if hit:
            die()
        return response

    def saved(self, state, **more):
        hit = struck("save")
        if hit and not order["after"]:
            die()
        found = save(self, state, **more)
        if hit:
            die()
        return found

    httpx2.AsyncHTTPTransport.handle_async_request = sent
    transport.RequestsTransport.send = managed
    jobs.JobLedger._save = saved
    workflow.run(order["case"], use_batches=order["batches"])

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        try:
            work(json.loads(line))
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    print(json.dumps({"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None, "code": status}), flush=True)
"""


class Killer:
    """A process that runs cases and dies at ordered moments."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", KILLER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def run(
        self, case: Path, server: ContractServer, at: str, *, nth: int, after: bool, batches: bool = False
    ) -> bool:
        """Whether the run was killed; false where it ended before that moment."""
        env = {
            "OPENAI_API_KEY": server.api_key,
            "AZURE_OPENAI_API_KEY": server.api_key,
            "ADVISOR_AZURE_MANAGEMENT_URL": server.management_url,
            "ADVISOR_AZURE_MANAGEMENT_TOKEN": server.azure_token,
        }
        order = {"case": str(case), "env": env, "at": at, "nth": nth, "after": after, "batches": batches}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        assert told["signal"] in (None, 9), told
        assert told["signal"] == 9 or told["code"] == 0, "the run failed by itself"
        return bool(told["signal"])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=70)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    found = Killer()
    yield found
    found.close()


REQUESTS = [
    ("openai", "POST /v1/files$"),
    ("openai", "POST /v1/fine_tuning/jobs$"),
    ("openai", r"GET /v1/fine_tuning/jobs/[\w-]+$"),
    ("openai", "GET .*/events$"),
    ("openai", "GET .*/checkpoints$"),
    ("openai", "POST .*/chat/completions$"),
    ("azure_openai", "POST .*/fine_tuning/jobs$"),
    ("azure_openai", "PUT .*/deployments/"),
    ("azure_openai", "GET .*/deployments/"),
    ("azure_openai", "POST .*/chat/completions$"),
    ("azure_openai", "DELETE .*/deployments/"),
    ("azure_openai", "GET .*/operationResults/"),
]


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("system", "at"), REQUESTS)
def test_killed_at_a_request_it_goes_on(
    tmp_path: Path, server: ContractServer, killer: Killer, system: str, at: str, after: bool
) -> None:
    # of the chat requests, one of the tuned model's
    nth = 17 if "chat" in at else 1
    case = hosted_case(tmp_path / "c", server, system)
    assert killer.run(case, server, at, nth=nth, after=after)
    check_what_the_kill_left(case, server)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "after"), [("openai", True), ("azure_openai", False), ("azure_openai", True)]
)
def test_killed_at_any_change_of_the_jobs_page_it_goes_on(
    tmp_path: Path, server: ContractServer, killer: Killer, system: str, after: bool
) -> None:
    for nth in range(1, 30):
        # a seed of its own makes each a job of its own
        case = hosted_case(tmp_path / f"c{nth}", server, system, tuning={"seed": nth})
        n_jobs = len(server.jobs)
        if not killer.run(case, server, "^save$", nth=nth, after=after):
            break
        check_what_the_kill_left(case, server, n_jobs=n_jobs)
    else:
        pytest.fail("the run never ended by itself")
    assert nth > 6, "the page is kept at every step"


def check_what_the_kill_left(case: Path, server: ContractServer, *, n_jobs: int = 0) -> None:
    (view,) = status(case)
    for name in standing(server):
        assert view.state.deployment == name, "what stands is in the store"
    assert workflow.run(case).exit_code == 0
    assert server.violations == []
    assert [j.status for j in server.jobs[n_jobs:]] == ["succeeded"]
    assert standing(server) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("at", "nth", "after"),
    [
        ("POST .*/files$", 1, True),
        ("POST .*/batches$", 1, False),
        ("POST .*/batches$", 1, True),
        (r"GET .*/batches/[\w-]+$", 1, False),
        ("GET .*/content$", 1, True),
    ],
)
def test_killed_between_handing_a_batch_over_and_collecting_it_pays_it_once(
    tmp_path: Path, server: ContractServer, killer: Killer, at: str, nth: int, after: bool
) -> None:
    case = hosted_case(tmp_path / "c", server, baselines=("zero_shot",))
    assert killer.run(case, server, at, nth=nth, after=after, batches=True)
    outcome = workflow.run(case, use_batches=True)
    assert outcome.exit_code == 0
    assert len(server.batches) == 1
    assert sum(t.calls for t in server.billed.batch.values()) == 12
    assert server.billed.chat == {}
    assert server.violations == []


@pytest.mark.slow
def test_two_runs_at_once_make_one_job(tmp_path: Path, server: ContractServer) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.hosted_case import shorten; shorten()\n"
        "from advisor import workflow; from advisor.errors import AdvisorError\n"
        "try: workflow.run(sys.argv[1])\n"
        "except AdvisorError as error: print(error); sys.exit(7)\n"
    )
    case = hosted_case(tmp_path / "c", server)
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(case)],
            cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    told = [(run.communicate(timeout=100)[0], run.returncode) for run in runs]
    # one of them may have to wait for the other
    assert {code for _, code in told} <= {0, 7}
    assert all("Another process" in text for text, code in told if code == 7)
    workflow.run(case)
    assert len(server.jobs) == 1


def test_a_job_that_another_process_made_meanwhile_is_followed(
    tmp_path: Path, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the plan and the start another run may have created the job: it is not created twice."""
    from advisor.tuning.openai import OpenAITuning

    case = hosted_case(tmp_path / "c", server)
    start = OpenAITuning.start

    def late(self: OpenAITuning, *arguments: Any) -> Any:
        monkeypatch.setattr(OpenAITuning, "start", start)
        workflow.run(case)  # the other run, from its beginning to its end
        return start(self, *arguments)

    monkeypatch.setattr(OpenAITuning, "start", late)
    workflow.run(case)
    assert len(server.jobs) == 1


def test_the_short_waits_are_those_of_the_product() -> None:
    """So that a constant that is renamed does not make these tests slow, or void."""
    for name in short_waits():
        module, _, attribute = name.rpartition(".")
        assert hasattr(__import__(module, fromlist=["_"]), attribute), name
