"""A list of cases that is there at once: each decision in a row, kept in the user's cache until something changes."""

from __future__ import annotations

import contextlib
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from advisor.records import Record
from advisor.reports.overview import Overview
from advisor.version import __version__

if TYPE_CHECKING:
    from advisor.records import Decision

STORE_FOLDER = ".advisor"
CACHE_VARIABLE = "ADVISOR_CACHE"
"""A folder for what can be computed again; by default the user's own."""


class _Kept(Record):
    """A row with what it was computed from."""

    made_of: str
    row: Overview


def overview_of(case: Path, *, store: str | None = None) -> Overview:
    """The row of a case, decided anew where something changed.

    Raises:
        AdvisorError: The case is wrong, or nothing was measured yet.
    """
    from advisor.workflow import decide

    kept = kept_overview(case, store=store)
    return kept or keep_overview(case, decide(case, store=store), store=store)


def kept_overview(case: Path, *, store: str | None = None) -> Overview | None:
    """The row of a case as it was last decided, if nothing changed since; reads one small file."""
    if store is not None:  # whether something changed in there is not seen from here
        return None
    try:
        kept = _Kept.model_validate_json(_place(case).read_bytes())
    except (OSError, ValidationError, ValueError):
        return None
    return kept.row if kept.made_of == _made_of(case) else None


def keep_overview(case: Path, decision: Decision, *, store: str | None = None) -> Overview:
    """The row of a decision, kept for the next time where that is possible."""
    from advisor.files import write_whole
    from advisor.reports.overview import overview

    row = overview(decision)
    if store is None:
        with contextlib.suppress(OSError):  # it is only faster with it
            write_whole(_place(case), _Kept(made_of=_made_of(case), row=row).model_dump_json())
    return row


def last_change(folder: Path) -> float:
    """When a file of a case, its results included, was last written: seconds since the epoch.

    What a database makes and removes while it is only read is no change, nor is the progress of a run.
    """
    times = [0.0]
    for path in folder.rglob("*"):
        try:
            found = path.stat()
        except OSError:  # gone between being listed and being looked at
            continue
        passing = path.name.endswith("-shm") or (path.name.endswith("-wal") and not found.st_size)
        passing = passing or (path.parent.name == STORE_FOLDER and path.name.startswith("run."))
        if path.name != STORE_FOLDER and not passing:
            times.append(found.st_mtime)
    return max(times)


def _made_of(case: Path) -> str:
    """Files, version and day: prices grow old, and models end."""
    return f"{last_change(case)!r} {__version__} {datetime.now(UTC).date()}"


def _place(case: Path) -> Path:
    named = os.environ.get(CACHE_VARIABLE, "").strip()
    if named:
        folder = Path(named)
    else:
        from platformdirs import user_cache_path

        folder = user_cache_path("advisor")
    return folder / "overviews" / f"{hashlib.sha256(str(case.resolve()).encode()).hexdigest()[:24]}.json"
