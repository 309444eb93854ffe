"""Asking a model: the request, and what comes back."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from advisor.records.base import Record


class Message(Record):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatRequest(Record):
    """What a model is asked, with everything that decides its answer.

    At most one of `labels` and `json_schema` is set; the model must enforce it.
    """

    messages: tuple[Message, ...]
    labels: tuple[str, ...] | None = None
    json_schema: dict[str, JsonValue] | None = None
    max_tokens: int = 256
    temperature: float = 0.0
    repeat: int = 0


class Usage(Record):
    """Tokens of one call; `cached_input` is the part of `input` whose computation was reused.

    `reasoning` is the part of `output` that a model thought before it answered.
    """

    input: int | None = None
    cached_input: int | None = None
    output: int | None = None
    reasoning: int | None = None


class Completion(Record):
    """What a model answered.

    `latency_s` is the time until this answer was there, as its caller saw it; where answers are computed in
    batches, that is the batch's time. `compute_s` is this answer's share of the machine's time (batch time
    over batch size), known only for models that run in this process.
    """

    text: str
    usage: Usage = Usage()
    latency_s: float | None = None
    compute_s: float | None = None
    finish_reason: str | None = None
    model_version: str | None = None
    label_scores: dict[str, float] | None = None
    first_token_s: float | None = None
    """Seconds until the first piece of the answer was there, where it was streamed."""
    fingerprint: str | None = None
    """The provider's mark of its configuration (`system_fingerprint`)."""
    enforced: bool | None = None
    """Whether labels or schema were enforced by the endpoint; None where nothing was to be enforced."""
    batched: bool = False
    """Whether it came through a batch endpoint, at batch prices; it then has no latency."""


class Failure(Record):
    """A call that failed for good: a kind of result, not a log line.

    A `transient` one failed for want of time, capacity or network: it is reported, but not kept as an answer,
    and a later run asks again.
    """

    error: str
    message: str
    transient: bool = False
