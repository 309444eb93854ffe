"""A running contract server, and the official client before it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from openai import OpenAI

from advisor.testing import ContractServer

LABELS = ["delivery", "payment", "other"]
TOPICS = {
    "delivery": ["parcel", "courier", "tracking", "driver"],
    "payment": ["card", "invoice", "refund", "charged"],
    "other": ["colour", "size", "staff", "hours"],
}


class Clock:
    """A wall clock that goes on when it is told to, so that no test depends on how busy the machine is."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[ContractServer]:
    """A server on whose clock a job takes 10 s, and a deployment 2 s."""
    with ContractServer(training_s=10, provisioning_s=2, clock=clock) as running:
        yield running


@pytest.fixture
def client(server: ContractServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key=server.api_key, max_retries=0) as opened:
        yield opened


def training_lines(n: int = 24) -> list[dict[str, Any]]:
    lines = []
    for i in range(n):
        label = LABELS[i % 3]
        word = TOPICS[label][i // 3 % 4]
        lines.append(
            {
                "messages": [
                    {"role": "system", "content": "Route the message."},
                    {"role": "user", "content": f"Message {i}: something about the {word} please"},
                    {"role": "assistant", "content": label},
                ]
            }
        )
    return lines


def as_jsonl(lines: Sequence[Any]) -> bytes:
    return "\n".join(json.dumps(line) for line in lines).encode()


@pytest.fixture
def upload(client: OpenAI) -> Callable[..., str]:
    """Uploads lines, and gives the file's id."""

    def send(lines: Sequence[Any], purpose: Any = "fine-tune") -> str:
        return client.files.create(file=("lines.jsonl", as_jsonl(lines)), purpose=purpose).id

    return send


@pytest.fixture
def finished(client: OpenAI, clock: Clock) -> Callable[..., Any]:
    """Lets a job come to its end."""

    def wait(job_id: str) -> Any:
        clock.go(10)
        return client.fine_tuning.jobs.retrieve(job_id)

    return wait


@pytest.fixture
def tuned_model(client: OpenAI, upload: Callable[..., str], finished: Callable[..., Any]) -> str:
    job = client.fine_tuning.jobs.create(model="gpt-4.1-mini", training_file=upload(training_lines()))
    return str(finished(job.id).fine_tuned_model)


def user(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]
