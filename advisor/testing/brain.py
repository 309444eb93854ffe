"""Who answers in a rehearsal: no language model, but rules that can be told apart from chance.

All answers are simulated. They show that a pipeline works from end to end, and that a better system scores
better in it; they say nothing about how well a real model would do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

from rapidfuzz import fuzz, process, utils

from advisor.testing._billing import text_of
from advisor.testing._fitting import pick

ChatMessage = Mapping[str, Any]
"""A message as the wire carries it: `role`, `content`, …"""

TrainingLine = Mapping[str, Any]
"""A line of a training file: `{"messages": […]}`, the last of them the assistant's."""

# Below these similarities (0 to 100) an example teaches nothing, and the answer is left to chance.
_SHOT_LIKE = 45.0
_TUNED_LIKE = 20.0

_LIST_ITEM = re.compile(r"^\s*[-*•]\s+(.+?)\s*$", re.MULTILINE)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")


@runtime_checkable
class Brain(Protocol):
    """Answers chat requests; any object with this method will do. Called from worker threads."""

    def answer(
        self,
        model: str,
        messages: Sequence[ChatMessage],
        response_format: Mapping[str, Any] | None,
        tuned_on: Sequence[TrainingLine] | None,
    ) -> str:
        """The text of one answer; the server makes it fit the response format afterwards.

        Args:
            model: The model that is asked: a dated snapshot, or a tuned model.
            messages: The conversation as it came.
            response_format: The request's own, if it has one.
            tuned_on: The training examples of a tuned model; None for a base model.
        """
        ...


class SimulatedBrain:
    """Answers by likeness: deterministic, and simulated.

    A base model copies the answer of the most similar example in its prompt; where passages stand in the prompt
    it answers with the sentence most like the question; otherwise it picks among the labels or words that it
    sees by a hash, and so is right sometimes. A tuned model answers as the most similar training example does,
    so that tuning visibly helps.
    """

    def answer(
        self,
        model: str,
        messages: Sequence[ChatMessage],
        response_format: Mapping[str, Any] | None,
        tuned_on: Sequence[TrainingLine] | None,
    ) -> str:
        """See `Brain.answer`."""
        question = last_user_text(messages)
        if tuned_on:
            lessons = [lesson for line in tuned_on if (lesson := _lesson(line)) is not None]
            learned = _most_like(question, lessons, _TUNED_LIKE)
            if learned is not None:
                return learned
        shots = [
            (text_of(asked.get("content")), text_of(answered.get("content")))
            for asked, answered in pairwise(messages)
            if asked.get("role") == "user" and answered.get("role") == "assistant"
        ]
        copied = _most_like(question, shots, _SHOT_LIKE)
        if copied is not None:
            return copied
        passages, mark, asked_text = question.rpartition("Question:")
        if mark and passages.strip():
            return _best_sentence(passages, asked_text)
        options = _options(messages, response_format) or [answer for _, answer in shots]
        if options:
            return str(pick(options, f"{model}\n{question}"))
        return _best_sentence(question, question)


def last_user_text(messages: Sequence[ChatMessage]) -> str:
    """What was asked last."""
    for message in reversed(messages):
        if message.get("role") == "user":
            return text_of(message.get("content"))
    return ""


def _lesson(line: TrainingLine) -> tuple[str, str] | None:
    """(question, completion) of a training line; its weightless answers are context, not lessons."""
    messages = line.get("messages", ())
    for at in range(len(messages) - 1, -1, -1):
        if messages[at].get("role") == "assistant" and messages[at].get("weight", 1) != 0:
            return last_user_text(messages[:at]), text_of(messages[at].get("content"))
    return None


def _most_like(question: str, lessons: Sequence[tuple[str, str]], at_least: float) -> str | None:
    best = process.extractOne(
        question,
        [asked for asked, _ in lessons],
        scorer=fuzz.token_set_ratio,
        processor=utils.default_process,
        score_cutoff=at_least,
    )
    return None if best is None else lessons[best[2]][1]


def _best_sentence(text: str, question: str) -> str:
    sentences = [s.strip() for s in _SENTENCE.findall(text) if s.strip()]
    if not sentences:
        return "I do not know."
    best = process.extractOne(
        question, sentences, scorer=fuzz.token_sort_ratio, processor=utils.default_process
    )
    return str(best[0]) if best else sentences[0]


def _options(messages: Sequence[ChatMessage], response_format: Mapping[str, Any] | None) -> list[str]:
    """The labels that the schema allows, or those that the instructions list."""
    schema = (response_format or {}).get("json_schema", {}).get("schema", {})
    properties = schema.get("properties", {})
    if schema:
        only: Any = next(iter(properties.values())) if len(properties) == 1 else None
        return [str(option) for option in only.get("enum", ())] if isinstance(only, dict) else []
    system = "\n".join(
        text_of(m.get("content")) for m in messages if m.get("role") in ("system", "developer")
    )
    return _LIST_ITEM.findall(system)
