"""Chat completions: answers, streams, usage, limits, formats."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from advisor.testing import ContractServer
from advisor.testing._contract import conformity_errors
from tests.testing.conftest import LABELS, user

LABEL_FORMAT: Any = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"label": {"type": "string", "enum": LABELS}},
            "required": ["label"],
            "additionalProperties": False,
        },
    },
}


def test_an_answer_conforms_to_the_description(server: ContractServer, client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-4.1-mini", messages=user("Hello. Who are you?"), logprobs=True, top_logprobs=2, n=2
    )
    assert conformity_errors("CreateChatCompletionResponse", json.loads(raw.text)) == []
    assert raw.headers["x-advisor-rehearsal"] == "simulated"
    assert raw.headers["x-ratelimit-limit-requests"]
    answer = raw.parse()
    assert answer.model == "gpt-4.1-mini-2025-04-14"
    assert len(answer.choices) == 2
    assert not server.violations


def test_usage_counts_frames_roles_and_contents(client: OpenAI) -> None:
    usage = client.chat.completions.create(model="gpt-4.1-mini", messages=user("hello world")).usage
    assert usage is not None
    assert usage.prompt_tokens == 3 + 1 + 2 + 3
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 0


def test_a_stream_says_the_same_as_the_whole(client: OpenAI) -> None:
    asked: Any = {"model": "gpt-4o-mini", "messages": user("Hello there. All is well!")}
    whole = client.chat.completions.create(**asked)
    chunks = list(
        client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    for chunk in chunks:
        wire = json.loads(chunk.to_json(exclude_unset=True))
        # The service sends a null here, which its own description does not list.
        for choice in wire["choices"]:
            choice.pop("logprobs")
        assert conformity_errors("CreateChatCompletionStreamResponse", wire) == []
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert all(c.usage is None for c in chunks[:-1])


def test_a_stream_without_the_option_has_no_usage(client: OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="gpt-4.1", messages=user("Hello"), stream=True))
    assert all(c.choices and c.usage is None for c in chunks)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_cuts(client: OpenAI, name: str) -> None:
    limit: Any = {name: 2}
    answer = client.chat.completions.create(
        model="gpt-4.1-mini", messages=user("One two three four five six seven"), **limit
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 2


def test_a_stop_sequence_ends_the_answer(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="gpt-4.1-mini", messages=user("One two three"), stop=[" two"]
    )
    assert answer.choices[0].message.content == "One"


def test_strict_answers_always_fit(client: OpenAI) -> None:
    for i in range(10):
        answer = client.chat.completions.create(
            model="gpt-4.1-mini", messages=user(f"Message {i}"), response_format=LABEL_FORMAT
        )
        assert json.loads(answer.choices[0].message.content or "")["label"] in LABELS


def test_json_mode_answers_with_an_object(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="gpt-4.1-mini", messages=user("Say it as JSON"), response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(answer.choices[0].message.content or ""), dict)


def test_an_endpoint_without_structured_outputs_says_so(server: ContractServer, client: OpenAI) -> None:
    server.structured_outputs = False
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="gpt-4.1-mini", messages=user("x"), response_format=LABEL_FORMAT)
    assert caught.value.code == "unsupported_parameter"
    assert caught.value.param == "response_format"
    assert not server.violations


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-9", messages=user("x"))
    assert caught.value.code == "model_not_found"


def test_the_fingerprint_can_change_in_mid_run(server: ContractServer, client: OpenAI) -> None:
    def seen() -> str | None:
        return client.chat.completions.create(model="gpt-4o", messages=user("x")).system_fingerprint

    before = seen()
    server.fingerprint = "fp_other"
    assert before != "fp_other" == seen()


def test_a_reasoning_model_thinks_on_the_bill(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-6-luna", messages=user("Why?"))
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    thought = answer.usage.completion_tokens_details.reasoning_tokens
    assert thought
    assert answer.usage.completion_tokens > thought
    tight = client.chat.completions.create(model="gpt-6-luna", messages=user("Why?"), max_completion_tokens=8)
    assert (tight.choices[0].finish_reason, tight.choices[0].message.content) == ("length", "")


@pytest.mark.parametrize("extra", [{"max_tokens": 5}, {"temperature": 0}])
def test_a_reasoning_model_refuses_what_it_lacks(client: OpenAI, extra: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="gpt-6-luna", messages=user("x"), **extra)
    assert (caught.value.code or "").startswith("unsupported_")


def test_too_long_a_prompt_is_refused(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="gpt-4o-mini", messages=user("word " * 130_000))
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize("key", ["sk-abcdefghijklmnopqrstuvwxyz", "short"])
def test_a_wrong_key_is_refused_and_echoed_in_part(server: ContractServer, key: str) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        OpenAI(base_url=server.base_url, api_key=key, max_retries=0).models.list()
    assert caught.value.code == "invalid_api_key"
    assert key not in str(caught.value)
    if len(key) > 12:
        assert "sk-abcde" in str(caught.value)
        assert "wxyz" in str(caught.value)


def test_what_is_recorded_holds_no_key(server: ContractServer, client: OpenAI) -> None:
    client.chat.completions.create(model="gpt-4o", messages=user("x"))
    (seen,) = server.requests
    assert (seen.method, seen.path, seen.route, seen.status) == ("POST", "/v1/chat/completions", "chat", 200)
    assert seen.json["model"] == "gpt-4o"
    assert server.api_key not in repr(seen)
    deadline = time.monotonic() + 5  # the answer may be with the client before the server has noted its end
    while seen.finished_at is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert seen.finished_at is not None


def test_unknown_paths_are_answered_in_openais_form(server: ContractServer, client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Invalid URL"):
        client.get("/nonsense", cast_to=object)
    assert server.requests[-1].route == "unknown"


def test_many_at_a_time_through_the_async_client() -> None:
    async def ask_all(server: ContractServer) -> list[str | None]:
        async with AsyncOpenAI(base_url=server.base_url, api_key=server.api_key, max_retries=0) as client:
            answers = await asyncio.gather(
                *(
                    client.chat.completions.create(model="gpt-4.1-nano", messages=user(f"Item {i}"))
                    for i in range(20)
                )
            )
        return [a.choices[0].message.content for a in answers]

    with ContractServer(latency_s=0.05) as server:
        answers = asyncio.run(ask_all(server))
        assert len(answers) == 20
        # They overlapped: the server does not answer one by one.
        first_end = min(r.finished_at or 0 for r in server.requests)
        assert sum(r.started_at < first_end for r in server.requests) > 5
