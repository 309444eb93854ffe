"""The journal is only added to; what was changed, taken out or put in shows."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from advisor.access import Identity
from advisor.store.database import Store
from advisor.store.journal import FIRST, add_entry, broken_at, entries, last_hash

ANN = Identity(subject="ann", name="Ann", roles=("editor",))


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'store.sqlite'}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store(url_of(tmp_path))
    for n in range(3):
        add_entry(
            opened, case="c", what=f"done {n}", who=ANN, details={"n": n, "text": "ü \U0001f600 \u202e"}
        )
    return opened


def without_triggers(store: Store, *statements: str) -> None:
    """Changes the database as somebody with its file could."""
    with store.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER journal_no_update"))
        connection.execute(text("DROP TRIGGER journal_no_delete"))
        for statement in statements:
            connection.execute(text(statement))


def test_what_is_added_is_read_back_in_order(store: Store) -> None:
    found = entries(store, "c")
    assert [e.details["n"] for e in found] == [0, 1, 2]
    assert found[0].previous == FIRST
    assert last_hash(store) == found[-1].hash
    assert found[0].who == ANN
    assert broken_at(store) is None
    assert entries(store, "another") == []


@pytest.mark.parametrize("statement", ["UPDATE journal SET what = 'else'", "DELETE FROM journal"])
def test_the_database_refuses_changes(store: Store, statement: str) -> None:
    with pytest.raises(SQLAlchemyError, match="only ever added"), store.engine.begin() as connection:
        connection.execute(text(statement))
    assert broken_at(store) is None


@pytest.mark.parametrize(
    ("statement", "at"),
    [
        ("UPDATE journal SET what = 'else' WHERE number = 2", 2),
        ("UPDATE journal SET details = '{\"n\": 7}' WHERE number = 1", 1),
        ('UPDATE journal SET who = \'{"subject": "eve", "name": "Eve"}\' WHERE number = 3', 3),
        ("DELETE FROM journal WHERE number = 2", 2),
        ("UPDATE journal SET number = 9 WHERE number = 3", 3),
    ],
)
def test_tampering_with_the_file_is_found(store: Store, statement: str, at: int) -> None:
    without_triggers(store, statement)
    assert broken_at(store) == at


def add_many(url: str, name: str) -> None:
    with Store(url) as opened:
        for n in range(20):
            add_entry(opened, case="c", what=f"{name} {n}", who=ANN, details={})


def test_two_at_once_lose_nothing_and_do_not_fork_the_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=add_many, args=(url_of(tmp_path), name)) for name in ("a", "b")]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    with Store(url_of(tmp_path)) as opened:
        assert broken_at(opened) is None
        assert sorted(e.what for e in entries(opened, "c")) == sorted(
            f"{x} {n}" for x in "ab" for n in range(20)
        )
