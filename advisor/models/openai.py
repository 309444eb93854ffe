"""Models of OpenAI, and of every server that speaks its chat API."""

from __future__ import annotations

import os

import httpx2
from openai import AsyncOpenAI

from advisor.cases.model_spec import ModelSpec
from advisor.errors import ModelError
from advisor.models._hosted import HostedChatModel
from advisor.models._hosted_access import (
    Access,
    EnvironmentKey,
    Wiring,
    checked_url,
    password_of,
    place_of,
)
from advisor.models._hosted_calls import Dialect

USUAL_URL = "https://api.openai.com/v1"
NO_KEY = "no-key-needed"
"""What servers are sent that ask for no key; the SDK wants one."""


class OpenAIProvider:
    """Opens models of OpenAI, tuned ones included."""

    def __init__(self, wiring: Wiring | None = None) -> None:
        self._wiring = wiring or Wiring()

    def open(self, spec: ModelSpec, *, adapter: str | None = None) -> HostedChatModel:
        """The model, or the tuned one that `adapter` names; no call is made, and no key needed yet.

        Raises:
            ModelError: The address is none.
        """
        given = spec.base_url or os.environ.get("OPENAI_BASE_URL", "").strip() or USUAL_URL
        url = checked_url(given, key="base_url")
        key = EnvironmentKey(spec.api_key_env or "OPENAI_API_KEY")
        model = adapter or spec.model

        def connect(http: httpx2.AsyncClient) -> AsyncOpenAI:
            return AsyncOpenAI(
                api_key=key.required("OpenAI"),
                base_url=url,
                http_client=http,
                timeout=http.timeout,
                max_retries=0,
            )

        return HostedChatModel(
            "openai",
            Access(
                connect,
                secrets=lambda: (key.value(), password_of(url)),
                key_hint=f"Check the key in {key.variable}, and what its project may do.",
                model_hint=f"Check the name {model!r}, and whether your project may use that model"
                + (f" at {place_of(url)}." if url != USUAL_URL else "."),
            ),
            Dialect(
                model=model,
                base_model=spec.base_model or model,
                max_tokens="max_completion_tokens",
                always_strict=False,
                enforce=spec.structured_outputs == "auto",
                stream=spec.stream,
            ),
            address=None if url == USUAL_URL else place_of(url),
            concurrency=spec.concurrency,
            wiring=self._wiring,
        )


class CompatibleProvider:
    """Opens models of servers that speak OpenAI's chat API: vLLM, llama.cpp, Ollama, `transformers serve`."""

    def __init__(self, wiring: Wiring | None = None) -> None:
        self._wiring = wiring or Wiring()

    def open(self, spec: ModelSpec, *, adapter: str | None = None) -> HostedChatModel:
        """The model, or the tuned one that `adapter` names; no call is made.

        Raises:
            ModelError: The server's address is missing, or is none.
        """
        if spec.base_url is None:
            raise ModelError(
                f"Where the server of {spec.model!r} is, is not said.",
                hint="Give the model a `base_url` in case.yaml, e.g. http://localhost:8000/v1.",
            )
        url = checked_url(spec.base_url, key="base_url")
        key = None if spec.api_key_env is None else EnvironmentKey(spec.api_key_env)
        model = adapter or spec.model

        def connect(http: httpx2.AsyncClient) -> AsyncOpenAI:
            client = AsyncOpenAI(
                api_key=(None if key is None else key.value()) or NO_KEY,
                base_url=url,
                http_client=http,
                timeout=http.timeout,
                max_retries=0,
            )
            return without_openai_headers(client)

        return HostedChatModel(
            "openai_compatible",
            Access(
                connect,
                secrets=lambda: (None if key is None else key.value(), password_of(url)),
                key_hint="If the server needs a key, name its variable as `api_key_env` in case.yaml."
                if key is None
                else f"Check the key in {key.variable}.",
                model_hint=f"Check that the server at {place_of(url)} runs and serves {model!r}; many servers "
                "list their models under /v1/models.",
            ),
            Dialect(
                model=model,
                base_model=spec.base_model or model,
                max_tokens="max_tokens",
                always_strict=True,
                enforce=spec.structured_outputs == "auto",
                stream=spec.stream,
            ),
            address=place_of(url),
            concurrency=spec.concurrency,
            wiring=self._wiring,
        )


def without_openai_headers(client: AsyncOpenAI) -> AsyncOpenAI:
    """A client that does not tell others the organisation and project at OpenAI, which the SDK would do."""
    client.organization = client.project = None
    return client
