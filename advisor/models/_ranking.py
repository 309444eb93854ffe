"""The most likely of a set of labels, exactly, in one forward pass for a batch of prompts.

Behind each prompt stand all labels at once, as a tree of their tokens: labels that begin alike share those
tokens. A mask of attention lets a label's token see the prompt and its own beginning, and nothing else, so
each label gets the log-likelihood it would get if it stood there alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from advisor.models._attention import additive


@dataclass(frozen=True)
class LabelTree:
    """Labels as a tree of tokens; nodes stand in the order of their making, parents first."""

    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    """A node's parent; -1 for the prompt's last token."""
    depths: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]
    """A label's nodes, first token to last."""

    def visible(self) -> torch.Tensor:
        """(nodes, nodes): whether the row's node sees the column's: itself, and what leads to it."""
        seen = torch.eye(len(self.tokens), dtype=torch.bool)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                seen[node] |= seen[parent]
        return seen


def build_tree(labels: Sequence[Sequence[int]]) -> LabelTree:
    """The tree of labels given as token ids, without an end token."""
    nodes: dict[tuple[int, ...], int] = {}
    tokens: list[int] = []
    parents: list[int] = []
    depths: list[int] = []
    paths = []
    for label in labels:
        path = []
        for depth in range(1, len(label) + 1):
            start = tuple(label[:depth])
            if start not in nodes:
                nodes[start] = len(tokens)
                tokens.append(label[depth - 1])
                parents.append(nodes[start[:-1]] if depth > 1 else -1)
                depths.append(depth - 1)
            path.append(nodes[start])
        paths.append(tuple(path))
    return LabelTree(tuple(tokens), tuple(parents), tuple(depths), tuple(paths))


def label_log_likelihoods(
    model: Any,
    cache: Any,
    prefix_length: int,
    rests: Sequence[Sequence[int]],
    tree: LabelTree,
    *,
    end: int,
    pad: int,
) -> torch.Tensor:
    """The log-likelihood of label and end of turn, given the prompt, for every prompt and label.

    Args:
        model: A causal language model.
        cache: Holds the prefix for every row.
        prefix_length: Its tokens.
        rests: Per prompt, the token ids after the prefix; at least one.
        tree: The labels.
        end: The end-of-turn token, which is part of every label's likelihood.
        pad: Any token; it is masked out.

    Returns:
        (prompts, labels), float32, on the CPU.
    """
    rows, width, n = len(rests), max(map(len, rests)), len(tree.tokens)
    ids = torch.full((rows, width + n), pad)
    positions = torch.zeros((rows, width + n), dtype=torch.long)
    allowed = torch.ones((rows, 1, width + n, prefix_length + width + n), dtype=torch.bool)
    own = torch.zeros((width + n, width + n), dtype=torch.bool)
    own[:width, :width] = torch.ones((width, width), dtype=torch.bool).tril()
    own[width:, :width] = True
    own[width:, width:] = tree.visible()
    depths = torch.tensor(tree.depths)
    for row, rest in enumerate(rests):
        blank = width - len(rest)
        ids[row, blank:width] = torch.tensor(rest)
        ids[row, width:] = torch.tensor(tree.tokens)
        positions[row, blank:width] = prefix_length + torch.arange(len(rest))
        positions[row, width:] = prefix_length + len(rest) + depths
        allowed[row, 0, :, prefix_length:] = own
        allowed[row, 0, :, prefix_length : prefix_length + blank] = False
        allowed[row, 0, range(blank), range(prefix_length, prefix_length + blank)] = True  # no empty softmax
    device = model.device
    logits = model(
        ids.to(device),
        attention_mask=additive(allowed.to(device), model.dtype),
        position_ids=positions.to(device),
        past_key_values=cache,
        logits_to_keep=n + 1,
    ).logits
    return _sum_along_paths(logits, tree, end)


def _sum_along_paths(logits: torch.Tensor, tree: LabelTree, end: int) -> torch.Tensor:
    """Sums a label's token log-probabilities; `logits` is (rows, 1 + nodes, vocabulary), prompt first."""
    predicting, predicted, owner = [], [], []
    for label, path in enumerate(tree.paths):
        for node in path:
            predicting.append(tree.parents[node] + 1)
            predicted.append(tree.tokens[node])
            owner.append(label)
        predicting.append(path[-1] + 1 if path else 0)
        predicted.append(end)
        owner.append(label)
    totals = torch.zeros(logits.shape[0], len(tree.paths))
    columns = torch.tensor(owner)
    for row in range(logits.shape[0]):  # by row: the float32 copy of all rows would be large
        scores = logits[row].float()
        normaliser = scores.logsumexp(-1)
        values = scores[predicting, predicted] - normaliser[predicting]
        totals[row].index_add_(0, columns, values.cpu())
    return totals
