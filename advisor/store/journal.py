"""The journal: who did what to which case, and when. It is only ever added to, and shows if it was tampered with.

Every entry holds the hash of the one before it, so an entry that was changed, taken out or put in between breaks the
chain from there on; the database refuses changes by triggers besides. Whoever can write the database file can still cut
entries off its end, or write the whole chain anew: keep the last hash elsewhere (a report names it) to see that too.
"""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from advisor.access import Identity
from advisor.errors import StoreError
from advisor.records import Record
from advisor.store.database import Store
from advisor.store.tables import JournalRow

FIRST = "0" * 64
"""What stands for the hash before the first entry."""
_ATTEMPTS = 100


class JournalEntry(Record):
    """One thing that somebody did."""

    number: int
    at: datetime
    case: str
    what: str
    who: Identity
    details: dict[str, Any]
    previous: str
    hash: str


def add_entry(store: Store, *, case: str, what: str, who: Identity, details: dict[str, Any]) -> JournalEntry:
    """Adds an entry at the end. Of two at once one waits for the other; none is lost, and the chain does not fork.

    Raises:
        StoreError: It cannot be written.
    """
    for _ in range(_ATTEMPTS):
        try:
            with store.engine.begin() as connection:
                last = connection.execute(
                    select(JournalRow.number, JournalRow.hash).order_by(JournalRow.number.desc()).limit(1)
                ).first()
                values: dict[str, Any] = {
                    "number": last.number + 1 if last else 1,
                    "previous": last.hash if last else FIRST,
                    "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                    "case_name": case,
                    "what": what,
                    "who": who.model_dump(mode="json"),
                    "details": details,
                }
                values["hash"] = _hash(values)
                connection.execute(insert(JournalRow).values(**values))
            return _entry(values)
        except IntegrityError:  # another entry was added just now: this one comes after it
            time.sleep(0.01)
        except SQLAlchemyError as error:
            if "locked" not in str(error):
                raise StoreError(f"The journal cannot be written: {str(error).splitlines()[0]}") from error
            time.sleep(0.01)
    raise StoreError(
        "The journal cannot be written: it is written by others all the time.", hint="Try it again."
    )


def entries(store: Store, case: str, *, what: tuple[str, ...] = ()) -> list[JournalEntry]:
    """The entries of a case, the oldest first; only those of some kinds, if named."""
    query = select(JournalRow.__table__).where(JournalRow.case_name == case).order_by(JournalRow.number)
    if what:
        query = query.where(JournalRow.what.in_(what))
    with store.engine.connect() as connection:
        return [_entry(dict(row)) for row in connection.execute(query).mappings()]


def broken_at(store: Store) -> int | None:
    """The number of the first entry that is not what was written, or does not follow the one before; None: all are."""
    previous, number = FIRST, 0
    with store.engine.connect() as connection:
        for row in connection.execute(select(JournalRow.__table__).order_by(JournalRow.number)).mappings():
            number += 1
            if row["number"] != number or row["previous"] != previous or row["hash"] != _hash(dict(row)):
                return number
            previous = row["hash"]
    return None


def last_hash(store: Store) -> str:
    """The hash of the newest entry: kept elsewhere, it shows whether the end of the journal was cut off."""
    newest = select(func.max(JournalRow.number)).scalar_subquery()
    with store.engine.connect() as connection:
        return (
            connection.execute(select(JournalRow.hash).where(JournalRow.number == newest)).scalar() or FIRST
        )


def _hash(values: dict[str, Any]) -> str:
    content = {k: values[k] for k in ("number", "previous", "at", "case_name", "what", "who", "details")}
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _entry(values: dict[str, Any]) -> JournalEntry:
    renamed = {"case" if k == "case_name" else k: v for k, v in values.items()}
    return JournalEntry(**{**renamed, "who": Identity(**values["who"])})
