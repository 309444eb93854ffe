"""Hosted models against the rehearsal server: every request keeps to the published description of the API."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from advisor.cases.model_spec import ModelSpec
from advisor.errors import ModelError
from advisor.models._hosted_access import Wiring
from advisor.models._hosted_batch import HostedBatches
from advisor.models.azure_openai import AzureProvider
from advisor.models.openai import CompatibleProvider, OpenAIProvider
from advisor.records import Completion, Failure
from advisor.testing import ContractServer, Fault
from tests.models.hosted import LABELS, QUICK, answers, ask

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
REQUESTS = [ask(f"message number {i}", labels=LABELS) for i in range(12)]


@pytest.fixture(scope="module")
def running() -> Iterator[ContractServer]:
    with ContractServer(training_s=0.05) as server:
        yield server


@pytest.fixture
def server(running: ContractServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractServer]:
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"):
        monkeypatch.setenv(name, running.api_key)
    yield running
    running.clear_faults()
    running.structured_outputs = True
    assert running.violations == []


def hosted(server: ContractServer, *, answer_s: float = 10.0, **spec: Any) -> Any:
    given = {"provider": "openai", "model": "gpt-4.1-mini", "base_url": server.base_url} | spec
    return OpenAIProvider(Wiring(retries=QUICK, answer_s=answer_s)).open(ModelSpec(**given))


@pytest.mark.parametrize("stream", [False, True])
def test_labels_schemas_and_free_text(server: ContractServer, stream: bool) -> None:
    requests = [ask("late parcel", labels=LABELS), ask("n is 3", json_schema=SCHEMA), ask("Say hello.")]
    label, extracted, free = answers(hosted(server, stream=stream), requests)
    for answer in (label, extracted, free):
        assert isinstance(answer, Completion)
        assert answer.usage.input and answer.usage.output
        assert answer.fingerprint == server.fingerprint
        assert (answer.first_token_s is not None) is stream
    assert label.text in LABELS and label.enforced
    assert set(json.loads(extracted.text)) == {"n"} and extracted.enforced
    assert free.enforced is None


def test_counted_tokens_are_those_that_are_billed(server: ContractServer) -> None:
    model = hosted(server)
    request = ask("How many tokens does this message have?")
    (answer,) = answers(model, [request])
    assert isinstance(answer, Completion)
    assert answer.usage.input == model.count_tokens(request.messages)


def test_an_endpoint_without_structured_outputs(server: ContractServer) -> None:
    server.structured_outputs = False
    model = hosted(server)
    got = answers(model, REQUESTS)
    assert all(isinstance(a, Completion) and a.enforced is False for a in got)
    assert len(model.notes) == 1


def test_a_compatible_server_and_its_key(server: ContractServer, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {"provider": "openai_compatible", "model": "gpt-4.1-mini", "base_url": server.base_url}
    with pytest.raises(ModelError, match="api_key_env"):
        answers(CompatibleProvider().open(ModelSpec(**spec)), REQUESTS[:1])
    monkeypatch.setenv("MY_SERVER_KEY", server.api_key)
    got = answers(CompatibleProvider().open(ModelSpec(**spec, api_key_env="MY_SERVER_KEY")), REQUESTS)
    assert all(isinstance(a, Completion) and a.enforced for a in got)


def test_a_wrong_key_is_refused_and_not_shown(
    server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "sk-proj-wrong-0123456789abcdef-wxyz"
    monkeypatch.setenv("OPENAI_API_KEY", wrong)
    with pytest.raises(ModelError, match="OPENAI_API_KEY") as caught:
        answers(hosted(server), REQUESTS)
    assert wrong[:8] not in str(caught.value)
    assert wrong[-4:] not in str(caught.value)


@pytest.mark.parametrize("api_version", [None, "2024-10-21"])
@pytest.mark.parametrize("auth", ["key", "entra_id"])
def test_azure(server: ContractServer, auth: Any, api_version: str | None) -> None:
    class Credential:
        def get_token(self, *_: str, **__: Any) -> Any:
            from azure.core.credentials import AccessToken

            return AccessToken(server.azure_token, int(time.time()) + 3600)

    server.deploy("sorter", "gpt-4o-mini")
    spec = ModelSpec(
        provider="azure_openai",
        model="sorter",
        base_model="gpt-4o-mini",
        endpoint=server.azure_endpoint,
        auth=auth,
        api_version=api_version,
    )
    provider = AzureProvider(Wiring(retries=QUICK), credential=Credential())
    got = answers(provider.open(spec), REQUESTS)
    assert all(isinstance(a, Completion) and a.enforced for a in got)
    with pytest.raises(ModelError, match="deployment 'absent'"):
        answers(provider.open(spec, adapter="absent"), REQUESTS[:1])


@pytest.mark.parametrize("kind", ["disconnect", "500", "503", "malformed", "timeout"])
def test_faults_that_pass(server: ContractServer, kind: Any) -> None:
    server.inject(Fault("chat", kind, every=5))
    got = answers(hosted(server, answer_s=1.0), REQUESTS)
    assert all(isinstance(a, Completion) for a in got), got


def test_a_stream_that_is_cut(server: ContractServer) -> None:
    server.inject(Fault("chat", "cut_stream", every=5))
    got = answers(hosted(server, stream=True), REQUESTS)
    assert all(isinstance(a, Completion) and a.text in LABELS for a in got)


def test_the_rate_limit_passes(server: ContractServer) -> None:
    server.inject(Fault("chat", "429", nth=2))
    model = OpenAIProvider(Wiring()).open(
        ModelSpec(provider="openai", model="gpt-4.1-mini", base_url=server.base_url)
    )
    assert all(isinstance(a, Completion) for a in answers(model, REQUESTS))


def test_too_long_a_wait(server: ContractServer) -> None:
    server.inject(Fault("chat", "429_long", every=1))
    got = answers(hosted(server), REQUESTS)
    assert all(isinstance(a, Failure) and a.transient and "300 s" in a.message for a in got)


def test_no_money(server: ContractServer) -> None:
    server.inject(Fault("chat", "insufficient_quota", every=1))
    before = len(server.requests)
    with pytest.raises(ModelError, match="quota"):
        answers(hosted(server, concurrency=1), REQUESTS)
    assert len(server.requests) - before == 1


@pytest.mark.parametrize(
    ("kind", "error"), [("content_filter", "content_filter"), ("context_length", "context_length_exceeded")]
)
def test_what_one_item_brings_upon_itself(server: ContractServer, kind: Any, error: str) -> None:
    server.inject(Fault("chat", kind, nth=3))
    got = answers(hosted(server), REQUESTS)
    failures = [a for a in got if isinstance(a, Failure)]
    assert [(f.error, f.transient) for f in failures] == [(error, False)]


def test_no_usage(server: ContractServer) -> None:
    server.inject(Fault("chat", "no_usage", every=1))
    for stream in (False, True):
        for answer in answers(hosted(server, stream=stream), REQUESTS[:2]):
            assert isinstance(answer, Completion)
            assert answer.usage.input is None and answer.usage.output is None


def test_a_model_that_changes_meanwhile(server: ContractServer) -> None:
    model, usual = hosted(server), server.fingerprint
    list(model.complete(REQUESTS[:1]))
    server.fingerprint = "fp_other"
    list(model.complete(REQUESTS[:1]))
    server.fingerprint = usual
    model.close()
    assert len(model.seen_versions) == 2


# ── batches ──


def batch_of(server: ContractServer, **spec: Any) -> tuple[Any, HostedBatches]:
    model = hosted(server, **spec)
    return model, HostedBatches(model)


def ended(batches: HostedBatches, batch_id: str) -> None:
    deadline = time.monotonic() + 10
    while not batches.poll(batch_id).ended:
        assert time.monotonic() < deadline
        time.sleep(0.02)


NAMED = [(f"r{i}", r) for i, r in enumerate(REQUESTS)]


def test_a_batch_from_end_to_end(server: ContractServer) -> None:
    model, batches = batch_of(server)
    batch_id = batches.submit(NAMED, {"advisor": "end-to-end"})
    ended(batches, batch_id)
    got = dict(batches.collect(batch_id, NAMED))
    assert got.keys() == dict(NAMED).keys()
    for answer in got.values():
        assert isinstance(answer, Completion), answer
        assert answer.batched and answer.latency_s is None and answer.enforced
        assert answer.text in LABELS
        assert answer.usage.input
    assert model.seen_versions
    model.close()


def test_a_batch_is_found_again_and_not_paid_twice(server: ContractServer) -> None:
    model, batches = batch_of(server)
    before = len(server.batches)
    first = batches.submit(NAMED, {"advisor": "again"})
    assert batches.find({"advisor": "again"}) == first
    assert batches.find({"advisor": "never"}) is None
    assert batches.submit(NAMED, {"advisor": "again"}) == first
    assert len(server.batches) == before + 1
    model.close()


@pytest.mark.parametrize("kind", ["disconnect", "500", "malformed", "timeout"])
def test_a_batch_whose_creation_got_lost_on_the_way_back_is_found(server: ContractServer, kind: Any) -> None:
    model, batches = batch_of(server, answer_s=1.0)
    before = len(server.batches)
    server.inject(Fault("batches.create", kind, after=True))
    batch_id = batches.submit(NAMED, {"advisor": f"lost-{kind}"})
    assert len(server.batches) == before + 1
    assert server.batches[-1].id == batch_id
    model.close()


def test_lines_that_failed_are_failures_of_their_items(server: ContractServer) -> None:
    model, batches = batch_of(server)
    server.inject(Fault("batches.line", "context_length", nth=2), Fault("batches.line", "500", nth=3))
    batch_id = batches.submit(NAMED, {"advisor": "lines"})
    ended(batches, batch_id)
    got = dict(batches.collect(batch_id, [*NAMED, ("unknown", REQUESTS[0])]))
    failures = {name: (a.error, a.transient) for name, a in got.items() if isinstance(a, Failure)}
    assert failures["r1"] == ("context_length_exceeded", False)
    assert failures["r2"][1] is True
    assert failures["unknown"] == ("batch_completed", True)
    assert len(failures) == 3
    model.close()


def test_a_batch_that_was_cancelled_leaves_its_items_open(server: ContractServer) -> None:
    with ContractServer(training_s=60, api_key=server.api_key) as slow:  # it surely runs when it is cancelled
        model, batches = batch_of(slow)
        batch_id = batches.submit(NAMED, {"advisor": "cancelled"})
        with pytest.raises(ModelError, match="has not ended"):
            list(batches.collect(batch_id, NAMED))
        batches.cancel(batch_id)
        ended(batches, batch_id)
        got = dict(batches.collect(batch_id, NAMED))
        assert got.keys() == dict(NAMED).keys()
        assert all(a.transient for a in got.values() if isinstance(a, Failure))
        model.close()
