"""A run that stops asking once its verdict is settled: growing parts of the held-out set, asked of all baselines.

The order is not the file's. A file may be sorted: by date, by customer, by difficulty, by label; its first items are
then no sample of the rest, and whoever stops among them decides on a corner of the task. Items are put in the order
of a hash of their names and the case's seed, so each part is a random sample, and a killed run goes on in the same
order, whatever became of the file's. Items of one group stay together, since they are one observation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.schema import Example
from advisor.records import Measured, StoppedEarly

if TYPE_CHECKING:
    from advisor.evaluation.session import Session

FIRST_LOOK = 30
"""Items before the first look; fewer carry no verdict."""
GROWTH = 1.25
LEAST_STEP = 20
"""Items between two looks: a quarter more each time, so that batches stay large and looks few."""
INTERRUPTED = "The run was interrupted before its verdict was settled."


@dataclass(frozen=True)
class Look:
    """The part of the held-out set that is asked so far."""

    items: tuple[Example, ...]
    """In the order of the held-out set."""
    stopped: StoppedEarly | None
    """What is to be said of a measurement that ends here; None for the whole held-out set."""
    new: frozenset[str]
    """Names of the items that were not asked at the look before."""
    final: bool = False
    """Whether it is the last look, after which nothing more is asked."""

    def may_reuse(self, about: dict[str, Any]) -> bool:
        """Whether a stored measurement that has all of its items says what there is to say."""
        if not self.final or about.get("stopped_early") is None:
            return True
        ended = StoppedEarly(**about["stopped_early"])
        return self.stopped is not None and (ended.asked > self.stopped.asked or ended == self.stopped)

    def old_and_new(self) -> list[list[int]]:
        """Positions of the items asked before, and of the new ones: the parts whose batches are made up apart.

        Were all put together, the new ones would lie scattered over batches that are answered already, and be
        asked a few at a time.
        """
        new = [i for i, e in enumerate(self.items) if e.id in self.new]
        old = [i for i, e in enumerate(self.items) if e.id not in self.new]
        return [part for part in (old, new) if part]


def measure_until_settled(
    session: Session, specs: Sequence[BaselineSpec], settled: Callable[[], str | None]
) -> list[Measured]:
    """Measures baselines side by side on growing parts of the held-out set, until the verdict is settled.

    Whatever look it ends at, what is in the store says that it ended early; of the whole set it says nothing.

    Args:
        session: The run.
        specs: The baselines; the tuned ones come first in each part, so that training precedes all questions.
        settled: Why the stored results settle the verdict; None while they do not.

    Raises:
        BudgetExceededError, ModelError, TuningError: As `measure` does; the looks before are kept.
    """
    from advisor.evaluation.measure import measure

    held_out = session.loaded.held_out
    in_turn = sorted(specs, key=lambda s: s.kind != "fine_tuned")

    before: frozenset[str] = frozenset()

    def ask(items: tuple[Example, ...], reason: str | None, *, final: bool = False) -> list[Measured]:
        stopped = StoppedEarly(asked=len(items), of=len(held_out), reason=reason) if reason else None
        session.look = Look(items, stopped, frozenset(e.id for e in items) - before, final)
        found = {spec.name: measure(session, spec) for spec in in_turn}
        return [found[spec.name] for spec in specs]

    for items in parts(held_out, session.loaded.case.data.seed):
        if len(items) == len(held_out):
            break
        ask(items, INTERRUPTED)
        reason = settled()
        session.engine.progress.note(
            f"{len(items)} of {len(held_out)} held-out items: {reason or 'the verdict is open.'}"
        )
        if reason is not None:
            return ask(items, reason, final=True)
        before = frozenset(e.id for e in items)
    return ask(held_out, None, final=True)


def parts(held_out: Sequence[Example], seed: int) -> Iterator[tuple[Example, ...]]:
    """Growing random parts of the held-out set, each holding the one before; the last is all of it."""
    position = {e.id: n for n, e in enumerate(held_out)}
    taken: list[Example] = []
    wanted = FIRST_LOOK
    for unit in asking_order(held_out, seed):
        taken += unit
        if len(taken) >= wanted and len(taken) < len(held_out):
            yield tuple(sorted(taken, key=lambda e: position[e.id]))
            wanted = next_look(len(taken))
    yield tuple(held_out)


def next_look(asked: int) -> int:
    """After how many items it is looked at again."""
    return max(asked + LEAST_STEP, round(asked * GROWTH))


def asking_order(held_out: Sequence[Example], seed: int) -> list[list[Example]]:
    """The held-out items in random order, those of one group together; it depends on names and seed alone."""
    units: dict[tuple[str, str], list[Example]] = {}
    for example in held_out:
        key = ("item", example.id) if example.group is None else ("group", example.group)
        units.setdefault(key, []).append(example)

    def drawn(key: tuple[str, str]) -> str:
        return hashlib.sha256(f"{seed}:{key[0]}:{key[1]}".encode()).hexdigest()

    return [units[key] for key in sorted(units, key=drawn)]
