"""One process at a time works on a job: a lock that its holder's death releases."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from advisor.errors import TuningError

_LOCK = "lock"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Holds the job's lock.

    Raises:
        TuningError: Another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TuningError(
                "Another process is working on this tuning job.",
                hint="Wait for it, look with `advisor tune status`, or end it with `advisor tune cancel`.",
            ) from None
        yield


def is_locked(folder: Path) -> bool:
    """Whether a process is working on the job now."""
    if not (folder / _LOCK).exists():
        return False
    try:
        with exclusive(folder):
            return False
    except TuningError:
        return True
