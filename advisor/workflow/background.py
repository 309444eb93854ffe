"""Runs that go on by themselves: started from the app or in a terminal, one at a time for each case.

A run that the app starts is a process of its own and goes on when browser and server end. Whoever runs a case holds a
lock of the operating system and keeps a progress file (`_run_files`); what was answered is in the store, so whatever
ends a run, starting it again goes on where it stopped. Keys come from the environment only.

`advisor.workflow.run`, for programs, takes no lock: several may run on one store at once, as the store lets them.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor import workflow
from advisor.access import Identity
from advisor.errors import AdvisorError, UsageError
from advisor.evaluation.progress import RunProgress
from advisor.workflow._cases import STORE_FOLDER, artefacts_folder, check_stop_early, chosen_baselines, load
from advisor.workflow._journal import authorised, keep
from advisor.workflow._run_files import (
    LOG_FILE,
    BaselineState,
    RunLock,
    RunState,
    RunStatus,
    StartedFrom,
    current_state,
    holder,
    is_held,
    write_state,
)
from advisor.workflow._run_guard import recorded, secrets_of, stoppable
from advisor.workflow._run_process import Order, spawn

if TYPE_CHECKING:
    from advisor.cases.loading import LoadedCase
    from advisor.workflow import Outcome

__all__ = [
    "BaselineState",
    "RunState",
    "RunStatus",
    "log_of",
    "run_here",
    "run_state",
    "start_run",
    "stop_run",
]

START_S = 30.0
"""How long a start waits for the new process to say that it lives."""
STOP_S = 10.0
"""How long a stop waits for the run's last word; a run that takes longer stops all the same."""
_LOG_BYTES = 200_000


# ── the verbs ────────────────────────────────────────────────────────────────────────────────────────────────


def start_run(
    case: Path | str,
    *,
    store: str | None = None,
    baselines: Sequence[str] | None = None,
    budget_usd: float | None = None,
    stop_early: bool = False,
    limit: int | None = None,
    identity: Identity | None = None,
) -> RunState:
    """Starts a run in a process of its own, or goes on with one that ended early; returns once it lives.

    Args:
        case: The case folder.
        store: A SQLAlchemy URL; by default a SQLite file in the case folder.
        baselines: Names of the baselines to run; None: all.
        budget_usd: What this start may spend.
        stop_early: Ask only until the verdict is settled.
        limit: Only the first items of the held-out set.
        identity: Who starts it; by default the user of this machine.

    Raises:
        AccessError: They may not.
        CaseError, UsageError: As `advisor.workflow.run` does, before anything is started.
        AdvisorError: The case is being run already, or its folder cannot be written.
    """
    identity = authorised(identity, "editor")
    loaded = load(case)
    chosen = _chosen(loaded, baselines, budget_usd, stop_early, limit)
    folder = artefacts_folder(loaded)
    before = current_state(folder)
    lock = _acquire(folder)
    state = _new_state(
        before, chosen, "app", identity, budget_usd=budget_usd, stop_early=stop_early, limit=limit
    )
    try:
        order = Order(
            case=str(loaded.folder.resolve()),
            store=store,
            baselines=None if baselines is None else tuple(baselines),
            budget_usd=budget_usd,
            stop_early=stop_early,
            limit=limit,
            lock_fd=lock.fd,
            guarded=lock.guarded,
            state=state,
        )
        with suppress(OSError):
            write_state(folder, state)
        keep(loaded, identity, "run started", _asked(state), store=store)
        process = spawn(order, folder)
    except BaseException as error:
        with suppress(OSError):
            write_state(
                folder, state.model_copy(update={"status": "failed", "error": f"It did not start: {error}"})
            )
        lock.release()
        raise
    lock.name_holder(process.pid)
    lock.hand_over()
    # reaps it when it ends, if this process still lives then
    threading.Thread(target=process.wait, name="run-reaper", daemon=True).start()
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        state = current_state(folder)
        if state.pid is not None or state.status != "running":
            break
        time.sleep(0.05)
    return state


def run_state(case: Path | str) -> RunState:
    """How the newest run of a case goes or went, wherever it was started; reads two small files."""
    return current_state(Path(case) / STORE_FOLDER)


