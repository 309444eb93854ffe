"""Models deployed on Azure OpenAI."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
from openai import AsyncAzureOpenAI, AsyncOpenAI

from advisor.cases.model_spec import ModelSpec
from advisor.errors import MissingExtraError, ModelError
from advisor.models._hosted import HostedChatModel
from advisor.models._hosted_access import Access, EnvironmentKey, Wiring, checked_url, place_of
from advisor.models._hosted_calls import Dialect
from advisor.models._hosted_errors import TransientError
from advisor.models._hosted_secrets import scrub
from advisor.models.openai import without_openai_headers

SCOPE = "https://cognitiveservices.azure.com/.default"
_SIGN_IN_HINT = (
    "Sign in with `az login`, or give the process a managed identity or a service principal, with the role "
    "“Cognitive Services OpenAI User” on the resource."
)


class AzureProvider:
    """Opens deployments; the deployment's name is the model's name."""

    def __init__(self, wiring: Wiring | None = None, *, credential: Any = None) -> None:
        """Makes the provider.

        Args:
            wiring: The network, and the patience with it.
            credential: Who signs in with Entra ID; by default what azure-identity finds.
        """
        self._wiring, self._credential = wiring or Wiring(), credential

    def open(self, spec: ModelSpec, *, adapter: str | None = None) -> HostedChatModel:
        """The deployment, or the one that `adapter` names; no call is made, and no key needed yet.

        Raises:
            ModelError: The resource's address is missing, or is none.
            MissingExtraError: Entra ID is asked for, but azure-identity is not installed.
        """
        endpoint = _endpoint(spec)
        deployment = adapter or spec.model
        if spec.auth == "entra_id":
            sign_in = _SignIn(self._credential)
            secrets, key_hint = sign_in.secrets, _SIGN_IN_HINT
            client = _client_maker(endpoint, spec.api_version, token=sign_in.token)
        else:
            key = EnvironmentKey(spec.api_key_env or "AZURE_OPENAI_API_KEY")
            secrets = lambda: (key.value(),)  # noqa: E731
            key_hint = (
                f"Check the key in {key.variable}; it must be one of the resource {place_of(endpoint)}."
            )
            client = _client_maker(endpoint, spec.api_version, key=key)
        return HostedChatModel(
            "azure_openai",
            Access(
                client,
                secrets=secrets,
                key_hint=key_hint,
                model_hint=f"Check that the deployment {deployment!r} exists on {place_of(endpoint)}: the name is "
                "the deployment's, not the model's.",
                quota_hint="Raise the deployment's capacity or the subscription's quota, then run again.",
            ),
            Dialect(
                model=deployment,
                base_model=spec.base_model or deployment,
                max_tokens="max_completion_tokens",
                always_strict=False,
                enforce=spec.structured_outputs == "auto",
                stream=spec.stream,
            ),
            address=place_of(endpoint),
            concurrency=spec.concurrency,
            wiring=self._wiring,
        )


def _endpoint(spec: ModelSpec) -> str:
    given = spec.endpoint or os.environ.get("AZURE_OPENAI_ENDPOINT", "").strip()
    if not given:
        raise ModelError(
            f"Where the deployment {spec.model!r} is, is not said.",
            hint="Give the model an `endpoint` in case.yaml, e.g. https://NAME.openai.azure.com.",
        )
    url = checked_url(given, key="endpoint")
    for tail in ("/openai/v1", "/openai"):
        url = url.removesuffix(tail)
    return url


def _client_maker(
    endpoint: str,
    api_version: str | None,
    *,
    key: EnvironmentKey | None = None,
    token: Callable[[], Awaitable[str]] | None = None,
) -> Callable[[httpx2.AsyncClient], AsyncOpenAI]:
    def connect(http: httpx2.AsyncClient) -> AsyncOpenAI:
        secret = key.required("Azure OpenAI") if key is not None else None
        if api_version is not None:
            dated = AsyncAzureOpenAI(
                azure_endpoint=endpoint,
                api_version=api_version,
                api_key=secret,
                azure_ad_token_provider=token,
                http_client=http,
                timeout=http.timeout,
                max_retries=0,
            )
            return without_openai_headers(dated)
        client = AsyncOpenAI(
            api_key=secret or token,
            base_url=f"{endpoint}/openai/v1/",
            http_client=http,
            timeout=http.timeout,
            max_retries=0,
        )
        return without_openai_headers(client)

    return connect


class _SignIn:
    """Tokens of Entra ID, through azure-identity."""

    def __init__(self, credential: Any) -> None:
        if not _installed():
            raise MissingExtraError("Entra ID sign-in", "azure")
        self._credential = credential
        self._provider: Callable[[], str] | None = None
        self._last: str | None = None

    def secrets(self) -> tuple[str | None, ...]:
        """The token that was used last."""
        return (self._last,)

    async def token(self) -> str:
        """A valid token; azure-identity keeps it until it nears its end.

        Raises:
            ModelError: Nobody is signed in, or may not use the resource.
            TransientError: The sign-in service could not be reached.
        """
        from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError

        failed: AzureError
        try:
            # it may ask the network, and would hold up all calls under way
            self._last = await asyncio.to_thread(self._token_provider())
        except AzureError as error:
            failed = error
        else:
            return self._last
        lines = scrub(str(failed.message)).strip().splitlines() or [type(failed).__name__]
        if isinstance(failed, ServiceRequestError | ServiceResponseError):
            raise TransientError("entra_id", f"The sign-in service could not be reached: {lines[0][:300]}")
        raise ModelError(f"Signing in with Entra ID failed: {lines[0][:300]}", hint=_SIGN_IN_HINT)

    def _token_provider(self) -> Callable[[], str]:
        if self._provider is None:
            from azure.identity import DefaultAzureCredential, get_bearer_token_provider

            self._provider = get_bearer_token_provider(self._credential or DefaultAzureCredential(), SCOPE)
        return self._provider


def _installed() -> bool:
    try:
        return importlib.util.find_spec("azure.identity") is not None
    except ModuleNotFoundError:
        return False
