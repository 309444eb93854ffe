"""Faults on demand: what can go wrong between a client and the service, at a chosen request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

FaultKind = Literal[
    "timeout",
    "disconnect",
    "500",
    "503",
    "429",
    "429_long",
    "insufficient_quota",
    "malformed",
    "cut_stream",
    "no_usage",
    "content_filter",
    "context_length",
]

# These change the answer that the work gives; all other kinds stand in its place.
SHAPING: frozenset[str] = frozenset({"cut_stream", "no_usage", "content_filter", "context_length"})

BATCH_LINE = "batches.line"


@dataclass(frozen=True)
class Fault:
    """One fault, and the requests that it strikes.

    Attributes:
        route: The route's name, such as `chat`, `files.create`, `jobs.create`, `jobs.retrieve`,
            `batches.create`, `deployments.create`; the part before the dot stands for all of its routes, `*`
            for every route. `batches.line` strikes lines inside a batch.
        kind: What goes wrong. `timeout` holds the connection open without an answer, `disconnect` breaks it
            off, `429_long` asks to wait for 300 s, `malformed` is a 200 whose JSON is broken, `cut_stream`
            ends a stream in order but without its last chunk, usage and `[DONE]` (other answers stay whole),
            `no_usage` leaves the usage out.
        nth: The request of that route that is struck, counted from 1 since the fault was set.
        every: Strike every k-th request instead; 1 strikes all.
        after: The work is done, and its answer is lost: a job *is* created, and the caller does not know.
    """

    route: str
    kind: FaultKind
    nth: int = 1
    every: int | None = None
    after: bool = False

    def __post_init__(self) -> None:
        """Refuses what could never strike."""
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"unknown kind of fault: {self.kind!r}; one of {', '.join(get_args(FaultKind))}")
        if self.nth < 1 or (self.every is not None and self.every < 1):
            raise ValueError("nth and every count from 1")

    def concerns(self, route: str) -> bool:
        """Whether requests of this route are counted."""
        if route == BATCH_LINE:
            return self.route == BATCH_LINE
        return self.route in ("*", route) or route.startswith(f"{self.route}.")


class FaultPlan:
    """The faults that are set, each with its own count."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._counts: list[tuple[Fault, list[int]]] = []
        self.add(*faults)

    def add(self, *faults: Fault) -> None:
        """Sets faults; their counting begins now."""
        self._counts += [(fault, [0]) for fault in faults]

    def clear(self) -> None:
        """Takes all faults away."""
        self._counts = []

    def take(self, route: str) -> Fault | None:
        """Counts a request of this route; the fault that strikes it, the one set first where several do."""
        struck = None
        for fault, count in self._counts:
            if not fault.concerns(route):
                continue
            count[0] += 1
            due = count[0] % fault.every == 0 if fault.every else count[0] == fault.nth
            if due and struck is None:
                struck = fault
        return struck
