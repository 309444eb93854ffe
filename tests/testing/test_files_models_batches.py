"""Files, models and batches."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import OpenAI

from advisor.testing import ContractServer, Fault
from advisor.testing._contract import conformity_errors
from tests.testing.conftest import Clock, as_jsonl, training_lines, user


def test_a_file_comes_back_as_it_went(client: OpenAI) -> None:
    content = as_jsonl(training_lines(3))
    raw = client.files.with_raw_response.create(
        file=("a.jsonl", content),
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert conformity_errors("OpenAIFile", json.loads(raw.text)) == []
    file = raw.parse()
    assert file.bytes == len(content)
    assert file.expires_at == file.created_at + 3600
    assert client.files.content(file.id).content == content
    assert client.files.retrieve(file.id).filename == "a.jsonl"
    other = client.files.create(file=("b.jsonl", content), purpose="batch")
    assert [f.id for f in client.files.list()] == [other.id, file.id]
    assert [f.id for f in client.files.list(purpose="batch")] == [other.id]
    assert (
        conformity_errors("ListFilesResponse", json.loads(client.files.with_raw_response.list().text)) == []
    )
    deleted = client.files.with_raw_response.delete(file.id)
    assert conformity_errors("DeleteFileResponse", json.loads(deleted.text)) == []
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)
    assert (
        conformity_errors(
            "ListFilesResponse", json.loads(client.files.with_raw_response.list(purpose="vision").text)
        )
        == []
    )


@pytest.mark.parametrize(
    ("name", "content", "extra"),
    [
        ("a.txt", b"{}", {"purpose": "fine-tune"}),
        ("a.jsonl", b"{}", {"purpose": "tuning"}),
        ("a.jsonl", b"{}", {"purpose": "batch", "expires_after": {"anchor": "created_at", "seconds": 60}}),
        ("a.jsonl", b"{}", {"purpose": "batch", "extra_body": {"colour": "red"}}),
        ("a.jsonl", b"", {"purpose": "batch"}),
    ],
)
def test_wrong_uploads_are_refused(
    server: ContractServer, client: OpenAI, name: str, content: bytes, extra: Any
) -> None:
    with pytest.raises(openai.BadRequestError):
        client.files.create(file=(name, content), **extra)
    assert not server.files


def test_models_are_listed_with_the_day_they_go(
    client: OpenAI, server: ContractServer, tuned_model: str
) -> None:
    server.service.shutdown_dates = {"gpt-4.1-mini-2025-04-14": "2027-01-14"}
    raw = client.models.with_raw_response.list()
    assert conformity_errors("ListModelsResponse", json.loads(raw.text)) == []
    assert {"gpt-4.1", "gpt-6-luna", "gpt-4o-mini-2024-07-18", tuned_model} <= {
        m.id for m in client.models.list()
    }
    for name in ("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", tuned_model):
        assert client.models.retrieve(name).shutdown_date == "2027-01-14"
    assert client.models.retrieve("gpt-4o").shutdown_date is None
    assert client.models.delete(tuned_model).deleted
    assert tuned_model not in server.models
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model=tuned_model, messages=user("x"))
    with pytest.raises(openai.PermissionDeniedError):
        client.models.delete("gpt-4o")


def line(key: str, **body: Any) -> dict[str, Any]:
    asked = {"model": "gpt-4.1-mini", "messages": user(f"Question {key}"), **body}
    return {"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": asked}


def run(client: OpenAI, clock: Clock, upload: Callable[..., str], lines: list[Any]) -> Any:
    batch = client.batches.create(
        input_file_id=upload(lines, "batch"),
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"k": "v"},
    )
    assert conformity_errors("Batch", json.loads(batch.to_json(exclude_unset=True))) == []
    clock.go(10)
    return client.batches.retrieve(batch.id)


def test_a_batch_answers_every_line_in_some_order(
    server: ContractServer, client: OpenAI, clock: Clock, upload: Callable[..., str]
) -> None:
    keys = [f"item-{i}" for i in range(12)]
    batch = run(client, clock, upload, [line(key) for key in keys])
    assert conformity_errors("Batch", json.loads(batch.to_json(exclude_unset=True))) == []
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (
        12,
        12,
        0,
    )
    assert batch.metadata == {"k": "v"}
    assert batch.error_file_id is None
    rows = [json.loads(row) for row in client.files.content(batch.output_file_id).text.splitlines()]
    found = [row["custom_id"] for row in rows]
    assert sorted(found) == sorted(keys)
    assert found != keys
    for row in rows:
        assert row["response"]["status_code"] == 200
        assert conformity_errors("CreateChatCompletionResponse", row["response"]["body"]) == []
    totals = server.billed.batch["gpt-4.1-mini-2025-04-14"]
    assert (totals.calls, totals.input) == (
        12,
        sum(r["response"]["body"]["usage"]["prompt_tokens"] for r in rows),
    )
    assert server.billed.chat == {}
    assert [b.id for b in client.batches.list()] == [batch.id]


def test_lines_can_fail_alone(
    server: ContractServer, client: OpenAI, clock: Clock, upload: Callable[..., str]
) -> None:
    server.inject(Fault("batches.line", "500", nth=2), Fault("batches.line", "timeout", nth=3))
    batch = run(client, clock, upload, [line("a"), line("b"), line("c"), line("d", colour=1)])
    assert batch.status == "completed"
    assert (batch.request_counts.completed, batch.request_counts.failed) == (1, 3)
    rows = {
        r["custom_id"]: r
        for r in map(json.loads, client.files.content(batch.error_file_id).text.splitlines())
    }
    assert rows["b"]["response"]["status_code"] == 500
    assert rows["c"]["response"] is None
    assert rows["c"]["error"]["code"] == "batch_expired"
    assert rows["d"]["response"]["status_code"] == 400
    assert [v.route for v in server.violations] == ["batches.line"]


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([line("a"), line("a")], "duplicate_custom_id"),
        ([{"custom_id": "a"}], "missing_required_parameter"),
        ([{**line("a"), "url": "/v1/embeddings"}], "mismatched_endpoint"),
        ([{**line("a"), "method": "GET"}], "invalid_method"),
        ([line("a"), line("b", model="gpt-4.1")], "mismatched_model"),
        (["text"], "invalid_json_line"),
    ],
)
def test_a_bad_file_fails_the_batch(
    client: OpenAI, clock: Clock, upload: Callable[..., str], lines: list[Any], code: str
) -> None:
    batch = run(client, clock, upload, lines)
    assert batch.status == "failed"
    assert batch.errors.data[0].code == code
    assert batch.output_file_id is None


def test_a_batch_can_be_cancelled_and_what_is_answered_stays_billed(
    server: ContractServer, client: OpenAI, clock: Clock, upload: Callable[..., str]
) -> None:
    batch = client.batches.create(
        input_file_id=upload([line(str(i)) for i in range(8)], "batch"),
        endpoint="/v1/chat/completions",
        completion_window="24h",
    )
    assert batch.status == "validating"
    clock.go(5)
    assert client.batches.retrieve(batch.id).status == "in_progress"
    cancelled = client.batches.cancel(batch.id)
    assert cancelled.status == "cancelled"
    assert cancelled.request_counts is not None
    assert cancelled.request_counts.completed == 4
    assert server.billed.batch["gpt-4.1-mini-2025-04-14"].calls == 4
    clock.go(5)
    assert client.batches.retrieve(batch.id).status == "cancelled"
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)
