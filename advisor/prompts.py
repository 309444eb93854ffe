"""The one place where messages are built, for evaluation and for training alike.

A prompt is: the instructions (system), example exchanges (user, assistant), then the question (user), with
retrieved passages in front of it where there are any. What is equal for all items comes first, so that its
computation can be reused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import JsonValue

from advisor.cases.schema import Example, Task
from advisor.records import ChatRequest, Message, Record


class Passage(Record):
    """A piece of a document, as retrieval hands it over."""

    document: str
    title: str
    text: str


def build_request(
    task: Task,
    question: Example,
    *,
    examples: Sequence[Example] = (),
    passages: Sequence[Passage] = (),
    temperature: float = 0.0,
) -> ChatRequest:
    """The request that asks a model for the answer to one item; its expected output plays no part in it."""
    messages = [Message(role="system", content=instructions(task))]
    for example in examples:
        messages += _question_messages(example, ())
        messages.append(Message(role="assistant", content=render_output(task, example.output)))
    messages += _question_messages(question, passages)
    return ChatRequest(
        messages=tuple(messages),
        labels=task.labels,
        json_schema=task.json_schema,
        max_tokens=task.max_output_tokens,
        temperature=temperature,
    )


def build_training_example(
    task: Task, example: Example, *, passages: Sequence[Passage] = ()
) -> tuple[tuple[Message, ...], str]:
    """(prompt messages, the completion to learn): the prompt is the one that evaluation sends."""
    return build_request(task, example, passages=passages).messages, render_output(task, example.output)


def instructions(task: Task) -> str:
    """The system message: the case's instructions, and the form that an answer must have."""
    text = task.instructions.strip()
    if task.labels is not None:
        return "\n".join(
            [text, "", "Answer with exactly one of these labels:", *(f"- {x}" for x in task.labels)]
        )
    if task.json_schema is not None:
        schema = json.dumps(task.json_schema, ensure_ascii=False, separators=(",", ":"))
        return f"{text}\n\nAnswer with JSON that fits this schema:\n{schema}"
    return text


def render_output(task: Task, output: JsonValue) -> str:
    """An expected output as the text that a model should write."""
    if task.kind != "extraction" and isinstance(output, str):
        return output
    return json.dumps(output, ensure_ascii=False)


def render_passages(passages: Sequence[Passage]) -> str:
    """The block of retrieved passages that stands before the question."""
    blocks = [f"[{i}] {p.title}\n{p.text}" for i, p in enumerate(passages, start=1)]
    return "Passages:\n" + "\n\n".join(blocks)


def _question_messages(example: Example, passages: Sequence[Passage]) -> list[Message]:
    turns = (
        [Message(role="user", content=example.input)]
        if isinstance(example.input, str)
        else [Message.model_validate(m) for m in example.input]
    )
    if passages:
        last = turns[-1]
        turns[-1] = Message(
            role=last.role, content=f"{render_passages(passages)}\n\nQuestion: {last.content}"
        )
    return turns
