"""A run that holds the lock, keeps how it goes, ends when it is asked to, and writes no secret down."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from advisor.errors import AdvisorError, BudgetExceededError
from advisor.evaluation.progress import RunProgress, Several
from advisor.workflow._recorder import Recorder
from advisor.workflow._run_files import RunLock, RunState

if TYPE_CHECKING:
    from advisor.workflow import Outcome

GRACE_S = 2.0
"""A run that is stopped ends between two answers; after so long, wherever it is."""
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD")
_SHORTEST_SECRET = 8


@dataclass
class Stop:
    """Whether the run is to end, and what is told of it."""

    wanted: bool = False
    told: list[Recorder] = field(default_factory=list)

    def checkpoint(self) -> None:
        """Between two answers, where all before is kept.

        Raises:
            KeyboardInterrupt: The run is to end.
        """
        if self.wanted:
            raise KeyboardInterrupt

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """The first signal asks for an end; a second one, or time, makes one."""
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
        for recorder in self.told:
            recorder.stopping = True
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Lets SIGINT and SIGTERM end a run between two answers."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = {number: signal.signal(number, stop.on_signal) for number in numbers}
    try:
        yield stop
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def recorded(
    folder: Path,
    lock: RunLock,
    state: RunState,
    secrets: Sequence[str],
    progress: RunProgress | None,
    stop: Stop,
    work: Callable[[RunProgress], Outcome],
) -> Outcome:
    """Does the work of a run, keeps how it goes, and gives the lock back."""

    def clean(text: str) -> str:
        return scrubbed(text, secrets)

    recorder = Recorder(
        folder, state.model_copy(update={"pid": os.getpid()}), clean=clean, checkpoint=stop.checkpoint
    )
    stop.told.append(recorder)
    recorder.stopping = stop.wanted
    try:
        outcome = work(Several([*([progress] if progress else []), recorder]))
        if outcome.stopped_by_budget:
            message, _, hint = outcome.stopped_by_budget.partition("\n  → ")
            recorder.end("budget", failed=outcome.failed, error=message, hint=hint or None)
        else:
            recorder.end("finished", failed=outcome.failed)
        return outcome
    except BudgetExceededError as error:
        message, _, hint = str(error).partition("\n  → ")
        recorder.end("budget", error=message, hint=hint or None)
        raise
    except AdvisorError as error:
        recorder.end("failed", error=error.message, hint=error.hint)
        raise
    except KeyboardInterrupt:
        recorder.end("stopped")
        raise
    except Exception as error:
        recorder.end(
            "failed",
            error=f"An error that was not foreseen: {type(error).__name__}: {error}",
            hint="Run again: it goes on where it stopped. If it comes again, report it with the log.",
        )
        raise
    finally:
        recorder.close()
        lock.release()


def secrets_of(environment: Mapping[str, str], store: str | None) -> tuple[str, ...]:
    """What must not be written anywhere: keys and passwords of the environment, and the store's password."""
    found = {
        value.strip()
        for name, value in environment.items()
        if any(word in name.upper() for word in _SECRET_WORDS) and len(value.strip()) >= _SHORTEST_SECRET
    }
    for url in (store, environment.get("ADVISOR_STORE")):
        if url and "@" in url and "://" in url:
            _, colon, password = url.partition("://")[2].rpartition("@")[0].partition(":")
            found |= {password} if colon and password else set()
    return tuple(sorted(found, key=len, reverse=True))


def scrubbed(text: str, secrets: Sequence[str]) -> str:
    from advisor.models._hosted_secrets import scrub

    return scrub(text, *secrets)
