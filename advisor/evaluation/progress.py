"""What a run says while it works: items, tokens, money and remaining time, on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class RunProgress(Protocol):
    """Hears how a run goes on."""

    def start(self, what: str, total: int) -> None:
        """A stage begins, e.g. "few_shot · held-out"."""

    def advance(self, items: int, *, tokens: int = 0, usd: float = 0.0, stored: bool = False) -> None:
        """Items of the current stage are done; `stored` ones were there already."""

    def note(self, text: str) -> None:
        """Something worth a line."""


class Silent:
    """Says nothing."""

    def start(self, what: str, total: int) -> None:
        """Says nothing."""

    def advance(self, items: int, *, tokens: int = 0, usd: float = 0.0, stored: bool = False) -> None:
        """Says nothing."""

    def note(self, text: str) -> None:
        """Says nothing."""


class RichProgress:
    """Bars on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[tokens]}", markup=False),
            TextColumn("{task.fields[money]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._what = ""
        self._total = self._done = self._stored = self._tokens = 0
        self._usd = 0.0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, what: str, total: int) -> None:
        """Opens a bar."""
        self._what, self._total = what, total
        self._done = self._stored = self._tokens = 0
        self._usd = 0.0
        self._task = self._bars.add_task(what, total=total, tokens="", money="")

    def advance(self, items: int, *, tokens: int = 0, usd: float = 0.0, stored: bool = False) -> None:
        """Moves the bar; a finished stage is one line where there is no terminal."""
        self._done += items
        self._stored += items if stored else 0
        self._tokens += tokens
        self._usd += usd
        if self._task is not None:
            self._bars.update(
                self._task, advance=items, tokens=f"{self._tokens:,} tokens", money=f"${self._usd:.4f}"
            )
        if self._done >= self._total and not self._console.is_terminal:
            stored_text = f", {self._stored} from the store" if self._stored else ""
            spent = f", {self._tokens:,} tokens, ${self._usd:.4f}" if self._tokens or self._usd else ""
            self._console.print(
                f"{self._what}: {self._done}/{self._total}{stored_text}{spent}",
                markup=False,
                highlight=False,
            )

    def note(self, text: str) -> None:
        """A line above the bars."""
        self._bars.console.print(text, markup=False, highlight=False)
