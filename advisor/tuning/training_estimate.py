"""What a hosted training job will be billed for: tokens, epochs, money.

The rules are those of OpenAI's cookbook, "Data preparation and analysis for chat model fine-tuning". They are
an estimate: the provider counts itself, and says what it counted when the job has ended.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from advisor.tuning.base import Estimate
from advisor.tuning.training_file import TrainingFile, TrainingSource, as_training_file

TOKEN_LIMIT = 65_536
"""Tokens of an example that are trained on; what is longer is cut off there."""

CountTokens = Callable[[str], int]

_TOKENS_PER_MESSAGE = 3
_TOKENS_PER_NAME = 1
_TOKENS_PER_EXAMPLE = 3
_USUAL_EPOCHS = 3
_MAX_EPOCHS = 25
_FEWEST_SEEN = 100
_MOST_SEEN = 25_000


def token_counter(model: str) -> CountTokens:
    """Counts the tokens of texts for one model; texts that come again, as instructions do, are counted once."""
    from advisor.models.tokens import count_text

    return lru_cache(maxsize=1024)(lambda text: count_text(model, text))


def default_epochs(n: int) -> int:
    """Epochs for n examples where nobody says how many.

    Three, but up to 25 until a hundred examples were seen, and fewer, at least one, where more than 25,000
    would be. Source: OpenAI cookbook, "Data preparation and analysis for chat model fine-tuning".
    """
    if n * _USUAL_EPOCHS < _FEWEST_SEEN:
        return min(_MAX_EPOCHS, _FEWEST_SEEN // max(n, 1))
    if n * _USUAL_EPOCHS > _MOST_SEEN:
        return max(1, _MOST_SEEN // n)
    return _USUAL_EPOCHS


def example_tokens(
    messages: Sequence[Mapping[str, object]], model: str, *, count: CountTokens | None = None
) -> int:
    """Tokens of one example: 3 + sum over its messages of (3 + tokens of every value + 1 if there is a name).

    Source: OpenAI cookbook, "Data preparation and analysis for chat model fine-tuning". Values that are no
    text, such as tool calls, are counted as their JSON; of content in parts, only the texts are.
    `weight` and nulls are not counted.

    Args:
        messages: The example's messages, as the training file has them.
        model: Whose tokens; not asked for where `count` is given.
        count: Counts a text's tokens; by default `token_counter(model)`.
    """
    count = count or token_counter(model)
    total = _TOKENS_PER_EXAMPLE
    for message in messages:
        total += _TOKENS_PER_MESSAGE + sum(_value_tokens(k, v, count) for k, v in message.items())
        total += _TOKENS_PER_NAME if message.get("name") is not None else 0
    return total


def assistant_tokens(
    messages: Sequence[Mapping[str, object]], model: str, *, count: CountTokens | None = None
) -> int:
    """Tokens of what the assistant says in an example: its texts, and the calls that it makes."""
    count = count or token_counter(model)
    said = ("content", "refusal", "function_call", "tool_calls")
    return sum(
        _value_tokens(key, message.get(key), count)
        for message in messages
        if message.get("role") == "assistant"
        for key in said
    )


def estimate_training(
    source: TrainingSource,
    *,
    model: str,
    epochs: float | None = None,
    usd_per_million: float | None = None,
    token_limit: int = TOKEN_LIMIT,
    count: CountTokens | None = None,
) -> Estimate:
    """What training on a file will be billed for: epochs times the sum over examples of min(limit, tokens).

    Source: OpenAI cookbook, "Data preparation and analysis for chat model fine-tuning".

    Args:
        source: A training file, or the examples that one is written from; without the validation file.
        model: The base model, for its tokens.
        epochs: As the case says; None for the default.
        usd_per_million: Price of a million trained tokens; None where it is unknown.
        token_limit: Tokens of an example that are trained on.
        count: Counts a text's tokens; by default as the model does.

    Raises:
        TuningError: The file cannot be read.
    """
    count = count or token_counter(model)
    file = as_training_file(source)
    n = len(file.lines)
    tokens = [example_tokens(line.messages, model, count=count) for line in file.lines if line.messages]
    per_epoch = sum(min(token_limit, t) for t in tokens)
    chosen = float(default_epochs(n) if epochs is None else epochs)
    trained = round(chosen * per_epoch)

    notes = [_epochs_note(n) if epochs is None else f"{_times(chosen)}, as set in the case."]
    n_over = sum(t > token_limit for t in tokens)
    if n_over:
        notes.append(f"{_examples(n_over)} over {token_limit:,} tokens, counted up to there.")
    if len(tokens) < n:
        notes.append(f"{_examples(n - len(tokens))} without readable messages, counted as no tokens.")
    if _has_other_parts(file):
        notes.append("Images and other parts that are no text are not counted; they are billed.")
    if any(
        isinstance(v := line.value, dict) and (v.get("tools") or v.get("functions")) for line in file.lines
    ):
        notes.append("Definitions of tools are not counted.")
    if usd_per_million is None:
        notes.append("The price of training this model is unknown.")
    notes.append("Validation tokens are not billed.")
    return Estimate(
        n_examples=n,
        epochs=chosen,
        tokens_per_epoch=per_epoch,
        trained_tokens=trained,
        usd=None if usd_per_million is None else trained * usd_per_million / 1e6,
        notes=tuple(notes),
    )


def _value_tokens(key: str, value: object, count: CountTokens) -> int:
    if value is None or key == "weight":
        return 0
    if isinstance(value, str):
        return count(value)
    if key == "content" and isinstance(value, list):
        return sum(count(text) for part in value for text in _texts(part))
    return count(json.dumps(value, ensure_ascii=False))


def _texts(part: object) -> list[str]:
    if not isinstance(part, dict):
        return []
    return [text for key in ("text", "refusal") if isinstance(text := part.get(key), str)]


def _has_other_parts(file: TrainingFile) -> bool:
    return any(
        not _texts(part)
        for line in file.lines
        for message in line.messages
        if isinstance(parts := message.get("content"), list)
        for part in parts
    )


def _epochs_note(n: int) -> str:
    epochs = default_epochs(n)
    if n * _USUAL_EPOCHS < _FEWEST_SEEN:
        why = (
            f"few examples are seen more often, until about {_FEWEST_SEEN} were, at most {_MAX_EPOCHS} times"
        )
    elif n * _USUAL_EPOCHS > _MOST_SEEN:
        why = f"many examples are seen less often, at most {_MOST_SEEN:,} in all, but each at least once"
    else:
        why = "the usual number"
    return f"{_times(epochs)} by the default rule: {why}. The provider may choose otherwise."


def _times(epochs: float) -> str:
    return "1 epoch" if epochs == 1 else f"{epochs:g} epochs"


def _examples(n: int) -> str:
    return "1 example" if n == 1 else f"{n:,} examples"
