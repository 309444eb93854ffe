"""What goes wrong between here and an endpoint, and what comes of it."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from typing import Any

import httpx2
import pytest

from advisor.cases.model_spec import ModelSpec
from advisor.errors import ModelError
from advisor.models._hosted_errors import asked_wait_s
from advisor.models._hosted_secrets import scrub
from advisor.models._retries import RateControl, Retries
from advisor.models.openai import CompatibleProvider, OpenAIProvider
from advisor.records import Completion, Failure
from tests.models.hosted import KEY, QUICK, Endpoint, answers, ask, delta, events, refused, said


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def hosted(endpoint: Endpoint, *, answer_s: float = 5.0, retries: Retries = QUICK, **spec: Any) -> Any:
    wiring = endpoint.wiring(answer_s=answer_s, retries=retries)
    return OpenAIProvider(wiring).open(ModelSpec(**{"provider": "openai", "model": "gpt-4.1-mini", **spec}))


def one(endpoint: Endpoint, **options: Any) -> Completion | Failure:
    (answer,) = answers(hosted(endpoint, **options), [ask()])
    return answer


HTML = httpx2.Response(200, content=b"<html>busy</html>", headers={"content-type": "text/html"})
BROKEN = httpx2.Response(200, content=b'{"choices": [{', headers={"content-type": "application/json"})
PASSING = {
    "408": refused(408),
    "409": refused(409),
    "429": refused(429, "slow down", code="rate_limit_exceeded"),
    "500": refused(500),
    "503": refused(503, headers={"retry-after": "0"}),
    "no connection": httpx2.ConnectError("refused"),
    "broken off": httpx2.RemoteProtocolError("peer closed connection"),
    "time-out": httpx2.ReadTimeout("too slow"),
    "broken JSON": BROKEN,
    "a page instead of JSON": HTML,
    "a list": httpx2.Response(200, json=[1]),
    "no choice": said("x", choices=[]),
    "null choice": said("x", choices=[None]),
    "no message": said("x", choices=[{"index": 0}]),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_what_passes_is_asked_again(fault: Any) -> None:
    endpoint = Endpoint(fault, said("hello"))
    answer = one(endpoint)
    assert isinstance(answer, Completion), answer
    assert answer.text == "hello"
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refused(503, "overloaded"), "invalid_request_error"),
        (httpx2.Response(502, content=b"<h1>Bad gateway</h1>"), "http_502"),
        (BROKEN, "malformed_response"),
        (httpx2.ConnectError("refused"), "connection"),
        (httpx2.ReadTimeout("too slow"), "timeout"),
    ],
)
def test_what_does_not_pass_is_a_failure_that_a_later_run_asks_again(fault: Any, error: str) -> None:
    endpoint = Endpoint(fault)
    answer = one(endpoint)
    assert isinstance(answer, Failure)
    assert answer.transient
    assert answer.error == error
    assert "asked 3 times" in answer.message
    assert len(endpoint.requests) == 3


def test_an_answer_that_never_comes_is_a_time_out() -> None:
    async def never(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(60)
        return said("x")

    answer = one(Endpoint(handler=never), answer_s=0.05)
    assert isinstance(answer, Failure)
    assert (answer.error, answer.transient) == ("timeout", True)


CUT = {
    "without an end": events(delta("hel")),
    "with nothing": events("[DONE]"),
    "in the middle of a chunk": events(delta("hel"), '{"choices": [{"del'),
    "by an error of the server": events(
        delta("hel"), json.dumps({"error": {"message": "overloaded", "code": "server_error"}})
    ),
}


@pytest.mark.parametrize("fault", CUT.values(), ids=CUT.keys())
def test_a_stream_that_is_cut_is_asked_again(fault: httpx2.Response) -> None:
    answer = one(Endpoint(fault, events(delta("hello", "stop"), "[DONE]")), stream=True)
    assert isinstance(answer, Completion), answer
    assert answer.text == "hello"
    assert answer.usage.input is None, "the stream did not say it"


HOPELESS = [
    (refused(401, f"Incorrect API key provided: {KEY}.", code="invalid_api_key"), "OPENAI_API_KEY"),
    (refused(403, "You may not."), "OPENAI_API_KEY"),
    (refused(404, "The model `x` does not exist", code="model_not_found"), "gpt-4.1-mini"),
    (refused(404, "Not found"), "gpt-4.1-mini"),
    (refused(429, "You exceeded your current quota.", code="insufficient_quota"), "billing"),
    (refused(402, "Insufficient credits"), "billing"),
]


@pytest.mark.parametrize(("fault", "hint"), HOPELESS)
def test_what_is_hopeless_ends_the_run_at_once_and_says_what_to_do(fault: Any, hint: str) -> None:
    endpoint = Endpoint(fault)
    with pytest.raises(ModelError) as caught:
        answers(hosted(endpoint, concurrency=1), [ask("1"), ask("2")])
    assert len(endpoint.requests) == 1
    assert hint in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None, "no request with its headers stays attached"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refused(400, "filtered", code="content_filter"), "content_filter"),
        (said("", choice={"finish_reason": "content_filter"}), "content_filter"),
        (refused(400, "too long", code="context_length_exceeded"), "context_length_exceeded"),
        (
            refused(400, "This model's maximum context length is 8 tokens."),
            "context_length_exceeded",
        ),
        (refused(400, "odd", code="invalid_value"), "invalid_value"),
        (refused(422, "odd"), "invalid_request_error"),
        (httpx2.Response(400, json={"detail": "odd"}), "bad_request"),
        (refused(429, "Request too large for gpt-4.1-mini", code="rate_limit_exceeded"), "request_too_large"),
    ],
)
def test_what_lies_in_the_request_fails_that_item_only(fault: httpx2.Response, error: str) -> None:
    endpoint = Endpoint(fault)
    answer = one(endpoint)
    assert isinstance(answer, Failure)
    assert (answer.error, answer.transient) == (error, False)
    assert len(endpoint.requests) == 1


# ── the rate limit ──


def test_an_endpoint_that_asks_for_too_much_patience_is_not_waited_for() -> None:
    endpoint = Endpoint(refused(429, "slow", code="rate_limit_exceeded", headers={"retry-after": "300"}))
    started = time.monotonic()
    got = answers(hosted(endpoint, concurrency=2), [ask(str(i)) for i in range(10)])
    assert time.monotonic() - started < 2
    assert len(endpoint.requests) <= 2, "all others give up without asking"
    for answer in got:
        assert isinstance(answer, Failure)
        assert answer.transient
        assert "300 s" in answer.message


def test_the_wait_that_the_endpoint_asks_for_is_kept() -> None:
    times: list[float] = []

    def first_refused(request: httpx2.Request) -> httpx2.Response:
        times.append(time.monotonic())
        return refused(429, headers={"retry-after-ms": "120"}) if len(times) == 1 else said("x")

    assert isinstance(one(Endpoint(handler=first_refused)), Completion)
    assert times[1] - times[0] >= 0.12


def test_a_wait_can_be_said_in_three_ways() -> None:
    assert asked_wait_s({"retry-after-ms": "1500", "retry-after": "9"}) == 1.5
    assert asked_wait_s({"retry-after": "9"}) == 9
    at = {"retry-after": "Tue, 24 Nov 2026 12:00:30 GMT"}
    noon = 1795521600.0
    assert asked_wait_s(at, now=lambda: noon) == 30
    assert asked_wait_s(at, now=lambda: noon + 99) == 0
    assert asked_wait_s({"retry-after": "soon"}) is None
    assert asked_wait_s({}) is None


def test_all_answers_come_in_the_end_where_the_rate_is_limited() -> None:
    under_way = 0

    async def three_at_most(request: httpx2.Request) -> httpx2.Response:
        nonlocal under_way
        under_way += 1
        try:
            if under_way > 3:
                return refused(429, "slow down", code="rate_limit_exceeded", headers={"retry-after-ms": "5"})
            await asyncio.sleep(0.003)
            return said("x")
        finally:
            under_way -= 1

    got = answers(hosted(Endpoint(handler=three_at_most), concurrency=16), [ask(str(i)) for i in range(120)])
    assert all(isinstance(a, Completion) for a in got)


def test_refusals_halve_the_calls_once_and_answers_bring_them_back() -> None:
    async def scenario() -> None:
        control = RateControl(16, QUICK)
        async with control.place() as before:
            pass
        for _ in range(5):
            control.refused(0.01, asked_at=before)
        assert control.limit == 8, "those that were under way together count as one"
        async with control.place() as later:
            assert later - before >= 0.01, "all wait"
        control.refused(0.0, asked_at=later)
        assert control.limit == 4
        for _ in range(300):
            control.succeeded()
        assert control.limit == 16

    asyncio.run(scenario())


def test_the_rate_limit_is_met_with_patience_not_with_attempts() -> None:
    slow = [refused(429, "slow down", headers={"retry-after-ms": "1"})] * 8
    assert isinstance(one(Endpoint(*slow, said("x"))), Completion), "more often than there are attempts"
    impatient = Retries(attempts=3, first_wait_s=0.001, jitter_s=0, patience_s=0.03)
    answer = one(Endpoint(refused(429, "slow down", headers={"retry-after-ms": "5"})), retries=impatient)
    assert isinstance(answer, Failure) and answer.transient


# ── keys ──


@pytest.mark.parametrize(
    "text",
    [
        f"Incorrect API key provided: {KEY}. You can find it at …",
        f"Incorrect API key provided: {KEY[:8]}*************{KEY[-4:]}.",
        f"bad header 'Bearer {KEY}\\n'",
        f"the key {KEY[5:20]} is unknown",
        f'{{"authorization": "Bearer {KEY}"}}',
        "api-key: 0123456789abcdef0123456789abcdef",
        "token eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln was refused",
        "sk-ant-REDACTED is not yours either",
    ],
)
def test_no_key_is_left_in_a_text(text: str) -> None:
    clean = scrub(text, KEY)
    for i in range(len(KEY) - 7):
        assert KEY[i : i + 8] not in clean
    assert "[key]" in clean
    for other in ("0123456789abcdef", "eyJhbG", "othervendor", KEY[-4:] + "."):
        assert other not in clean


def test_a_text_without_a_key_stays_as_it_is() -> None:
    text = "The model `gpt-4.1-mini` does not exist; ask at https://api.example/v1."
    assert scrub(text, KEY, None, "") == text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_an_endpoint_that_repeats_the_key_does_not_make_it_known(status: int) -> None:
    try:
        impatient = Retries(attempts=2, first_wait_s=0.001, jitter_s=0, patience_s=0)
        answer = one(Endpoint(refused(status, f"Key {KEY} and {KEY[:14]}…")), retries=impatient)
    except ModelError as error:
        shown = str(error) + repr(error) + "".join(traceback.format_exception(error))
    else:
        shown = repr(answer)
    assert KEY[:12] not in shown
    assert "[key]" in shown


@pytest.mark.parametrize("key", ["two words", "schlüssel", "line\nbreak"])
def test_what_cannot_be_a_key_is_not_sent_and_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ModelError, match="OPENAI_API_KEY") as caught:
        one(Endpoint(said("x")))
    assert key not in str(caught.value)


def test_a_server_that_is_not_there_is_named() -> None:
    provider = CompatibleProvider(Endpoint(refused(404, "page not found")).wiring())
    spec = ModelSpec(provider="openai_compatible", model="qwen3", base_url="http://u:hush-hush@box:8000/v1")
    with pytest.raises(ModelError, match="box:8000") as caught:
        answers(provider.open(spec), [ask()])
    assert "hush-hush" not in str(caught.value)
