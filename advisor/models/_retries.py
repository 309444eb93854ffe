"""How often and how long a hosted model is asked again, and how many calls are under way at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import stamina

from advisor.models._hosted_errors import TransientError

# A retry is no news; whoever sets up logging still sees them. A hook for structlog would write to stdout.
stamina.instrumentation.set_on_retry_hooks([stamina.instrumentation.LoggingOnRetryHook])
logging.getLogger("stamina").addHandler(logging.NullHandler())

_LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True)
class Retries:
    """How much patience there is with an endpoint."""

    attempts: int = 6
    """Calls for one answer, those refused by the rate limit not counted."""
    first_wait_s: float = 0.5
    """Before the second call; it doubles from then on."""
    longest_backoff_s: float = 20.0
    jitter_s: float = 0.5
    longest_wait_s: float = 120.0
    """The longest wait that an endpoint may ask for; at a longer one the item is given up."""
    patience_s: float = 900.0
    """How long one item may meet the rate limit."""

    def context(self) -> AsyncIterator[stamina.Attempt]:
        """One item's attempts."""
        return stamina.retry_context(
            on=self._hook(),
            attempts=None,
            timeout=None,
            wait_initial=self.first_wait_s,
            wait_max=self.longest_backoff_s,
            wait_jitter=self.jitter_s,
        )

    def _hook(self) -> Callable[[Exception], bool | float]:
        started, failed = time.monotonic(), 0

        def ask_again(error: Exception) -> bool | float:
            """Whether, or after how many seconds; True leaves the wait to the exponential backoff."""
            nonlocal failed
            if not isinstance(error, TransientError) or (error.wait_s or 0) > self.longest_wait_s:
                return False
            if error.rate_limited:  # all callers of the model pause together, so this one waits no longer
                return 0.0 if time.monotonic() - started < self.patience_s else False
            failed += 1
            if failed >= self.attempts:
                return False
            return True if error.wait_s is None else error.wait_s

        return ask_again


class RateControl:
    """How many calls of one model are under way: halved when the endpoint says too much, then slowly up again.

    It lives in one event loop.
    """

    def __init__(self, most: int, retries: Retries) -> None:
        self._most, self._retries = most, retries
        self._limit = float(most)
        self._under_way = 0
        self._resume_at = self._halved_at = 0.0
        self._refused_in_a_row = 0
        self._changed = asyncio.Event()

    @property
    def limit(self) -> int:
        """Calls that may be under way now."""
        return int(self._limit)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[float]:
        """Waits for a place among the calls under way; gives the time at which it was had.

        Raises:
            TransientError: The endpoint asked all callers for a wait that is too long.
        """
        await self._wait()
        self._under_way += 1
        try:
            yield time.monotonic()
        finally:
            self._under_way -= 1
            self._wake()

    async def _wait(self) -> None:
        while True:
            pause = self._resume_at - time.monotonic()
            if pause > self._retries.longest_wait_s:
                raise too_long(pause, self._retries.longest_wait_s)
            if pause > 0:
                await asyncio.sleep(pause)
            elif self._under_way < self.limit:
                return
            else:
                await self._changed.wait()

    def succeeded(self) -> None:
        """An answer came: one more call at once, after about as many answers as are under way."""
        self._refused_in_a_row = 0
        self._limit = min(float(self._most), self._limit + 1 / self._limit)
        self._wake()

    def refused(self, wait_s: float | None, *, asked_at: float) -> None:
        """The rate limit was met: all wait, and half as many ask from then on.

        Args:
            wait_s: What the endpoint asks for; None leaves it to a pause that doubles each time.
            asked_at: When that call got its place: those that were under way already when the number was
                halved last do not halve it again.
        """
        if asked_at >= self._halved_at:
            self._limit = max(1.0, self._limit / 2)
            self._halved_at = time.monotonic()
            self._refused_in_a_row += 1
        if wait_s is None:
            doubled = self._retries.first_wait_s * 2.0 ** min(self._refused_in_a_row, 10)
            wait_s = min(doubled, _LONGEST_PAUSE_S)
        self._resume_at = max(self._resume_at, time.monotonic() + wait_s)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def too_long(wait_s: float, longest_s: float) -> TransientError:
    """The error of an endpoint that asks for more patience than there is."""
    return TransientError(
        "rate_limit",
        f"The endpoint asks to wait {wait_s:.0f} s, longer than the {longest_s:.0f} s that a run waits; "
        "run again after that time.",
        wait_s=wait_s,
        rate_limited=True,
    )
