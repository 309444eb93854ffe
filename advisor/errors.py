"""The one tree of errors.

Every error says what happened, where, and what to do about it::

    AdvisorError                exit code 1
    ├── CaseError               the case is wrong: all its problems at once, each with file, line and key
    ├── UsageError              the command was called wrongly                       (exit code 2)
    ├── ModelError              a model cannot be had or cannot answer
    │   └── WeightsError        its weights are missing, or are not what they should be
    ├── TuningError             a tuning job cannot run, or its result is unusable
    ├── StoreError              the store cannot be read or written
    ├── MissingExtraError       an optional dependency is not installed
    ├── NoResultsError          nothing was measured yet for what was asked
    ├── AccessError             whoever asks may not do that, or who may do what cannot be read
    └── BudgetExceededError     the next call would cost more than what is left      (exit code 4)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_PROBLEMS_PER_FILE = 50
"""Of more problems in a file the number of the others is said."""


class AdvisorError(Exception):
    """What happened, and in `hint` what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a case: where it is, and what is wrong."""

    path: Path
    message: str
    line: int | None = None
    key: str | None = None
    stands_for: int = 1
    """How many it is, where the rest of a long list is told in one."""

    def __str__(self) -> str:
        where = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


def first_of(problems: Sequence[Problem], path: Path) -> list[Problem]:
    """The first problems of a file, and how many more there are."""
    found = list(problems)
    more = sum(p.stands_for for p in found[MAX_PROBLEMS_PER_FILE:])
    if not more:
        return found
    rest = Problem(path, f"… and {more:,} more problems in this file", stands_for=more)
    return [*found[:MAX_PROBLEMS_PER_FILE], rest]


class CaseError(AdvisorError):
    """A case that cannot be used, with all its problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        self.count = sum(p.stands_for for p in problems)
        count = "1 problem" if self.count == 1 else f"{self.count:,} problems"
        super().__init__("\n".join([f"{count} in the case:", *(f"  {p}" for p in problems)]))


class UsageError(AdvisorError):
    """A command or function was called with something it does not know."""

    exit_code = 2


class ModelError(AdvisorError):
    """A model cannot be had, or cannot answer."""


class WeightsError(ModelError):
    """A model's weights are missing or are not what they should be."""


class TuningError(AdvisorError):
    """A tuning job cannot run, or its result is unusable."""


class StoreError(AdvisorError):
    """The store cannot be read or written."""


class NoResultsError(AdvisorError):
    """Nothing was measured yet for what was asked."""


class AccessError(AdvisorError):
    """Whoever asks may not do that, or the file that says who may do what cannot be used."""


class MissingExtraError(AdvisorError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs packages that are not installed.",
            hint=f'Install them with: pip install "advisor[{extra}]"',
        )


class BudgetExceededError(AdvisorError):
    """The next call would cost more than what is left of the budget."""

    exit_code = 4
