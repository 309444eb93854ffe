"""The service behind the routes: its settings, its state, and who may come in how often."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from advisor.testing._api_errors import INVALID_REQUEST, ApiError
from advisor.testing._contract import Finding
from advisor.testing._state import State
from advisor.testing.brain import Brain
from advisor.testing.faults import FaultPlan
from advisor.testing.seen import Violation

Plane = Literal["openai", "azure", "management"]

_WINDOW_S = 1.0
_UNLIMITED_RPM = 30_000


@dataclass
class Service:
    """Everything that the routes share; the settings may be changed while it runs."""

    api_key: str
    azure_tokens: frozenset[str]
    brain: Brain
    faults: FaultPlan
    latency_s: float
    training_s: float
    provisioning_s: float
    shutdown_dates: Mapping[str, str]
    structured_outputs: bool
    requests_per_second: int | None
    max_concurrent: int | None
    closed: bool = False
    fingerprint: str = "fp_rehearsal01"
    state: State = field(default_factory=State)
    stopping: threading.Event = field(default_factory=threading.Event)
    in_flight: int = 0
    """Chat requests that are being answered."""
    _admitted: deque[float] = field(default_factory=deque)

    def reject(self, route: str, finding: Finding, source: Literal["schema", "text"], body: Any) -> ApiError:
        """Notes a violation of the description; the error that answers it."""
        self.state.violations.append(
            Violation(route, finding.message, finding.param, finding.code, source, body)
        )
        return ApiError(400, finding.message, type=INVALID_REQUEST, param=finding.param, code=finding.code)

    def admit(self) -> None:
        """Lets a chat request in, or not.

        Raises:
            ApiError: 429, with the headers by which a caller finds its rate.
        """
        now = time.monotonic()
        while self._admitted and self._admitted[0] <= now - _WINDOW_S:
            self._admitted.popleft()
        if self.max_concurrent is not None and self.in_flight >= self.max_concurrent:
            raise rate_limited(self.rate_headers(0.1), 0.1, "requests at a time")
        if self.requests_per_second is not None and len(self._admitted) >= self.requests_per_second:
            wait_s = self._admitted[0] + _WINDOW_S - now
            raise rate_limited(self.rate_headers(wait_s), wait_s, "requests per second")
        self._admitted.append(now)

    def rate_headers(self, reset_s: float = 0.0) -> dict[str, str]:
        """How many requests are left, in the service's own headers.

        The real limits are per minute; here the window is a second, so that a test meets them. The limit is
        stated per minute, what remains is of this second.
        """
        if self.requests_per_second is None:
            limit, remaining = _UNLIMITED_RPM, _UNLIMITED_RPM - 1
        else:
            limit = self.requests_per_second * 60
            remaining = max(0, self.requests_per_second - len(self._admitted))
        return {
            "x-ratelimit-limit-requests": str(limit),
            "x-ratelimit-remaining-requests": str(remaining),
            "x-ratelimit-reset-requests": f"{max(1, round(reset_s * 1000))}ms",
        }


def rate_limited(headers: dict[str, str], wait_s: float, of: str = "requests per minute") -> ApiError:
    """429: too many requests, which is worth waiting for."""
    seconds = str(round(wait_s)) if wait_s >= 1 else f"{wait_s:.3f}"
    more = {"retry-after": seconds, "retry-after-ms": str(round(wait_s * 1000)), **headers}
    if wait_s >= 1:
        del more["retry-after-ms"]
    return ApiError(
        429,
        f"Rate limit reached in organization org-rehearsal on {of}. Please try again in {seconds}s.",
        type="requests",
        code="rate_limit_exceeded",
        headers=more,
    )
