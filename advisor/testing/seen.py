"""What the server saw: the requests that came, and those that broke OpenAI's description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_SECRET_HEADERS = frozenset({"authorization", "api-key", "cookie", "proxy-authorization"})


@dataclass
class SeenRequest:
    """One request as it came, and how it was answered."""

    method: str
    path: str
    query: str
    route: str
    """The name that `Fault.route` speaks of, such as `jobs.create`; `unknown` where no route fits."""
    headers: dict[str, str]
    """Lower-case names; keys and tokens are masked."""
    json: Any = None
    """The body; null where it is not JSON (files come as multipart forms)."""
    status: int | None = None
    """The status answered; null while the request is open, and where no answer was sent."""
    fault: str | None = None
    """The kind of the fault that struck, if one did."""
    started_at: float = 0.0
    finished_at: float | None = None
    """Seconds of the wall clock; null while open. A stream is finished with its last byte."""


@dataclass(frozen=True)
class Violation:
    """A request, or a line of a batch, that the official description or its text rejects."""

    route: str
    message: str
    param: str | None
    code: str | None
    source: Literal["schema", "text"]
    """`schema`: the description's schema rejects it. `text`: a limit that the description states in words."""
    body: Any = field(default=None, repr=False)


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without secrets, so that what is recorded can be printed."""
    shown = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in _SECRET_HEADERS:
            scheme, _, rest = value.partition(" ")
            value = f"{scheme} ***" if rest else "***"
        shown[lower] = value
    return shown
