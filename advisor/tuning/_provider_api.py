"""Calls of a provider's tuning API: reads are repeated until they succeed, whatever creates something is sent once."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TypeVar

import httpx2
from openai import AsyncOpenAI

from advisor.cases.model_spec import ModelSpec
from advisor.errors import TuningError
from advisor.models._hosted_access import Access, Wiring
from advisor.models._hosted_errors import CALL_ERRORS, CallError, TransientError, classify
from advisor.models._retries import Retries
from advisor.models.azure_openai import AzureProvider
from advisor.models.openai import OpenAIProvider

T = TypeVar("T")
Work = Callable[[AsyncOpenAI], Awaitable[T]]

RETRIES = Retries(attempts=5, first_wait_s=0.5, longest_backoff_s=10.0)
CALL_S = 60.0
"""Longest time of one call."""
UPLOAD_S = 900.0
"""Longest time of an upload: files are large, and networks slow."""


class ProviderApi:
    """A provider's API as one model's case reaches it."""

    def __init__(
        self, access: Access, *, retries: Retries | None = None, call_s: float | None = None
    ) -> None:
        self._access, self._retries = access, retries or RETRIES
        self._call_s = CALL_S if call_s is None else call_s

    @classmethod
    def of(cls, spec: ModelSpec) -> ProviderApi:
        """The API of OpenAI, or of an Azure resource.

        Raises:
            TuningError: The provider has no tuning API.
            ModelError: The address is missing.
        """
        providers = {"openai": OpenAIProvider, "azure_openai": AzureProvider}
        if spec.provider not in providers:
            raise TuningError(
                f"{spec.provider!r} has no tuning API.",
                hint="Tune by `trl` or `autotrain` for open models, or take a model of openai or azure_openai.",
            )
        return cls(providers[spec.provider](Wiring()).open(spec).access)

    def clean(self, text: str) -> str:
        """A text without keys."""
        return self._access.clean(text)

    def read(self, work: Work[T], *, call_s: float | None = None) -> T:
        """A call that changes nothing, or the same however often it is sent; repeated while it may succeed.

        Args:
            work: What is sent, and what is taken from the answer; whatever the answer lacks makes it malformed.
            call_s: The longest time of one call, where it is not the usual one.

        Raises:
            TuningError: It did not succeed.
            ModelError: The key is missing or refused, or what is asked for is not there.
        """
        outcome = asyncio.run(self._repeated(work, call_s or self._call_s))
        return self._result(outcome)

    def once(self, work: Work[T]) -> T:
        """A call that creates something: sent once.

        Raises:
            TransientError: It may have been carried out or not: look before it is sent again.
            TuningError: It was refused.
            ModelError: The key is missing or refused.
        """
        outcome = asyncio.run(self._sent(work, self._call_s))
        if isinstance(outcome, TransientError):
            raise outcome
        return self._result(outcome)

    def _result(self, outcome: T | Exception) -> T:
        if isinstance(outcome, CallError):
            raise TuningError(f"The provider says: {outcome.message}", hint=_hint(outcome))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _repeated(self, work: Work[T], call_s: float) -> T | Exception:
        try:
            async for attempt in self._retries.context():
                with attempt:
                    outcome = await self._sent(work, call_s)
                    if isinstance(outcome, TransientError):
                        raise outcome
                    return outcome
        except TransientError as error:
            return error
        raise AssertionError("an attempt ends with an outcome")

    async def _sent(self, work: Work[T], call_s: float) -> T | Exception:
        """What came of a call; an error as a value, so that nothing of the request stays attached to it."""
        failed: Exception
        async with httpx2.AsyncClient(timeout=call_s, follow_redirects=True, verify=_trust()) as http:
            client = self._access.connect(http)
            try:
                async with asyncio.timeout(call_s):
                    return await work(client)
            except CallError as error:
                return error
            except CALL_ERRORS as error:
                failed = error
            except (AttributeError, LookupError, TypeError) as error:
                # a page of a proxy's, or an answer without what was promised
                failed = ValueError(f"it has an unknown form ({type(error).__name__})")
        return classify(failed, self._access.hints)


@cache
def _trust() -> ssl.SSLContext:
    """Whom calls trust; reading the certificates takes longer than a call."""
    return httpx2.create_ssl_context()


def _hint(error: CallError) -> str:
    if isinstance(error, TransientError):
        return "Nothing is lost: run the same command again, and it goes on where it was."
    return "See what the training file and the settings of the job are with `advisor tune check`."
