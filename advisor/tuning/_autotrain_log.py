"""What AutoTrain's output says: how far it is, how long it took, and why it failed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

_RECORD = re.compile(
    r"\b(?P<level>[A-Z]+)\s*\| (?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \| \S+ - (?P<text>.*)$"
)
_LOSS = re.compile(r"^\{'loss': '?(?P<loss>[^,'}]+)")
_RUNTIME = re.compile(r"^\{'train_runtime': '?(?P<seconds>[\d.]+)")
_BAR = re.compile(r"^\s*\d+%\|[^|]*\|\s*\d+/(?P<total>\d+) \[")
_RAISED = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Killed)\b.*")


@dataclass(frozen=True)
class Step:
    """A step that was reported."""

    number: int
    """From 1."""
    loss: float
    elapsed_s: float
    """Since the training began, in whole seconds: AutoTrain's clock."""


@dataclass
class LogReader:
    """Reads output as it comes, in pieces that may end anywhere."""

    steps: list[Step] = field(default_factory=list)
    total_steps: int | None = None
    """As its progress bar says; None before it is there."""
    duration_s: float | None = None
    """Seconds of the training alone; None before it has ended."""
    _began: datetime | None = None
    _rest: str = ""
    _lines: list[str] = field(default_factory=list)

    def feed(self, text: str) -> list[Step]:
        """Reads on; returns the steps that are new."""
        before = len(self.steps)
        # progress bars end their lines with a carriage return
        *lines, self._rest = re.split(r"[\r\n]", self._rest + text)
        for line in lines:
            self._read(line)
        return self.steps[before:]

    def failure(self) -> str:
        """The line that tells best why it failed: AutoTrain's own word, else what was raised, else the last one."""
        lines = [line.strip() for line in [*self._lines, self._rest] if line.strip()]
        records = [m for line in lines if (m := _RECORD.search(line))]
        errors = [m["text"] for m in records if m["level"] in ("ERROR", "CRITICAL")]
        raised = [line for line in lines if _RAISED.match(line)]
        # what only says that a process below it failed tells least
        telling = [line for line in raised if "CalledProcessError" not in line]
        for found in (errors, telling, raised):
            if found:
                return found[-1]
        return lines[-1] if lines else "it said nothing"

    def _read(self, line: str) -> None:
        bar = _BAR.match(line)
        if bar:
            self.total_steps = int(bar["total"])
        record = _RECORD.search(line)  # it may follow a progress bar on the same line
        if record is None:
            if line.strip() and not bar:
                self._lines.append(line)
            return
        self._lines.append(record[0])
        at = datetime.fromisoformat(record["at"])
        if record["text"].startswith("Starting to train"):
            self._began = at
        elif loss := _LOSS.match(record["text"]):
            elapsed = 0.0 if self._began is None else max(0.0, (at - self._began).total_seconds())
            self.steps.append(Step(len(self.steps) + 1, float(loss["loss"]), elapsed))
        elif runtime := _RUNTIME.match(record["text"]):
            self.duration_s = float(runtime["seconds"])
