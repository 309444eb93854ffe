"""What a model's name says: the model, its dated version, and whether it is a tuned one."""

from __future__ import annotations

import re
from typing import Literal

from advisor.errors import UsageError
from advisor.records import Record

_VERSION = re.compile(r"-(20\d{2}-\d{2}-\d{2}|\d{4})$")  # gpt-4o-2024-08-06, gpt-3.5-turbo-0125
_ALIASES = {"gpt-35-turbo": "gpt-3.5-turbo"}  # Azure writes it without the point

Tier = Literal["global", "data_zone", "regional", "developer"]
_TIERS: dict[str, Tier] = {
    "global": "global",
    "globalstandard": "global",
    "datazone": "data_zone",
    "datazonestandard": "data_zone",
    "standard": "regional",
    "regional": "regional",
    "developer": "developer",
    "developertier": "developer",
}


class ModelName(Record):
    """A model's name, taken apart."""

    base: str
    """The model without version or tuning: `gpt-4.1-mini`."""
    version: str | None = None
    """The dated version: `2025-04-14`."""
    tuned: bool = False

    @property
    def full(self) -> str:
        """The model with its version, without tuning."""
        return self.base if self.version is None else f"{self.base}-{self.version}"


def parse_name(name: str) -> ModelName:
    """Take a model's name apart.

    Args:
        name: As the provider knows it: `gpt-4.1-mini`, `gpt-4.1-mini-2025-04-14`, OpenAI's tuned
            `ft:gpt-4.1-mini-2025-04-14:org:suffix:id` (with or without a checkpoint at its end), or Azure's
            tuned `gpt-4.1-mini-2025-04-14.ft-id`. Upper case counts as lower case.

    Returns:
        Its parts. What does not look like a version stays a part of the model.
    """
    text = name.strip().lower()
    tuned = text.startswith("ft:")
    if tuned:
        text = text.removeprefix("ft:").split(":", 1)[0]
    text, marker, _ = text.partition(".ft-")
    tuned = tuned or bool(marker)
    match = _VERSION.search(text)
    base, version = (text[: match.start()], match[1]) if match else (text, None)
    return ModelName(base=_ALIASES.get(base, base), version=version, tuned=tuned)


def known_as(provider: str, model: str, base_model: str | None) -> str | None:
    """The name that prices and life cycles go by.

    On Azure `model` is a deployment, whose name says nothing: only `base_model` counts. Elsewhere the model's own
    name does.
    """
    return base_model if provider == "azure_openai" else model


def matches(name: ModelName, model: str, aliases: tuple[str, ...], snapshots: tuple[str, ...] | None) -> bool:
    """Whether a fact about `model` holds for what `name` names; a name without version is any of them."""
    if name.base not in (model, *aliases):
        return False
    return snapshots is None or name.version is None or name.version in snapshots


def tier_name(tier: str) -> Tier:
    """The catalogue's word for a tier of Azure: global, data_zone, regional or developer.

    Args:
        tier: The catalogue's word or Azure's: `GlobalStandard`, `DataZoneStandard`, `Standard` (regional),
            `Developer`, `DeveloperTier`.

    Raises:
        UsageError: A tier that nobody knows.
    """
    known = _TIERS.get(tier.lower().replace("_", "").replace("-", ""))
    if known is None:
        raise UsageError(
            f"{tier!r} is not a tier.", hint="Use one of: global, data_zone, regional, developer."
        )
    return known
