"""What a training job is billed for follows the published rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.models.tokens import count_text
from advisor.records import Message
from advisor.tuning.base import TrainingExample
from advisor.tuning.training_estimate import (
    assistant_tokens,
    default_epochs,
    estimate_training,
    example_tokens,
)
from advisor.tuning.training_file import TrainingFile, parse_training_file, write_training_file

MODEL = "gpt-4.1-mini"
# Of an example with one message, 3 + 3 + 1 (role) tokens are not its content's.
FRAME = 7
PUBLISHED_TOKENS = (45, 111, 26, 28, 8032)


def words(text: str) -> int:
    return len(text.split())


def file_of(*sizes: int) -> TrainingFile:
    """A file whose examples have these numbers of tokens, a word being one."""
    lines = (
        json.dumps({"messages": [{"role": "assistant", "content": "word " * (size - FRAME)}]})
        for size in sizes
    )
    return parse_training_file("\n".join(lines).encode())


# OpenAI cookbook, "Data preparation and analysis for chat model fine-tuning": values of its rule, then the edges.
PUBLISHED_EPOCHS = [(5, 20), (10, 10), (101, 3), (9_000, 2), (30_000, 1)]
EDGES = [(1, 25), (4, 25), (33, 3), (34, 3), (8_333, 3), (8_334, 2), (1_000_000, 1)]


@pytest.mark.parametrize(("n", "epochs"), [*PUBLISHED_EPOCHS, *EDGES])
def test_default_epochs_are_the_published_ones(n: int, epochs: int) -> None:
    assert default_epochs(n) == epochs


@given(st.integers(0, 10**7))
def test_default_epochs_stay_within_their_bounds_and_never_grow_with_the_data(n: int) -> None:
    assert 1 <= default_epochs(n + 1) <= default_epochs(n) <= 25


def test_billed_tokens_are_those_of_the_published_example() -> None:
    # OpenAI cookbook, same notebook, its printed results: five examples with these tokens (the long one is cut
    # at the notebook's limit of 4,096) are 4,306 tokens an epoch, 20 epochs, 86,120 billed.
    estimate = estimate_training(
        file_of(*PUBLISHED_TOKENS), model=MODEL, usd_per_million=8.0, token_limit=4096, count=words
    )
    assert estimate.n_examples == 5
    assert estimate.epochs == 20
    assert estimate.tokens_per_epoch == 4_306
    assert estimate.trained_tokens == 86_120
    assert estimate.usd == pytest.approx(86_120 * 8.0 / 1e6)
    assert any("1 example over 4,096 tokens" in note for note in estimate.notes)


def test_an_example_has_three_tokens_more_than_its_messages_and_each_message_three_more_than_its_values() -> (
    None
):
    # same notebook: 3 + sum over messages of (3 + tokens of every value + 1 if there is a name)
    messages: list[dict[str, object]] = [
        {"role": "system", "content": "one two"},
        {"role": "user", "name": "ada", "content": "three"},
        {"role": "assistant", "content": "four five six", "weight": 1},
    ]
    assert example_tokens(messages, MODEL, count=words) == 3 + (3 + 1 + 2) + (3 + 1 + 1 + 1 + 1) + (3 + 1 + 3)
    assert assistant_tokens(messages, MODEL, count=words) == 3


def test_tool_calls_count_as_their_json_and_nulls_and_weights_not_at_all() -> None:
    calls = [{"id": "c1", "function": {"name": "find", "arguments": "{}"}}]
    message = {"role": "assistant", "content": None, "weight": 0, "tool_calls": calls}
    assert example_tokens([message], MODEL, count=len) == 3 + 3 + len("assistant") + len(json.dumps(calls))
    assert assistant_tokens([message], MODEL, count=len) == len(json.dumps(calls))


def test_of_content_in_parts_only_the_texts_are_counted_and_a_note_says_so() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5000}}
    message = {"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}
    assert example_tokens([message], MODEL, count=words) == 3 + 3 + 1 + 3
    file = parse_training_file(json.dumps({"messages": [message]}).encode())
    assert any("Images" in n for n in estimate_training(file, model=MODEL, count=words).notes)
    assert not any("Images" in n for n in estimate_training(file_of(9), model=MODEL, count=words).notes)


def test_a_note_says_that_tool_definitions_are_left_out() -> None:
    value = {"messages": [{"role": "assistant", "content": "yes"}], "tools": [{"type": "function"}]}
    file = parse_training_file(json.dumps(value).encode())
    assert "Definitions of tools are not counted." in estimate_training(file, model=MODEL, count=words).notes


def test_the_model_counts_where_nobody_else_does() -> None:
    messages = [
        {"role": "user", "content": "Where is my parcel?"},
        {"role": "assistant", "content": "delivery"},
    ]
    texts = sum(count_text(MODEL, value) for m in messages for value in m.values())
    assert example_tokens(messages, MODEL) == 3 + 2 * 3 + texts
    tuned = "ft:gpt-4.1-mini-2025-04-14:org::id"
    assert example_tokens(messages, tuned) == example_tokens(messages, MODEL)


def test_a_case_can_say_the_epochs_and_the_notes_tell_who_chose() -> None:
    by_case = estimate_training(file_of(10, 20), model=MODEL, epochs=2.5, usd_per_million=None, count=words)
    assert (by_case.epochs, by_case.trained_tokens, by_case.usd) == (2.5, 75, None)
    assert by_case.notes[0] == "2.5 epochs, as set in the case."
    assert any("price" in n and "unknown" in n for n in by_case.notes)

    def first_note(n: int) -> str:
        return estimate_training(file_of(*[8] * n), model=MODEL, usd_per_million=1.0, count=words).notes[0]

    assert first_note(5).startswith("20 epochs by the default rule: few examples")
    assert first_note(101).startswith("3 epochs by the default rule: the usual number")
    assert first_note(9_000).startswith("2 epochs by the default rule: many examples")
    assert first_note(30_000).startswith("1 epoch by the default rule: many examples")


def test_validation_tokens_are_said_to_be_free() -> None:
    assert (
        "Validation tokens are not billed." in estimate_training(file_of(9), model=MODEL, count=words).notes
    )


def test_examples_and_the_file_written_from_them_cost_the_same(tmp_path: Path) -> None:
    examples: list[TrainingExample] = [
        ((Message(role="user", content=f"question {i}"),), "answer") for i in range(12)
    ]
    path = tmp_path / "train.jsonl"
    write_training_file(examples, path)
    assert estimate_training(path, model=MODEL) == estimate_training(examples, model=MODEL)


def test_lines_that_cannot_be_read_count_as_examples_without_tokens() -> None:
    file = parse_training_file(b'{"messages": [{"role": "assistant", "content": "yes"}]}\n{oops\n[]\n')
    estimate = estimate_training(file, model=MODEL, count=words)
    assert (estimate.n_examples, estimate.tokens_per_epoch) == (3, FRAME + 1)
    assert any("2 examples without readable messages" in n for n in estimate.notes)


def test_an_empty_file_costs_nothing() -> None:
    estimate = estimate_training([], model=MODEL, usd_per_million=3.0, count=words)
    assert (estimate.n_examples, estimate.trained_tokens, estimate.usd) == (0, 0, 0.0)


def test_instructions_that_come_again_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(model: str, text: str) -> int:
        asked.append(text)
        return words(text)

    monkeypatch.setattr("advisor.models.tokens.count_text", counted)
    prompt = Message(role="system", content="the same long instructions")
    examples: list[TrainingExample] = [((prompt,), f"answer {i}") for i in range(20)]
    estimate_training(examples, model=MODEL)
    assert asked.count(prompt.content) == 1
    assert len(asked) == 20 + 3
