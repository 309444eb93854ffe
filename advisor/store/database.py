"""The store: every answer stands here before anything else is done with it.

SQLite in WAL mode by default, PostgreSQL for teams; the tables are versioned by migrations, which run when a
store is opened.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic_core import from_json
from sqlalchemy import (
    Engine,
    ScalarResult,
    Text,
    cast,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from advisor.errors import StoreError
from advisor.records import ChatRequest, Completion, Failure, ItemResult, ItemTable, LoadTest, Record
from advisor.store.tables import BatchRow, CallRow, ItemRow, JobRow, LoadTestRow, MeasurementRow, RunRow

_MIGRATION_ATTEMPTS = 50
_KEYS_PER_QUERY = 500  # below SQLite's limit of bound parameters
_ROWS_PER_PARSE = 4_096


class StoredMeasurement(Record):
    """A measurement as the store holds it; `about` is what belongs to it beside its items."""

    run_id: str
    fingerprint: str
    about: dict[str, Any]
    items: ItemTable


def _rows(texts: ScalarResult[str]) -> Iterator[dict[str, Any]]:
    """Rows from their JSON, many parsed at once: a call for each row would take longer than the parsing."""
    for some in texts.partitions(_ROWS_PER_PARSE):
        yield from from_json(f"[{','.join(some)}]")


def call_key(model_version: str, request: ChatRequest) -> str:
    """The key of a call: a hash of everything that decides its answer."""
    content = {"model": model_version, "request": request.model_dump(mode="json")}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Store:
    """A connection to the store.

    Args:
        url: A SQLAlchemy URL, `sqlite:///path` or `postgresql+psycopg://…`.

    Raises:
        StoreError: It cannot be opened, or is of a newer version than this program.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() == "sqlite" and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self._engine = create_engine(parsed, pool_pre_ping=True)
            if parsed.get_backend_name() == "sqlite":
                event.listen(self._engine, "connect", _configure_sqlite)
            _migrate_beside_others(self._engine)
        except (SQLAlchemyError, OSError, ImportError) as error:
            hint = "Name another one with --store sqlite:///PATH, or in ADVISOR_STORE."
            if isinstance(error, ImportError) and url.startswith("postgresql"):
                hint = "PostgreSQL needs its driver: pip install advisor[postgresql], and a URL postgresql+psycopg://…"
            raise StoreError(f"The store cannot be opened: {_first_line(error)}", hint=hint) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    @property
    def engine(self) -> Engine:
        """What other modules of the store connect by."""
        return self._engine

    # ── calls ──

    def answers(self, keys: Iterable[str]) -> dict[str, Completion | Failure]:
        """The answers that are there, by key."""
        keys = list(dict.fromkeys(keys))
        found: dict[str, Completion | Failure] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(keys), _KEYS_PER_QUERY):
                wanted = keys[start : start + _KEYS_PER_QUERY]
                query = select(CallRow.key, CallRow.completion, CallRow.failure).where(
                    CallRow.key.in_(wanted)
                )
                for key, completion, failure in connection.execute(query):
                    found[key] = Failure(**failure) if failure else Completion(**completion)
        return found

    def request(self, key: str) -> tuple[str, ChatRequest, Completion | Failure] | None:
        """(model version, request, answer) of a call as it was made; None where it is not kept."""
        query = select(CallRow.model_version, CallRow.request, CallRow.completion, CallRow.failure)
        with self._engine.connect() as connection:
            row = connection.execute(query.where(CallRow.key == key)).first()
        if row is None:
            return None
        version, request, completion, failure = row
        return version, ChatRequest(**request), Failure(**failure) if failure else Completion(**completion)

    def save_answers(
        self, model_version: str, answers: Sequence[tuple[str, ChatRequest, Completion | Failure]]
    ) -> None:
        """Keeps answers, all or none; one that is there already stays as it is."""
        rows: list[dict[str, Any]] = [
            {
                "key": key,
                "model_version": model_version,
                "request": request.model_dump(mode="json", exclude_defaults=True),
                "completion": None if isinstance(answer, Failure) else answer.model_dump(mode="json"),
                "failure": answer.model_dump(mode="json") if isinstance(answer, Failure) else None,
                "created_at": _now(),
            }
            for key, request, answer in {a[0]: a for a in answers}.values()
        ]
        while rows:
            try:
                return self._insert_calls(rows)
            except IntegrityError:
                # another run was first; its answers stand. It may go on meanwhile, so look again
                there = self.answers(str(r["key"]) for r in rows)
                if not there:
                    raise
                rows = [r for r in rows if r["key"] not in there]

    def _insert_calls(self, rows: list[dict[str, Any]]) -> None:
        if rows:
            with self._engine.begin() as connection:
                connection.execute(insert(CallRow), rows)

    # ── runs ──

    def start_run(self, case_name: str, environment: Mapping[str, Any]) -> str:
        """Notes that a run has begun; returns its id."""
        run_id = uuid.uuid4().hex[:12]
        with self._engine.begin() as connection:
            connection.execute(
                insert(RunRow).values(
                    id=run_id,
                    case_name=case_name,
                    started_at=_now(),
                    status="running",
                    environment=dict(environment),
                    calls_made=0,
                )
            )
        return run_id

    def end_run(self, run_id: str, status: str, calls_made: int) -> None:
        """Notes how a run ended: finished, failed, stopped or budget."""
        with self._engine.begin() as connection:
            connection.execute(
                update(RunRow)
                .where(RunRow.id == run_id)
                .values(finished_at=_now(), status=status, calls_made=calls_made)
            )

    def run(self, run_id: str) -> dict[str, Any] | None:
        """A run's row: started_at, finished_at, status, environment, calls_made."""
        with self._engine.connect() as connection:
            row = connection.execute(select(RunRow.__table__).where(RunRow.id == run_id)).mappings().first()
        return dict(row) if row else None

    # ── measurements ──

    def save_measurement(
        self,
        *,
        case_name: str,
        baseline: str,
        fingerprint: str,
        run_id: str,
        about: Mapping[str, Any],
        items: Sequence[tuple[int, ItemResult]],
    ) -> None:
        """Keeps what was measured of one baseline, in place of an earlier version of the same configuration."""
        with self._engine.begin() as connection:
            same = (
                select(MeasurementRow.id)
                .where(MeasurementRow.case_name == case_name, MeasurementRow.baseline == baseline)
                .where(MeasurementRow.fingerprint == fingerprint)
            )
            row_id = connection.execute(same).scalar()
            values = {"run_id": run_id, "about": dict(about), "updated_at": _now()}
            if row_id is None:
                row_id = connection.execute(
                    insert(MeasurementRow)
                    .values(case_name=case_name, baseline=baseline, fingerprint=fingerprint, **values)
                    .returning(MeasurementRow.id)
                ).scalar_one()
            else:
                connection.execute(update(MeasurementRow).where(MeasurementRow.id == row_id).values(**values))
                connection.execute(delete(ItemRow).where(ItemRow.measurement_id == row_id))
            if items:
                rows = [
                    {
                        "measurement_id": row_id,
                        "position": position,
                        "data": item.model_dump(mode="json", exclude_defaults=True),
                    }
                    for position, item in items
                ]
                connection.execute(insert(ItemRow), rows)

    def measurement(
        self, case_name: str, baseline: str, fingerprint: str | None = None
    ) -> StoredMeasurement | None:
        """The measurement of one configuration, or the newest of any; None if there is none."""
        query = select(MeasurementRow.__table__).where(
            MeasurementRow.case_name == case_name, MeasurementRow.baseline == baseline
        )
        if fingerprint is not None:
            query = query.where(MeasurementRow.fingerprint == fingerprint)
        with self._engine.connect() as connection:
            row = (
                connection.execute(query.order_by(MeasurementRow.updated_at.desc()).limit(1))
                .mappings()
                .first()
            )
            if row is None:
                return None
            data = connection.execute(
                select(cast(ItemRow.data, Text))
                .where(ItemRow.measurement_id == row["id"])
                .order_by(ItemRow.position)
            )
            return StoredMeasurement(
                run_id=row["run_id"],
                fingerprint=row["fingerprint"],
                about=row["about"],
                items=ItemTable.of_rows(_rows(data.scalars())),
            )

    def held_out_looks(self, case_name: str) -> int:
        """How many different configurations were evaluated on the held-out set."""
        query = select(func.count()).select_from(MeasurementRow).where(MeasurementRow.case_name == case_name)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one()

    # ── tuning jobs ──

    def save_job(
        self,
        fingerprint: str,
        *,
        case_name: str,
        baseline: str | None,
        system: str,
        state: str,
        details: Mapping[str, Any] | None = None,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        """Keeps where a tuning job stands, and its record once it has ended well."""
        values = {
            "case_name": case_name,
            "baseline": baseline,
            "system": system,
            "state": state,
            "details": dict(details) if details is not None else None,
            "record": dict(record) if record is not None else None,
            "updated_at": _now(),
        }
        with self._engine.begin() as connection:
            changed = connection.execute(
                update(JobRow).where(JobRow.fingerprint == fingerprint).values(**values)
            )
            if not changed.rowcount:
                connection.execute(insert(JobRow).values(fingerprint=fingerprint, **values))

    def job(self, fingerprint: str) -> dict[str, Any] | None:
        """A tuning job's row: baseline, system, state, details, record."""
        with self._engine.connect() as connection:
            row = connection.execute(select(JobRow.__table__).where(JobRow.fingerprint == fingerprint))
            found = row.mappings().first()
        return dict(found) if found else None

    def jobs(self, case_name: str) -> list[dict[str, Any]]:
        """The rows of a case's tuning jobs, the one that changed last first."""
        query = select(JobRow.__table__).where(JobRow.case_name == case_name)
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(JobRow.updated_at.desc())).mappings().all()
        return [dict(row) for row in found]

    # ── load tests ──

    def save_load_test(self, case_name: str, baseline: str, fingerprint: str, test: LoadTest) -> None:
        """Keeps a load test; from now on it is the one that counts."""
        with self._engine.begin() as connection:
            connection.execute(
                insert(LoadTestRow).values(
                    case_name=case_name,
                    baseline=baseline,
                    fingerprint=fingerprint,
                    data=test.model_dump(mode="json"),
                    created_at=_now(),
                )
            )

    def load_test(self, case_name: str, baseline: str, fingerprint: str) -> LoadTest | None:
        """The newest load test of a baseline in this configuration; None if there is none."""
        query = (
            select(LoadTestRow.data)
            .where(LoadTestRow.case_name == case_name, LoadTestRow.baseline == baseline)
            .where(LoadTestRow.fingerprint == fingerprint)
            .order_by(LoadTestRow.id.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            data = connection.execute(query).scalar()
        return LoadTest(**data) if data else None

    # ── batches ──

    def save_batch(
        self, batch: str, *, model_version: str, requests: Mapping[str, ChatRequest], state: str = "new"
    ) -> None:
        """Keeps what is about to be handed to a batch endpoint, by call key."""
        with self._engine.begin() as connection:
            connection.execute(
                insert(BatchRow).values(
                    id=batch,
                    model_version=model_version,
                    batch_id=None,
                    state=state,
                    requests={
                        key: r.model_dump(mode="json", exclude_defaults=True) for key, r in requests.items()
                    },
                    created_at=_now(),
                )
            )

    def update_batch(self, batch: str, *, state: str, batch_id: str | None = None) -> None:
        """Keeps the provider's name of a batch, and where it stands."""
        values = {"state": state} | ({"batch_id": batch_id} if batch_id is not None else {})
        with self._engine.begin() as connection:
            connection.execute(update(BatchRow).where(BatchRow.id == batch).values(**values))

    def open_batches(self, model_version: str) -> list[dict[str, Any]]:
        """The batches of a model whose answers were not taken in yet: id, batch_id, state, requests."""
        query = (
            select(BatchRow.__table__)
            .where(BatchRow.model_version == model_version, BatchRow.state != "done")
            .order_by(BatchRow.created_at)
        )
        with self._engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings().all()]
        return [
            {**row, "requests": {k: ChatRequest(**r) for k, r in row["requests"].items()}} for row in rows
        ]


def _migrate_beside_others(engine: Engine) -> None:
    """Brings the tables up to date; another process that is just doing so is waited for."""
    for attempt in range(_MIGRATION_ATTEMPTS):
        try:
            return _migrate(engine)
        except DBAPIError:  # a table that the other one has just made, or its lock
            if attempt == _MIGRATION_ATTEMPTS - 1:
                raise
            time.sleep(0.1)


def _migrate(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
            connection.commit()
        except CommandError as error:
            raise StoreError(
                f"The store is of a version that this program does not know: {_first_line(error)}",
                hint="Install a newer advisor, or name another store with --store.",
            ) from error


def _configure_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    # WAL lets a page read while a run writes; FULL makes an answer survive a power cut, not only a kill
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _now() -> datetime:
    return datetime.now(UTC)


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
