"""Faults: what a client sees, and what the server did all the same."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from advisor.testing import ContractServer, Fault
from tests.testing.conftest import training_lines, user


def ask(client: OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(model="gpt-4.1-mini", messages=user("One two three four"), **more)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("500", openai.InternalServerError),
        ("503", openai.InternalServerError),
        ("429", openai.RateLimitError),
        ("429_long", openai.RateLimitError),
        ("insufficient_quota", openai.RateLimitError),
        ("malformed", json.JSONDecodeError),
        ("disconnect", openai.APIConnectionError),
        ("context_length", openai.BadRequestError),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_a_fault_strikes_its_request_alone(
    server: ContractServer, client: OpenAI, kind: Any, error: Any, after: bool
) -> None:
    server.inject(Fault("chat", kind, nth=2, after=after))
    ask(client)
    with pytest.raises(error):
        ask(client)
    ask(client)
    assert [r.fault for r in server.requests] == [None, kind, None]
    done_in_spite = after and kind != "context_length"
    assert sum(t.calls for t in server.billed.chat.values()) == (3 if done_in_spite else 2)


def test_a_time_out_holds_the_connection(server: ContractServer, client: OpenAI) -> None:
    server.inject(Fault("chat", "timeout"))
    with pytest.raises(openai.APITimeoutError):
        ask(client, timeout=0.2)
    assert server.requests[0].status is None
    ask(client)


def test_a_lost_answer_is_a_job_all_the_same(
    server: ContractServer, client: OpenAI, upload: Callable[..., str]
) -> None:
    file = upload(training_lines())
    server.inject(Fault("jobs.create", "timeout", after=True))
    with pytest.raises(openai.APITimeoutError):
        client.fine_tuning.jobs.create(
            model="gpt-4.1", training_file=file, metadata={"key": "1"}, timeout=0.2
        )
    assert [j.id for j in client.fine_tuning.jobs.list(metadata={"key": "1"})] == [server.jobs[0].id]


def test_a_retrying_client_pays_a_job_twice(server: ContractServer, upload: Callable[..., str]) -> None:
    """Why the retries of the client must be off where a job is created."""
    file = upload(training_lines())
    server.inject(Fault("jobs.create", "disconnect", after=True))
    with OpenAI(base_url=server.base_url, api_key=server.api_key, max_retries=1) as retrying:
        retrying.fine_tuning.jobs.create(model="gpt-4.1", training_file=file)
    assert len(server.jobs) == 2


def test_a_rate_limit_says_when_to_come_back(server: ContractServer, client: OpenAI) -> None:
    server.inject(
        Fault("chat", "429"), Fault("chat", "429_long", nth=2), Fault("chat", "insufficient_quota", nth=3)
    )
    errors = []
    for _ in range(3):
        with pytest.raises(openai.RateLimitError) as caught:
            ask(client)
        errors.append(caught.value)
    short, long, quota = errors
    assert short.response.headers["retry-after"] == "1"
    assert short.response.headers["x-ratelimit-remaining-requests"] == "0"
    assert short.response.headers["x-ratelimit-reset-requests"]
    assert short.code == "rate_limit_exceeded"
    assert long.response.headers["retry-after"] == "300"
    assert quota.code == "insufficient_quota"
    assert "retry-after" not in quota.response.headers


def test_a_cut_stream_ends_in_silence(server: ContractServer, client: OpenAI) -> None:
    server.inject(Fault("chat", "cut_stream"))
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "One two"
    assert all(c.choices[0].finish_reason is None for c in chunks)
    assert all(c.usage is None for c in chunks)


@pytest.mark.parametrize("stream", [False, True])
def test_usage_can_be_missing(server: ContractServer, client: OpenAI, stream: bool) -> None:
    server.inject(Fault("chat", "no_usage"))
    if stream:
        chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
        assert all(c.usage is None for c in chunks)
        assert chunks[-1].choices[0].finish_reason == "stop"
    else:
        assert ask(client).usage is None


def test_a_filtered_answer_says_so(server: ContractServer, client: OpenAI) -> None:
    server.inject(Fault("chat", "content_filter"))
    assert ask(client).choices[0].finish_reason == "content_filter"


def test_faults_repeat_and_can_be_taken_away(server: ContractServer, client: OpenAI) -> None:
    server.inject(Fault("models", "500", every=2))
    outcomes = []
    for _ in range(4):
        try:
            client.models.list()
            outcomes.append("ok")
        except openai.InternalServerError:
            outcomes.append("500")
    assert outcomes == ["ok", "500", "ok", "500"]
    server.clear_faults()
    for _ in range(2):
        client.models.retrieve("gpt-4o")


def test_a_fault_that_could_never_strike_is_refused() -> None:
    unknown: Any = "earthquake"
    with pytest.raises(ValueError, match="earthquake"):
        Fault("chat", unknown)
    with pytest.raises(ValueError, match="count from 1"):
        Fault("chat", "500", nth=0)


def test_more_than_the_limit_per_second_is_too_many() -> None:
    with (
        ContractServer(requests_per_second=3) as server,
        OpenAI(base_url=server.base_url, api_key=server.api_key, max_retries=0) as client,
    ):
        raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=user("x"))
        assert raw.headers["x-ratelimit-limit-requests"] == "180"
        assert raw.headers["x-ratelimit-remaining-requests"] == "2"
        ask(client)
        ask(client)
        with pytest.raises(openai.RateLimitError) as caught:
            ask(client)
        assert 0 < float(caught.value.response.headers["retry-after"]) <= 1
        assert caught.value.response.headers["x-ratelimit-remaining-requests"] == "0"
        # The official client reads these headers, waits, and gets its answer.
        ask(client.with_options(max_retries=2))


def test_more_at_a_time_than_allowed_is_too_many() -> None:
    async def ask_all(server: ContractServer) -> list[Any]:
        async with AsyncOpenAI(base_url=server.base_url, api_key=server.api_key, max_retries=0) as client:
            calls = [client.chat.completions.create(model="gpt-4o", messages=user("x")) for _ in range(6)]
            return await asyncio.gather(*calls, return_exceptions=True)

    with ContractServer(max_concurrent=2, latency_s=0.5) as server:
        outcomes = asyncio.run(ask_all(server))
        assert sum(isinstance(o, openai.RateLimitError) for o in outcomes) == 4
        assert server.billed.chat["gpt-4o-2024-08-06"].calls == 2
        assert server.service.in_flight == 0


def test_a_server_stops_although_a_client_still_waits() -> None:
    with ContractServer(faults=[Fault("chat", "timeout")]) as server:
        client = OpenAI(base_url=server.base_url, api_key=server.api_key, max_retries=0)
        errors: list[Exception] = []

        def wait() -> None:
            try:
                ask(client)
            except openai.APIError as error:
                errors.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        while not server.requests:
            time.sleep(0.01)
    thread.join(5)
    assert isinstance(errors[0], openai.APIConnectionError)
