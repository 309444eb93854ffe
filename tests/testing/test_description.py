"""What is checked against OpenAI's description, and that the check itself reads it rightly."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import OpenAI

from advisor.testing import ContractServer
from advisor.testing._contract import check
from advisor.testing._rules import strict_problems

CHAT = {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "hello"}]}
JOB = {"model": "gpt-4.1-mini", "training_file": "file-1"}


def with_rate(value: Any) -> dict[str, Any]:
    hyperparameters = {"learning_rate_multiplier": value}
    return {**JOB, "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("CreateChatCompletionRequest", CHAT),
        ("CreateChatCompletionRequest", {**CHAT, "stop": None, "max_tokens": None, "temperature": 0}),
        ("CreateChatCompletionRequest", {**CHAT, "stream": True, "stream_options": {"include_usage": True}}),
        ("CreateFineTuningJobRequest", {**JOB, "suffix": None, "seed": 7, "metadata": {"a": "b"}}),
        ("CreateFineTuningJobRequest", with_rate(0.5)),
        ("CreateFineTuningJobRequest", with_rate("auto")),
        ("CreateFileRequest", {"file": "", "purpose": "batch"}),
    ],
)
def test_what_the_description_allows_passes(name: str, body: dict[str, Any]) -> None:
    assert check(name, body) is None


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        (
            "CreateChatCompletionRequest",
            {**CHAT, "colour": 1},
            "Unrecognized request argument supplied: colour",
        ),
        ("CreateChatCompletionRequest", {"model": "m"}, "Missing required parameter: 'messages'"),
        ("CreateChatCompletionRequest", {**CHAT, "temperature": 3}, "'temperature'"),
        ("CreateChatCompletionRequest", {**CHAT, "messages": []}, "'messages'"),
        (
            "CreateChatCompletionRequest",
            {**CHAT, "messages": [{"role": "boss", "content": ""}]},
            "messages[0]",
        ),
        (
            "CreateChatCompletionRequest",
            {**CHAT, "messages": [{"role": "user", "content": "x", "weight": 1}]},
            "messages[0].weight",
        ),
        ("CreateFineTuningJobRequest", {**JOB, "trainingType": "Standard"}, "trainingType"),
        ("CreateFineTuningJobRequest", {**JOB, "suffix": "x" * 65}, "'suffix'"),
        ("CreateFineTuningJobRequest", with_rate(0), "learning_rate_multiplier"),
        (
            "CreateFineTuningJobRequest",
            {**JOB, "method": {"type": "supervised", "supervised": {"hyperparameters": {"lr": 1}}}},
            "method.supervised.hyperparameters.lr",
        ),
        ("CreateFileRequest", {"file": "", "purpose": "tuning"}, "'purpose'"),
        (
            "CreateBatchRequest",
            {"input_file_id": "f", "endpoint": "/v1/chat/completions"},
            "completion_window",
        ),
    ],
)
def test_what_the_description_forbids_is_named(name: str, body: dict[str, Any], said: str) -> None:
    finding = check(name, body)
    assert finding is not None
    assert said in finding.message


def test_a_host_may_add_keys() -> None:
    body = {**JOB, "trainingType": "Standard"}
    assert check("CreateFineTuningJobRequest", body, also_allowed=frozenset({"trainingType"})) is None


def test_a_violation_is_answered_and_kept(server: ContractServer, client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**CHAT, extra_body={"colour": "red"})
    assert caught.value.type == "invalid_request_error"
    (violation,) = server.violations
    assert violation.route == "chat"
    assert violation.source == "schema"
    assert "colour" in violation.message


CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"additionalProperties": True}, "additionalProperties"),
        ({"required": []}, "Missing 'a'"),
        ({"type": "array"}, "'type: \"object\"'"),
        ({"allOf": []}, "'allOf' is not permitted"),
        ({"properties": {"a": {"type": "object", "properties": {}}}}, "('properties', 'a')"),
    ],
)
def test_strict_schemas_must_be_closed_and_complete(change: dict[str, Any], said: str) -> None:
    assert list(strict_problems(CLOSED)) == []
    assert said in " ".join(strict_problems({**CLOSED, **change}))


def test_tuned_models_know_fewer_words_of_strict_schemas() -> None:
    schema = {**CLOSED, "properties": {"a": {"type": "string", "pattern": "x"}}}
    assert list(strict_problems(schema)) == []
    assert list(strict_problems(schema, tuned=True))


def test_a_loose_schema_is_refused_as_the_service_does(server: ContractServer, client: OpenAI) -> None:
    form: Any = {
        "type": "json_schema",
        "json_schema": {"name": "n", "strict": True, "schema": {"type": "object"}},
    }
    with pytest.raises(openai.BadRequestError, match="Invalid schema for response_format 'n'"):
        client.chat.completions.create(**CHAT, response_format=form)
    assert server.violations[0].source == "text"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"metadata": {"a": "b"}}, "store"),
        ({"metadata": {str(i): "x" for i in range(17)}, "store": True}, "too many"),
        ({"metadata": {"k": "x" * 513}, "store": True}, "512"),
        ({"max_tokens": 0}, ">= 1"),
        ({"max_tokens": 1, "max_completion_tokens": 1}, "at the same time"),
        ({"response_format": {"type": "json_object"}}, "'json'"),
        ({"stream_options": {"include_usage": True}}, "stream"),
    ],
)
def test_limits_that_are_stated_in_words(client: OpenAI, extra: dict[str, Any], said: str) -> None:
    with pytest.raises(openai.BadRequestError, match=said):
        client.chat.completions.create(**CHAT, **extra)


def test_broken_json_is_refused(server: ContractServer, client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="could not parse"):
        client.post(
            "/chat/completions",
            cast_to=object,
            content=b"{",
            options={"headers": {"content-type": "application/json"}},
        )
    assert len(server.violations) == 1
