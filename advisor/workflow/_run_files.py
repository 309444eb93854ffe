"""What a run leaves beside its case: a lock that says that it lives, and a file that says how far it is.

The lock is the operating system's and ends with its holder, however that dies; no process id is trusted to say whether
a run lives. The progress file is replaced whole, and may be lost or damaged without harm: answers are in the store.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from advisor.errors import AdvisorError
from advisor.evaluation.progress import Phase
from advisor.files import write_whole
from advisor.records.base import Record

LOCK_FILE, PROGRESS_FILE, LOG_FILE, OLD_LOG_FILE = "run.lock", "run.json", "run.log", "run.previous.log"
_TRIES, _TRY_S = 25, 0.02
"""A look whether a run lives holds the lock for a moment; who starts one waits that moment out."""
HEARTBEAT_S = 10.0
_SILENT_S = 60.0
"""Where files cannot be locked: a run that was not heard of for so long is taken to be dead."""

RunStatus = Literal["never", "running", "finished", "failed", "stopped", "budget", "interrupted"]
StartedFrom = Literal["app", "terminal"]


class BaselineState(Record):
    """How far one baseline is; figures are of this start, without what was in the store."""

    name: str
    state: Literal["waiting", "running", "done"] = "waiting"
    """`done` may go on: where a run stops early, baselines take turns."""
    phase: Phase | None = None
    detail: str = ""
    items_done: int = 0
    """Of the current phase, those from the store included."""
    items_total: int = 0
    items_stored: int = 0
    failed: int = 0
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    usd_known: bool = True
    """Whether all costs so far are known; else `usd` is what is known of them."""
    remaining_s: float | None = None
    """Estimated, of the current phase."""


class RunState(Record):
    """How the newest run of a case goes, or went."""

    status: RunStatus
    run: str = ""
    pid: int | None = None
    started_from: StartedFrom = "terminal"
    started_by: str = ""
    started_at: datetime | None = None
    updated_at: datetime | None = None
    ended_at: datetime | None = None
    chosen: tuple[str, ...] = ()
    stop_early: bool = False
    limit: int | None = None
    budget_usd: float | None = None
    """What this start may spend; None: no limit."""
    spent_before_usd: float = 0.0
    """By earlier starts that did not come to their end."""
    baselines: tuple[BaselineState, ...] = ()
    stopping: bool = False
    messages: tuple[str, ...] = ()
    failed: int | None = None
    """Items that failed for good, once it has ended."""
    error: str | None = None
    hint: str | None = None

    @property
    def spent_usd(self) -> float:
        """What is known of what this start has spent."""
        return sum(b.usd for b in self.baselines)

    @property
    def usd_known(self) -> bool:
        """Whether all of its costs are known."""
        return all(b.usd_known for b in self.baselines)

    @property
    def calls(self) -> int:
        """Calls that this start has made."""
        return sum(b.calls for b in self.baselines)


@dataclass
class RunLock:
    """The right to run a case, held until it is released or its process ends."""

    fd: int
    guarded: bool = True
    """False where the file system cannot lock."""

    @classmethod
    def acquire(cls, folder: Path) -> Self:
        """Takes the lock of a case's `.advisor` folder.

        Raises:
            AdvisorError: A run holds it; the message says which and since when.
        """
        fd = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            for left in reversed(range(_TRIES)):
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not left:
                        raise AdvisorError(
                            f"This case is being run already{_who(folder)}.",
                            hint="Look at it on the app's Run page, wait for its end, or stop it there.",
                        ) from None
                    time.sleep(_TRY_S)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                os.close(fd)
                raise
            return cls(fd, guarded=False)
        except AdvisorError:
            os.close(fd)
            raise
        lock = cls(fd)
        lock.name_holder(os.getpid())
        return lock

    @classmethod
    def adopt(cls, fd: int, *, guarded: bool) -> Self:
        """Goes on with the lock that the parent process took; its own children do not get it."""
        os.set_inheritable(fd, False)
        return cls(fd, guarded)

    def name_holder(self, pid: int) -> None:
        """Writes into the lock who holds it: for people, and to stop it."""
        text = f"{pid} {datetime.now(UTC).isoformat(timespec='seconds')}\n".encode()
        os.pwrite(self.fd, text, 0)
        os.ftruncate(self.fd, len(text))

    def release(self) -> None:
        """Gives the lock back."""
        os.ftruncate(self.fd, 0)
        os.close(self.fd)

    def hand_over(self) -> None:
        """Leaves it to the child process that has it too."""
        os.close(self.fd)


def is_held(folder: Path) -> bool | None:
    """Whether a run of the case lives; None where its file system cannot tell."""
    try:
        fd = os.open(folder / LOCK_FILE, os.O_RDONLY)
    except OSError:
        return False
    try:
        # shared, so that two who look do not take each other for a run
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(fd)


def holder(folder: Path) -> tuple[int, datetime] | None:
    """(process id, since when) of who holds the lock, as the holder wrote it."""
    try:
        pid, since = (folder / LOCK_FILE).read_text(encoding="ascii").split()
        return int(pid), datetime.fromisoformat(since)
    except (OSError, ValueError):
        return None


def _who(folder: Path) -> str:
    found = holder(folder)
    return "" if found is None else f": by process {found[0]}, since {found[1]:%Y-%m-%d %H:%M:%S} UTC"


def write_state(folder: Path, state: RunState) -> None:
    """Replaces the progress file.

    Raises:
        OSError: It cannot be written.
    """
    write_whole(folder / PROGRESS_FILE, state.model_dump_json(indent=1))


def read_state(folder: Path) -> RunState | None:
    """The progress file as it stands; None where there is none.

    Raises:
        ValueError: It cannot be read as one.
    """
    try:
        return RunState.model_validate_json((folder / PROGRESS_FILE).read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(str(error)) from error


def current_state(folder: Path) -> RunState:
    """How the newest run stands, by its progress file and by whether it lives."""
    for _ in range(5):
        before, lives = _read(folder), is_held(folder)
        if lives is None:
            lives = before.updated_at is not None and _age_s(before.updated_at) < _SILENT_S
        # the last word is written before the lock is released: without a lock, what stands there now is the last word
        state = _read(folder)
        if state.run == before.run:
            break
    if lives:
        if state.status == "running":
            return state
        if state.run and state.ended_at is not None and _is_of_holder(state, folder):
            return state  # it has said its last word and is about to go
        found = holder(folder)
        return RunState(
            status="running", pid=found[0] if found else None, started_at=found[1] if found else None
        )
    if state.status != "running":
        return state
    return state.model_copy(
        update={
            "status": "interrupted",
            "pid": None,
            "stopping": False,
            "error": state.error
            or "The run ended without a word: its process was killed, or the machine went down.",
            "hint": "Run again: it goes on where it stopped, and pays for nothing twice.",
        }
    )


def _is_of_holder(state: RunState, folder: Path) -> bool:
    found = holder(folder)
    return found is not None and found[0] == state.pid


def _read(folder: Path) -> RunState:
    try:
        return read_state(folder) or RunState(status="never")
    except ValueError:
        return RunState(
            status="interrupted",
            error="How the last run ended is not known: its progress file cannot be read.",
            hint="Run again: it goes on where it stopped, and pays for nothing twice.",
        )


def _age_s(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds()
