"""What a chat model is to the rest of the product, and how one is found by its provider's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from advisor.cases.model_spec import ModelSpec
from advisor.errors import ModelError
from advisor.models import structured
from advisor.records import ChatRequest, Completion, Failure, Message


@runtime_checkable
class ChatModel(Protocol):
    """Whoever answers chat requests: in this process, or behind an API."""

    @property
    def provider(self) -> str:
        """The provider's name, as the case spells it."""

    @property
    def version(self) -> str:
        """What decides its answers, beside the request: a hash of the weights, or the provider's model name."""

    @property
    def context_window(self) -> int | None:
        """Tokens of prompt and answer together; None where unknown."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, with what the chat format adds."""

    def count_text_tokens(self, text: str) -> int:
        """Tokens of a bare text, e.g. an answer or one part of a prompt."""

    def batches(self, requests: Sequence[ChatRequest]) -> list[list[int]]:
        """Which requests are answered together, as positions in `requests`, in the order of answering.

        It is always asked about *all* requests of a run, answered already or not, so that a resumed run
        composes the same batches, and thus gets the same answers, as an undisturbed one.
        """

    def complete(self, requests: Sequence[ChatRequest]) -> Iterator[list[tuple[int, Completion | Failure]]]:
        """Answers one batch; yields (position, answer) as they come, each as soon as it is there."""

    def close(self) -> None:
        """Gives back memory and connections."""


def sent_messages(model: ChatModel, request: ChatRequest) -> tuple[Message, ...]:
    """The messages as the model will see them: where an endpoint enforces labels, answers have its form."""
    return structured.enforced_messages(request) if _enforces(model) else request.messages


def sent_answer(model: ChatModel, request: ChatRequest, text: str) -> str:
    """An answer as the model writes it; what it is shown to learn has the same form."""
    return structured.enforced_answer(request, text) if _enforces(model) else text


def _enforces(model: ChatModel) -> bool:
    return bool(getattr(model, "enforces", False))


class Provider(Protocol):
    """Opens models of one provider; registered as an entry point of the group `advisor.providers`."""

    def open(self, spec: ModelSpec, *, adapter: str | None = None) -> ChatModel:
        """The model of a case, or its tuned variant: an adapter folder, or a tuned model's name.

        Raises:
            ModelError: It cannot be had; the error says what to do.
        """


def open_model(spec: ModelSpec, *, adapter: str | None = None) -> ChatModel:
    """Opens the model that a case names, or a tuned variant of it.

    Raises:
        ModelError: The provider is unknown, or the model cannot be had.
    """
    found = entry_points(group="advisor.providers", name=spec.provider)
    if not found:
        known = ", ".join(sorted({e.name for e in entry_points(group="advisor.providers")}))
        raise ModelError(
            f"No provider named {spec.provider!r} is installed.", hint=f"Installed are: {known}."
        )
    provider: Provider = next(iter(found)).load()()
    return provider.open(spec, adapter=adapter)
