"""Load tests: throughput and latency of a served model, measured on a real socket, kept, and used by the decision."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from advisor import workflow
from advisor.errors import ModelError, NoResultsError, UsageError
from advisor.evaluation.progress import Silent
from advisor.records import LoadPoint
from advisor.testing import ContractServer, Fault
from advisor.workflow.loadtest import LoadOutcome, loadtest
from advisor.workflow.rehearsal import keys
from tests.conftest import CliResult, ScriptedModel, write_case
from tests.hosted_case import hosted_case, n_of, shorten

pytestmark = pytest.mark.slow  # what is measured is time: nothing else may run beside it
LATENCY_S = 0.04
SERVING = {"usd_per_hour": 0.36}


class Queue:
    """A machine that answers so many requests at once; the others wait."""

    def __init__(self, at_once: int, work_s: float) -> None:
        self._places, self._work_s = threading.Semaphore(at_once), work_s

    def answer(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        response_format: Mapping[str, Any] | None,
        tuned_on: Sequence[Mapping[str, Any]] | None,
    ) -> str:
        with self._places:
            time.sleep(self._work_s)
        return "delivery"


class Listening:
    """Answers one label, and remembers what it was asked."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, list[str]]] = []
        """(model, the messages' texts) of each request."""

    def answer(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        response_format: Mapping[str, Any] | None,
        tuned_on: Sequence[Mapping[str, Any]] | None,
    ) -> str:
        self.heard.append((model, [str(m["content"]) for m in messages]))
        return "delivery"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ContractServer]]:
    """Starts contract servers, and stops them in the end."""
    shorten(monkeypatch)
    running: list[Any] = []

    def start(**options: Any) -> ContractServer:
        server = ContractServer(training_s=0.05, **options)
        for context in (server, keys(server)):
            running.append(context)
            context.__enter__()
        return server

    yield start
    for context in reversed(running):
        context.__exit__(None, None, None)


def points(outcome: LoadOutcome) -> dict[int, LoadPoint]:
    return {p.concurrency: p for p in outcome.test.points}


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────


def test_throughput_and_latency_are_the_servers(tmp_path: Path, serve: Callable[..., ContractServer]) -> None:
    case = hosted_case(tmp_path / "c", serve(latency_s=LATENCY_S), model={"serving": SERVING})
    found = points(loadtest(case, "zero_shot", [1, 4], requests=24))
    for concurrency, point in found.items():
        assert point.requests == 24
        assert point.failed == 0
        # no server can be faster than its latency; this machine and its neighbours make it somewhat slower
        assert point.p50_s is not None and LATENCY_S <= point.p50_s < 2 * LATENCY_S
        assert point.p95_s is not None and point.p50_s <= point.p95_s < 4 * LATENCY_S
        assert 0.4 < point.requests_per_s * LATENCY_S / concurrency <= 1
        assert point.output_tokens_per_s is not None and point.output_tokens_per_s > 0
        assert point.first_token_p50_s is None  # it was not streamed


def test_throughput_grows_up_to_the_servers_own_limit(
    tmp_path: Path, serve: Callable[..., ContractServer]
) -> None:
    work_s = 0.15  # long beside what a slow machine adds to a request
    server = serve(brain=Queue(at_once=4, work_s=work_s))
    case = hosted_case(tmp_path / "c", server, model={"serving": SERVING})
    found = points(loadtest(case, "zero_shot", [1, 4, 12], requests=36))
    limit = 4 / work_s
    assert found[4].requests_per_s > 2.5 * found[1].requests_per_s
    assert max(p.requests_per_s for p in found.values()) <= limit * 1.05
    assert found[12].requests_per_s < 1.5 * found[4].requests_per_s
    # Little's law: where twelve wait for four places, each waits three times as long
    p50 = {n: p.p50_s or 0.0 for n, p in found.items()}
    assert p50[12] > 2 * p50[4]
    for n, point in found.items():
        assert point.requests_per_s * p50[n] == pytest.approx(n, rel=0.35)


def test_a_level_may_last_seconds_instead(tmp_path: Path, serve: Callable[..., ContractServer]) -> None:
    case = hosted_case(tmp_path / "c", serve(latency_s=LATENCY_S), model={"serving": SERVING})
    started = time.perf_counter()
    (point,) = loadtest(case, "zero_shot", [2], seconds=0.5).test.points
    assert 0.5 < time.perf_counter() - started < 5
    assert 0.4 < point.requests_per_s * LATENCY_S / 2 <= 1
    assert point.requests == pytest.approx(0.5 * point.requests_per_s, rel=0.25)


