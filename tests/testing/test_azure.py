"""Azure OpenAI and the management of its deployments."""

from __future__ import annotations

import time
from typing import Any

import openai
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.cognitiveservices.models import Deployment, DeploymentModel, DeploymentProperties, Sku
from openai import AzureOpenAI, OpenAI

from advisor.testing import ContractServer, Fault
from tests.testing.conftest import Clock, as_jsonl, training_lines, user

PLACE = ("group", "account")


class Token:
    """A credential as azure-identity has them."""

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        return AccessToken("unused", int(time.time()) + 3600)


class Bearer(SansIOHTTPPolicy[Any, Any]):
    """Sends the token over http, which the client's own policy refuses."""

    def __init__(self, token: str) -> None:
        self._token = token

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.http_request.headers["Authorization"] = f"Bearer {self._token}"


def manager(server: ContractServer, token: str | None = None) -> CognitiveServicesManagementClient:
    return CognitiveServicesManagementClient(
        Token(),
        "subscription",
        base_url=server.management_url,
        authentication_policy=Bearer(token or server.azure_token),
        retry_total=0,
    )


@pytest.fixture
def azure(server: ContractServer) -> OpenAI:
    return OpenAI(base_url=f"{server.azure_endpoint}/openai/v1/", api_key=server.api_key, max_retries=0)


def wanted(model: str, sku: str = "Standard") -> Deployment:
    properties = DeploymentProperties(model=DeploymentModel(format="OpenAI", name=model, version="1"))
    return Deployment(sku=Sku(name=sku, capacity=10), properties=properties)


