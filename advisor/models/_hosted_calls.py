"""A request as the chat API takes it, and what comes back, streamed or whole."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion

from advisor.models import structured
from advisor.models._hosted_errors import ItemError, TransientError
from advisor.models._hosted_reading import keeps_form, read_freely
from advisor.models.tokens import base_model_name
from advisor.records import ChatRequest, Completion, Usage

ROOM_TO_REASON = 4096
"""Tokens that a reasoning model may think beside its answer; without them the answer may never begin."""

MaxTokensName = Literal["max_tokens", "max_completion_tokens"]

_OTHER_NAME: dict[str, MaxTokensName] = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
}
_REASONING = re.compile(r"^(?:o\d|gpt-[5-9])")


def reasons(model: str) -> bool:
    """Whether a model thinks before it answers; such a model takes no temperature."""
    name = base_model_name(model)
    return bool(_REASONING.match(name)) and "-chat" not in name


@dataclass
class Dialect:
    """How one endpoint wants to be asked; it learns from what the endpoint refuses."""

    model: str
    """As it is sent."""
    base_model: str
    max_tokens: MaxTokensName
    always_strict: bool
    """Whether every schema is held to once it is taken, not only those in strict form."""
    enforce: bool = True
    stream: bool = False
    dropped: set[str] = field(default_factory=set)
    """Parameters that the endpoint refused."""
    refused_forms: set[str] = field(default_factory=set)

    def form(self, request: ChatRequest) -> dict[str, Any] | None:
        """What the endpoint is to enforce; None where there is nothing, or where it cannot."""
        found = structured.response_format(request) if self.enforce else None
        return None if found is None or repr(found) in self.refused_forms else found

    def body(self, request: ChatRequest, form: Mapping[str, Any] | None) -> dict[str, Any]:
        """The request's JSON."""
        messages = request.messages if form is None else structured.enforced_messages(request)
        thinking = reasons(self.base_model)
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [m.model_dump() for m in messages],
            self.max_tokens: request.max_tokens + (ROOM_TO_REASON if thinking else 0),
        }
        if not thinking:
            body["temperature"] = request.temperature
        if form is not None:
            body["response_format"] = dict(form)
        if self.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return {k: v for k, v in body.items() if k not in self.dropped}

    def refuse_form(self, request: ChatRequest) -> None:
        """Notes that the endpoint does not enforce this request's form."""
        found = structured.response_format(request)
        if found is not None:
            self.refused_forms.add(repr(found))

    def drop(self, name: str) -> bool:
        """Goes without a parameter from now on; False where that cannot be."""
        other = _OTHER_NAME.get(name)
        if other in self.dropped:
            return False
        self.dropped.add(name)
        if other is not None:
            self.max_tokens = other
        return True


@dataclass(frozen=True)
class Reply:
    """What an endpoint answered, as it came."""

    text: str
    refusal: str | None
    finish_reason: str | None
    usage: Usage
    model: str | None
    fingerprint: str | None
    first_token_s: float | None = None


async def ask(client: AsyncOpenAI, body: dict[str, Any]) -> Reply:
    """One call, as it is: no retries.

    Raises:
        TransientError: A stream ended without an end.
        ValueError: The answer is malformed.
        OpenAIError: The call failed.
    """
    if body.get("stream"):
        return await _ask_streaming(client, body)
    return read_reply(await client.chat.completions.create(**body))


def read_reply(answer: Any) -> Reply:
    """An answer's parts.

    Raises:
        ValueError: It is not of the promised form.
    """
    if not isinstance(answer, ChatCompletion) or not answer.choices:
        raise ValueError("there is no choice in the answer")
    try:
        choice = answer.choices[0]
        return Reply(
            text=choice.message.content or "",
            refusal=choice.message.refusal,
            finish_reason=choice.finish_reason,
            usage=_usage(answer.usage),
            model=answer.model,
            fingerprint=answer.system_fingerprint,
        )
    except (AttributeError, TypeError, LookupError) as error:
        raise ValueError(f"the answer has an unknown form: {type(error).__name__}") from None


async def _ask_streaming(client: AsyncOpenAI, body: dict[str, Any]) -> Reply:
    started = time.perf_counter()
    text, refusal, first_s = "", "", None
    finish_reason = model = fingerprint = None
    usage = Usage()
    async with await client.chat.completions.create(**body) as stream:
        async for chunk in stream:
            try:
                model, fingerprint = chunk.model or model, chunk.system_fingerprint or fingerprint
                if chunk.usage is not None:
                    usage = _usage(chunk.usage)
                for choice in chunk.choices[:1]:
                    text += choice.delta.content or ""
                    refusal += choice.delta.refusal or ""
                    finish_reason = choice.finish_reason or finish_reason
            except (AttributeError, TypeError, LookupError) as error:
                raise ValueError(f"a chunk has an unknown form: {type(error).__name__}") from None
            if first_s is None and (text or refusal):
                first_s = time.perf_counter() - started
    if finish_reason is None:
        raise TransientError("stream_ended", "The stream ended before the answer did.")
    return Reply(text, refusal or None, finish_reason, usage, model, fingerprint, first_s)


def _usage(found: Any) -> Usage:
    """What is not said stays unknown."""
    if found is None:
        return Usage()
    prompt = getattr(found, "prompt_tokens_details", None)
    answer = getattr(found, "completion_tokens_details", None)
    return Usage(
        input=found.prompt_tokens,
        cached_input=getattr(prompt, "cached_tokens", None),
        output=found.completion_tokens,
        reasoning=getattr(answer, "reasoning_tokens", None),
    )


def to_completion(
    request: ChatRequest, reply: Reply, form: Mapping[str, Any] | None, *, always_strict: bool
) -> Completion:
    """The answer as the product knows it.

    Raises:
        ItemError: A filter of the endpoint's took the answer away.
    """
    if reply.finish_reason == "content_filter":
        raise ItemError("content_filter", "The endpoint's content filter withheld the answer.")
    text, finish_reason, enforced = reply.text, reply.finish_reason, None
    if request.labels is not None or request.json_schema is not None:
        strict = form is not None and (always_strict or form["json_schema"]["strict"])
        cut = finish_reason == "length"
        enforced = strict and (cut or reply.refusal is not None or keeps_form(request, text))
        text = structured.read_answer(request, text) if enforced else read_freely(request, text)
    if reply.refusal is not None:
        text, finish_reason = reply.refusal, "refusal"
    return Completion(
        text=text,
        usage=reply.usage,
        finish_reason=finish_reason,
        model_version=reply.model,
        fingerprint=reply.fingerprint,
        first_token_s=reply.first_token_s,
        enforced=enforced,
    )
