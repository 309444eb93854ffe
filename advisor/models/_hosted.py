"""Chat models behind an API: many calls at once, each answer handed over as soon as it is there."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from openai import AsyncOpenAI

from advisor.errors import ModelError
from advisor.models import tokens
from advisor.models._hosted_access import Access, Wiring
from advisor.models._hosted_calls import Dialect, Reply, ask, reasons, to_completion
from advisor.models._hosted_errors import (
    CallError,
    FormRefusedError,
    ItemError,
    ParameterRefusedError,
    TransientError,
)
from advisor.models._hosted_link import Link
from advisor.models._hosted_loop import BackgroundLoop, Ticket
from advisor.models._retries import too_long
from advisor.records import ChatRequest, Completion, Failure, Message

T = TypeVar("T")

FAILURE_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0
"""Under load a failed call leaves its place empty for so long, or for what the endpoint asks within the longest."""
_LOOK_S = 0.02
"""Between two looks at how late this program is."""
BATCH_PER_CALL = 8
"""A batch holds so many requests for each call that may be under way."""

_WINDOWS = {"gpt-4.1": 1_047_576, "gpt-4o": 128_000, "chatgpt-4o": 128_000}


class HostedChatModel:
    """A chat model behind an API; see `advisor.models.base.ChatModel`.

    Nothing is sent and no key is needed before the first question. Answers come in the order in which they
    arrive.
    """

    def __init__(
        self,
        provider: str,
        access: Access,
        dialect: Dialect,
        *,
        address: str | None,
        concurrency: int,
        wiring: Wiring,
    ) -> None:
        """Makes the model known, without a call.

        Args:
            provider: The provider's name, as the case spells it.
            access: How its client comes about.
            dialect: How it wants to be asked.
            address: What tells this endpoint from the provider's others; None for the usual one.
            concurrency: Calls that may be under way at once.
            wiring: The network, and the patience with it.
        """
        self._provider, self._access, self._dialect = provider, access, dialect
        form = None if dialect.enforce else "free_text"  # its prompts differ
        self._version = ":".join(x for x in (provider, address, dialect.model, form) if x is not None)
        self._concurrency, self._wiring = concurrency, wiring
        self._loop = BackgroundLoop(f"advisor-{provider}")
        self._connecting = threading.Lock()
        self._link: Link | None = None
        self._notes: list[str] = []
        self._seen: set[tuple[str, str | None]] = set()

    def __repr__(self) -> str:
        return f"HostedChatModel({self._version!r})"

    @property
    def provider(self) -> str:
        """The provider's name, as the case spells it."""
        return self._provider

    @property
    def version(self) -> str:
        """Provider, address where it is not the usual one, and model."""
        return self._version

    @property
    def context_window(self) -> int | None:
        """Tokens of prompt and answer together; None where unknown."""
        name = tokens.base_model_name(self._dialect.base_model)
        return next((n for base, n in _WINDOWS.items() if name == base or name.startswith(f"{base}-")), None)

    @property
    def enforces(self) -> bool:
        """Whether the endpoint is asked to enforce labels and schemas."""
        return self._dialect.enforce

    @property
    def notes(self) -> list[str]:
        """What a reader of the results should know about how the model was asked; each said once."""
        return list(self._notes)

    @property
    def seen_versions(self) -> set[tuple[str, str | None]]:
        """(model, fingerprint) as the endpoint named them; more than one means that it changed meanwhile."""
        return set(self._seen)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, with what the chat format adds."""
        return tokens.count_messages(self._dialect.base_model, messages)

    def count_text_tokens(self, text: str) -> int:
        """Tokens of a bare text."""
        return tokens.count_text(self._dialect.base_model, text)

    def batches(self, requests: Sequence[ChatRequest]) -> list[list[int]]:
        """Which requests are answered together: as they come, some for each call that may be under way."""
        size = BATCH_PER_CALL * self._concurrency
        return [list(range(i, min(i + size, len(requests)))) for i in range(0, len(requests), size)]

    def complete(self, requests: Sequence[ChatRequest]) -> Iterator[list[tuple[int, Completion | Failure]]]:
        """Answers requests; yields (position, answer) as they come, each as soon as it is there.

        Closing it early cancels the calls under way.

        Raises:
            ModelError: The key is missing or refused, the model is not there, or the quota is used up.
        """
        if requests:
            link = self._connected()
            yield from self._loop.results([partial(self._answer, link, r) for r in requests])

    def drive(
        self,
        places: int,
        next_request: Callable[[], ChatRequest | None],
        heard: Callable[[ChatRequest, Completion | Failure], None],
    ) -> float:
        """Keeps a fixed number of calls under way, each made once, until no request is left: a closed loop, for load.

        Nothing is asked again and no rate is kept, so what the endpoint refuses is heard as a failure.

        Args:
            places: Calls under way at once.
            next_request: What is asked next; None ends the place that asks for it.
            heard: Takes each answer. Both are called in one thread of the model's, never at the same time.

        Returns:
            Seconds by which this program itself was late, in the median: so long an answer lay there unread.

        Raises:
            ModelError: The key is missing or refused, the model is not there, or the quota is used up.
        """
        link = self._connected()
        lags: list[float] = []
        full = places

        async def watch(ticket: Ticket) -> None:
            while full:
                due = time.perf_counter() + _LOOK_S
                await asyncio.sleep(_LOOK_S)
                lags.append(max(0.0, time.perf_counter() - due))

        async def place(ticket: Ticket) -> None:
            nonlocal full
            while not ticket.stopped and (request := next_request()) is not None:
                ticket.under_way = True
                outcome = await self._ask(link, request)
                ticket.under_way = False
                if isinstance(outcome, ModelError):
                    raise outcome
                if isinstance(outcome, Completion):
                    self.notice(outcome)
                    heard(request, outcome)
                else:
                    heard(request, _failure(outcome, 1))
                    asked_s = getattr(outcome, "wait_s", None) or FAILURE_PAUSE_S
                    await asyncio.sleep(min(asked_s, LONGEST_PAUSE_S))
            full -= 1

        for _ in self._loop.results([watch, *[place] * places]):
            pass
        return statistics.median(lags) if lags else 0.0

    def run(self, work: Callable[[AsyncOpenAI], Awaitable[T]], *, repeatable: bool = False) -> T:
        """Does one piece of work with the client, e.g. a call of the batch endpoint.

        Args:
            work: What to do.
            repeatable: Whether doing it twice does no harm, so that it is done again after a passing fault.

        Raises:
            ModelError: It failed, or the key is missing.
        """
        link = self._connected()

        async def job(ticket: Ticket) -> T:
            ticket.under_way = True
            return await link.do(work, repeatable=repeatable)

        try:
            ((_, result),) = (pair for results in self._loop.results([job]) for pair in results)
        except CallError as error:
            failed = ModelError(error.message, hint=self._access.model_hint)
        else:
            return result
        raise failed

    def close(self) -> None:
        """Cancels what runs, and gives back the connections."""
        with self._connecting:
            link, self._link = self._link, None
        self._loop.close(None if link is None else link.client.close)

    @property
    def dialect(self) -> Dialect:
        """How the endpoint is asked."""
        return self._dialect

    @property
    def access(self) -> Access:
        """How its client comes about."""
        return self._access

    def notice(self, answer: Completion) -> None:
        """Keeps in mind which model answered."""
        if answer.model_version is not None:
            self._seen.add((answer.model_version, answer.fingerprint))

    def _connected(self) -> Link:
        with self._connecting:
            if self._link is None:
                self._link = Link(self._access, self._wiring, concurrency=self._concurrency)
            return self._link

    async def _answer(self, link: Link, request: ChatRequest, ticket: Ticket) -> Completion | Failure:
        """One answer, however many calls it takes."""
        calls = 0
        try:
            async for attempt in self._wiring.retries.context():
                with attempt:
                    calls += 1
                    outcome = await self._attempt(link, request, ticket)
                    if isinstance(outcome, TransientError) and ticket.stopped:
                        return _failure(outcome, calls)
                    # raised here, where no exception is being handled: none of the request stays attached
                    if isinstance(outcome, Exception):
                        raise outcome
                    return outcome
        except (TransientError, ItemError) as error:
            longest_s = self._wiring.retries.longest_wait_s
            if isinstance(error, TransientError) and (error.wait_s or 0) > longest_s:
                error = too_long(error.wait_s or 0, longest_s)
            return _failure(error, calls)
        raise AssertionError("an attempt ends with an outcome")

    async def _attempt(
        self, link: Link, request: ChatRequest, ticket: Ticket
    ) -> Completion | CallError | ModelError:
        """One call; another at once where the endpoint wants to be asked in another way."""
        async with link.control.place() as asked_at:
            if ticket.stopped:
                raise asyncio.CancelledError
            ticket.under_way = True
            try:
                outcome = await self._ask(link, request)
            finally:
                ticket.under_way = False
            if isinstance(outcome, ModelError):
                ticket.stop_all()  # before the place is free for another
        if isinstance(outcome, Completion):
            link.control.succeeded()
            self.notice(outcome)
        elif isinstance(outcome, TransientError) and outcome.rate_limited:
            link.control.refused(outcome.wait_s, asked_at=asked_at)
        return outcome

    async def _ask(self, link: Link, request: ChatRequest) -> Completion | CallError | ModelError:
        dialect, form = self._dialect, self._dialect.form(request)
        refused: FormRefusedError | None = None
        while True:
            body = dialect.body(request, form)
            started = time.perf_counter()
            outcome = await link.outcome(ask(link.client, body))
            elapsed = time.perf_counter() - started
            if isinstance(outcome, FormRefusedError) and form is not None:
                refused, form = outcome, None
            elif isinstance(outcome, FormRefusedError):
                return ItemError(outcome.code, outcome.message)
            elif isinstance(outcome, ParameterRefusedError):
                if outcome.code not in body or not dialect.drop(outcome.code):
                    return ItemError("bad_request", outcome.message)
                self._note(f"{self._version}: the endpoint takes no `{outcome.code}`, so it is not sent.")
            elif isinstance(outcome, CallError | ModelError):
                return outcome
            else:
                if refused is not None:
                    # it was the form, then: the same request without it was answered
                    dialect.refuse_form(request)
                    self._note(
                        f"{self._version}: the endpoint does not enforce labels or schemas, so its answers are "
                        f"read as free text. It says: {refused.message}"
                    )
                return self._completion(request, outcome, form, elapsed)

    def _completion(
        self, request: ChatRequest, reply: Reply, form: Mapping[str, Any] | None, elapsed_s: float
    ) -> Completion | CallError:
        try:
            found = to_completion(request, reply, form, always_strict=self._dialect.always_strict)
        except ItemError as error:
            return error
        if form is not None and found.enforced is False:
            self._note(
                f"{self._version}: the endpoint took the schema but does not always hold to it; such answers "
                "are read as free text."
            )
        if reasons(self._dialect.base_model):
            self._note(
                f"{self._version}: it reasons and takes no temperature, so its answers vary from call to call."
            )
        return found.model_copy(update={"latency_s": elapsed_s})

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)


def _failure(error: CallError, calls: int) -> Failure:
    transient = isinstance(error, TransientError)
    message = f"{error.message} (asked {calls} times)" if transient and calls > 1 else error.message
    return Failure(error=error.code, message=message, transient=transient)
