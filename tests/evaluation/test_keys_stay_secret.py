"""Keys are read from the environment, sent to the provider, and are nowhere else: whatever goes well or wrong."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor import workflow
from advisor.errors import AdvisorError
from advisor.testing import ContractServer, Fault
from advisor.workflow import tuning
from tests.conftest import CliResult, write_case
from tests.hosted_case import SYSTEMS, hosted_case, shorten

KEY = "sk-advisor-LEAKCANARY-1234567890abcdef"
TOKEN = "eyJhbGciOiJub25l.LEAKCANARYpayload0987654321.c2lnbmF0dXJl"
PIECES = {s[i : i + 8] for s in (KEY[11:], TOKEN) for i in range(len(s) - 7) if not s[i : i + 8].isdigit()}
"""Parts that no other text has; the key begins like words of the product."""

Cli = Callable[..., CliResult]


def check_clean(text: str | bytes, where: str) -> None:
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="replace")
    found = [piece for piece in PIECES if piece in text]
    assert not found, f"{where} holds parts of a key: {found}"
    assert "***" not in text, f"{where} holds a masked key, whose ends are readable"


def check_folder(folder: Path) -> None:
    """The store with its write-ahead log, the job's files, reports: every byte."""
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert any(p.name == "store.sqlite" for p in files)
    for path in files:
        check_clean(path.read_bytes(), path.name)


def check_error(error: BaseException) -> None:
    """An error with all that it came from, as it is shown and as it can be inspected."""
    check_clean("".join(traceback.format_exception(error)), "the traceback")
    chain, seen = [error], set[int]()
    while chain:
        one = chain.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        chain += [e for e in (one.__cause__, one.__context__) if e is not None]
        for text in (str(one), repr(one), repr(one.args), repr(vars(one)), repr(getattr(one, "hint", None))):
            check_clean(text, type(one).__name__)
        held = {"request", "response"} & set(dir(one))
        assert not held, f"{type(one).__name__} holds the {held}, whose headers have the key"


