"""The training file holds what it is given, whole, in the same bytes each time; a bad one is still read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.cases.schema import Example, Task
from advisor.errors import TuningError
from advisor.models.structured import enforced_answer
from advisor.prompts import build_request, build_training_example
from advisor.records import Message
from advisor.tuning import training_file
from advisor.tuning.base import TrainingExample
from advisor.tuning.training_file import (
    as_training_file,
    parse_training_file,
    read_training_file,
    write_training_file,
)

EXAMPLES: list[TrainingExample] = [
    (
        (Message(role="system", content="Name the intent."), Message(role="user", content="Wo ist es? 😀")),
        "late",
    ),
    ((Message(role="user", content="A line\nand\u2028another"),), '{"a": "ü"}'),
]
texts = st.text(st.characters(codec="utf-8"), max_size=30)
messages = st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=texts)
training_examples = st.tuples(st.lists(messages, max_size=4).map(tuple), texts)


def test_a_line_holds_the_prompt_and_then_the_completion(tmp_path: Path) -> None:
    path = tmp_path / "job" / "train.jsonl"
    write_training_file(EXAMPLES, path)
    first = json.loads(path.read_text(encoding="utf-8").split("\n")[0])
    assert first == {
        "messages": [
            {"role": "system", "content": "Name the intent."},
            {"role": "user", "content": "Wo ist es? 😀"},
            {"role": "assistant", "content": "late"},
        ]
    }


def test_the_bytes_are_these(tmp_path: Path) -> None:
    # golden value: the file's hash is what a job is found by, so a change of it must be meant
    write_training_file(EXAMPLES, tmp_path / "train.jsonl")
    assert (tmp_path / "train.jsonl").read_bytes() == (
        '{"messages": [{"role": "system", "content": "Name the intent."}, '
        '{"role": "user", "content": "Wo ist es? 😀"}, {"role": "assistant", "content": "late"}]}\n'
        '{"messages": [{"role": "user", "content": "A line\\nand\\u2028another"}, '
        '{"role": "assistant", "content": "{\\"a\\": \\"ü\\"}"}]}'
    ).encode()


@given(st.lists(training_examples, max_size=6))
def test_what_is_written_is_what_is_read(examples: list[TrainingExample]) -> None:
    file = as_training_file(examples)
    assert [line.value for line in file.lines] == [
        {"messages": [*(m.model_dump() for m in prompt), {"role": "assistant", "content": completion}]}
        for prompt, completion in examples
    ]
    assert [line.number for line in file.lines] == list(range(1, len(examples) + 1))
    assert not file.blank_lines
    assert not file.has_bom


@given(st.lists(training_examples, min_size=1, max_size=6))
def test_every_reader_sees_one_line_an_example(examples: list[TrainingExample]) -> None:
    # str.splitlines breaks at more characters than a line feed, as do readers in other languages
    written = "\n".join(json.dumps(line.value) for line in as_training_file(examples).lines)
    assert (
        len(training_file._encoded(examples).decode().splitlines())
        == len(written.split("\n"))
        == len(examples)
    )


def test_examples_give_the_same_file_as_the_one_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    write_training_file(EXAMPLES, path)
    assert as_training_file(path) == as_training_file(EXAMPLES) == read_training_file(path)


def test_the_prompt_in_the_file_is_the_one_that_evaluation_sends() -> None:
    task = Task(kind="classification", instructions="Name the intent.", labels=("late", "lost"))
    example = Example(id="1", input="Where is it?", output="late")
    prompt, completion = build_training_example(task, example)
    (line,) = as_training_file([(prompt, enforced_answer(build_request(task, example), completion))]).lines
    sent = [m.model_dump() for m in build_request(task, example).messages]
    assert list(line.messages) == [*sent, {"role": "assistant", "content": '{"label": "late"}'}]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(TuningError, match="No space left"):
        write_training_file(EXAMPLES, path)
    assert [p.name for p in tmp_path.iterdir()] == ["train.jsonl"]
    assert path.read_bytes() == b"old"


def test_half_a_character_is_refused_by_its_example(tmp_path: Path) -> None:
    with pytest.raises(TuningError, match="example 3 "):
        write_training_file([*EXAMPLES, ((), "\ud83d")], tmp_path / "train.jsonl")
    assert not list(tmp_path.iterdir())


def test_a_bad_line_does_not_hide_the_others() -> None:
    file = parse_training_file(
        b'\xef\xbb\xbf{"messages": []}\r\n\n{"messages": \n{"x": NaN}\n"caf\xe9"\n  \n'
        + b"[" * 5000
        + b"\n7\n"
    )
    assert file.has_bom
    assert file.blank_lines == (2, 6)
    assert [(line.number, line.value) for line in file.lines if line.problem is None] == [
        (1, {"messages": []}),
        (8, 7),
    ]
    problems = {line.number: line.problem for line in file.lines if line.problem is not None}
    assert set(problems) == {3, 4, 5, 7}
    assert "column 14" in str(problems[3])
    assert "NaN" in str(problems[4])
    assert "0xe9" in str(problems[5])


def test_deep_nesting_that_the_parser_allows_is_a_bad_line_all_the_same() -> None:
    (line,) = parse_training_file(b"[" * 200 + b"]" * 200).lines
    assert line.problem == "nested too deeply"


@given(st.binary(max_size=60))
def test_any_bytes_can_be_read(content: bytes) -> None:
    file = parse_training_file(content)
    numbers = [line.number for line in file.lines] + list(file.blank_lines)
    body = content.removeprefix(b"\xef\xbb\xbf")
    assert sorted(numbers) == list(
        range(1, body.count(b"\n") + (not body.endswith(b"\n") and body != b"") + 1)
    )


def test_an_empty_file_has_no_line() -> None:
    assert parse_training_file(b"").lines == ()
    assert as_training_file([]).lines == ()


def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "wide.jsonl").write_bytes('{"messages": []}'.encode("utf-16"))
    for path, said in [
        (tmp_path / "none.jsonl", "does not exist"),
        (tmp_path, "cannot be read"),
        (tmp_path / "wide.jsonl", "UTF-16"),
    ]:
        with pytest.raises(TuningError, match=said) as caught:
            read_training_file(path)
        assert caught.value.hint
