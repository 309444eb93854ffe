"""What a baseline is: a way of putting a question, in one of several settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import JsonValue

from advisor.cases.schema import Example, Task
from advisor.models.base import ChatModel
from advisor.prompts import Passage, render_passages
from advisor.records import ChatRequest, Message, PromptParts

Setting = dict[str, JsonValue]
SearchKind = Literal["lexical", "dense", "hybrid"]


class PassageIndex(Protocol):
    """Whatever finds passages for a question."""

    def search(self, query: str, k: int) -> list[tuple[Passage, float]]:
        """The k best passages with their scores, best first."""


@dataclass(frozen=True)
class Material:
    """What a baseline may work with; the held-out set is no part of it."""

    task: Task
    learn: tuple[Example, ...]
    dev: tuple[Example, ...]
    index: Callable[[SearchKind], PassageIndex]
    """The case's documents, searchable in one of several ways."""


@dataclass(frozen=True)
class Ask:
    """A request, and what of it was retrieved."""

    request: ChatRequest
    examples: tuple[Example, ...] = ()
    passages: tuple[Passage, ...] = ()

    @property
    def retrieved(self) -> tuple[str, ...]:
        """Documents of the passages, best first, each once."""
        return tuple(dict.fromkeys(p.document for p in self.passages))


class Baseline(Protocol):
    """One way of getting answers."""

    def settings(self) -> tuple[Setting, ...]:
        """The settings to choose from on the dev split; one means that there is nothing to choose."""

    def ask(self, item: Example, setting: Setting) -> Ask:
        """The request for one item."""

    def answerer(self, setting: Setting) -> ChatModel | None:
        """Who answers, where it is not the case's model."""


def prompt_parts(model: ChatModel, asks: Sequence[Ask]) -> PromptParts | None:
    """Mean tokens of the prompts by what they are for; None where the model has no tokens.

    Each part is counted by leaving it out: what the prompt is shorter by is what the part costs.
    """
    if not asks or model.count_text_tokens("a") == 0:
        return None
    totals = dict.fromkeys(("instructions", "examples", "passages", "question"), 0.0)
    system: dict[str, int] = {}
    for ask in asks:
        messages = ask.request.messages
        whole = model.count_tokens(messages)
        head, last = messages[0], messages[-1]
        if head.content not in system:
            empty = Message(role="user", content="")
            system[head.content] = model.count_tokens([head, empty])
        without_examples = model.count_tokens([head, last]) if ask.examples else whole
        passages = model.count_text_tokens(render_passages(ask.passages)) if ask.passages else 0
        totals["instructions"] += system[head.content]
        totals["examples"] += whole - without_examples
        totals["passages"] += passages
        totals["question"] += max(0, without_examples - system[head.content] - passages)
    return PromptParts(**{name: total / len(asks) for name, total in totals.items()})
