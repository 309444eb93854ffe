"""Fine-tuning on Azure OpenAI: the same job on Azure's routes, then a deployment, which is billed by the hour.

A deployment is noted in the store before it is asked for, and until its removal is confirmed; its name holds the
job's fingerprint, so that asking twice makes one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from openai import AsyncOpenAI, NotFoundError

from advisor.cases.model_spec import AzureHosting
from advisor.catalogue.prices import price_of
from advisor.errors import MissingExtraError, ModelError, TuningError
from advisor.models._hosted_secrets import scrub
from advisor.tuning.base import Estimate, HostedSettings, JobState, Ledger, TuningJob
from advisor.tuning.openai import FIRST_LOOK_S, LOOKS, OpenAITuning

ARM_SCOPE = "https://management.azure.com/.default"
OPERATION_S = 3600.0
"""Longest time that a deployment takes to be made, or removed."""
ANSWERS_S = 600.0
"""Longest time until one that is made answers."""
IMPORTED_S = 900.0
"""Longest time until an uploaded file is imported."""
RETRIES: dict[str, Any] = {
    "retry_total": 4,
    "retry_backoff_factor": 0.5,
    "retry_backoff_max": 10,
    "read_timeout": 60,
}
"""Of a single call of the management API; every one of them may be repeated."""
_IMPORTING = frozenset({"pending", "running", "notRunning"})


@dataclass(frozen=True)
class _Refusal:
    message: str
    gone: bool = False
    """What was to be changed is not there."""


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

    def estimate(self, job: TuningJob) -> Estimate:
        """Billed tokens and their price; and what the deployment will cost by the hour."""
        found = super().estimate(job)
        rate = self.hosting_usd_per_hour() if self.spec.hosting is not None else None
        text = "unknown" if rate is None else f"{rate:g} USD an hour, used or not"
        return found.model_copy(update={"notes": (*found.notes, f"Hosting of the deployment: {text}.")})

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

        def put(client: Any) -> Any:
            return client.deployments.begin_create_or_update(
                hosting.resource_group, hosting.account, name, body
            )

        failed = self._managed(put) or self._unanswering(name)
        if failed is None:
            return name
        said = f"The tuned model could not be deployed: {failed.message}"
        try:
            self.undeploy(ledger)
        except TuningError as error:
            said, hint = f"{said}\n{error.message}", error.hint
        else:
            hint = (
                "Nothing of it stands. Check `hosting` of the model, its quota and your role, and run again."
            )
        raise TuningError(said, hint=hint)

    def undeploy(self, ledger: Ledger) -> JobState:
        """Removes the deployment; until the removal is confirmed it counts as standing.

        Raises:
            TuningError: It could not be removed, and goes on costing money.
        """
        state = ledger.state
        if state.deployment is None:
            return state
        hosting, name = self._hosting(), state.deployment
        failed = self._managed(
            lambda c: c.deployments.begin_delete(hosting.resource_group, hosting.account, name)
        ) or self._left(name)
        if failed is not None and not failed.gone:
            raise TuningError(
                f"The deployment {name!r} could not be removed, and may go on costing money: {failed.message}",
                hint="Try again with `advisor tune undeploy`, or remove it in Azure's portal.",
            )
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

    def _managed(self, begin: Callable[[Any], Any]) -> _Refusal | None:
        """Carries out an operation of the management API to its end; why it failed, as a value.

        So it is raised where no exception is handled, and nothing of the request stays attached to it.
        """
        hosting = self._hosting()
        try:
            with _management(hosting) as client:
                poller = begin(client)
                poller.wait(OPERATION_S)
                if not poller.done():
                    return _Refusal(f"it is not done after {OPERATION_S / 60:.0f} minutes")
                poller.result()
        except _errors() as error:
            return _Refusal(self._words(error), gone=getattr(error, "status_code", None) == 404)
        return None

    def _left(self, name: str) -> _Refusal | None:
        """Makes sure that a deployment is gone: an answer may have come from a proxy on the way."""
        hosting, wait = self._hosting(), FIRST_LOOK_S
        for look in range(LOOKS):
            if look:
                time.sleep(wait)
                wait *= 2
            try:
                with _management(hosting) as client:
                    client.deployments.get(hosting.resource_group, hosting.account, name)
            except _errors() as error:
                gone = getattr(error, "status_code", None) == 404
                return None if gone else _Refusal(self._words(error))
        return _Refusal("it still stands")

    def _unanswering(self, name: str) -> _Refusal | None:
        """Waits until a deployment answers, which may take minutes after Azure calls it ready."""
        wait, until = FIRST_LOOK_S, time.monotonic() + ANSWERS_S

        async def ask(c: AsyncOpenAI) -> bool:
            try:
                await c.chat.completions.create(
                    model=name, messages=[{"role": "user", "content": "ready?"}], max_completion_tokens=16
                )
            except NotFoundError:
                return False
            return True

        try:
            while not self.api.read(ask):
                if time.monotonic() > until:
                    return _Refusal(f"it does not answer {ANSWERS_S / 60:.0f} minutes after it was made")
                time.sleep(wait)
                wait = min(2 * wait, 10.0)
        except (TuningError, ModelError) as error:
            return _Refusal(error.message)
        return None

    def _upload(self, files: tuple[Path, ...], ledger: Ledger) -> None:
        super()._upload(files, ledger)
        for file_id in (ledger.state.training_file, ledger.state.validation_file):
            if file_id is not None:
                self._wait_for(file_id)

    def _wait_for(self, file_id: str) -> None:
        """Azure imports a file first; a job on one that is not imported yet is refused."""
        wait, until = FIRST_LOOK_S, time.monotonic() + IMPORTED_S

        async def look(c: AsyncOpenAI) -> str:
            return str((await c.files.retrieve(file_id)).status)

        while self.api.read(look) in _IMPORTING:
            if time.monotonic() > until:
                raise TuningError(
                    f"Azure has not imported the file {file_id} after {IMPORTED_S / 60:.0f} minutes.",
                    hint="Nothing is lost: run the same command again, and it goes on where it was.",
                )
            time.sleep(wait)
            wait = min(2 * wait, 10.0)

    def _words(self, error: Exception) -> str:
        text = str(getattr(error, "message", None) or error).strip()
        token = os.environ.get("ADVISOR_AZURE_MANAGEMENT_TOKEN")
        return scrub(self.api.clean(text.splitlines()[0][:300] if text else type(error).__name__), token)

    def _checked_as(self) -> Any:
        return "azure_openai"

    def _extra_body(self, settings: HostedSettings) -> dict[str, Any] | None:
        return {"trainingType": settings.training_tier} if settings.training_tier else None

    def _usd_per_million(self, on: datetime, settings: HostedSettings) -> float | None:
        price = price_of(
            "azure_openai", self.spec.model, base_model=self.base_model, tuned=True, on=on.date(),
            training_tier=settings.training_tier,
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
        **RETRIES,
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
        **RETRIES,
    )


def _errors() -> tuple[type[Exception], ...]:
    """What the management client raises: of Azure, and of the network and of unreadable answers below it."""
    try:
        from azure.core.exceptions import AzureError
    except ImportError:
        return (OSError,)
    return (AzureError, OSError, ValueError)
