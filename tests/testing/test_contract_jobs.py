"""Fine-tuning jobs: states, events, checkpoints, refusals, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import OpenAI

from advisor.testing import ContractServer
from advisor.testing._contract import conformity_errors
from advisor.testing._training_data import default_epochs, example_tokens, read_training_file
from tests.testing.conftest import Clock, as_jsonl, training_lines, user


def test_a_job_goes_through_its_states_and_leaves_a_model(
    server: ContractServer, client: OpenAI, clock: Clock, upload: Callable[..., str]
) -> None:
    job = client.fine_tuning.jobs.create(
        model="gpt-4.1-mini",
        training_file=upload(training_lines()),
        validation_file=upload(training_lines(3)),
        suffix="routes",
        seed=7,
        metadata={"case": "demo"},
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4}}},
    )
    assert job.status == "validating_files"
    assert job.hyperparameters.n_epochs == 4
    assert job.hyperparameters.batch_size == "auto"
    assert job.seed == 7
    states = [job.status]
    while states[-1] not in ("succeeded", "failed"):
        clock.go(0.5)
        raw = client.fine_tuning.jobs.with_raw_response.retrieve(job.id)
        assert conformity_errors("FineTuningJob", json.loads(raw.text)) == []
        job = raw.parse()
        if job.status != states[-1]:
            states.append(job.status)
    assert states == ["validating_files", "queued", "running", "succeeded"]
    assert job.fine_tuned_model is not None
    assert job.fine_tuned_model.startswith("ft:gpt-4.1-mini-2025-04-14:rehearsal:routes:")
    assert job.hyperparameters.batch_size == 1
    assert job.metadata == {"case": "demo"}
    assert job.trained_tokens == 4 * sum(example_tokens(line["messages"]) for line in training_lines())
    assert job.finished_at is not None
    assert server.billed.trained_tokens == {job.id: job.trained_tokens}
    answer = client.chat.completions.create(model=job.fine_tuned_model, messages=user("about my parcel"))
    assert answer.choices[0].message.content == "delivery"
    assert answer.model == job.fine_tuned_model
    (results,) = job.result_files
    assert client.files.content(results).text.startswith("step,train_loss")
    assert not server.violations


def test_events_are_paged_newest_first(
    client: OpenAI, upload: Callable[..., str], finished: Callable[..., Any]
) -> None:
    job = client.fine_tuning.jobs.create(model="gpt-4o-mini", training_file=upload(training_lines()))
    assert "Created fine-tuning job" in client.fine_tuning.jobs.list_events(job.id).data[-1].message
    finished(job.id)
    raw = client.fine_tuning.jobs.with_raw_response.list_events(job.id, limit=5)
    page = json.loads(raw.text)
    assert conformity_errors("ListFineTuningJobEventsResponse", page) == []
    assert page["has_more"]
    messages = [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=5)]
    assert len(messages) == len(set(messages)) > 20
    assert messages[0] == "The job has successfully completed"
    assert messages[-1].startswith("Created fine-tuning job")
    assert any(m.startswith("Step 10/") and "training loss=" in m for m in messages)


def test_checkpoints_are_those_of_the_last_three_epochs(
    client: OpenAI, upload: Callable[..., str], finished: Callable[..., Any]
) -> None:
    job = client.fine_tuning.jobs.create(
        model="gpt-4.1-nano",
        training_file=upload(training_lines()),
        validation_file=upload(training_lines(3)),
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 5}}},
    )
    done = finished(job.id)
    raw = client.fine_tuning.jobs.checkpoints.with_raw_response.list(job.id)
    assert conformity_errors("ListFineTuningJobCheckpointsResponse", json.loads(raw.text)) == []
    checkpoints = raw.parse().data
    assert [c.step_number for c in checkpoints] == [120, 96, 72]
    assert checkpoints[0].fine_tuned_model_checkpoint == done.fine_tuned_model
    assert checkpoints[1].fine_tuned_model_checkpoint == f"{done.fine_tuned_model}:ckpt-step-96"
    losses = [c.metrics.full_valid_loss for c in checkpoints]
    assert all(losses)
    answer = client.chat.completions.create(
        model=checkpoints[1].fine_tuned_model_checkpoint, messages=user("my invoice")
    )
    assert answer.choices[0].message.content == "payment"


def test_jobs_are_found_by_metadata_and_by_page(client: OpenAI, upload: Callable[..., str]) -> None:
    file = upload(training_lines())
    made = [
        client.fine_tuning.jobs.create(model="gpt-4.1", training_file=file, metadata={"key": str(i % 2)}).id
        for i in range(5)
    ]
    client.fine_tuning.jobs.create(model="gpt-4.1", training_file=file)
    assert [j.id for j in client.fine_tuning.jobs.list(metadata={"key": "1"})] == [made[3], made[1]]
    assert len(list(client.fine_tuning.jobs.list(limit=2))) == 6
    raw = client.fine_tuning.jobs.with_raw_response.list(limit=2)
    assert conformity_errors("ListPaginatedFineTuningJobsResponse", json.loads(raw.text)) == []
    assert raw.parse().has_more


def test_a_job_pauses_and_goes_on(
    server: ContractServer, client: OpenAI, clock: Clock, upload: Callable[..., str]
) -> None:
    job = client.fine_tuning.jobs.create(model="gpt-4.1", training_file=upload(training_lines()))
    clock.go(5)
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    with pytest.raises(openai.BadRequestError):
        client.fine_tuning.jobs.pause(job.id)
    clock.go(100)
    assert client.fine_tuning.jobs.retrieve(job.id).status == "paused"
    assert server.jobs[0].progress == 0.5
    assert client.fine_tuning.jobs.resume(job.id).status == "running"
    clock.go(5)
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.status == "succeeded"
    assert done.finished_at == done.created_at + 110
    messages = [event.message for event in client.fine_tuning.jobs.list_events(job.id)]
    assert "The job was paused" in messages


def test_a_cancelled_job_pays_for_the_work_done(
    server: ContractServer, client: OpenAI, clock: Clock, upload: Callable[..., str]
) -> None:
    job = client.fine_tuning.jobs.create(model="gpt-4.1", training_file=upload(training_lines()))
    clock.go(6)
    cancelled = client.fine_tuning.jobs.cancel(job.id)
    assert cancelled.status == "cancelled"
    assert cancelled.fine_tuned_model is None
    # A fifth of the time passes before training begins: at six tenths it is half done.
    assert server.billed.trained_tokens[job.id] == round(server.jobs[0].total_tokens / 2)
    with pytest.raises(openai.BadRequestError, match="cancelled"):
        client.fine_tuning.jobs.cancel(job.id)


def test_a_finished_job_cannot_be_cancelled(
    client: OpenAI, upload: Callable[..., str], finished: Callable[..., Any]
) -> None:
    job = client.fine_tuning.jobs.create(model="gpt-4.1", training_file=upload(training_lines()))
    finished(job.id)
    with pytest.raises(openai.BadRequestError, match="succeeded"):
        client.fine_tuning.jobs.cancel(job.id)


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        (training_lines(9), "invalid_n_examples", "9 example"),
        ([*training_lines(12), {"prompt": "x"}], "invalid_training_file", "Line 13"),
        ([*training_lines(12), {"messages": user("x")}], "invalid_training_file", "assistant"),
        (
            [*training_lines(12), {"messages": [{"role": "boss", "content": "x"}]}],
            "invalid_training_file",
            "role",
        ),
        (["text"] * 12, "invalid_training_file", "Line 1"),
    ],
)
def test_a_bad_file_fails_the_job_and_costs_nothing(
    server: ContractServer,
    client: OpenAI,
    upload: Callable[..., str],
    finished: Callable[..., Any],
    lines: list[Any],
    code: str,
    said: str,
) -> None:
    job = client.fine_tuning.jobs.create(model="gpt-4.1-mini", training_file=upload(lines))
    assert job.status == "validating_files"
    failed = finished(job.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == code
    assert said in failed.error.message
    assert failed.trained_tokens is None
    assert server.billed.trained_tokens == {job.id: 0}
    assert client.fine_tuning.jobs.list_events(job.id).data[0].level == "error"
    assert client.fine_tuning.jobs.checkpoints.list(job.id).data == []


def test_new_jobs_are_refused_where_tuning_is_closed(
    server: ContractServer, client: OpenAI, upload: Callable[..., str]
) -> None:
    file = upload(training_lines())
    server.closed = True
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client.fine_tuning.jobs.create(model="gpt-4.1-mini", training_file=file)
    assert caught.value.code == "fine_tuning_closed"
    assert not server.jobs


@pytest.mark.parametrize("model", ["gpt-6-luna", "gpt-9"])
def test_what_cannot_be_tuned_is_refused(client: OpenAI, upload: Callable[..., str], model: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.fine_tuning.jobs.create(model=model, training_file=upload(training_lines()))
    assert caught.value.code == "model_not_available"


def test_a_file_must_exist_and_be_for_tuning(client: OpenAI, upload: Callable[..., str]) -> None:
    for file in ("file-none", upload(training_lines(), "batch")):
        with pytest.raises(openai.BadRequestError) as caught:
            client.fine_tuning.jobs.create(model="gpt-4.1", training_file=file)
        assert caught.value.param == "training_file"


def test_training_types_belong_to_azure(
    server: ContractServer, client: OpenAI, upload: Callable[..., str]
) -> None:
    with pytest.raises(openai.BadRequestError, match="trainingType"):
        client.fine_tuning.jobs.create(
            model="gpt-4.1", training_file=upload(training_lines()), extra_body={"trainingType": "Standard"}
        )
    assert server.violations


@pytest.mark.parametrize(
    ("n", "epochs"), [(5, 20), (10, 10), (33, 3), (101, 3), (8_334, 2), (30_000, 1), (1, 25)]
)
def test_default_epochs_follow_the_published_rule(n: int, epochs: int) -> None:
    assert default_epochs(n) == epochs


def test_an_example_counts_up_to_its_limit() -> None:
    line = {"messages": [*user("word " * 70_000), {"role": "assistant", "content": "x"}]}
    assert example_tokens(line["messages"]) > 65_536
    assert read_training_file(as_jsonl([line] * 10)).tokens == 10 * 65_536
    named = {"role": "user", "content": "hello", "name": "Ann"}
    assert example_tokens([named]) == 3 + 3 + 1 + 1 + 1 + 1


def test_a_tuned_model_can_be_tuned_further(
    client: OpenAI, tuned_model: str, upload: Callable[..., str], finished: Callable[..., Any]
) -> None:
    job = client.fine_tuning.jobs.create(model=tuned_model, training_file=upload(training_lines()))
    assert finished(job.id).fine_tuned_model.startswith("ft:gpt-4.1-mini-2025-04-14:rehearsal::")
