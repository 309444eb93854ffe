"""Keeps how a run goes in its progress file, a few times a second, and lets it stop between two answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from advisor.evaluation.progress import Pace, Phase, stage_of
from advisor.formatting import shortened
from advisor.workflow._run_files import HEARTBEAT_S, BaselineState, RunState, RunStatus, write_state

WRITES_PER_S = 4
_MESSAGES, _LONGEST_MESSAGE = 50, 500


@dataclass
class _Row:
    """A baseline's figures as they grow."""

    name: str
    pace: Pace = field(default_factory=Pace)
    phase: Phase | None = None
    detail: str = ""
    sums: dict[str, float] = field(default_factory=dict)
    usd_known: bool = True

    def add(self, **amounts: float) -> None:
        for name, amount in amounts.items():
            self.sums[name] = self.sums.get(name, 0) + amount

    def state(self, current: str, ended: bool) -> BaselineState:
        counts = {k: int(v) for k, v in self.sums.items() if k != "usd"}
        word = (
            "waiting" if self.phase is None else "running" if self.name == current and not ended else "done"
        )
        return BaselineState(
            name=self.name,
            state=word,
            phase=self.phase,
            detail=self.detail,
            items_done=self.pace.done,
            items_total=self.pace.total,
            items_stored=self.pace.stored,
            usd=self.sums.get("usd", 0.0),
            usd_known=self.usd_known,
            remaining_s=self.pace.remaining_s if word == "running" else None,
            **counts,
        )


class Recorder:
    """A progress that is kept in a file.

    Args:
        folder: The case's `.advisor` folder.
        state: What is known when it begins.
        clean: Takes what must not be kept out of a text.
        checkpoint: Called between two answers, where all before it is kept; may raise to end the run.
    """

    def __init__(
        self,
        folder: Path,
        state: RunState,
        *,
        clean: Callable[[str], str] = str,
        checkpoint: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder, self._begun, self._clean, self._checkpoint = folder, state, clean, checkpoint
        self._rows = {name: _Row(name) for name in state.chosen}
        self._current = next(iter(self._rows), "")
        self._messages: list[str] = []
        self.stopping = False
        self._end: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._dirty, self._over = threading.Event(), threading.Event()
        self._write()
        self._writer = threading.Thread(target=self._keep_writing, name="run-progress", daemon=True)
        self._writer.start()

    # ── what it hears ──

    def start(self, what: str, total: int) -> None:
        """A stage begins."""
        stage = stage_of(what)
        with self._lock:
            row = self._row(stage.baseline)
            row.phase, row.detail, row.pace = stage.phase, stage.detail, Pace(total)
            self._current = row.name
        self._dirty.set()
        self._checkpoint()

    def advance(
        self,
        items: int,
        *,
        tokens_in: int = 0,
        tokens_out: int = 0,
        usd: float | None = 0.0,
        stored: bool = False,
        failed: int = 0,
    ) -> None:
        """Items are done."""
        with self._lock:
            row = self._row(self._current)
            row.pace.advance(items, stored=stored)
            trains = row.phase == "training"
            row.add(
                calls=0 if stored or trains else items,
                tokens_in=tokens_in,
                tokens_out=tokens_out,
                usd=usd or 0.0,
                failed=failed,
            )
            row.usd_known = row.usd_known and usd is not None
        self._dirty.set()
        if not stored:
            self._checkpoint()

    def spend(self, what: str, usd: float | None) -> None:
        """Something that is no answer was paid."""
        with self._lock:
            name = stage_of(what).baseline
            row = self._row(name if name in self._rows else self._current)
            row.add(usd=usd or 0.0)
            row.usd_known = row.usd_known and usd is not None
        self._dirty.set()

    def note(self, text: str) -> None:
        """Something worth a line."""
        with self._lock:
            self._messages.append(shortened(self._clean(text), _LONGEST_MESSAGE))
            del self._messages[:-_MESSAGES]
        self._dirty.set()

    # ── what it keeps ──

    @property
    def state(self) -> RunState:
        """How the run stands."""
        with self._lock:
            return self._begun.model_copy(
                update={
                    "baselines": tuple(r.state(self._current, bool(self._end)) for r in self._rows.values()),
                    "messages": tuple(self._messages),
                    "updated_at": datetime.now(UTC),
                    "stopping": self.stopping and not self._end,
                    **self._end,
                }
            )

    def end(
        self,
        status: RunStatus,
        *,
        failed: int | None = None,
        error: str | None = None,
        hint: str | None = None,
    ) -> None:
        """Writes the last word."""
        with self._lock:
            self._end = {
                "status": status,
                "ended_at": datetime.now(UTC),
                "failed": failed,
                "error": None if error is None else self._clean(error),
                "hint": None if hint is None else self._clean(hint),
            }
        self.close()
        self._write()

    def close(self) -> None:
        """Writes no more by itself."""
        self._over.set()
        self._dirty.set()
        self._writer.join(timeout=5)

    def _row(self, name: str) -> _Row:
        return self._rows.setdefault(name, _Row(name))

    def _keep_writing(self) -> None:
        while not self._over.is_set():
            self._dirty.wait(HEARTBEAT_S)
            self._dirty.clear()
            if self._over.is_set():
                return
            self._write()
            self._over.wait(1 / WRITES_PER_S)

    def _write(self) -> None:
        # a full disk must not end a run whose answers the store still takes
        with suppress(OSError):
            write_state(self._folder, self.state)
