"""Keys and values of prompt prefixes, computed once and reused for every request that shares them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

LayerStates = list[tuple[torch.Tensor, torch.Tensor]]
"""Per layer: keys and values, each (1, kv_heads, tokens, head_dim)."""


class PrefixCache:
    """The most recently used prefixes' keys and values, within a budget of memory.

    A prefix is always computed by itself, from its first token on, never as the continuation of another one:
    what a batch gets does then not depend on what ran before it.
    """

    def __init__(self, model: Any, *, max_bytes: int = 512 * 2**20) -> None:
        self._model = model
        self._max_bytes = max_bytes
        self._states: OrderedDict[tuple[int, ...], LayerStates] = OrderedDict()

    def states(self, tokens: Sequence[int]) -> LayerStates:
        """Keys and values of a prefix; computed where they are not at hand."""
        key = tuple(tokens)
        if not key:
            return []
        if key in self._states:
            self._states.move_to_end(key)
            return self._states[key]
        ids = torch.tensor([key], device=self._model.device)
        cache = DynamicCache(config=self._model.config)
        self._model(ids, past_key_values=cache, logits_to_keep=1)
        self._states[key] = [(layer.keys, layer.values) for layer in cache.layers]
        while len(self._states) > 1 and sum(_bytes(s) for s in self._states.values()) > self._max_bytes:
            self._states.popitem(last=False)
        return self._states[key]


class GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """A layer's keys and values with room to spare: a further token is written, the others stay."""

    def __init__(
        self, prefix: tuple[torch.Tensor, torch.Tensor] | None, rows: int, length: int, room: int
    ) -> None:
        super().__init__()
        self._room = room
        self._rows = rows
        self._prefix = (
            None if prefix is None else tuple(x[:, :, :length].expand(rows, -1, -1, -1) for x in prefix)
        )
        if self._prefix is not None:
            self.dtype, self.device = self._prefix[0].dtype, self._prefix[0].device
            self.keys, self.values = self._prefix
            self.is_initialized = True
        self._buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """Appends, and returns all keys and values so far."""
        start = self.get_seq_length() if self.is_initialized else 0
        end = start + key_states.shape[-2]
        if self._buffers is None or end > self._buffers[0].shape[-2]:
            rows, heads, _, width = key_states.shape
            size = (rows, heads, end + self._room, width)
            grown = (key_states.new_empty(size), value_states.new_empty(size))
            if start:
                grown[0][:, :, :start] = self.keys
                grown[1][:, :, :start] = self.values
            self._buffers = grown
        self._buffers[0][:, :, start:end] = key_states
        self._buffers[1][:, :, start:end] = value_states
        self.dtype, self.device = key_states.dtype, key_states.device
        self.is_initialized = True
        self.keys, self.values = self._buffers[0][:, :, :end], self._buffers[1][:, :, :end]
        return self.keys, self.values

    def keep_rows(self, rows: torch.Tensor) -> None:
        """Drops all rows but these."""
        if self._buffers is not None:
            end = self.get_seq_length()
            self._buffers = (self._buffers[0][rows], self._buffers[1][rows])
            self.keys, self.values = self._buffers[0][:, :, :end], self._buffers[1][:, :, :end]


def row_cache(config: Any, states: LayerStates, *, rows: int, length: int, room: int = 0) -> DynamicCache:
    """A cache of `rows` rows that all begin with the first `length` tokens of a prefix.

    Args:
        config: The model's configuration.
        states: The prefix's keys and values; empty for none.
        rows: Requests in the batch.
        length: How much of the prefix they share, in tokens.
        room: Tokens to make room for beyond those of the first forward pass.
    """
    cache = DynamicCache(config=config)
    layers = config.get_text_config().num_hidden_layers
    found: list[tuple[torch.Tensor, torch.Tensor] | None] = list(states) if length else [None] * layers
    cache.layers = [GrowingLayer(layer, rows, length, room) for layer in found]
    return cache


def _bytes(states: LayerStates) -> int:
    return sum(k.numel() * k.element_size() + v.numel() * v.element_size() for k, v in states)
