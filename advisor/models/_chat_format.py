"""Messages as token ids: the chat template of a tokenizer, and what several prompts have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor.errors import ModelError
from advisor.records import Message

_PLACEHOLDER = "⁂placeholder⁂"


class ChatFormat:
    """A tokenizer together with its chat template.

    Evaluation and training both go through here, so that a tuned model is asked in exactly the tokens it was
    trained on: the prompt's tokens, then the answer's tokens, then the end-of-turn token.
    """

    def __init__(self, tokenizer: Any, *, name: str) -> None:
        if not tokenizer.chat_template:
            raise ModelError(
                f"{name} has no chat template, so messages cannot be put to it.",
                hint="Use an instruction-tuned variant of the model.",
            )
        self.tokenizer = tokenizer
        self.end_of_turn = self._end_of_turn()

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a prompt, up to where the answer begins."""
        return self.text(self._render(messages))

    def text(self, text: str) -> list[int]:
        """Token ids of a bare text."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def answer(self, text: str) -> list[int]:
        """Token ids of an answer, with the end-of-turn token."""
        return [*self.text(text), self.end_of_turn]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of an answer's token ids."""
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text.strip()

    def shared_prefix(self, prompts: Sequence[Sequence[Message]]) -> list[int]:
        """Token ids of the leading messages that all prompts share: all but the last message at most.

        It depends on the shared messages alone, not on what follows them, so the same instructions and
        examples give the same prefix in every batch.
        """
        first = prompts[0]
        shared = min(len(p) for p in prompts) - 1
        for k in range(shared):
            if any(p[k] != first[k] for p in prompts):
                shared = k
                break
        if shared <= 0:
            return []
        marked = [
            m if i != shared else Message(role=m.role, content=_PLACEHOLDER) for i, m in enumerate(first)
        ]
        before, found, _ = self._render(marked).partition(_PLACEHOLDER)
        return self.text(before) if found else []

    def _render(self, messages: Sequence[Message]) -> str:
        text: str = self.tokenizer.apply_chat_template(
            [m.model_dump() for m in messages],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,  # templates that know no thinking ignore it
        )
        return text

    def _end_of_turn(self) -> int:
        """What the template puts after an answer, which is not `eos_token` in every model family."""
        turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _PLACEHOLDER}]
        rendered = self.tokenizer.apply_chat_template(turns, tokenize=False)
        special = set(self.tokenizer.all_special_ids) | set(self.tokenizer.added_tokens_decoder)
        after = self.text(rendered.rpartition(_PLACEHOLDER)[2])
        ends = [i for i in after if i in special]
        if ends:
            return ends[0]
        if self.tokenizer.eos_token_id is None:
            raise ModelError(
                "The tokenizer has no end-of-turn token.", hint="Use an instruction-tuned model."
            )
        return int(self.tokenizer.eos_token_id)


def common_length(a: Sequence[int], b: Sequence[int]) -> int:
    """How many leading token ids two sequences share."""
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return i
    return min(len(a), len(b))
