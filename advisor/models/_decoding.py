"""Greedy decoding of a batch, free or held to a grammar."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import xgrammar
from pydantic import JsonValue

from advisor.errors import ModelError
from advisor.models._attention import additive


class GrammarCompiler:
    """Compiles JSON schemas for one tokenizer.

    The grammar writes JSON exactly as `json.dumps` does by default (`", "` and `": "` between parts, on one
    line), because that is how the answers to learn are written. Objects get no keys that the schema does not
    name: small models invent them.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, end: int) -> None:
        info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocabulary, stop_token_ids=[end])
        self._compiler = xgrammar.GrammarCompiler(info, max_threads=1)
        self.vocabulary = vocabulary

    def matcher(self, schema: dict[str, JsonValue]) -> Any:
        """A fresh matcher for one answer.

        Raises:
            ModelError: The schema says something that cannot be enforced.
        """
        try:
            grammar = self._compiler.compile_json_schema(
                json.dumps(schema), any_whitespace=False, separators=(", ", ": "), strict_mode=True
            )
        except RuntimeError as error:
            raise ModelError(
                f"The JSON schema cannot be enforced by a local model: {error}", hint="Simplify task.schema."
            ) from error
        return xgrammar.GrammarMatcher(grammar)


@dataclass
class Answer:
    """One row's answer as it grows; `tokens` without the end token."""

    max_tokens: int
    matcher: Any | None = None
    tokens: list[int] = field(default_factory=list)
    finish_reason: str | None = None

    def take(self, token: int, ends: frozenset[int]) -> None:
        """Appends a token, or ends the answer."""
        if token in ends:
            self.finish_reason = "stop"
            return
        if self.matcher is not None:
            self.matcher.accept_token(token)
        self.tokens.append(token)
        if len(self.tokens) >= self.max_tokens:
            done = self.matcher is not None and self.matcher.is_completed()
            self.finish_reason = "stop" if done else "length"


def decode_greedily(
    model: Any,
    cache: Any,
    prefix_length: int,
    rests: Sequence[Sequence[int]],
    answers: Sequence[Answer],
    *,
    ends: frozenset[int],
    pad: int,
) -> None:
    """Fills `answers`, one per row of `rests` (the token ids after the prefix, at least one each)."""
    rows, width = len(rests), max(map(len, rests))
    ids = torch.full((rows, width), pad)
    positions = torch.zeros((rows, width), dtype=torch.long)
    real = torch.zeros((rows, width), dtype=torch.bool)
    for row, rest in enumerate(rests):
        ids[row, width - len(rest) :] = torch.tensor(rest)
        positions[row, width - len(rest) :] = prefix_length + torch.arange(len(rest))
        real[row, width - len(rest) :] = True
    causal = torch.ones((width, width), dtype=torch.bool).tril()
    own = (causal & real[:, None, :]) | torch.eye(width, dtype=torch.bool)  # no empty softmax
    seen = torch.cat([torch.ones(rows, prefix_length, dtype=torch.bool), real], dim=1)
    allowed = torch.cat([torch.ones(rows, width, prefix_length, dtype=torch.bool), own], dim=2)[:, None]

    running = list(answers)
    position = positions[:, -1]
    while True:
        logits = model(
            ids.to(model.device),
            attention_mask=additive(allowed.to(model.device), model.dtype),
            position_ids=positions.to(model.device),
            past_key_values=cache,
            logits_to_keep=1,
        ).logits[:, -1]
        chosen = _best_allowed(logits, running)
        for answer, token in zip(running, chosen, strict=True):
            if answer.finish_reason is None:
                answer.take(token, ends)
        alive = [i for i, answer in enumerate(running) if answer.finish_reason is None]
        if not alive:
            return
        if 2 * len(alive) <= len(running):  # finished rows cost as much as running ones: let them go
            kept = torch.tensor(alive)
            for layer in cache.layers:
                layer.keep_rows(kept.to(model.device))
            running = [running[i] for i in alive]
            chosen = [chosen[i] for i in alive]
            position, seen = position[kept], seen[kept]
        position = position + 1
        seen = torch.cat([seen, torch.ones(len(running), 1, dtype=torch.bool)], dim=1)
        ids, positions, allowed = torch.tensor(chosen)[:, None], position[:, None], seen[:, None, None, :]


def _best_allowed(logits: torch.Tensor, answers: Sequence[Answer]) -> list[int]:
    scores = logits.float()
    held = [i for i, a in enumerate(answers) if a.matcher is not None and a.finish_reason is None]
    if held:
        bitmask = xgrammar.allocate_token_bitmask(len(answers), scores.shape[-1])
        for i in held:
            matcher = answers[i].matcher
            assert matcher is not None
            matcher.fill_next_token_bitmask(bitmask, i)
        xgrammar.apply_token_bitmask_inplace(scores, bitmask.to(scores.device), indices=held)
    best: list[int] = scores.argmax(-1).tolist()
    return best
