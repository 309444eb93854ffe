"""The models of a case file: who answers, where, and at which price."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from advisor.cases.numbers import NonNegative, Part

IN_PROCESS = frozenset({"embedded", "huggingface"})
"""Providers whose models run in this process; they answer greedily, so the same question has the same answer."""


class Serving(Part):
    """A model on a machine that is paid by the hour."""

    usd_per_hour: NonNegative
    always_on: bool = True
    requests_per_s: Annotated[float, Field(gt=0)] | None = None
    """Declared throughput of one machine; where absent, the measured one counts."""


class TokenPrices(Part):
    """USD per million tokens."""

    input: NonNegative
    cached_input: NonNegative | None = None
    output: NonNegative


class AzureHosting(Part):
    """Where a model tuned on Azure is deployed: the resource's address in Azure Resource Manager."""

    subscription_id: str
    resource_group: str
    account: str
    tier: Literal["Standard", "GlobalStandard", "DeveloperTier"] = "GlobalStandard"
    """The deployment's kind; a developer deployment costs no hosting and is removed after 24 hours."""
    capacity: Annotated[int, Field(gt=0)] = 50
    """Thousands of tokens a minute."""
    usd_per_hour: NonNegative | None = None
    """Hosting of a tuned deployment; absent, the catalogue's price."""


class ModelSpec(Part):
    """A model, and where it runs."""

    provider: str
    model: str
    serving: Serving | None = None
    prices: TokenPrices | None = None
    base_url: str | None = None
    endpoint: str | None = None
    """Azure: the resource's address, `https://NAME.openai.azure.com`."""
    base_model: str | None = None
    """Azure: the model behind the deployment; for tokens, prices and tuning."""
    api_key_env: str | None = None
    """The environment variable that holds the key, where it is not the provider's usual one."""
    api_version: str | None = None
    """Azure: a dated API version; absent, the v1 routes are used."""
    auth: Literal["key", "entra_id"] = "key"
    """Azure: a key from the environment, or Entra ID through azure-identity."""
    concurrency: Annotated[int, Field(gt=0)] = 16
    """Calls under way at once to a hosted model; fewer while the provider says that it is too much."""
    stream: bool = False
    """Stream answers, to measure the time to the first token."""
    structured_outputs: Literal["auto", "off"] = "auto"
    """Have the endpoint enforce labels and schemas; where it cannot, the answer is read as free text."""
    organisation: Literal["never_tuned", "tuned", "active"] | None = None
    """Your organisation's standing with the provider: never tuned a model there, tuned one, or uses a tuned one."""
    hosting: AzureHosting | None = None
