"""What is kept, as tables. A change here needs a migration beside it (`migrations/versions/`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """All tables of the store."""


class CallRow(Base):
    """One answered call; its key is a hash of everything that decides the answer."""

    __tablename__ = "calls"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    model_version: Mapped[str] = mapped_column(String(255))
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    completion: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RunRow(Base):
    """One `run` of a case, or one import of results."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_name: Mapped[str] = mapped_column(String(64), index=True)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    status: Mapped[str] = mapped_column(String(16))
    environment: Mapped[dict[str, Any]] = mapped_column(JSON)
    calls_made: Mapped[int] = mapped_column(Integer, default=0)


class MeasurementRow(Base):
    """One baseline, in one configuration, over the held-out set. Each one is a look at that set."""

    __tablename__ = "measurements"
    __table_args__ = (Index("ix_measurements_case", "case_name", "baseline"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    case_name: Mapped[str] = mapped_column(String(64))
    baseline: Mapped[str] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(64))
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    about: Mapped[dict[str, Any]] = mapped_column(JSON)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ItemRow(Base):
    """One baseline's result on one held-out item."""

    __tablename__ = "items"

    measurement_id: Mapped[int] = mapped_column(
        ForeignKey("measurements.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)


class JobRow(Base):
    """One tuning job, by the fingerprint of everything that decides its result."""

    __tablename__ = "jobs"

    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    case_name: Mapped[str] = mapped_column(String(64), index=True)
    baseline: Mapped[str | None] = mapped_column(String(64))
    system: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    record: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class BatchRow(Base):
    """Requests handed to a provider's batch endpoint, until their answers are taken in."""

    __tablename__ = "batches"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    model_version: Mapped[str] = mapped_column(String(255), index=True)
    batch_id: Mapped[str | None] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16))
    requests: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LoadTestRow(Base):
    """One load test of a served baseline; of several the newest counts."""

    __tablename__ = "load_tests"
    __table_args__ = (Index("ix_load_tests_case", "case_name", "baseline"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    case_name: Mapped[str] = mapped_column(String(64))
    baseline: Mapped[str] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(64))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class JournalRow(Base):
    """One thing that somebody did. Rows are only ever added, each with the hash of the one before."""

    __tablename__ = "journal"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    previous: Mapped[str] = mapped_column(String(64), unique=True)
    hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[str] = mapped_column(String(40))
    case_name: Mapped[str] = mapped_column(String(64), index=True)
    what: Mapped[str] = mapped_column(String(32))
    who: Mapped[dict[str, Any]] = mapped_column(JSON)
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