def test_only_deployments_answer(server: ContractServer, azure: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        azure.chat.completions.create(model="gpt-4.1-mini", messages=user("x"))
    assert caught.value.code == "DeploymentNotFound"
    server.deploy("mine", "gpt-4.1-mini")
    answer = azure.chat.completions.create(model="mine", messages=user("x"))
    assert answer.model == "gpt-4.1-mini-2025-04-14"


def test_the_older_paths_name_the_deployment_and_the_version(server: ContractServer) -> None:
    server.deploy("mine", "gpt-4o-mini")
    client = AzureOpenAI(
        azure_endpoint=server.azure_endpoint, api_key=server.api_key, api_version="2025-04-01-preview"
    )
    assert client.chat.completions.create(model="mine", messages=user("x")).choices
    seen = server.requests[-1]
    assert seen.path == "/openai/deployments/mine/chat/completions"
    assert seen.headers["api-key"] == "***"
    assert client.files.list().data == []
    with pytest.raises(openai.NotFoundError):
        OpenAI(base_url=f"{server.azure_endpoint}/openai", api_key=server.api_key).files.list()


def test_keys_and_tokens_of_azure(server: ContractServer) -> None:
    url = f"{server.azure_endpoint}/openai/v1/"
    OpenAI(base_url=url, api_key=server.azure_token).models.list()
    OpenAI(base_url=url, api_key="unused", default_headers={"api-key": server.api_key}).models.list()
    with pytest.raises(openai.AuthenticationError) as caught:
        OpenAI(base_url=url, api_key="wrong-key", max_retries=0).models.list()
    assert "wrong-key" not in str(caught.value)


def test_a_tuned_model_answers_only_where_it_is_deployed(
    server: ContractServer, azure: OpenAI, clock: Clock
) -> None:
    file = azure.files.create(file=("a.jsonl", as_jsonl(training_lines())), purpose="fine-tune")
    job = azure.fine_tuning.jobs.create(
        model="gpt-4.1-mini-2025-04-14",
        training_file=file.id,
        suffix="routes",
        extra_body={"trainingType": "GlobalStandard"},
    )
    clock.go(10)
    done = azure.fine_tuning.jobs.retrieve(job.id)
    model = done.fine_tuned_model
    assert model is not None
    assert model.startswith("gpt-4.1-mini-2025-04-14.ft-")
    assert model.endswith("-routes")
    assert server.jobs[0].training_type == "GlobalStandard"
    with pytest.raises(openai.NotFoundError):
        azure.chat.completions.create(model=model, messages=user("my invoice"))
    client = manager(server)
    poller = client.deployments.begin_create_or_update(*PLACE, "tuned", wanted(model))
    with pytest.raises(openai.NotFoundError):
        azure.chat.completions.create(model="tuned", messages=user("my invoice"))
    clock.go(2)
    assert poller.result().properties.provisioning_state == "Succeeded"
    answer = azure.chat.completions.create(model="tuned", messages=user("my invoice"))
    assert answer.choices[0].message.content == "payment"
    assert answer.model == model
    deleting = client.deployments.begin_delete(*PLACE, "tuned")
    assert not deleting.done()
    clock.go(2)
    deleting.result()
    (deployment,) = server.deployments
    assert not deployment.standing
    assert deployment.deleted_at is not None
    assert deployment.deleted_at > deployment.created_at
    with pytest.raises(openai.NotFoundError):
        azure.chat.completions.create(model="tuned", messages=user("my invoice"))
    assert not server.violations


def test_deployments_are_listed_read_and_deleted_once(server: ContractServer) -> None:
    server.service.provisioning_s = 0
    client = manager(server)
    made = client.deployments.begin_create_or_update(*PLACE, "one", wanted("gpt-4.1-mini")).result()
    assert (made.name, made.sku.name, made.sku.capacity) == ("one", "Standard", 10)
    assert made.id == (
        "/subscriptions/subscription/resourceGroups/group/providers/Microsoft.CognitiveServices/accounts/account"
        "/deployments/one"
    )
    server.deploy("two", "gpt-4o")
    assert sorted(d.name for d in client.deployments.list(*PLACE)) == ["one", "two"]
    assert client.deployments.get(*PLACE, "one").properties.model.name == "gpt-4.1-mini"
    client.deployments.begin_delete(*PLACE, "one").result()
    client.deployments.begin_delete(*PLACE, "one").result()
    with pytest.raises(ResourceNotFoundError):
        client.deployments.get(*PLACE, "one")
    assert [d.name for d in server.deployments if d.standing] == ["two"]


@pytest.mark.parametrize(
    "deployment", [wanted("gpt-9"), wanted("gpt-4o", sku="Huge"), Deployment(sku=Sku(name="Standard"))]
)
def test_wrong_deployments_are_refused(server: ContractServer, deployment: Deployment) -> None:
    with pytest.raises(HttpResponseError) as caught:
        manager(server).deployments.begin_create_or_update(*PLACE, "x", deployment)
    assert caught.value.status_code == 400
    assert not server.deployments


def test_management_wants_a_token_of_its_own(server: ContractServer) -> None:
    with pytest.raises(HttpResponseError) as caught:
        manager(server, token=server.api_key).deployments.get(*PLACE, "x")
    assert caught.value.status_code == 401


def test_a_lost_deployment_stands_all_the_same(server: ContractServer) -> None:
    server.inject(Fault("deployments.create", "500", after=True), Fault("deployments.delete", "503"))
    client = manager(server)
    with pytest.raises(HttpResponseError):
        client.deployments.begin_create_or_update(*PLACE, "lost", wanted("gpt-4.1-mini"))
    with pytest.raises(HttpResponseError):
        client.deployments.begin_delete(*PLACE, "lost")
    assert [d.name for d in server.deployments if d.standing] == ["lost"]


def test_azure_refuses_a_filtered_prompt(server: ContractServer, azure: OpenAI) -> None:
    server.deploy("mine", "gpt-4o")
    server.inject(Fault("chat", "content_filter"), Fault("chat", "content_filter", nth=2, after=True))
    with pytest.raises(openai.BadRequestError) as caught:
        azure.chat.completions.create(model="mine", messages=user("x"))
    assert caught.value.code == "content_filter"
    answer = azure.chat.completions.create(model="mine", messages=user("x"))
    assert answer.choices[0].finish_reason == "content_filter"


@pytest.mark.parametrize(("kind", "fits"), [("Standard", True), ("Developer", True), ("Gold", False)])
def test_training_types(server: ContractServer, azure: OpenAI, kind: str, fits: bool) -> None:
    file = azure.files.create(file=("a.jsonl", as_jsonl(training_lines())), purpose="fine-tune")

    def create() -> Any:
        return azure.fine_tuning.jobs.create(
            model="gpt-4.1", training_file=file.id, extra_body={"trainingType": kind}
        )

    if fits:
        assert create().status == "validating_files"
    else:
        with pytest.raises(openai.BadRequestError):
            create()


def test_batches_of_azure_name_a_deployment(server: ContractServer, azure: OpenAI, clock: Clock) -> None:
    server.deploy("bulk", "gpt-4.1-mini", sku="GlobalBatch")
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": "bulk", "messages": user("x")}}  # fmt: skip
    file = azure.files.create(file=("a.jsonl", as_jsonl([line])), purpose="batch")
    batch = azure.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    clock.go(10)
    done = azure.batches.retrieve(batch.id)
    assert done.request_counts.completed == 1
