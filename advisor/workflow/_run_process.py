"""The process of a run that the app starts: how it is made, and what it does. It outlives whoever made it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from advisor import workflow
from advisor.access import Identity
from advisor.errors import AdvisorError
from advisor.evaluation.progress import RunProgress
from advisor.records.base import Record
from advisor.workflow._cases import STORE_FOLDER
from advisor.workflow._run_files import LOG_FILE, OLD_LOG_FILE, RunLock, RunState
from advisor.workflow._run_guard import Stop, recorded, scrubbed, secrets_of, stoppable

if TYPE_CHECKING:
    from advisor.workflow import Outcome


class Order(Record):
    """What the new process is to run; it comes on its standard input, since a store's URL may hold a password."""

    case: str
    store: str | None
    baselines: tuple[str, ...] | None
    budget_usd: float | None
    stop_early: bool
    limit: int | None
    identity: Identity
    """Whoever started it, and may."""
    lock_fd: int
    guarded: bool
    state: RunState


def spawn(order: Order, folder: Path) -> subprocess.Popen[bytes]:
    environment = dict(os.environ)
    package = Path(__file__).resolve().parents[2]
    if package.name not in ("site-packages", "dist-packages"):  # a checkout, which may not be installed
        paths = [p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p]
        environment["PYTHONPATH"] = os.pathsep.join([*paths, str(package)])
    log = folder / LOG_FILE
    with suppress(OSError):
        log.replace(folder / OLD_LOG_FILE)
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "advisor.workflow._run_process", order.case],
            stdin=subprocess.PIPE,
            stdout=fd,
            stderr=fd,
            env=environment,
            pass_fds=(order.lock_fd,),
            start_new_session=True,
        )
    finally:
        os.close(fd)
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(order.model_dump_json().encode())
    return process


@dataclass
class _CleanStream:
    """A stream that keeps secrets to itself."""

    inner: TextIO
    secrets: tuple[str, ...]
    encoding = "utf-8"

    def write(self, text: str) -> int:
        self.inner.write(scrubbed(text, self.secrets))
        return len(text)

    def flush(self) -> None:
        self.inner.flush()

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self.inner.fileno()


def main() -> None:
    """The new process: takes its order from standard input, and runs it with the lock it was given."""
    with stoppable() as stop:
        order = Order.model_validate_json(sys.stdin.buffer.read())
        secrets = secrets_of(os.environ, order.store)
        sys.stdout = _CleanStream(sys.stdout, secrets)
        sys.stderr = _CleanStream(sys.stderr, secrets)
        lock = RunLock.adopt(order.lock_fd, guarded=order.guarded)
        sys.exit(_exit_code(order, lock, secrets, stop))


def _exit_code(order: Order, lock: RunLock, secrets: tuple[str, ...], stop: Stop) -> int:
    import warnings

    from rich.console import Console

    from advisor.evaluation.progress import RichProgress

    warnings.filterwarnings("ignore", category=FutureWarning)
    folder = Path(order.case) / STORE_FOLDER
    console = Console(file=sys.stderr, width=120, no_color=True)
    console.print(f"Started {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, process {os.getpid()}.")

    def work(progress: RunProgress) -> Outcome:
        return workflow.run(
            order.case,
            store=order.store,
            baselines=order.baselines,
            budget_usd=order.budget_usd,
            limit=order.limit,
            stop_early=order.stop_early,
            identity=order.identity,
            noted=True,
            progress=progress,
        )

    try:
        with RichProgress(console) as progress:
            code = recorded(folder, lock, order.state, secrets, progress, stop, work).exit_code
    except AdvisorError as error:
        console.print(f"Error: {error}", markup=False)
        code = error.exit_code
    except KeyboardInterrupt:
        console.print("Stopped. Everything answered so far is kept.")
        code = 130
    console.print(f"Ended {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC.")
    return code


if __name__ == "__main__":
    main()
