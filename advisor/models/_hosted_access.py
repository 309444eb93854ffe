"""How an endpoint is reached: its key, its address, and the network in between."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2
from openai import AsyncOpenAI

from advisor.errors import ModelError
from advisor.models._hosted_errors import Hints
from advisor.models._hosted_secrets import scrub
from advisor.models._retries import Retries

ANSWER_S = 120.0


@dataclass(frozen=True)
class EnvironmentKey:
    """A key that stands in an environment variable; it is read when it is needed, and kept nowhere."""

    variable: str

    def value(self) -> str | None:
        """The key; None where there is none."""
        return os.environ.get(self.variable, "").strip() or None

    def required(self, whose: str) -> str:
        """The key.

        Raises:
            ModelError: There is none, or what stands there cannot be one.
        """
        key = self.value()
        if key is None:
            raise ModelError(
                f"The key of {whose} is missing: {self.variable} is not set.",
                hint=f"Set it in the shell that runs advisor: export {self.variable}=…",
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ModelError(
                f"What stands in {self.variable} cannot be a key: it holds blanks or characters that a key has not.",
                hint=f"Copy the key again, in one line: export {self.variable}=…",
            )
        return key


@dataclass(frozen=True)
class Access:
    """How a client of an endpoint comes about, once it is needed."""

    connect: Callable[[httpx2.AsyncClient], AsyncOpenAI]
    """Makes the client; a ModelError where the key is missing."""
    secrets: Callable[[], Sequence[str | None]]
    """What must never be seen: keys, tokens, passwords."""
    key_hint: str
    model_hint: str
    quota_hint: str = "Add credit or raise the limit in the provider's billing settings, then run again."

    def clean(self, text: str) -> str:
        """A text without keys."""
        return scrub(text, *self.secrets())

    @property
    def hints(self) -> Hints:
        """What a reader can do about a failed call."""
        return Hints(self.key_hint, self.model_hint, self.quota_hint, self.clean)


@dataclass(frozen=True)
class Wiring:
    """What tests and special networks change: the network itself, the patience, the time."""

    transport: httpx2.AsyncBaseTransport | None = None
    retries: Retries = field(default_factory=Retries)
    answer_s: float = ANSWER_S


def checked_url(url: str, *, key: str) -> str:
    """An address without its trailing slash.

    Raises:
        ModelError: It is none; `key` is where the case gives it.
    """
    try:
        parts = urlsplit(url)
        complete = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        complete = False
    if not complete:
        raise ModelError(
            f"`{key}` is not an address: {_without_password(url)!r}.",
            hint="It begins with https:// or http://, e.g. http://localhost:8000/v1.",
        )
    return url.rstrip("/")


def place_of(url: str) -> str:
    """Host, port and path of an address: what tells endpoints apart, without user or password."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def password_of(url: str) -> str | None:
    """The password inside an address, where one stands there."""
    return urlsplit(url).password


def _without_password(url: str) -> str:
    return url.rpartition("@")[2]
