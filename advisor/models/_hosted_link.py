"""One model's client and rate control, as long as the model is in use; failures become values."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx2
from openai import AsyncOpenAI

from advisor.errors import ModelError
from advisor.models._hosted_access import Access, Wiring
from advisor.models._hosted_errors import CALL_ERRORS, CallError, TransientError, classify
from advisor.models._retries import RateControl

T = TypeVar("T")

CONNECT_S = 10.0


class Link:
    """A client with its connections; it lives in one event loop."""

    def __init__(self, access: Access, wiring: Wiring, *, concurrency: int) -> None:
        """Makes the client, without a call.

        Raises:
            ModelError: The key is missing.
        """
        http = httpx2.AsyncClient(
            transport=wiring.transport,
            timeout=httpx2.Timeout(wiring.answer_s, connect=CONNECT_S),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=concurrency),
            follow_redirects=True,
        )
        self.client: AsyncOpenAI = access.connect(http)
        self.control = RateControl(concurrency, wiring.retries)
        self._access, self._wiring = access, wiring

    async def outcome(self, call: Awaitable[T]) -> T | CallError | ModelError:
        """A call's result; or, as a value, what its failure means.

        As values they can be raised where no exception is being handled, so that nothing of the request, with
        its headers, stays attached to them.
        """
        failed: Exception
        try:
            async with asyncio.timeout(self._wiring.answer_s):
                return await call
        except (CallError, ModelError) as error:
            return error
        except CALL_ERRORS as error:
            failed = error
        return classify(failed, self._access.hints)

    async def do(self, work: Callable[[AsyncOpenAI], Awaitable[T]], *, repeatable: bool) -> T:
        """Does a piece of work; again after a passing fault, where doing it twice does no harm.

        Raises:
            ModelError: It failed for good.
            TransientError: It failed each time, and might not at another.
        """
        async for attempt in self._wiring.retries.context():
            with attempt:
                outcome = await self.outcome(work(self.client))
                passing = repeatable and isinstance(outcome, TransientError)
                if isinstance(outcome, CallError) and not passing:
                    raise ModelError(outcome.message, hint=self._access.model_hint)
                if isinstance(outcome, CallError | ModelError):
                    raise outcome
                return outcome
        raise AssertionError("an attempt ends with an outcome")
