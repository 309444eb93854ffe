"""What a training file holds, and what training on it costs, by the rules that OpenAI has published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.testing._billing import count, text_of

MIN_EXAMPLES = 10
TOKEN_LIMIT = 65_536

_DEFAULT_EPOCHS = 3
_MIN_TARGET = 100
_MAX_TARGET = 25_000
_MAX_EPOCHS = 25

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_KEYS = frozenset(
    {"role", "content", "name", "function_call", "weight", "tool_calls", "tool_call_id", "refusal"}
)
_LINE_KEYS = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})


@dataclass(frozen=True)
class DataError:
    """Why a file cannot be trained on, in the words of a failed job."""

    code: str
    message: str


@dataclass(frozen=True)
class TrainingData:
    """A training file, read: its examples, or what is wrong with it."""

    examples: tuple[Mapping[str, Any], ...] = ()
    error: DataError | None = None

    @property
    def tokens(self) -> int:
        """Billable tokens of one epoch; an example counts up to the limit at which it is cut."""
        return sum(min(TOKEN_LIMIT, example_tokens(e["messages"])) for e in self.examples)


def read_training_file(content: bytes, *, validation: bool = False) -> TrainingData:
    """Reads a file as a job does: one JSON object a line, at least ten of them in a training file."""
    noun = "validation" if validation else "training"
    examples = []
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return _invalid(noun, "the file is not UTF-8")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            example = json.loads(line)
        except ValueError:
            return _invalid(noun, f"Line {number} is not valid JSON")
        problem = _problem(example)
        if problem:
            return _invalid(noun, f"Line {number}, {problem}")
        examples.append(example)
    if not validation and len(examples) < MIN_EXAMPLES:
        return TrainingData(
            error=DataError(
                "invalid_n_examples",
                f"Training file has {len(examples)} example(s), but must have at least {MIN_EXAMPLES} examples",
            )
        )
    return TrainingData(tuple(examples))


def example_tokens(messages: Sequence[Mapping[str, Any]]) -> int:
    """Tokens of an example: 3 a message, those of every value, 1 for a name, and 3 for the whole."""
    total = 3
    for message in messages:
        total += 3
        for key, value in message.items():
            total += count(value) if isinstance(value, str) else count(text_of(value))
            total += key == "name"
    return total


def default_epochs(n_examples: int) -> int:
    """How often a file is gone through where the job leaves it open."""
    if n_examples * _DEFAULT_EPOCHS < _MIN_TARGET:
        return min(_MAX_EPOCHS, _MIN_TARGET // max(1, n_examples))
    if n_examples * _DEFAULT_EPOCHS > _MAX_TARGET:
        return max(1, _MAX_TARGET // n_examples)
    return _DEFAULT_EPOCHS


def _invalid(noun: str, reason: str) -> TrainingData:
    message = f"The job failed due to an invalid {noun} file. Invalid file format. {reason}."
    return TrainingData(error=DataError(f"invalid_{noun}_file", message))


def _problem(example: Any) -> str | None:
    if not isinstance(example, dict) or not isinstance(example.get("messages"), list):
        return 'key "messages": a list is expected'
    if extra := sorted(example.keys() - _LINE_KEYS):
        return f"unexpected key(s): {', '.join(extra)}"
    if not example["messages"]:
        return 'key "messages": the list is empty'
    for at, message in enumerate(example["messages"], start=1):
        where = f"message {at}"
        if not isinstance(message, dict):
            return f"{where}: an object is expected"
        if extra := sorted(message.keys() - _KEYS):
            return f"{where}: unexpected key(s): {', '.join(extra)}"
        if message.get("role") not in _ROLES:
            return f'{where}, key "role": {message.get("role")!r} is not a role'
        if message.get("weight", 0) not in (0, 1):
            return f'{where}, key "weight": 0 or 1 is expected'
        content = message.get("content")
        called = message.get("tool_calls") or message.get("function_call") or message.get("refusal")
        if not called and not (isinstance(content, str | list) and content):
            return f'{where}, key "content": text is expected'
    if not any(m["role"] == "assistant" and m.get("weight", 1) for m in example["messages"]):
        return "an assistant message to learn from is missing"
    if example["messages"][-1]["role"] != "assistant":
        return "the last message must be from the assistant"
    return None
