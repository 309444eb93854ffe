"""Training examples packed so that nothing is computed twice.

The prompts of a task share a long beginning: the instructions. In a batch of separate rows it is computed
once per example. Here a batch is one row: the shared beginning, then what is particular to each example, one
after the other. A mask lets each example's tokens see the shared beginning and their own, and position ids
go on from the shared beginning for each. Every token thus sees exactly what it would see in a row of its own:
the loss and its gradient are the same, for a fraction of the tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from advisor.models._attention import additive
from advisor.models._chat_format import common_length


@dataclass(frozen=True)
class EncodedExample:
    """Token ids of a prompt and of its completion, the end-of-turn token included; neither is empty."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """Tokens of both."""
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True)
class PackedRow:
    """One forward pass: a shared prefix and the branches of several examples."""

    ids: torch.Tensor
    """(tokens,)"""
    positions: torch.Tensor
    """(tokens,)"""
    segments: torch.Tensor
    """(tokens,): 0 for the prefix, then 1, 2, … by example."""
    predicting: torch.Tensor
    """(targets,): the positions in the row whose next token is to be learnt."""
    targets: torch.Tensor
    """(targets,): those next tokens."""

    def allowed(self) -> torch.Tensor:
        """(tokens, tokens): whether the row's token sees the column's."""
        n = len(self.ids)
        causal = torch.ones((n, n), dtype=torch.bool).tril()
        return causal & ((self.segments == 0)[None, :] | (self.segments[:, None] == self.segments[None, :]))


def pack(examples: Sequence[EncodedExample], *, max_tokens: int) -> list[PackedRow]:
    """Packs examples into as few rows as `max_tokens` allows; a longer example gets its own row."""
    rows: list[PackedRow] = []
    waiting: list[EncodedExample] = []
    for example in examples:
        if waiting and _packed_length([*waiting, example]) > max_tokens:
            rows.append(_pack_row(waiting))
            waiting = []
        waiting.append(example)
    return [*rows, _pack_row(waiting)] if waiting else rows


def summed_loss(model: Any, row: PackedRow) -> torch.Tensor:
    """Cross-entropy in nats, summed over a row's targets; logits are computed only for those."""
    inner = getattr(model, "module", model)  # where several processes train, theirs is wrapped
    device = inner.device
    logits = model(
        row.ids[None].to(device),
        attention_mask=additive(row.allowed()[None, None].to(device), inner.dtype),
        position_ids=row.positions[None].to(device),
        logits_to_keep=row.predicting.to(device),
        use_cache=False,
    ).logits[0]
    return torch.nn.functional.cross_entropy(logits.float(), row.targets.to(device), reduction="sum")


def _shared_length(examples: Sequence[EncodedExample]) -> int:
    """Leading prompt tokens that all share; at least one is left to each, to predict the completion from."""
    first = examples[0].prompt[:-1]
    return min(common_length(first, e.prompt[:-1]) for e in examples) if len(examples) > 1 else 0


def _packed_length(examples: Sequence[EncodedExample]) -> int:
    return sum(e.tokens for e in examples) - (len(examples) - 1) * _shared_length(examples)


def _pack_row(examples: Sequence[EncodedExample]) -> PackedRow:
    shared = _shared_length(examples)
    ids = list(examples[0].prompt[:shared])
    positions = list(range(shared))
    segments = [0] * shared
    predicting: list[int] = []
    targets: list[int] = []
    for number, example in enumerate(examples, start=1):
        # The last token of a completion predicts nothing, but it is part of the text.
        branch = [*example.prompt[shared:], *example.completion]
        first = len(ids) + len(example.prompt) - shared - 1
        predicting += range(first, first + len(example.completion))
        targets += example.completion
        ids += branch
        positions += range(shared, shared + len(branch))
        segments += [number] * len(branch)
    return PackedRow(*(torch.tensor(x) for x in (ids, positions, segments, predicting, targets)))
