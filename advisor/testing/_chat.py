"""Chat completions: what is asked is checked, answered by the brain, made to fit, counted and billed."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from starlette.concurrency import run_in_threadpool

from advisor.testing import _billing as billing
from advisor.testing import _catalog as catalog
from advisor.testing import _contract as contract
from advisor.testing._api_errors import (
    context_length_exceeded,
    deployment_not_found,
    filtered_prompt,
    model_not_found,
)
from advisor.testing._fitting import fit
from advisor.testing._rules import chat_findings, refuse_unsupported
from advisor.testing._service import Service
from advisor.testing.brain import last_user_text
from advisor.testing.faults import Fault

_WORDS = re.compile(r"\s*\S+\s*$|\s*\S+")
_SCHEMA = "CreateChatCompletionRequest"


@dataclass(frozen=True)
class Question:
    """A chat request that was found answerable."""

    body: Mapping[str, Any]
    model: str
    tuned_on: tuple[Mapping[str, Any], ...] | None
    prompt: list[int]
    reasoning: bool

    @property
    def limit(self) -> int | None:
        """The most tokens that the answer may have."""
        limit = self.body.get("max_completion_tokens")
        return self.body.get("max_tokens") if limit is None else limit


def check_request(service: Service, route: str, body: Any, *, azure: bool) -> Question:
    """Whether a chat request can be answered, in the order in which the real service looks.

    Raises:
        ApiError: It breaks the description, names an unknown model, or asks what the model cannot do.
    """
    finding = contract.check(_SCHEMA, body)
    if finding is not None:
        raise service.reject(route, finding, "schema", body)
    asked = body["model"]
    if azure:
        deployment = service.state.deployment(asked)
        if deployment is None or deployment.ready_at > service.state.clock():
            raise deployment_not_found()
        asked = deployment.model
    served = service.state.served_model(asked)
    if served is None:
        raise model_not_found(asked)
    model, tuned_on = served
    base = catalog.base_of(model)
    refuse_unsupported(body, base, structured_outputs=service.structured_outputs)
    for finding in chat_findings(body, tuned=tuned_on is not None):
        raise service.reject(route, finding, "text", body)
    prompt = billing.prompt_tokens(body["messages"])
    if base is not None and len(prompt) > base.window:
        raise context_length_exceeded(base.window, len(prompt))
    return Question(body, model, tuned_on, prompt, base is not None and base.reasoning)


async def complete(service: Service, question: Question, fault: Fault | None = None) -> dict[str, Any]:
    """The answer as a whole `chat.completion`, not yet billed.

    Raises:
        ApiError: A fault says so.
    """
    kind = None if fault is None else fault.kind
    if kind == "context_length":
        base = catalog.base_of(question.model)
        window = 128_000 if base is None else base.window
        raise context_length_exceeded(window, window + len(question.prompt))
    cached = service.state.cache.cached(question.model, question.prompt)
    body = question.body
    said = await run_in_threadpool(
        service.brain.answer,
        question.model,
        body["messages"],
        body.get("response_format"),
        question.tuned_on,
    )
    text, finish, reasoning = _shaped(said, question)
    if kind == "content_filter":
        text, finish = "", "content_filter"
    n = body.get("n") or 1
    usage = billing.usage_of(question.prompt, cached, n * billing.count(text) + reasoning, reasoning)
    completion: dict[str, Any] = {
        "id": service.state.new_id("chatcmpl-", 29),
        "object": "chat.completion",
        "created": int(service.state.clock()),
        "model": question.model,
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
                "logprobs": _logprobs(text, body.get("top_logprobs") or 0) if body.get("logprobs") else None,
                "finish_reason": finish,
            }
            for index in range(n)
        ],
        "usage": usage,
        "service_tier": "default",
        "system_fingerprint": service.fingerprint,
    }
    service.state.cache.remember(question.model, question.prompt)
    return completion


def bill(totals: dict[str, billing.ModelTotals], completion: Mapping[str, Any]) -> None:
    """Puts an answer on the bill."""
    totals.setdefault(completion["model"], billing.ModelTotals()).add(completion["usage"])


def refuse_filtered(fault: Fault | None, *, azure: bool) -> None:
    """Azure refuses a filtered prompt; OpenAI, and Azure for a filtered answer, says so in `finish_reason`.

    Raises:
        ApiError: 400, `content_filter`.
    """
    if azure and fault is not None and fault.kind == "content_filter" and not fault.after:
        raise filtered_prompt()


async def stream(
    completion: dict[str, Any], body: Mapping[str, Any], fault: Fault | None
) -> AsyncIterator[str]:
    """The answer as server-sent events, a word at a time."""
    kind = None if fault is None else fault.kind
    with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    frame = {
        key: completion[key] for key in ("id", "created", "model", "service_tier", "system_fingerprint")
    } | {"object": "chat.completion.chunk"}

    def event(choices: list[dict[str, Any]], usage: Mapping[str, Any] | None = None) -> str:
        chunk = {**frame, "choices": choices} | ({"usage": usage} if with_usage else {})
        return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"

    def choice(index: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}

    # The obsolete null of `logprobs` in chunks is what the service sends, and what its description allows.
    for answer in completion["choices"]:
        index = answer["index"]
        yield event([choice(index, {"role": "assistant", "content": "", "refusal": None})])
        pieces = _WORDS.findall(answer["message"]["content"])
        if kind == "cut_stream":
            # In order, and in the middle: nothing tells a careless reader that the answer is not whole.
            for piece in pieces[: len(pieces) // 2]:
                yield event([choice(index, {"content": piece})])
            return
        for piece in pieces:
            yield event([choice(index, {"content": piece})])
        yield event([choice(index, {}, answer["finish_reason"])])
    if with_usage and kind != "no_usage":
        yield event([], completion["usage"])
    yield "data: [DONE]\n\n"


def _shaped(said: str, question: Question) -> tuple[str, str, int]:
    """(text, finish reason, reasoning tokens): made to fit the format, stopped, and cut to its limit."""
    body = question.body
    text = said
    form = body.get("response_format") or {}
    source = last_user_text(body["messages"])
    if form.get("type") == "json_schema":
        text = fit(said, form["json_schema"].get("schema") or {}, source)
    elif form.get("type") == "json_object":
        text = _as_object(said)
    stops = body.get("stop") or []
    for mark in [stops] if isinstance(stops, str) else stops:
        text = text.partition(mark)[0]
    reasoning = _reasoning_tokens(question, source)
    limit = question.limit
    if limit is None or reasoning + billing.count(text) <= limit:
        return text, "stop", reasoning
    # Thinking comes first and counts: a tight limit leaves no room for an answer.
    reasoning = min(reasoning, limit)
    return billing.cut(text, limit - reasoning), "length", reasoning


def _reasoning_tokens(question: Question, source: str) -> int:
    if not question.reasoning or question.body.get("reasoning_effort") in ("none", "minimal"):
        return 0
    return 32 + sha256(source.encode()).digest()[0] % 32


def _as_object(said: str) -> str:
    try:
        value = json.loads(said)
    except ValueError:
        value = said
    return said if isinstance(value, dict) else json.dumps({"answer": value}, ensure_ascii=False)


def _logprobs(text: str, n_top: int) -> dict[str, Any]:
    def entry(token: int) -> dict[str, Any]:
        raw = billing.encoding().decode_single_token_bytes(token)
        shown = {"token": raw.decode("utf-8", "replace"), "logprob": -0.105, "bytes": list(raw)}
        return {**shown, "top_logprobs": [shown] if n_top else []}

    return {"content": [entry(t) for t in billing.tokens(text)], "refusal": None}
