"""What all tests share: a small case on disk, the command line, and a scripted model."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor.records import ChatRequest, Completion, Failure, Message, Usage

LABELS = ["delivery", "payment", "other"]
WORDS = {
    "delivery": ["parcel", "courier", "box", "late", "tracking", "driver"],
    "payment": ["card", "invoice", "charged", "refund", "money", "bill"],
    "other": ["colour", "size", "shop", "hours", "staff", "thanks"],
}


@dataclass
class CliResult:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., CliResult]:
    """Runs a command as a user does, in this process."""
    from advisor.cli import main

    monkeypatch.delenv("ADVISOR_STORE", raising=False)

    def call(*arguments: str | Path) -> CliResult:
        monkeypatch.setattr(sys, "argv", ["advisor", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return CliResult(code, captured.out, captured.err)

    return call


def write_case(
    folder: Path,
    *,
    n_train: int = 30,
    n_held_out: int = 60,
    changes: dict[str, Any] | None = None,
    train: list[dict[str, Any]] | None = None,
    held_out: list[dict[str, Any]] | None = None,
) -> Path:
    """A small classification case; `changes` replaces top-level keys of case.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    case: dict[str, Any] = {
        "schema_version": 1,
        "name": "little",
        "title": "A little case",
        "use_case": {"description": "Sort messages.", "aspect": "accuracy"},
        "task": {"kind": "classification", "instructions": "Sort the message.", "labels": LABELS},
        "quality": {"metric": "accuracy", "bar": 0.8, "min_gain": 0.02},
        "models": {"small": {"provider": "scripted", "model": "m", "serving": {"usd_per_hour": 0.05}}},
        "baselines": [
            {"name": "zero_shot", "kind": "zero_shot", "model": "small"},
            {"name": "few_shot", "kind": "few_shot", "model": "small", "examples": [1, 2]},
            {"name": "classifier", "kind": "classifier"},
        ],
        "traffic": {"requests_per_month": 1000},
        "effort": {"data_hours": 10, "evaluation_hours": 2, "refinement_hours": 2, "hourly_rate_usd": 50},
    }
    case.update(changes or {})
    (folder / "case.yaml").write_text(yaml.safe_dump(case, sort_keys=False))
    write_jsonl(folder / "train.jsonl", train if train is not None else make_rows("t", n_train))
    write_jsonl(folder / "held_out.jsonl", held_out if held_out is not None else make_rows("h", n_held_out))
    return folder


def make_rows(prefix: str, n: int) -> list[dict[str, Any]]:
    """Labelled messages, no two alike."""
    rows = []
    for i in range(n):
        label = LABELS[i % len(LABELS)]
        words = WORDS[label]
        text = f"{words[i % 6]} {prefix}{i * 7919 % 1000:03d} {words[(i // 3 + 1) % 6]} number {i * i + 11}"
        rows.append({"id": f"{prefix}{i}", "input": text, "output": label})
    return rows


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")


class ScriptedModel:
    """A model that answers by a function; it counts its calls."""

    provider = "embedded"
    context_window = 2048

    def __init__(
        self,
        answer: Callable[[ChatRequest], str | Failure] = lambda r: (r.labels or ("?",))[0],
        *,
        version: str = "scripted@1",
        batch: int = 4,
    ) -> None:
        self.answer = answer
        self.version = version
        self.batch = batch
        self.calls: list[ChatRequest] = []
        self.kept: list[ChatRequest] = []
        """Requests of batches after which the caller asked for more: by then it has kept their answers."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(m.content.split()) + 3 for m in messages)

    def count_text_tokens(self, text: str) -> int:
        return len(text.split())

    def batches(self, requests: Sequence[ChatRequest]) -> list[list[int]]:
        order = sorted(range(len(requests)), key=lambda i: len(requests[i].messages[-1].content))
        return [order[i : i + self.batch] for i in range(0, len(order), self.batch)]

    def complete(self, requests: Sequence[ChatRequest]) -> Iterator[list[tuple[int, Completion | Failure]]]:
        answers: list[tuple[int, Completion | Failure]] = []
        for i, request in enumerate(requests):
            self.calls.append(request)
            text = self.answer(request)
            if isinstance(text, Failure):
                answers.append((i, text))
                continue
            usage = Usage(
                input=self.count_tokens(request.messages), cached_input=0, output=self.count_text_tokens(text)
            )
            answers.append(
                (i, Completion(text=text, usage=usage, latency_s=0.02, compute_s=0.01, finish_reason="stop"))
            )
        yield answers
        self.kept += requests

    def close(self) -> None:
        pass


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScriptedModel]:
    """Makes every model of a case the same scripted one."""

    def use(*arguments: Any, **options: Any) -> ScriptedModel:
        model = ScriptedModel(*arguments, **options)
        for module in ("advisor.evaluation.session", "advisor.evaluation.plan", "advisor.evaluation.tuned"):
            monkeypatch.setattr(f"{module}.open_model", lambda spec, adapter=None: model)
        return model

    return use