def test_streaming_shows_the_first_token(tmp_path: Path, serve: Callable[..., ContractServer]) -> None:
    case = hosted_case(tmp_path / "c", serve(latency_s=0.01), model={"serving": SERVING, "stream": True})
    (point,) = loadtest(case, "zero_shot", [2], requests=4).test.points
    assert point.first_token_p50_s is not None and point.p50_s is not None
    assert 0.01 <= point.first_token_p50_s <= point.p50_s


def test_the_warm_up_does_not_count(tmp_path: Path, serve: Callable[..., ContractServer]) -> None:
    server = serve(latency_s=LATENCY_S)
    server.inject(Fault("chat", "500", nth=1), Fault("chat", "500", nth=2))
    case = hosted_case(tmp_path / "c", server, model={"serving": SERVING})
    (point,) = loadtest(case, "zero_shot", [2], requests=6).test.points
    assert (point.requests, point.failed) == (6, 0)
    assert n_of(server, "chat") in (8, 9)  # two to warm up, six counted, at most one to keep the places full


def test_a_load_generator_that_is_late_itself_says_so(
    tmp_path: Path, serve: Callable[..., ContractServer]
) -> None:
    class Slow(Silent):
        def advance(self, items: int, **told: Any) -> None:
            time.sleep(0.03)

    case = hosted_case(tmp_path / "c", serve(latency_s=LATENCY_S), model={"serving": SERVING})
    late = loadtest(case, "zero_shot", [4], requests=20, progress=Slow()).test
    assert any("answers lay unread" in note for note in late.notes)


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["500", "429", "disconnect", "malformed"])
def test_a_failure_is_counted_and_not_asked_again(
    tmp_path: Path, serve: Callable[..., ContractServer], kind: Any
) -> None:
    server = serve(faults=[Fault("chat", kind, every=4)])
    case = hosted_case(tmp_path / "c", server, model={"serving": SERVING})
    (point,) = loadtest(case, "zero_shot", [1], requests=15).test.points
    # the fourth, eighth, twelfth and sixteenth request; the first warmed up
    assert (point.requests, point.failed) == (15, 4)
    assert n_of(server, "chat") == 16


