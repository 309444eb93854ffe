"""Fine-tuning on Azure OpenAI: the same job on Azure's routes, then a deployment, which is billed by the hour.

A deployment is noted in the store before it is asked for, and until its removal is confirmed; its name holds the
job's fingerprint, so that asking twice makes one.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any, ClassVar

from advisor.cases.schema import AzureHosting
from advisor.catalogue.prices import price_of
from advisor.errors import MissingExtraError, TuningError
from advisor.tuning.base import HostedSettings, JobState, Ledger, TuningJob
from advisor.tuning.openai import OpenAITuning

ARM_SCOPE = "https://management.azure.com/.default"
_TIERS = {"Standard": "global", "GlobalStandard": "global", "Developer": "developer"}


class AzureTuning(OpenAITuning):
    """Azure OpenAI's fine-tuning jobs and deployments."""

    name: ClassVar[str] = "azure_openai"

    @property
    def base_model(self) -> str:
        """The model that is tuned; a case names it, since `model` is a deployment."""
        if self.spec.base_model is None:
            raise TuningError(
                f"Which model is behind the deployment {self.spec.model!r} is not said.",
                hint="Give the model a `base_model` in case.yaml, e.g. gpt-4.1-mini.",
            )
        return self.spec.base_model

    def deploy(self, job: TuningJob, ledger: Ledger) -> str:
        """Deploys the tuned model, or finds its deployment; waits until it answers.

        Raises:
            TuningError: It cannot be deployed; what may stand of it is removed again.
        """
        model = super().deploy(job, ledger)
        hosting = self._hosting()
        name = f"advisor-{job.fingerprint[:16]}"
        if ledger.state.deployment is None:
            ledger.keep(deployment=name, deployed_at=datetime.now(UTC))
        body = {
            "sku": {"name": hosting.tier, "capacity": hosting.capacity},
            "properties": {"model": {"format": "OpenAI", "name": model, "version": "1"}},
        }
        try:
            with _management(hosting) as client:
                client.deployments.begin_create_or_update(
                    hosting.resource_group, hosting.account, name, body
                ).result()
        except _errors() as error:
            message = self._words(error)
            self.undeploy(ledger)
            raise TuningError(
                f"The tuned model could not be deployed: {message}",
                hint="The deployment was removed again. Check `hosting` of the model, its quota and your role.",
            ) from None
        return name

    def undeploy(self, ledger: Ledger) -> JobState:
        """Removes the deployment; until the removal is confirmed it counts as standing.

        Raises:
            TuningError: It could not be removed, and goes on costing money.
        """
        state = ledger.state
        if state.deployment is None:
            return state
        hosting, name = self._hosting(), state.deployment
        try:
            with _management(hosting) as client:
                client.deployments.begin_delete(hosting.resource_group, hosting.account, name).result()
        except _errors() as error:
            if not _is_gone(error):
                raise TuningError(
                    f"The deployment {name!r} could not be removed, and goes on costing money: {self._words(error)}",
                    hint="Try again with `advisor tune undeploy`, or remove it in Azure's portal.",
                ) from None
        since = state.deployed_at or datetime.now(UTC)
        hours = (datetime.now(UTC) - since).total_seconds() / 3600
        return ledger.keep(deployment=None, deployed_at=None, hosted_hours=state.hosted_hours + hours)

    def hosting_usd_per_hour(self) -> float | None:
        """What a deployment costs by the hour, used or not."""
        hosting = self._hosting()
        if hosting.usd_per_hour is not None:
            return hosting.usd_per_hour
        if hosting.tier == "DeveloperTier":
            return 0.0
        price = price_of(
            "azure_openai",
            self.spec.model,
            base_model=self.base_model,
            tuned=True,
            on=datetime.now(UTC).date(),
        )
        return price.hosting_usd_per_hour if price else None

    def _hosting(self) -> AzureHosting:
        if self.spec.hosting is None:
            raise TuningError(
                "Where the tuned model is to be deployed is not said.",
                hint="Give the model `hosting: {subscription_id: …, resource_group: …, account: …}` in case.yaml.",
            )
        return self.spec.hosting

    def _words(self, error: Exception) -> str:
        text = str(getattr(error, "message", None) or error).strip()
        return self.api.clean(text.splitlines()[0][:300] if text else type(error).__name__)

    def _checked_as(self) -> Any:
        return "azure_openai"

    def _extra_body(self, settings: HostedSettings) -> dict[str, Any] | None:
        return {"trainingType": settings.training_tier} if settings.training_tier else None

    def _usd_per_million(self, on: datetime, settings: HostedSettings) -> float | None:
        tier = _TIERS[settings.training_tier or "Standard"]
        price = price_of(
            "azure_openai", self.spec.model, base_model=self.base_model, tuned=True, on=on.date(),
            training_tier=tier,
        )  # fmt: skip
        return price.training if price else None


def _management(hosting: AzureHosting) -> Any:
    """The management API's client; `ADVISOR_AZURE_MANAGEMENT_URL` leads it elsewhere, e.g. to a rehearsal."""
    try:
        from azure.core.pipeline.policies import BearerTokenCredentialPolicy
        from azure.identity import DefaultAzureCredential
        from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
    except ImportError:
        raise MissingExtraError("Deploying on Azure", "azure") from None
    elsewhere = os.environ.get("ADVISOR_AZURE_MANAGEMENT_URL")
    if elsewhere:
        return _elsewhere(elsewhere, hosting, CognitiveServicesManagementClient)
    credential = DefaultAzureCredential()
    return CognitiveServicesManagementClient(
        credential,
        hosting.subscription_id,
        authentication_policy=BearerTokenCredentialPolicy(credential, ARM_SCOPE),
    )


def _elsewhere(url: str, hosting: AzureHosting, client: Any) -> Any:
    from azure.core.credentials import AccessToken
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    token = os.environ.get("ADVISOR_AZURE_MANAGEMENT_TOKEN", "")

    class Credential:
        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            return AccessToken(token, 2**31)

    class Bearer(SansIOHTTPPolicy):  # type: ignore[type-arg]
        def on_request(self, request: Any) -> None:
            request.http_request.headers["Authorization"] = f"Bearer {token}"

    # the SDK sends tokens over https alone; this address is the user's own, and may be http
    return client(
        Credential(),
        hosting.subscription_id,
        base_url=url,
        authentication_policy=Bearer(),
        polling_interval=0.2,
    )


def _errors() -> tuple[type[Exception], ...]:
    """What the management client raises: of Azure, and of the network and of unreadable answers below it."""
    try:
        from azure.core.exceptions import AzureError
    except ImportError:
        return (OSError,)
    return (AzureError, OSError, ValueError)


def _is_gone(error: Exception) -> bool:
    return getattr(error, "status_code", None) == 404
