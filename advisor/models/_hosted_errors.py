"""What a failed call means: ask again, give this item up, ask in another way, or stop at once."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx2
import openai

from advisor.errors import ModelError

CALL_ERRORS = (
    openai.OpenAIError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.StreamError,
    OSError,  # time-outs among them
    ValueError,  # bodies that are no JSON, or not of the form that was promised
)

_NO_MONEY = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "account_deactivated",
    "quota_exceeded",
}
_NO_MODEL = {"model_not_found", "unknown_model", "DeploymentNotFound", "deployment_not_found"}
_TOO_LONG = re.compile(
    r"maximum context length|context (?:length|size|window)|longer than the (?:model|context)"
)
_FORM = re.compile(r"response_format|json_schema|structured.?outputs?|guided|grammar", re.IGNORECASE)
_NOT_TAKEN = re.compile(
    r"unsupported|unrecognized|unknown|not supported|n[o']t support|extra (?:inputs|fields)|not permitted|"
    r"not allowed|unexpected",
    re.IGNORECASE,
)
_OPTIONAL = ("temperature", "stream_options", "max_completion_tokens", "max_tokens")
_LONGEST_MESSAGE = 500
_LONGEST_CODE = 100


class CallError(Exception):
    """A call that failed; its message is clean of keys."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class TransientError(CallError):
    """For want of time, capacity or network; `wait_s` is what the endpoint asks to wait."""

    def __init__(
        self, code: str, message: str, *, wait_s: float | None = None, rate_limited: bool = False
    ) -> None:
        super().__init__(code, message)
        self.wait_s, self.rate_limited = wait_s, rate_limited


class ItemError(CallError):
    """Because of what was asked: the same would fail again."""


class FormRefusedError(CallError):
    """The endpoint does not take labels or schemas to enforce, or not these."""


class ParameterRefusedError(CallError):
    """The model does not take a parameter; its name is the code."""


@dataclass(frozen=True)
class Hints:
    """What a reader can do: about the key, about the model's name, about money."""

    key: str
    model: str
    quota: str
    clean: Callable[[str], str]
    """Takes keys out of a text."""


def classify(error: Exception, hints: Hints) -> CallError | ModelError:
    """What a failed call means; nothing of the error itself, with its request and headers, is kept."""
    if isinstance(error, TimeoutError | openai.APITimeoutError | httpx2.TimeoutException):
        return TransientError("timeout", "No answer came in time.")
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, hints)
    if isinstance(error, openai.APIConnectionError | httpx2.TransportError | OSError):
        return _of_connection(error, hints)
    if isinstance(error, openai.APIResponseValidationError | httpx2.DecodingError):
        return _malformed(error, hints)
    if isinstance(error, openai.APIError):  # an error that came inside a stream
        return _of_stream(error, hints)
    if isinstance(error, openai.OpenAIError | httpx2.InvalidURL):
        return ModelError(hints.clean(str(error)), hint=hints.key)
    return _malformed(error, hints)


def _of_connection(error: Exception, hints: Hints) -> CallError | ModelError:
    cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
    text = hints.clean(str(cause or error)) or type(cause).__name__
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError | httpx2.TooManyRedirects):
        return ModelError(f"The endpoint cannot be called: {text}", hint=hints.model)
    return TransientError("connection", f"The connection failed: {text}")


def _malformed(error: Exception, hints: Hints) -> TransientError:
    return TransientError("malformed_response", f"The answer is malformed: {hints.clean(str(error))[:200]}")


def _of_status(error: openai.APIStatusError, hints: Hints) -> CallError | ModelError:
    wait_s = asked_wait_s(error.response.headers)
    return meaning_of(
        error.status_code, _code(error, hints), error.param, _message(error, hints), hints, wait_s=wait_s
    )


def meaning_of(
    status: int,
    code: str | None,
    param: str | None,
    message: str,
    hints: Hints,
    *,
    wait_s: float | None = None,
) -> CallError | ModelError:
    """What a refusal means, by its HTTP status and what its body says; the message is clean already."""
    if code in _NO_MONEY or status == 402:
        return ModelError(f"The account's quota is used up: {message}", hint=hints.quota)
    if status == 401:
        return ModelError(f"The key was refused: {message}", hint=hints.key)
    if code in _NO_MODEL or status == 404:
        return ModelError(f"The model cannot be had: {message}", hint=hints.model)
    if status == 403:
        return ModelError(f"Access was denied: {message}", hint=f"{hints.key} {hints.model}")
    if status == 429 and message.startswith("Request too large"):
        return ItemError("request_too_large", message)
    if status >= 500 and _FORM.search(message) and _NOT_TAKEN.search(message):
        return FormRefusedError("response_format", message)
    if status in (408, 409, 429) or status >= 500:
        limited = status == 429
        return TransientError(code or f"http_{status}", message, wait_s=wait_s, rate_limited=limited)
    return _of_request(code, param, message)


def _of_request(code: str | None, param: str | None, message: str) -> CallError:
    """A request that was refused for what it holds."""
    if code == "content_filter":
        return ItemError(code, message)
    if code == "context_length_exceeded" or _TOO_LONG.search(message):
        return ItemError("context_length_exceeded", message)
    if _FORM.search(param or "") or _FORM.search(message):
        return FormRefusedError("response_format", message)
    if _NOT_TAKEN.search(message):
        named = [name for name in _OPTIONAL if re.search(rf"\b{name}\b", message)]
        named.sort(key=lambda name: (name != param, message.index(name)))
        if named:
            return ParameterRefusedError(named[0], message)
    return ItemError(code or "bad_request", message)


def _of_stream(error: openai.APIError, hints: Hints) -> CallError | ModelError:
    message, code = _message(error, hints), _code(error, hints)
    if code in _NO_MONEY:
        return ModelError(f"The account's quota is used up: {message}", hint=hints.quota)
    if code == "rate_limit_exceeded":
        return TransientError(code, message, rate_limited=True)
    if code in ("content_filter", "context_length_exceeded", "invalid_request_error"):
        return _of_request(code, error.param, message)
    return TransientError(code or "stream_error", message)


def _code(error: openai.APIError, hints: Hints) -> str | None:
    """The machine-readable reason; some servers repeat the status there, and name it under `type`."""
    return code_of(error.code, error.type, clean=hints.clean)


def code_of(*values: object, clean: Callable[[str], str]) -> str | None:
    """The first of these that is a reason; it is kept with an answer, so it is cleaned as messages are."""
    for value in values:
        if isinstance(value, str) and value and not value.isdigit():
            return clean(value)[:_LONGEST_CODE]
    return None


def _message(error: openai.APIError, hints: Hints) -> str:
    body = error.body
    if isinstance(body, Mapping):
        found = next((body[k] for k in ("message", "detail", "error") if body.get(k)), None)
        text = str(found) if found else error.message
    elif isinstance(body, str) and body.strip():
        text = body.strip()
    else:
        text = error.message
    return hints.clean(" ".join(text.split()))[:_LONGEST_MESSAGE]


def asked_wait_s(headers: Mapping[str, str], *, now: Callable[[], float] = time.time) -> float | None:
    """How long an endpoint asks to wait, by its headers `retry-after-ms` or `retry-after`."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            return max(0.0, float(value) * unit)
        except ValueError:
            pass
        try:
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now())
        except (TypeError, ValueError):
            continue
    return None
