"""Scaled dot-product attention for the CPU, with grouped queries and a mask.

The library's own version repeats every key and value for each query head of its group whenever a mask is
given. Here the queries of a group are laid one after the other against their one key/value head instead: the
same result in less time. In training, short rows go through plain matrix products: the backward pass of the
fused kernel takes several times as long as theirs.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

NAME = "advisor_grouped_query"
_PLAIN_TRAINING_LENGTH = 640
"""Longest training row for plain matrix products, whose memory grows with the square of the length."""


def grouped_query_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention for `query` (batch, heads, q, d) over `key` and `value` (batch, kv_heads, k, d).

    Returns:
        (batch, q, heads, d), and no weights.
    """
    batch, heads, q, d = query.shape
    groups = heads // key.shape[1]
    extras = ("softcap", "s_aux", "position_bias")
    if attention_mask is None or groups == 1 or any(kwargs.get(name) is not None for name in extras):
        output: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
        return output
    training = torch.is_grad_enabled() and query.requires_grad
    if training and (q > _PLAIN_TRAINING_LENGTH or dropout > 0):
        output = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
        return output
    stacked = query.reshape(batch, key.shape[1], groups * q, d)
    mask = attention_mask.repeat(1, 1, groups, 1)
    if training:
        scores = (stacked * (d**-0.5 if scaling is None else scaling)) @ key.transpose(2, 3) + mask
        out = scores.softmax(-1) @ value
        return out.reshape(batch, heads, q, d).transpose(1, 2).contiguous(), None
    out = torch.nn.functional.scaled_dot_product_attention(
        stacked, key, value, attn_mask=mask, dropout_p=dropout, scale=scaling
    )
    return out.reshape(batch, heads, q, d).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, grouped_query_attention)


def additive(allowed: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A mask of who may see whom (True: sees) as what is added to the attention scores."""
    return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill_(
        ~allowed, float("-inf")
    )
