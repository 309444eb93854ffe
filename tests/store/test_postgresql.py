"""The store of a team: what holds in SQLite holds in a real PostgreSQL too."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from advisor import workflow
from advisor.access import Identity
from advisor.store.database import Store
from advisor.store.journal import add_entry, broken_at, entries
from tests.conftest import write_case

ANN = Identity(subject="ann", name="Ann", roles=("editor",))


def programs() -> Path:
    """The folder of PostgreSQL's programs, or a skipped test."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install advisor[postgresql]")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "")]
    if not found[-1].is_file():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent


def as_its_user(folder: Path) -> dict[str, Any]:
    """PostgreSQL does not run as root; there it runs as the user that its package made."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("there is no user that PostgreSQL could run as")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a PostgreSQL of its own, without a database."""
    where = programs()
    folder = Path(tempfile.mkdtemp(prefix="advisor-pg-", dir="/tmp"))  # a socket's path has to be short
    own: dict[str, Any] = {**as_its_user(folder), "cwd": folder, "stdout": subprocess.DEVNULL}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = str(folder / "data")
    subprocess.run(
        [where / "initdb", "-D", data, "-A", "trust", "-U", "advisor", "-E", "UTF8"], check=True, **own
    )
    control = [where / "pg_ctl", "-D", data, "-w"]
    options = f"-p {port} -k {folder} -c fsync=off"
    subprocess.run([*control, "-o", options, "-l", str(folder / "log"), "start"], check=True, **own)
    try:
        yield f"postgresql+psycopg://advisor@127.0.0.1:{port}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, **own)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(server: str, tmp_path: Path) -> str:
    """An empty database."""
    name = f"test_{abs(hash(tmp_path))}"
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}/{name}"


def right(request: Any) -> str:
    """Always the same label for a message; some answers hold what databases stumble over."""
    choice = sum(map(ord, request.messages[-1].content)) % 4
    return ("delivery", "payment", "other", "ü \u202e 😀 '; DROP TABLE calls; --")[choice]


def test_a_run_is_kept_and_a_second_one_makes_no_call(url: str, tmp_path: Path, scripted: Any) -> None:
    case, model = write_case(tmp_path / "c"), scripted(right)
    first = workflow.run(case, store=url)
    made = len(model.calls)
    assert first.calls_made > 0
    second = workflow.run(case, store=url)
    assert (len(model.calls), second.calls_made) == (made, 0)
    assert second.decision.verdict == first.decision.verdict
    assert second.decision.baselines == first.decision.baselines
    on_file = workflow.run(write_case(tmp_path / "d"), store=f"sqlite:///{tmp_path}/s.sqlite")
    assert [b.quality for b in on_file.decision.baselines] == [b.quality for b in first.decision.baselines]


def test_a_review_is_opened_signed_and_asked_for(url: str, tmp_path: Path, scripted: Any, cli: Any) -> None:
    case = write_case(tmp_path / "c")
    scripted(right)
    workflow.run(case, store=url)
    assert cli("review", "open", case, "--store", url).code == 0

    def reached() -> bool:
        checks = cli("gate", case, "--store", url, "--json").json["checks"]
        return next(bool(c["passed"]) for c in checks if c["name"] == "The quorum is reached")

    assert not reached()
    signed = cli("review", "sign", case, "--approve", "--store", url)
    assert signed.code == 0, signed.err
    assert reached()
    log = cli("review", "log", case, "--store", url)
    assert log.code == 0 and "review signed" in log.out


@pytest.mark.parametrize(
    "statement", ["UPDATE journal SET what = 'else'", "DELETE FROM journal", "TRUNCATE journal"]
)
def test_the_database_refuses_to_change_the_journal(url: str, statement: str) -> None:
    with Store(url) as store:
        add_entry(store, case="c", what="done", who=ANN, details={"text": "ü 😀 \u202e", "n": 0.1})
        with pytest.raises(SQLAlchemyError, match="only ever added"), store.engine.begin() as connection:
            connection.execute(text(statement))
        assert broken_at(store) is None
        assert len(entries(store, "c")) == 1


def test_what_the_owner_of_the_database_changed_is_found(url: str) -> None:
    with Store(url) as store:
        for n in range(3):
            add_entry(store, case="c", what=f"done {n}", who=ANN, details={})
        with store.engine.begin() as connection:
            connection.execute(text("DROP TRIGGER journal_final ON journal"))
            connection.execute(text("UPDATE journal SET what = 'else' WHERE number = 2"))
        assert broken_at(store) == 2


def add_many(url: str, name: str) -> None:
    with Store(url) as opened:
        for n in range(20):
            add_entry(opened, case="c", what=f"{name} {n}", who=ANN, details={})


def test_two_at_once_lose_no_entry_and_open_one_new_store(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=add_many, args=(url, name)) for name in ("a", "b")]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    with Store(url) as opened:
        assert broken_at(opened) is None
        assert sorted(e.what for e in entries(opened, "c")) == sorted(
            f"{x} {n}" for x in "ab" for n in range(20)
        )