class Listening:
    """A progress that keeps all it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def start(self, what: str, total: int) -> None:
        self.told.append(what)

    def advance(self, items: int, **told: Any) -> None:
        pass

    def spend(self, what: str, usd: float | None) -> None:
        self.told.append(what)

    def note(self, text: str) -> None:
        self.told.append(text)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch)
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("ADVISOR_AZURE_MANAGEMENT_TOKEN", TOKEN)


@contextmanager
def served(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Iterator[ContractServer]:
    given = {"api_key": KEY, "azure_tokens": (TOKEN,), "training_s": 0.05, "provisioning_s": 0.02, **settings}
    with ContractServer(**given) as server:
        monkeypatch.setenv("ADVISOR_AZURE_MANAGEMENT_URL", server.management_url)
        yield server


@pytest.mark.parametrize("batches", [False, True])
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_good_run_keeps_no_key(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    system: str,
    batches: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    heard = Listening()
    with served(monkeypatch) as server:
        case = hosted_case(tmp_path / "c", server, system)
        outcome = workflow.run(case, use_batches=batches, progress=heard)
        assert outcome.exit_code == 0
        (view,) = tuning.status(case)
        for format in ("html", "md", "json"):
            check_clean(
                workflow.report(case, format=format, output=case / "reports").read_text(), f"the {format}"
            )
        workflow.export_results(case)
    check_folder(tmp_path)
    assert (case / ".advisor" / "tuning").is_dir()
    captured = capsys.readouterr()
    for text, where in (
        (captured.out, "stdout"),
        (captured.err, "stderr"),
        ("\n".join(heard.told), "the progress"),
        (caplog.text, "the log"),
        (repr(view), "the job's state"),
        (outcome.decision.to_json(), "the decision"),
        (repr(server.requests).replace("Bearer ***", "").replace("'***'", ""), "what the server recorded"),
    ):
        check_clean(text, where)


@pytest.mark.parametrize("batches", [False, True])
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_refused_key_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli, system: str, batches: bool
) -> None:
    with served(monkeypatch, api_key="another", azure_tokens=("another",)) as server:
        case = hosted_case(tmp_path / "c", server, system)
        heard = Listening()
        with pytest.raises(AdvisorError) as caught:
            workflow.run(case, use_batches=batches, progress=heard)
        check_error(caught.value)
        check_clean("\n".join(heard.told), "the progress")
        with pytest.raises(AdvisorError) as caught:
            tuning.start(case)
        check_error(caught.value)
        for command in (
            ("run", case, *(["--batch"] if batches else [])),
            ("tune", "start", case),
            ("tune", "start", case, "--json"),
            ("tune", "status", case),
            ("check", case),
        ):
            result = cli(*command)
            check_clean(result.out + result.err, f"advisor {command[0]}")
        assert not server.jobs
    check_folder(tmp_path)


def test_a_refused_management_token_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    with served(monkeypatch, azure_tokens=("another",)) as server:
        case = hosted_case(tmp_path / "c", server, "azure_openai")
        with pytest.raises(AdvisorError) as caught:
            workflow.run(case)
        check_error(caught.value)
        with pytest.raises(AdvisorError) as caught:
            tuning.undeploy(case)
        check_error(caught.value)
        result = cli("tune", "deploy", case)
        assert result.code == 1
        check_clean(result.out + result.err, "advisor tune deploy")
        for format in ("html", "md", "json"):
            workflow.report(case, format=format, output=case / "reports")
    check_folder(tmp_path)


@pytest.mark.parametrize(
    ("system", "route"),
    [
        ("openai", "files.create"),
        ("openai", "jobs.create"),
        ("openai", "jobs.retrieve"),
        ("openai", "chat"),
        ("azure_openai", "jobs.create"),
        ("azure_openai", "deployments.create"),
        ("azure_openai", "deployments.delete"),
    ],
)
@pytest.mark.parametrize("kind", ["500", "malformed", "disconnect", "insufficient_quota"])
def test_a_failed_call_attaches_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, route: str, kind: Any
) -> None:
    monkeypatch.setattr("advisor.models._retries.Retries._hook", lambda self: lambda error: False)
    with served(monkeypatch) as server:
        case = hosted_case(tmp_path / "c", server, system, baselines=("fine_tuned",), n_held_out=3)
        server.inject(Fault(route, kind, every=1))
        heard = Listening()
        try:
            workflow.run(case, progress=heard)
        except AdvisorError as error:
            check_error(error)
        check_clean("\n".join(heard.told), "the progress")
    check_folder(tmp_path)


# ── an endpoint that repeats what it was sent ────────────────────────────────────────────────────────────


class Echo(BaseHTTPRequestHandler):
    """Refuses everything, and repeats the key in its answer, whole."""

    status = 400

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        sent = self.headers.get("authorization") or self.headers.get("api-key") or ""
        message = f"Refused: {sent}; headers were {dict(self.headers)}"
        error = {"message": message, "code": sent, "type": sent, "param": sent}
        body = json.dumps({"error": error}).encode()
        self.send_response(self.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
@pytest.mark.parametrize("system", SYSTEMS)
def test_an_endpoint_that_repeats_the_key_is_not_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli, system: str, status: int
) -> None:
    monkeypatch.setattr(Echo, "status", status)
    monkeypatch.setattr("advisor.models._retries.Retries._hook", lambda self: lambda error: False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as echo:
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{echo.server_address[1]}"
        monkeypatch.setenv("ADVISOR_AZURE_MANAGEMENT_URL", f"{root}/management")
        model: dict[str, Any] = {"provider": "openai", "model": "gpt-4.1-mini", "base_url": f"{root}/v1"}
        if system == "azure_openai":
            hosting = {"subscription_id": "s", "resource_group": "g", "account": "a"}
            model = {
                "provider": system, "model": "base", "base_model": "gpt-4.1-mini", "endpoint": root,
                "hosting": hosting,
            }  # fmt: skip
        tuned = {"name": "fine_tuned", "kind": "fine_tuned", "model": "m", "tuning": {"system": system}}
        changes = {
            "models": {"m": model},
            "baselines": [{"name": "zero_shot", "kind": "zero_shot", "model": "m"}, tuned],
        }
        case = write_case(tmp_path / "c", n_train=24, n_held_out=3, changes=changes)
        for act in (
            lambda: workflow.run(case, baselines=["zero_shot"]),
            lambda: workflow.run(case, baselines=["zero_shot"], use_batches=True),
            lambda: tuning.start(case),
            lambda: tuning.cancel(case),
        ):
            try:
                outcome = act()
            except AdvisorError as error:
                check_error(error)
            else:
                check_clean(repr(outcome), "what came of it")
        if system == "azure_openai":
            check_deployment_against(echo_case=case)
        for command in (("run", case), ("tune", "start", case), ("decide", case)):
            result = cli(*command)
            check_clean(result.out + result.err, f"advisor {command[0]}")
        for format in ("html", "md", "json"):
            try:
                workflow.report(case, format=format, output=case / "reports")
            except AdvisorError as error:
                check_error(error)
        echo.shutdown()
    check_folder(tmp_path)


def check_deployment_against(echo_case: Path) -> None:
    """Deploying and removing, as if the model were there."""
    from advisor.workflow.tuning import _plans

    with _plans(echo_case, None, None) as (plan,):
        plan.ledger.keep(model="m.ft-1")
        for act in (
            lambda: plan.system.deploy(plan.job, plan.ledger),
            lambda: plan.system.undeploy(plan.ledger),
        ):
            try:
                act()
            except AdvisorError as error:
                check_error(error)
        plan.ledger.keep(model=None, deployment=None, deployed_at=None)


def test_a_key_in_the_case_file_is_refused_unread(tmp_path: Path, cli: Cli) -> None:
    """A user who writes the key into case.yaml learns so, and not by seeing it printed."""
    case = write_case(tmp_path / "c")
    content = yaml.safe_load((case / "case.yaml").read_text())
    content["models"]["small"] = {"provider": "openai", "model": "gpt-4.1-mini", "api_key": KEY}
    (case / "case.yaml").write_text(yaml.safe_dump(content))
    result = cli("check", case)
    assert result.code == 1
    assert "api_key" in result.err
    check_clean(result.out + result.err, "advisor check")