def test_a_time_out_is_a_failure(
    tmp_path: Path, serve: Callable[..., ContractServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    from advisor.models import openai
    from advisor.models._hosted_access import Wiring

    monkeypatch.setattr(openai, "Wiring", lambda: Wiring(answer_s=0.3))
    server = serve(faults=[Fault("chat", "timeout", nth=3)])
    case = hosted_case(tmp_path / "c", server, model={"serving": SERVING})
    (point,) = loadtest(case, "zero_shot", [1], requests=4).test.points
    assert (point.requests, point.failed) == (4, 1)
    assert point.p95_s is not None and point.p95_s < 0.3


def test_a_server_that_answers_nothing_ends_the_test(
    tmp_path: Path, serve: Callable[..., ContractServer], cli: Callable[..., CliResult]
) -> None:
    case = hosted_case(
        tmp_path / "c", serve(faults=[Fault("chat", "503", every=1)]), model={"serving": SERVING}
    )
    result = cli(
        "loadtest", case, "--baseline", "zero_shot", "--concurrency", "1,2", "--requests", "50", "--json"
    )
    assert result.code == 3
    (point,) = result.json["points"]  # the second level was left out
    assert (point["requests"], point["failed"], point["p95_s"]) == (10, 10, None)
    assert "given up" in " ".join(result.json["notes"])
    assert result.json["capacity"]["requests_per_s"] is None


def test_a_rate_limit_shows_as_failures(tmp_path: Path, serve: Callable[..., ContractServer]) -> None:
    server = serve(latency_s=LATENCY_S, max_concurrent=2)
    case = hosted_case(tmp_path / "c", server, model={"serving": SERVING})
    outcome = loadtest(case, "zero_shot", [2, 6], requests=24)
    found = points(outcome)
    assert found[2].failed == 0
    assert found[6].failed > 0
    assert outcome.capacity.concurrency == 2


def test_a_refused_key_is_an_error(
    tmp_path: Path, serve: Callable[..., ContractServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = hosted_case(tmp_path / "c", serve(), model={"serving": SERVING})
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
    with pytest.raises(ModelError):
        loadtest(case, "zero_shot", [1], requests=2)


# ── money ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_budget_stops_it_before_it_is_exceeded(
    tmp_path: Path, serve: Callable[..., ContractServer], cli: Callable[..., CliResult]
) -> None:
    server = serve()
    prices = {"input": 1000.0, "output": 1000.0}
    case = hosted_case(tmp_path / "c", server, model={"prices": prices})
    free = loadtest(case, "zero_shot", [1], requests=3)
    each = free.spent_usd / 4  # one of them to warm up
    assert free.spent_usd > 0
    result = cli(
        "loadtest", case, "--baseline", "zero_shot", "--concurrency", "1,2", "--requests", "50",
        "--budget", str(free.spent_usd * 3), "--json",
    )  # fmt: skip
    assert result.code == 4
    assert result.json["stopped_by_budget"]
    assert result.json["points"] == []  # an unfinished level is no measurement
    assert 0 < result.json["spent_usd"] <= free.spent_usd * 3
    assert n_of(server, "chat") < 4 + 3 * free.spent_usd / each


def test_a_budget_needs_a_price(tmp_path: Path, serve: Callable[..., ContractServer]) -> None:
    server = serve()
    server.deploy("unheard-of", "gpt-4.1-mini")
    spec = {"provider": "openai_compatible", "model": "gpt-4.1-mini", "base_url": server.base_url,
            "api_key_env": "OPENAI_API_KEY"}  # fmt: skip
    case = write_case(
        tmp_path / "c",
        changes={
            "models": {"m": spec}, "baselines": [{"name": "zero_shot", "kind": "zero_shot", "model": "m"}],
        },
    )  # fmt: skip
    with pytest.raises(ModelError, match="budget"):
        loadtest(case, "zero_shot", [1], requests=2, budget_usd=1.0)


def test_a_machine_by_the_hour_costs_the_time_of_the_test(
    tmp_path: Path, serve: Callable[..., ContractServer]
) -> None:
    case = hosted_case(
        tmp_path / "c", serve(latency_s=LATENCY_S), model={"serving": {"usd_per_hour": 3600.0}}
    )
    started = time.perf_counter()
    spent = loadtest(case, "zero_shot", [1], requests=8).spent_usd
    assert 9 * LATENCY_S <= spent <= time.perf_counter() - started


# ── what is asked, and what is kept ──────────────────────────────────────────────────────────────────────


def test_training_items_are_asked_and_no_answer_is_kept(
    tmp_path: Path, serve: Callable[..., ContractServer]
) -> None:
    brain = Listening()
    case = hosted_case(tmp_path / "c", serve(brain=brain), model={"serving": SERVING})
    loadtest(case, "zero_shot", [2], requests=30)
    loadtest(case, "zero_shot", [2], requests=30)
    held_out = (case / "held_out.jsonl").read_text(encoding="utf-8")
    asked = [texts[-1] for _, texts in brain.heard]
    assert len(asked) >= 64  # the second test found nothing in the store
    assert not [question for question in asked if question in held_out]
    with create_engine(f"sqlite:///{case / '.advisor' / 'store.sqlite'}").connect() as connection:
        kept = {t: connection.execute(text(f"select count(*) from {t}")).scalar()
                for t in ("calls", "runs", "measurements", "items", "load_tests")}  # fmt: skip
    assert kept == {"calls": 0, "runs": 0, "measurements": 0, "items": 0, "load_tests": 2}


def test_a_setting_that_was_not_chosen_is_asked_for(
    tmp_path: Path, serve: Callable[..., ContractServer]
) -> None:
    brain = Listening()
    server = serve(brain=brain)
    few = {"name": "few_shot", "kind": "few_shot", "model": "m", "examples": [1, 2]}
    case = hosted_case(tmp_path / "c", server, model={"serving": SERVING}, changes={"baselines": [few]})
    with pytest.raises(NoResultsError, match="few_shot"):
        loadtest(case, "few_shot", [1], requests=2)
    assert server.requests == []
    decided = workflow.run(case).decision
    (row,) = decided.baselines
    brain.heard.clear()
    loadtest(case, "few_shot", [1], requests=2)
    shown = {len(texts) for _, texts in brain.heard}
    assert shown == {2 + 2 * int(str(row.setting["examples"]))}  # system and question, two for each example


def test_a_tuned_model_is_tested_and_none_is_tuned_for_it(
    tmp_path: Path, serve: Callable[..., ContractServer]
) -> None:
    brain = Listening()
    server = serve(brain=brain)
    case = hosted_case(tmp_path / "c", server, model={"prices": {"input": 1, "output": 1}})
    with pytest.raises(NoResultsError, match="not tuned"):
        loadtest(case, "fine_tuned", [1], requests=2)
    assert server.jobs == []
    workflow.run(case)
    loadtest(case, "fine_tuned", [1], requests=2)
    assert len(server.jobs) == 1
    assert brain.heard[-1][0].startswith("ft:")


def test_a_model_of_this_process_answers_batches(
    tmp_path: Path, scripted: Callable[..., ScriptedModel]
) -> None:
    model = scripted()
    sizes: list[int] = []
    complete = model.complete

    def slow(requests: Any) -> Any:
        sizes.append(len(requests))
        time.sleep(0.02)
        return complete(requests)

    model.complete = slow  # type: ignore[method-assign]
    found = points(loadtest(write_case(tmp_path / "c"), "zero_shot", [1, 5], requests=10))
    assert sizes == [1] * 11 + [5] * 3
    assert found[5].requests == 10
    assert found[5].requests_per_s > 3 * found[1].requests_per_s
    assert found[1].p50_s == pytest.approx(0.02, rel=0.5)


@pytest.mark.parametrize(
    "wrong",
    [{"concurrency": []}, {"concurrency": [0]}, {"requests": 5, "seconds": 1.0}, {"baseline": "no_such"}],
)
def test_numbers_that_do_not_fit_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    arguments = {"baseline": "zero_shot", "concurrency": [1], **wrong}
    with pytest.raises(UsageError):
        loadtest(write_case(tmp_path / "c"), **arguments)


# ── what it is for ───────────────────────────────────────────────────────────────────────────────────────


def test_the_decision_uses_it(
    tmp_path: Path, serve: Callable[..., ContractServer], cli: Callable[..., CliResult]
) -> None:
    serving = {"usd_per_hour": 3.6, "requests_per_s": 1000.0}
    case = hosted_case(
        tmp_path / "c", serve(latency_s=LATENCY_S), baselines=("zero_shot",), model={"serving": serving},
        changes={"traffic": {"requests_per_month": 300_000_000, "peak_factor": 2.0}},
    )  # fmt: skip
    workflow.run(case)
    before = workflow.decide(case)
    assert before.load_tests == ()
    assert before.baselines[0].cost_usd.per_1k_requests == pytest.approx(0.001)  # as declared
    result = cli(
        "loadtest", case, "--baseline", "zero_shot", "--concurrency", "1,4", "--requests", "16", "--json"
    )
    assert result.code == 0
    best = max(result.json["points"], key=lambda p: p["requests_per_s"])
    after = workflow.decide(case)
    (shown,) = after.load_tests
    assert shown.requests_per_s == best["requests_per_s"] == result.json["capacity"]["requests_per_s"]
    cost = after.baselines[0].cost_usd
    assert cost.per_1k_requests == pytest.approx(
        1 / best["requests_per_s"]
    )  # 3.6 USD an hour are 1/1000 a second
    assert cost.capacity_per_month == pytest.approx(730 * 3600 * best["requests_per_s"] / 2)  # at the peak
    assert any("1000 were declared" in note for note in cost.notes)
    assert "1,000 requests/s" in shown.text or "1000 requests/s" in shown.text
    assert shown.servers is not None and shown.servers > 1
    # a report tells it, and an export takes it along
    for format in ("md", "html"):
        assert "Under load" in workflow.render(after, format)
    assert "Under load" in cli("decide", case).out
    exported = workflow.export_results(case)
    (case / ".advisor" / "store.sqlite").unlink()
    assert workflow.decide(case).load_tests == (shown,)
    assert exported.exists()


def test_it_is_of_the_model_that_was_tested(tmp_path: Path, serve: Callable[..., ContractServer]) -> None:
    server = serve()
    case = hosted_case(tmp_path / "c", server, baselines=("zero_shot",), model={"serving": SERVING})
    loadtest(case, "zero_shot", [1], requests=4)
    workflow.run(case)
    assert len(workflow.decide(case).load_tests) == 1
    file = case / "case.yaml"
    file.write_text(file.read_text().replace("gpt-4.1-mini", "gpt-4.1-nano"))
    workflow.run(case)
    assert workflow.decide(case).load_tests == ()


def test_the_table_says_what_a_reader_needs(
    tmp_path: Path, serve: Callable[..., ContractServer], cli: Callable[..., CliResult]
) -> None:
    case = hosted_case(tmp_path / "c", serve(latency_s=0.01), model={"serving": SERVING})
    result = cli("loadtest", case, "--baseline", "zero_shot", "--concurrency", "1,2", "--requests", "20")
    assert result.code == 0
    assert "Requests/s" in result.out and "p95" in result.out
    assert "one server answers" in result.out
    assert "zero_shot · 2 at a time: 20/20" in result.err
    assert "Spent $" in result.err
