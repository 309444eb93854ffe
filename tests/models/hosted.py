"""What tests of hosted models share: a scripted endpoint, and answers as the API writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx2

from advisor.models._hosted_access import Wiring
from advisor.models._retries import Retries
from advisor.records import ChatRequest, Completion, Failure, Message

KEY = "sk-proj-Zq8vN3xW7rT1bY5m-secret"
QUICK = Retries(
    attempts=3, first_wait_s=0.001, longest_backoff_s=0.002, jitter_s=0, longest_wait_s=2, patience_s=5
)
LABELS = ("refund", "delivery", "other")
Handler = Callable[[httpx2.Request], Any]


def ask(text: str = "hi", **more: Any) -> ChatRequest:
    return ChatRequest(messages=(Message(role="user", content=text),), **more)


def said(text: str | None, **more: Any) -> httpx2.Response:
    """A chat completion; `more` changes its top-level members, `choice` those of its choice."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "finish_reason": "stop",
    } | more.pop("choice", {})
    body = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4.1-mini-2025-04-14",
        "system_fingerprint": "fp_1",
        "choices": [choice],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
    } | more
    return httpx2.Response(200, json={k: v for k, v in body.items() if v is not ...})


def refused(
    status: int,
    message: str = "no",
    *,
    code: str | None = None,
    param: str | None = None,
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return httpx2.Response(status, json={"error": error}, headers=headers)


def events(*chunks: dict[str, Any] | str) -> httpx2.Response:
    lines = [c if isinstance(c, str) else json.dumps({"id": "c1", "model": "m", **c}) for c in chunks]
    return httpx2.Response(
        200,
        content="".join(f"data: {line}\n\n" for line in lines),
        headers={"content-type": "text/event-stream"},
    )


def delta(text: str, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


class Endpoint:
    """Answers by a function or by a list, the last of which stands for all others; keeps what it was asked."""

    def __init__(self, *script: httpx2.Response | Exception, handler: Handler | None = None) -> None:
        self._script, self._handler = list(script), handler
        self.requests: list[httpx2.Request] = []

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(r.content) for r in self.requests if r.content]

    def wiring(self, *, retries: Retries = QUICK, answer_s: float = 5.0) -> Wiring:
        return Wiring(transport=httpx2.MockTransport(self._answer), retries=retries, answer_s=answer_s)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if self._handler is not None:
            found = self._handler(request)
            return await found if hasattr(found, "__await__") else found
        found = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(found, Exception):
            raise found
        # a response serves once
        return httpx2.Response(found.status_code, content=found.content, headers=found.headers)


def answers(model: Any, requests: Sequence[ChatRequest]) -> list[Completion | Failure]:
    """All answers, in the order of the requests."""
    try:
        got = dict(pair for answered in model.complete(requests) for pair in answered)
    finally:
        model.close()
    assert sorted(got) == list(range(len(requests)))
    return [got[i] for i in range(len(requests))]