def stop_run(case: Path | str, *, identity: Identity | None = None) -> RunState:
    """Asks the run of a case to end; what was answered is kept. Nothing happens where none runs.

    Raises:
        AccessError: They may not.
        AdvisorError: It runs for another user of this machine, or on another machine.
    """
    identity = authorised(identity, "editor")
    folder = Path(case) / STORE_FOLDER
    found = holder(folder)
    if is_held(folder) is False or found is None:
        return current_state(folder)
    try:
        os.kill(found[0], signal.SIGTERM)
    except ProcessLookupError:
        # it has ended meanwhile; or the lock is held across machines, where its number means nothing
        if is_held(folder):
            raise AdvisorError(
                f"The run, process {found[0]}, is not one of this machine.",
                hint="Stop it on the machine where it was started.",
            ) from None
    except PermissionError:
        raise AdvisorError(
            f"The run, process {found[0]}, belongs to another user of this machine.",
            hint="Ask them to stop it, or wait for its end.",
        ) from None
    with suppress(AdvisorError):  # a case that was broken meanwhile can still be stopped
        keep(load(case), identity, "run stopped")
    deadline = time.monotonic() + STOP_S
    while is_held(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return current_state(folder)


def run_here(
    case: Path | str,
    *,
    store: str | None = None,
    baselines: Sequence[str] | None = None,
    budget_usd: float | None = None,
    limit: int | None = None,
    use_batches: bool = False,
    stop_early: bool = False,
    progress: RunProgress | None = None,
    identity: Identity | None = None,
) -> Outcome:
    """Runs a case in this process, as `advisor.workflow.run` does, but alone: with the lock and the progress file.

    Raises:
        AccessError: Whoever runs it may not.
        AdvisorError: The case is being run already; and all that `advisor.workflow.run` raises.
        KeyboardInterrupt: It was stopped; what was answered is kept.
    """
    identity = authorised(identity, "editor")
    loaded = load(case)
    chosen = _chosen(loaded, baselines, budget_usd, stop_early, limit, use_batches)
    folder = artefacts_folder(loaded)
    before = current_state(folder)
    lock = _acquire(folder)
    state = _new_state(
        before, chosen, "terminal", identity, budget_usd=budget_usd, stop_early=stop_early, limit=limit
    )
    try:
        keep(loaded, identity, "run started", _asked(state), store=store)
    except BaseException:
        lock.release()
        raise
    order = {
        "store": store,
        "baselines": baselines,
        "budget_usd": budget_usd,
        "limit": limit,
        "stop_early": stop_early,
    }

    def work(progress: RunProgress) -> Outcome:
        return workflow.run(case, **order, use_batches=use_batches, progress=progress)  # type: ignore[arg-type]

    with stoppable() as stop:
        return recorded(folder, lock, state, secrets_of(os.environ, store), progress, stop, work)


def log_of(case: Path | str, *, lines: int = 200) -> str:
    """The last lines that the newest run of the app has written; empty where there are none."""
    try:
        with (Path(case) / STORE_FOLDER / LOG_FILE).open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _LOG_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


# ── before it begins ─────────────────────────────────────────────────────────────────────────────────────────


def _chosen(
    loaded: LoadedCase,
    baselines: Sequence[str] | None,
    budget_usd: float | None,
    stop_early: bool,
    limit: int | None,
    use_batches: bool = False,
) -> tuple[str, ...]:
    names = tuple(b.name for b in chosen_baselines(loaded, baselines))
    if not names:
        raise UsageError("No baseline is chosen.", hint="Choose at least one.")
    if budget_usd is not None and not budget_usd >= 0:
        raise UsageError("A budget is an amount of US dollars, 0 or more.")
    if stop_early:
        check_stop_early(loaded, limit=limit, use_batches=use_batches)
    return names


def _asked(state: RunState) -> dict[str, Any]:
    """What a run was asked for, for the journal."""
    return state.model_dump(
        mode="json", include={"started_from", "chosen", "budget_usd", "stop_early", "limit"}
    )


def _acquire(folder: Path) -> RunLock:
    try:
        return RunLock.acquire(folder)
    except OSError as error:
        raise AdvisorError(
            f"{folder} cannot be written: {error.strerror}.",
            hint="Copy the case to a folder of yours; for a sample: advisor init my_case --from NAME.",
        ) from error


def _new_state(
    before: RunState,
    chosen: tuple[str, ...],
    started_from: StartedFrom,
    identity: Identity,
    *,
    budget_usd: float | None,
    stop_early: bool,
    limit: int | None,
) -> RunState:
    went_on = before.status in ("interrupted", "stopped", "budget", "failed")
    return RunState(
        status="running",
        run=uuid.uuid4().hex[:12],
        started_from=started_from,
        started_by=identity.name,
        started_at=datetime.now(UTC),
        updated_at=datetime.now(UTC),
        chosen=chosen,
        stop_early=stop_early,
        limit=limit,
        budget_usd=budget_usd,
        spent_before_usd=before.spent_before_usd + before.spent_usd if went_on else 0.0,
        baselines=tuple(BaselineState(name=name) for name in chosen),
    )
