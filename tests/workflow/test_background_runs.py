"""A run from the app goes on by itself, one at a time; whatever ends it, it goes on where it stopped and pays once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from advisor import workflow
from advisor.access import Identity
from advisor.errors import AccessError, AdvisorError, CaseError, UsageError
from advisor.testing import ContractServer
from advisor.workflow._run_files import PROGRESS_FILE, RunLock, RunState, write_state
from advisor.workflow._run_guard import scrubbed, secrets_of
from advisor.workflow.background import log_of, run_here, run_state, start_run, stop_run
from advisor.workflow.rehearsal import keys
from tests.hosted_case import hosted_case, n_of

ROOT = Path(__file__).parents[2]
PRICES = {"input": 400.0, "output": 1600.0}  # dollars a million tokens: a call costs cents
KEY = "sk-practice-7H2kLmQ9xTzW4-not-a-real-key"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADVISOR_STORE", raising=False)
    monkeypatch.delenv("ADVISOR_ACCESS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def serve() -> Iterator[Callable[..., ContractServer]]:
    opened: list[Any] = []

    def use(**options: Any) -> ContractServer:
        server = ContractServer(api_key=KEY, **options)
        for context in (server, keys(server)):
            context.__enter__()
            opened.append(context)
        return server

    yield use
    for context in reversed(opened):
        context.__exit__(None, None, None)


def little(folder: Path, server: ContractServer, **more: Any) -> Path:
    """Two baselines over one model that is asked one question at a time."""
    changes = {
        "baselines": [
            {"name": "zero_shot", "kind": "zero_shot", "model": "m"},
            {"name": "few_shot", "kind": "few_shot", "model": "m", "examples": [1]},
        ]
    }
    model = {"concurrency": 1, "prices": PRICES}
    return hosted_case(folder, server, model=model, changes=changes, baselines=(), **more)


def wait_for(case: Path, is_it: Callable[[RunState], bool], seconds: float = 60) -> RunState:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = run_state(case)
        if is_it(state):
            return state
        time.sleep(0.05)
    raise AssertionError(f"it never came: {state}\n{log_of(case)}")


def ended(state: RunState) -> bool:
    return state.status != "running"


def n_kept(case: Path) -> int:
    engine = sa.create_engine(f"sqlite:///{case / '.advisor' / 'store.sqlite'}")
    with engine.connect() as connection:
        found = connection.execute(sa.text("select count(*) from calls")).scalar_one()
    engine.dispose()
    return int(found)


# ── from its start to its end ────────────────────────────────────────────────────────────────────────────────


def test_a_case_that_never_ran_says_so(tmp_path: Path) -> None:
    assert run_state(tmp_path).status == "never"


def test_a_run_tells_items_tokens_and_money_by_baseline(tmp_path: Path, serve: Any) -> None:
    server = serve(latency_s=0.05)
    case = little(tmp_path / "c", server)
    begun = start_run(case, budget_usd=100)
    assert begun.status == "running"
    assert begun.pid not in (None, os.getpid())
    seen = wait_for(case, lambda s: any(b.calls for b in s.baselines))
    assert [b.name for b in seen.baselines] == ["zero_shot", "few_shot"]
    done = wait_for(case, ended)
    assert done.status == "finished"
    assert done.failed == 0
    assert [(b.state, b.items_done, b.items_total, b.calls) for b in done.baselines] == [
        ("done", 12, 12, 12)
    ] * 2
    (billed,) = server.billed.chat.values()
    assert sum(b.tokens_in for b in done.baselines) == billed.input + billed.cached_input
    assert sum(b.tokens_out for b in done.baselines) == billed.output
    assert done.spent_usd == pytest.approx(
        (sum(b.tokens_in for b in done.baselines) * 400 + billed.output * 1600) / 1e6
    )
    assert done.usd_known
    assert workflow.decide(case).baselines[0].n == 12
    assert "zero_shot · held-out: 12/12" in log_of(case)


@pytest.mark.slow
def test_a_running_phase_says_how_long_it_will_take(tmp_path: Path, serve: Any) -> None:
    case = little(tmp_path / "c", serve(latency_s=0.15))
    start_run(case)
    seen = wait_for(case, lambda s: s.baselines[0].items_done >= 3)
    left = seen.baselines[0].remaining_s
    assert left is not None
    assert 0.15 * 0.7 * (12 - seen.baselines[0].items_done) <= left < 30
    assert seen.baselines[1].state == "waiting"
    stop_run(case)


@pytest.mark.slow
def test_what_is_measured_already_is_not_asked_again(tmp_path: Path, serve: Any) -> None:
    server = serve()
    case = little(tmp_path / "c", server)
    start_run(case)
    wait_for(case, ended)
    asked = n_of(server, "chat")
    start_run(case)
    again = wait_for(case, ended)
    assert (again.status, again.calls, again.spent_usd) == ("finished", 0, 0)
    assert n_of(server, "chat") == asked


@pytest.mark.slow
def test_it_goes_on_when_who_started_it_is_gone(tmp_path: Path, serve: Any) -> None:
    case = little(tmp_path / "c", serve(latency_s=0.1))
    program = (
        "import sys, os, signal\nfrom advisor.workflow.background import start_run\n"
        "start_run(sys.argv[1])\nos.killpg(os.getpgid(0), signal.SIGKILL)\n"
    )
    starter = subprocess.run(
        [sys.executable, "-c", program, str(case)], cwd=ROOT, start_new_session=True, timeout=60
    )
    assert starter.returncode == -signal.SIGKILL
    assert run_state(case).status == "running"
    assert wait_for(case, ended).status == "finished"


# ── one at a time ────────────────────────────────────────────────────────────────────────────────────────────


def test_of_two_starts_at_once_one_starts(tmp_path: Path, serve: Any) -> None:
    server = serve(latency_s=0.1)
    case = little(tmp_path / "c", server)
    together = threading.Barrier(4)

    def start(_: int) -> str:
        together.wait()
        try:
            return start_run(case).status
        except AdvisorError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(start, range(4)))
    assert told.count("running") == 1
    assert sum("being run already" in text for text in told) == 3
    assert wait_for(case, ended).status == "finished"
    assert n_of(server, "chat") == 24


def test_of_two_processes_that_start_it_one_does_and_the_other_says_who(tmp_path: Path, serve: Any) -> None:
    case = little(tmp_path / "c", serve(latency_s=0.1))
    begun = start_run(case)
    command = [sys.executable, "-c", "from advisor.cli import main; main()", "run", str(case)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert f"by process {begun.pid}, since " in second.stderr
    wait_for(case, ended)


def test_looking_at_a_case_never_keeps_it_from_starting(tmp_path: Path) -> None:
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            run_state(tmp_path)

    folder = tmp_path / ".advisor"
    folder.mkdir()
    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(50):
            RunLock.acquire(folder).release()
    finally:
        over.set()
        for looker in lookers:
            looker.join()


def test_a_run_in_a_terminal_is_seen_and_can_be_stopped_from_the_app(tmp_path: Path, serve: Any) -> None:
    case = little(tmp_path / "c", serve(latency_s=0.1))
    command = [sys.executable, "-c", "from advisor.cli import main; main()", "run", str(case)]
    terminal = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    seen = wait_for(case, lambda s: s.calls > 0)
    assert (seen.pid, seen.started_from) == (terminal.pid, "terminal")
    with pytest.raises(AdvisorError, match="being run already"):
        start_run(case)
    assert stop_run(case).status == "stopped"
    assert terminal.wait(timeout=20) == 130
    assert terminal.stderr is not None
    assert "Everything answered so far is kept" in terminal.stderr.read()


# ── whatever ends it ─────────────────────────────────────────────────────────────────────────────────────────


def test_killed_it_is_interrupted_and_goes_on_without_paying_twice(tmp_path: Path, serve: Any) -> None:
    server = serve(latency_s=0.1)
    case = little(tmp_path / "c", server)
    start_run(case)
    state = wait_for(case, lambda s: s.calls >= 5)
    assert state.pid is not None
    os.kill(state.pid, signal.SIGKILL)
    dead = wait_for(case, ended, 10)
    assert dead.status == "interrupted"
    assert dead.hint is not None
    assert "goes on where it stopped" in dead.hint
    kept, before = n_kept(case), n_of(server, "chat")
    assert kept >= 5
    begun = start_run(case)
    assert begun.spent_before_usd == pytest.approx(dead.spent_usd) != 0
    done = wait_for(case, ended)
    assert done.status == "finished"
    assert n_of(server, "chat") - before == 24 - kept == done.calls


def test_another_process_with_its_number_does_not_make_it_live(tmp_path: Path) -> None:
    folder = tmp_path / ".advisor"
    folder.mkdir()
    (folder / "run.lock").write_text(f"{os.getpid()} 2026-01-01T00:00:00+00:00\n")
    write_state(folder, RunState(status="running", run="r", pid=os.getpid()))
    assert run_state(tmp_path).status == "interrupted"
    assert stop_run(tmp_path).status == "interrupted"  # and this process still lives


def test_stopped_it_keeps_what_was_answered_and_goes_on_when_started_again(
    tmp_path: Path, serve: Any
) -> None:
    server = serve(latency_s=0.1)
    case = little(tmp_path / "c", server)
    start_run(case)
    wait_for(case, lambda s: s.calls >= 4)
    stopped = stop_run(case)
    assert stopped.status == "stopped"
    assert stopped.error is None
    assert n_kept(case) == stopped.calls >= 4
    start_run(case)
    done = wait_for(case, ended)
    assert done.status == "finished"
    assert done.calls == 24 - stopped.calls


def test_a_budget_ends_it_and_a_larger_one_lets_it_finish(tmp_path: Path, serve: Any) -> None:
    case = little(tmp_path / "c", serve())
    start_run(case, budget_usd=3.6)  # each answer may take up to the largest answer's price
    poor = wait_for(case, ended)
    assert poor.status == "budget"
    assert poor.spent_usd <= 3.6
    assert [b.calls for b in poor.baselines] == [12, 0]
    assert poor.error is not None
    assert "Stopped by the budget" in poor.error
    start_run(case, budget_usd=50)
    rich = wait_for(case, ended)
    assert rich.status == "finished"
    assert rich.calls == 24 - poor.calls
    assert rich.spent_before_usd == pytest.approx(poor.spent_usd)


def test_a_failure_says_what_and_what_to_do(tmp_path: Path, serve: Any, monkeypatch: Any) -> None:
    case = little(tmp_path / "c", serve())
    monkeypatch.delenv("OPENAI_API_KEY")
    start_run(case)
    failed = wait_for(case, ended)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.hint is not None
    assert "OPENAI_API_KEY" in failed.error + failed.hint


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe\x00", b"[1, 2]", b'{"status": "dancing"}'])
def test_a_damaged_progress_file_is_said(tmp_path: Path, text: bytes) -> None:
    (tmp_path / ".advisor").mkdir()
    (tmp_path / ".advisor" / PROGRESS_FILE).write_bytes(text)
    state = run_state(tmp_path)
    assert state.status == "interrupted"
    assert state.error is not None
    assert "cannot be read" in state.error


def test_over_a_damaged_progress_file_it_starts_anew(tmp_path: Path, serve: Any) -> None:
    case = little(tmp_path / "c", serve())
    (case / ".advisor").mkdir()
    (case / ".advisor" / PROGRESS_FILE).write_text("{")
    start_run(case, baselines=["few_shot"], limit=5)
    done = wait_for(case, ended)
    assert done.status == "finished"
    assert [(b.name, b.items_done) for b in done.baselines] == [("few_shot", 5)]


def test_the_progress_of_a_living_run_may_be_damaged(tmp_path: Path) -> None:
    folder = tmp_path / ".advisor"
    folder.mkdir()
    lock = RunLock.acquire(folder)
    (folder / PROGRESS_FILE).write_text("{")
    state = run_state(tmp_path)
    assert (state.status, state.pid) == ("running", os.getpid())
    lock.release()


# ── who may, and what is never written ───────────────────────────────────────────────────────────────────────


def test_a_viewer_starts_and_stops_nothing(tmp_path: Path, serve: Any) -> None:
    case = little(tmp_path / "c", serve())
    viewer = Identity(subject="v", name="Vic", roles=("viewer",), asserted_by="https://login.example")
    for verb in (start_run, stop_run, run_here):
        with pytest.raises(AccessError, match="editor"):
            verb(case, identity=viewer)
    assert run_state(case).status == "never"


def test_what_is_wrong_is_said_before_anything_starts(tmp_path: Path, serve: Any) -> None:
    case = little(tmp_path / "c", serve())
    with pytest.raises(UsageError, match="no baseline 'nine_shot'"):
        start_run(case, baselines=["nine_shot"])
    with pytest.raises(UsageError, match="No baseline"):
        start_run(case, baselines=[])
    with pytest.raises(UsageError, match="stop-early"):
        start_run(case, stop_early=True, limit=3)
    (case / "train.jsonl").write_text("{")
    with pytest.raises(CaseError):
        start_run(case)
    assert run_state(case).status == "never"


def test_no_secret_is_in_a_file_or_on_the_command_line(tmp_path: Path, serve: Any) -> None:
    case = little(tmp_path / "c", serve(latency_s=0.05))
    store = f"sqlite:///{tmp_path / 'pass-word-4711.sqlite'}"
    state = start_run(case, store=store)
    line = Path(f"/proc/{state.pid}/cmdline")
    if line.exists():
        assert KEY.encode() not in line.read_bytes()
        assert b"pass-word" not in line.read_bytes()
    wait_for(case, ended)
    for path in (case / ".advisor").iterdir():
        assert KEY[:12].encode() not in path.read_bytes(), path
        if path.name.startswith("run."):
            assert b"pass-word" not in path.read_bytes(), path
    assert (case / ".advisor" / "run.log").stat().st_mode & 0o077 == 0


def test_keys_and_passwords_of_the_environment_are_cleaned_from_texts() -> None:
    found = secrets_of(
        {
            "MY_API_KEY": "abcdefgh12345",
            "ADVISOR_STORE": "postgresql://ann:hunter2!@db/x",
            "HOME": "/home/ann",
        },
        "postgresql+psycopg://bob:pa55@db/y",
    )
    assert set(found) == {"abcdefgh12345", "hunter2!", "pa55"}
    text = scrubbed("abcdefgh12345 at postgresql://bob:pa55@db, hunter2!, /home/ann", found)
    assert not any(secret in text for secret in found)
    assert "/home/ann" in text


@pytest.mark.slow
def test_the_progress_file_is_whole_at_every_moment(tmp_path: Path, serve: Any) -> None:
    case = little(tmp_path / "c", serve(latency_s=0.02), n_held_out=30)
    start_run(case)
    reads = 0
    while run_state(case).status == "running":
        json.loads((case / ".advisor" / PROGRESS_FILE).read_text())
        reads += 1
    assert reads > 10
