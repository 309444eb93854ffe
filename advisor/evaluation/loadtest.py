"""A closed-loop load test: so many requests under way at once, each asked once, and what comes of it by the second.

The prompts are a baseline's own, of training items; the held-out set is not touched. Nothing is read from the store
or kept there as an answer. Each level begins with a warm-up, one request a place, which is not counted. Then its places
are kept full until the last counted answer is there: throughput is what was answered in that time, without a
beginning or an end in which fewer are under way.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.loading import LoadedCase
from advisor.evaluation.engine import Budget, Rate, call_cost_usd
from advisor.evaluation.fingerprint import MATTERS_NOT
from advisor.evaluation.progress import RunProgress
from advisor.models.base import ChatModel, sent_messages
from advisor.records import ChatRequest, Completion, Failure, LoadPoint

DEFAULT_REQUESTS = 100
LATE = 0.05
"""Share of the median latency from which the load generator's own lateness is said."""
FEW = 20
"""Answers below which a 95th percentile is little more than the slowest one."""


class LoadedModel(Protocol):
    """A model that can be kept under a number of calls; see `HostedChatModel.drive`."""

    def drive(self, places: int, next_request: Any, heard: Any) -> float:
        """Keeps so many calls under way; returns the seconds by which the asking program was late."""


@dataclass(frozen=True)
class Until:
    """When a level ends: after so many counted answers, or after so many seconds."""

    requests: int | None = None
    seconds: float | None = None

    def wanted(self, concurrency: int) -> int:
        """Counted requests of a level: whole rounds of its places, so that none of them weighs more than another."""
        n = self.requests or concurrency
        return -(-n // concurrency) * concurrency


@dataclass
class Purse:
    """What the test may still spend: a request is asked where it fits beside those that are under way."""

    budget: Budget
    rate: Rate
    model: ChatModel
    stopped: bool = False
    _open_usd: float = 0.0
    _expected: dict[int, float] = field(default_factory=dict)
    _paid_until: float = field(default_factory=time.perf_counter)

    def check(self) -> None:
        """Makes sure that a budget can be held.

        Raises:
            ModelError: There is one, but what answers cost is not known.
        """
        price = self.rate.price
        priced = price is not None and price.input is not None and price.output is not None
        known = priced or self.rate.free or self.rate.usd_per_hour is not None
        self.budget.require(0.0 if known else None, "a load test")

    def reserve(self, request: ChatRequest) -> bool:
        """Whether a request may be asked; if so, its cost at most is set aside."""
        self._machine()
        limit = self.budget.limit_usd
        expected = 0.0 if limit is None else self._expected_usd(request)
        if limit is not None and self.budget.spent_usd + self._open_usd + expected > limit:
            self.stopped = True
            return False
        self._open_usd += expected
        return True

    def settle(self, request: ChatRequest, answer: Completion | Failure) -> float:
        """Pays for an answer, counted or not; returns what it cost by its tokens."""
        self._open_usd -= self._expected.get(id(request), 0.0)
        self._machine()
        if self.rate.price is None or isinstance(answer, Failure):
            return 0.0
        usd = call_cost_usd(answer, self.rate) or 0.0
        self.budget.spend(usd)
        return usd

    def _machine(self) -> None:
        """A machine is paid for as long as the test lasts, whatever it answers."""
        now = time.perf_counter()
        if self.rate.price is None and self.rate.usd_per_hour is not None:
            self.budget.spend((now - self._paid_until) / 3600 * self.rate.usd_per_hour)
        self._paid_until = now

    def _expected_usd(self, request: ChatRequest) -> float:
        price = self.rate.price
        if price is None or price.input is None or price.output is None:
            return 0.0
        if id(request) not in self._expected:  # the requests outlive the purse
            prompt = self.model.count_tokens(sent_messages(self.model, request))
            self._expected[id(request)] = (prompt * price.input + request.max_tokens * price.output) / 1e6
        return self._expected[id(request)]


class Window:
    """The counted part of one level."""

    def __init__(self, concurrency: int, until: Until) -> None:
        self.concurrency, self._until = concurrency, until
        self._answers: list[tuple[Completion, float]] = []
        self._failed = self._failed_in_a_row = 0
        self._opened = self._last = 0.0
        self.closed = False
        self.gave_up = False
        """It ended because nothing was answered any more."""

    def open(self) -> None:
        """The warm-up is over."""
        self._opened = self._last = time.perf_counter()

    @property
    def elapsed_s(self) -> float:
        """Seconds from the opening to the last counted answer."""
        return self._last - self._opened

    def add(self, answer: Completion | Failure, latency_s: float | None) -> bool:
        """Counts an answer, if the window is open; whether it was counted."""
        now = time.perf_counter()
        late = self._until.seconds is not None and now - self._opened > self._until.seconds
        # a level of slow answers still counts one for each place
        if late and self.n >= self.concurrency:
            self.closed = True
        if self.closed:
            return False
        self._last = now
        if isinstance(answer, Failure):
            self._failed += 1
            self._failed_in_a_row += 1
            self.gave_up = self._failed_in_a_row >= max(10, 2 * self.concurrency)
        else:
            self._failed_in_a_row = 0
            self._answers.append((answer, latency_s if latency_s is not None else 0.0))
        full = self._until.seconds is None and self.n >= self._until.wanted(self.concurrency)
        self.closed = full or self.gave_up
        return True

    @property
    def n(self) -> int:
        """Counted requests."""
        return len(self._answers) + self._failed

    def point(self) -> LoadPoint:
        """The level's figures; percentiles interpolate linearly between the sorted latencies."""
        times = np.array([s for _, s in self._answers])
        first = [a.first_token_s for a, _ in self._answers if a.first_token_s is not None]
        written = [a.usage.output for a, _ in self._answers]
        elapsed = max(self.elapsed_s, 1e-9)
        known = bool(written) and None not in written
        return LoadPoint(
            concurrency=self.concurrency,
            requests=self.n,
            failed=self._failed,
            requests_per_s=len(self._answers) / elapsed,
            p50_s=float(np.quantile(times, 0.5)) if len(times) else None,
            p95_s=float(np.quantile(times, 0.95)) if len(times) else None,
            output_tokens_per_s=sum(w for w in written if w is not None) / elapsed if known else None,
            first_token_p50_s=float(np.median(first)) if first else None,
        )


def load_fingerprint(loaded: LoadedCase, spec: BaselineSpec) -> str:
    """A hash of what a load test is of: the model, where it is, and how the baseline asks it."""
    model = loaded.case.models[spec.model] if spec.model else None
    content: dict[str, Any] = {
        "task": loaded.case.task.model_dump(mode="json"),
        "baseline": spec.model_dump(
            mode="json", exclude={"name", "serving", "repeats"}, exclude_defaults=True
        ),
        "model": model.model_dump(mode="json", exclude=MATTERS_NOT, exclude_defaults=True) if model else None,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def run_levels(
    model: ChatModel,
    requests: Sequence[ChatRequest],
    levels: Sequence[int],
    until: Until,
    *,
    rate: Rate,
    budget: Budget,
    progress: RunProgress,
    what: str,
) -> tuple[list[LoadPoint], list[str], bool]:
    """(points, notes, whether the budget ended it) of a model under each number of requests at a time.

    A model behind an API has so many calls under way; one of this process answers batches of that size. A level that
    the budget cut short is left out, and so are the levels after one at which nothing was answered any more.

    Args:
        model: Who answers.
        requests: The prompts; when all were asked, they are asked again from the beginning.
        levels: Requests at a time.
        until: When a level ends.
        rate: What answers cost.
        budget: What may be spent.
        progress: Hears how it goes on.
        what: The baseline's name.

    Raises:
        ModelError: The model cannot be had, or its cost is not known although there is a budget.
    """
    purse = Purse(budget, rate, model)
    purse.check()
    endpoint: Any = getattr(model, "endpoint", model)
    asked = itertools.count()
    prompts = (requests[next(asked) % len(requests)] for _ in itertools.repeat(None))
    points: list[LoadPoint] = []
    notes: list[str] = []
    for level in levels:
        window = Window(level, until)
        listener = _Listener(window, purse, progress, until, f"{what} · {level} at a time")
        if hasattr(endpoint, "drive"):
            _drive(endpoint, prompts, listener, notes)
        else:
            _in_batches(model, prompts, listener)
        if purse.stopped:
            break
        point = window.point()
        points.append(point)
        if point.requests - point.failed < FEW:
            notes.append(f"{level} at a time: only {point.requests - point.failed} answers; p95 is rough.")
        if window.gave_up:
            notes.append(
                f"{level} at a time: given up after {point.failed} failures, none of the last "
                f"{max(10, 2 * level)} requests was answered; higher levels were left out. "
                f"The last failure: {listener.last_failure}"
            )
            break
    total = next(asked)
    if total > len(requests):
        notes.append(
            f"{len(requests)} different prompts, asked {total / len(requests):.1f} times each: "
            "a server that remembers whole prompts answers repeated ones faster than new ones."
        )
    return points, notes, purse.stopped


class _Listener:
    """Hands out prompts as the budget allows, hears answers, and tells the progress."""

    def __init__(self, window: Window, purse: Purse, progress: RunProgress, until: Until, what: str) -> None:
        self.window, self.purse = window, purse
        self._progress, self._seconds = progress, until.seconds
        self._told = 0
        self.last_failure = ""
        total = until.wanted(window.concurrency) if until.seconds is None else max(1, round(until.seconds))
        self._total = total
        progress.start(what, total)

    def allowed(self, request: ChatRequest) -> ChatRequest | None:
        """The request, where it may be asked."""
        return request if not self.purse.stopped and self.purse.reserve(request) else None

    def warmed(self, request: ChatRequest, answer: Completion | Failure) -> None:
        """An answer of the warm-up."""
        self._note(answer, self.purse.settle(request, answer))

    def heard(self, request: ChatRequest, answer: Completion | Failure, latency_s: float | None) -> None:
        """An answer that counts, while the window is open."""
        usd = self.purse.settle(request, answer)
        counted = self.window.add(answer, latency_s)
        done = self.window.n if self._seconds is None else int(self.window.elapsed_s)
        step = max(0, min(done, self._total) - self._told) if counted else 0
        self._told += step
        self._note(answer, usd, step)

    def finish(self) -> None:
        """The level is over: what its bar still lacks."""
        if self._told < self._total and not self.window.gave_up and not self.purse.stopped:
            self._progress.advance(self._total - self._told)

    def _note(self, answer: Completion | Failure, usd: float, step: int = 0) -> None:
        if isinstance(answer, Failure):
            self.last_failure = answer.message
            tokens_in = tokens_out = 0
        else:
            tokens_in, tokens_out = answer.usage.input or 0, answer.usage.output or 0
        self._progress.advance(step, tokens_in=tokens_in, tokens_out=tokens_out, usd=usd)


def _drive(
    endpoint: LoadedModel, prompts: Iterator[ChatRequest], listener: _Listener, notes: list[str]
) -> None:
    """A model behind an API: one warm-up call a place, then all places kept full until the window closes."""
    window, places = listener.window, listener.window.concurrency
    first = itertools.islice(prompts, places)

    def warm_up() -> ChatRequest | None:
        request = next(first, None)
        return None if request is None else listener.allowed(request)

    endpoint.drive(places, warm_up, listener.warmed)

    def following() -> ChatRequest | None:
        return None if window.closed else listener.allowed(next(prompts))

    def heard(request: ChatRequest, answer: Completion | Failure) -> None:
        listener.heard(request, answer, answer.latency_s if isinstance(answer, Completion) else None)

    window.open()
    late_s = 0.0 if listener.purse.stopped else endpoint.drive(places, following, heard)
    listener.finish()
    p50_s = window.point().p50_s
    if p50_s is not None and late_s > LATE * p50_s:
        notes.append(
            f"{places} at a time: answers lay unread for {late_s * 1000:.0f} ms here, for this machine was busy; the "
            "server may be faster, and carry more, than was measured."
        )


def _in_batches(model: ChatModel, prompts: Iterator[ChatRequest], listener: _Listener) -> None:
    """A model of this process: batches of that size, one after the other; the first is the warm-up."""
    window = listener.window

    def batch() -> Iterator[tuple[ChatRequest, Completion | Failure, float]]:
        requests = [r for r in itertools.islice(prompts, window.concurrency) if listener.allowed(r)]
        if listener.purse.stopped:
            return
        started = time.perf_counter()
        for answered in model.complete(requests):
            for i, answer in answered:
                # a caller waits from the moment that the batch begins
                yield requests[i], answer, time.perf_counter() - started

    for request, answer, _ in batch():
        listener.warmed(request, answer)
    window.open()
    while not window.closed and not listener.purse.stopped:
        for request, answer, latency_s in batch():
            listener.heard(request, answer, latency_s)
    listener.finish()
