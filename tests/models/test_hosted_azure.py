"""Azure OpenAI: deployments, both kinds of routes, keys and Entra ID."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

from advisor.cases.model_spec import ModelSpec
from advisor.errors import MissingExtraError, ModelError
from advisor.models.azure_openai import SCOPE, AzureProvider
from advisor.records import Completion, Failure
from tests.models.hosted import KEY, Endpoint, answers, ask, refused, said

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl"


class Credential:
    """Signs in, or fails to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        if self.error is not None:
            raise self.error
        return AccessToken(TOKEN, int(time.time()) + 3600)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_AD_TOKEN", "OPENAI_API_VERSION", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another-provider-entirely")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-ours")


def deployed(service: Endpoint, *, credential: Any = None, tuned: str | None = None, **spec: Any) -> Any:
    given = {
        "provider": "azure_openai",
        "model": "sorter",
        "base_model": "gpt-4o-mini",
        "endpoint": "https://res.openai.azure.com/",
    } | spec
    provider = AzureProvider(service.wiring(), credential=credential)
    return provider.open(ModelSpec(**given), adapter=tuned)


@pytest.mark.parametrize("address", ["", "/", "/openai", "/openai/v1/"])
def test_the_v1_routes_are_the_usual_ones(address: str) -> None:
    endpoint = Endpoint(said("x"))
    model = deployed(endpoint, endpoint=f"https://res.openai.azure.com{address}")
    (answer,) = answers(model, [ask()])
    assert isinstance(answer, Completion)
    (request,) = endpoint.requests
    assert request.url == "https://res.openai.azure.com/openai/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert "another-provider" not in str(request.headers.multi_items())
    assert "org-ours" not in str(request.headers.multi_items())
    assert endpoint.bodies[0]["model"] == "sorter"
    assert "max_completion_tokens" in endpoint.bodies[0]
    assert model.version == "azure_openai:res.openai.azure.com:sorter"
    assert model.context_window == 128_000


def test_a_dated_version_uses_the_older_routes() -> None:
    endpoint = Endpoint(said("x"))
    answers(deployed(endpoint, api_version="2024-10-21"), [ask()])
    (request,) = endpoint.requests
    assert request.url.path == "/openai/deployments/sorter/chat/completions"
    assert request.url.params["api-version"] == "2024-10-21"
    assert request.headers["api-key"] == KEY


def test_a_tuned_deployment_stands_in_for_its_base() -> None:
    endpoint = Endpoint(said("x"))
    model = deployed(endpoint, tuned="sorter-tuned")
    answers(model, [ask()])
    assert endpoint.bodies[0]["model"] == "sorter-tuned"
    assert model.version.endswith(":sorter-tuned")
    assert model.context_window == 128_000


@pytest.mark.parametrize("api_version", [None, "2024-10-21"])
def test_signing_in_with_entra_id(api_version: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    endpoint, credential = Endpoint(said("x")), Credential()
    model = deployed(endpoint, credential=credential, auth="entra_id", api_version=api_version)
    answers(model, [ask(str(i)) for i in range(3)])
    assert set(credential.scopes) == {SCOPE}
    for request in endpoint.requests:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert "api-key" not in request.headers


def test_who_is_not_signed_in_is_told_how() -> None:
    credential = Credential(ClientAuthenticationError(f"No credential. {TOKEN}\nlong list"))
    endpoint = Endpoint(said("x"))
    model = deployed(endpoint, credential=credential, auth="entra_id")
    with pytest.raises(ModelError, match="az login") as caught:
        answers(model, [ask()])
    assert TOKEN not in str(caught.value)
    assert caught.value.__context__ is None
    assert not endpoint.requests


def test_a_sign_in_service_out_of_reach_is_a_passing_fault() -> None:
    credential = Credential(ServiceRequestError("no route"))
    (answer,) = answers(deployed(Endpoint(said("x")), credential=credential, auth="entra_id"), [ask()])
    assert isinstance(answer, Failure)
    assert (answer.error, answer.transient) == ("entra_id", True)


def test_a_token_that_is_repeated_is_not_shown() -> None:
    endpoint = Endpoint(refused(401, f"Token {TOKEN} has expired"))
    with pytest.raises(ModelError) as caught:
        answers(deployed(endpoint, credential=Credential(), auth="entra_id"), [ask()])
    assert TOKEN[:20] not in str(caught.value)


def test_without_azure_identity_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(MissingExtraError, match=r"advisor\[azure\]"):
        deployed(Endpoint(said("x")), auth="entra_id")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="endpoint"):
        deployed(Endpoint(said("x")), endpoint=None)
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    model = deployed(Endpoint(said("x")))
    assert model.count_text_tokens("hello world") == 2
    with pytest.raises(ModelError, match="AZURE_OPENAI_API_KEY is not set"):
        answers(model, [ask()])
    other = deployed(Endpoint(said("x")), api_key_env="RES_KEY")
    with pytest.raises(ModelError, match="RES_KEY is not set"):
        answers(other, [ask()])


def test_a_deployment_that_is_not_there_is_named() -> None:
    endpoint = Endpoint(refused(404, "The API deployment does not exist.", code="DeploymentNotFound"))
    with pytest.raises(ModelError, match="deployment 'sorter'"):
        answers(deployed(endpoint), [ask()])
