"""The models that the server knows: their snapshots, their windows, and what each can do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BaseModel:
    """A model of the provider; `window` and `max_output` are tokens, `created` seconds since 1970."""

    name: str
    snapshot: str
    window: int
    max_output: int
    created: int
    tunable: bool = True
    reasoning: bool = False


_MODELS = (
    BaseModel("gpt-4.1", "gpt-4.1-2025-04-14", 1_047_576, 32_768, 1_744_316_542),
    BaseModel("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", 1_047_576, 32_768, 1_744_318_173),
    BaseModel("gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", 1_047_576, 32_768, 1_744_321_025),
    BaseModel("gpt-4o", "gpt-4o-2024-08-06", 128_000, 16_384, 1_722_814_719),
    BaseModel("gpt-4o-mini", "gpt-4o-mini-2024-07-18", 128_000, 16_384, 1_721_172_717),
    BaseModel("gpt-4o-2024-11-20", "gpt-4o-2024-11-20", 128_000, 16_384, 1_731_975_040),
    # No snapshot of it is published; like its predecessors it thinks before it answers and cannot be tuned.
    BaseModel(
        "gpt-6-luna", "gpt-6-luna", 400_000, 128_000, 1_788_000_000, tunable=False, reasoning=True
    ),
)  # fmt: skip

_BY_NAME = {name: model for model in _MODELS for name in (model.name, model.snapshot)}


def find_base(name: str) -> BaseModel | None:
    """The base model of this name, be it an alias or a dated snapshot."""
    return _BY_NAME.get(name)


def base_names() -> list[str]:
    """Every name under which a base model answers."""
    return list(_BY_NAME)


def base_of(model: str) -> BaseModel | None:
    """The base of any model: itself, or what a tuned model was tuned from, by its name."""
    if model.startswith("ft:"):
        return find_base(model.split(":")[1])
    # Azure names tuned models `gpt-4.1-mini-2025-04-14.ft-0123abcd-suffix`.
    return find_base(model.partition(".ft-")[0])
