"""What a run says while it works: items, tokens, money and remaining time; and the terminal that shows it.

A stage is named `BASELINE · PART`, e.g. "few_shot · dev, examples=4" or "few_shot · held-out".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from advisor.formatting import seconds

Phase = Literal["settings", "training", "answers", "latency", "judge", "further", "elsewhere"]
"""Settings are chosen on dev · tuning · held-out answers · latency · judging · further trainings · other cases."""
_SEPARATOR = " · "
_PHASES: dict[str, Phase] = {
    "dev": "settings",
    "training": "training",
    "held-out": "answers",
    "latency": "latency",
    "judge": "judge",
    "on": "elsewhere",
}


class RunProgress(Protocol):
    """Hears how a run goes on."""

    def start(self, what: str, total: int) -> None:
        """A stage begins, e.g. "few_shot · held-out"."""

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
        """Items of the current stage are done; `stored` ones were there already, `usd` None is not known."""

    def spend(self, what: str, usd: float | None) -> None:
        """Something that is no answer was paid: a training, a deployment by the hour."""

    def note(self, text: str) -> None:
        """Something worth a line."""


class Silent:
    """Says nothing."""

    def start(self, what: str, total: int) -> None:
        """Says nothing."""

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
        """Says nothing."""

    def spend(self, what: str, usd: float | None) -> None:
        """Says nothing."""

    def note(self, text: str) -> None:
        """Says nothing."""


@dataclass(frozen=True)
class Several:
    """Tells several listeners, in turn."""

    listeners: Sequence[RunProgress]

    def start(self, what: str, total: int) -> None:
        """Tells all."""
        for listener in self.listeners:
            listener.start(what, total)

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
        """Tells all."""
        for listener in self.listeners:
            listener.advance(
                items, tokens_in=tokens_in, tokens_out=tokens_out, usd=usd, stored=stored, failed=failed
            )

    def spend(self, what: str, usd: float | None) -> None:
        """Tells all."""
        for listener in self.listeners:
            listener.spend(what, usd)

    def note(self, text: str) -> None:
        """Tells all."""
        for listener in self.listeners:
            listener.note(text)


@dataclass(frozen=True)
class Stage:
    """What a stage's name says."""

    baseline: str
    phase: Phase
    detail: str
    """The rest of its name: "dev, examples=4"."""


def stage_of(what: str) -> Stage:
    """Reads a stage's name; names of baselines hold no separator."""
    baseline, _, detail = what.partition(_SEPARATOR)
    word = detail.partition(_SEPARATOR)[0].partition(",")[0].partition(" ")[0]
    return Stage(baseline, _PHASES.get(word, "further"), detail)


@dataclass
class Pace:
    """How fast a stage goes: by what it asked, since what was in the store took no time."""

    total: int = 0
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    stored: int = 0
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        """It begins now."""
        self._began = self.clock()

    def advance(self, items: int, *, stored: bool = False) -> None:
        """Items are done."""
        self.done += items
        if stored:
            self.stored += items

    @property
    def remaining_s(self) -> float | None:
        """Seconds that the rest takes at this pace; None before anything was asked."""
        asked, left = self.done - self.stored, max(0, self.total - self.done)
        if not left:
            return 0.0
        return None if asked <= 0 else left * (self.clock() - self._began) / asked


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
            TextColumn("{task.fields[left]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._what = ""
        self._pace = Pace()
        self._tokens = 0
        self._usd = 0.0
        self._usd_known = True

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, what: str, total: int) -> None:
        """Opens a bar."""
        self._what, self._pace = what, Pace(total)
        self._tokens, self._usd, self._usd_known = 0, 0.0, True
        self._task = self._bars.add_task(what, total=total, tokens="", money="", left="")

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
        """Moves the bar; a finished stage is one line where there is no terminal."""
        self._pace.advance(items, stored=stored)
        self._tokens += tokens_in + tokens_out
        self._usd += usd or 0.0
        self._usd_known = self._usd_known and usd is not None
        money = f"${self._usd:.4f}" if self._usd_known else "at an unknown cost"
        if self._task is not None:
            left = self._pace.remaining_s
            self._bars.update(
                self._task,
                advance=items,
                tokens=f"{self._tokens:,} tokens",
                money=money,
                left=f"{seconds(left)} left" if left else "",
            )
        if self._pace.done >= self._pace.total and not self._console.is_terminal:
            stored_text = f", {self._pace.stored} from the store" if self._pace.stored else ""
            spent = f", {self._tokens:,} tokens, {money}" if self._tokens or self._usd else ""
            self._console.print(
                f"{self._what}: {self._pace.done}/{self._pace.total}{stored_text}{spent}",
                markup=False,
                highlight=False,
            )

    def spend(self, what: str, usd: float | None) -> None:
        """Nothing: what costs money beside answers is noted in words."""

    def note(self, text: str) -> None:
        """A line above the bars."""
        self._bars.console.print(text, markup=False, highlight=False)
