"""Hosted models: what is sent, what is read, and that nothing is lost, paid twice or shown."""

from __future__ import annotations

import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from advisor.cases.model_spec import ModelSpec
from advisor.errors import ModelError
from advisor.models.base import ChatModel, open_model
from advisor.models.openai import CompatibleProvider, OpenAIProvider
from advisor.records import Completion, Failure, Message
from tests.models.hosted import KEY, LABELS, Endpoint, answers, ask, delta, events, refused, said

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)


def hosted(endpoint: Endpoint, *, answer_s: float = 5.0, tuned: str | None = None, **spec: Any) -> Any:
    wiring = endpoint.wiring(answer_s=answer_s)
    return OpenAIProvider(wiring).open(
        ModelSpec(**{"provider": "openai", "model": "gpt-4.1-mini", **spec}), adapter=tuned
    )


def compatible(endpoint: Endpoint, **spec: Any) -> Any:
    given = {"provider": "openai_compatible", "model": "qwen3", "base_url": "http://localhost:8000/v1"} | spec
    return CompatibleProvider(endpoint.wiring()).open(ModelSpec(**given))


# ── opening ──


def test_the_providers_are_found_by_name_and_keep_the_protocol() -> None:
    model = open_model(ModelSpec(provider="openai", model="gpt-4.1-mini"))
    assert isinstance(model, ChatModel)
    assert model.provider == "openai"
    assert model.version == "openai:gpt-4.1-mini"
    assert model.context_window == 1_047_576
    there = ModelSpec(provider="openai_compatible", model="qwen3", base_url="http://u:pw@box:8000/v1/")
    assert open_model(there).version == "openai_compatible:box:8000/v1:qwen3"
    assert open_model(there).context_window is None


def test_planning_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    model = hosted(Endpoint(said("x")))
    assert model.count_tokens([Message(role="user", content="hello world")]) == 9
    assert model.count_text_tokens("hello world") == 2
    assert model.batches([ask()] * 130) == [list(range(128)), [128, 129]]
    with pytest.raises(ModelError, match="OPENAI_API_KEY is not set") as caught:
        next(model.complete([ask()]))
    assert "export OPENAI_API_KEY" in str(caught.value)


def test_a_tuned_model_stands_in_for_its_base() -> None:
    endpoint = Endpoint(said("x"))
    model = hosted(endpoint, tuned="ft:gpt-4o-mini-2024-07-18:org:case:abc")
    answers(model, [ask()])
    assert endpoint.bodies[0]["model"] == "ft:gpt-4o-mini-2024-07-18:org:case:abc"
    assert model.context_window == 128_000
    assert "ft:gpt-4o-mini" in model.version


def test_the_address_is_the_cases_or_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://proxy.example/v1")
    endpoint = Endpoint(said("x"))
    model = hosted(endpoint)
    answers(model, [ask()])
    assert endpoint.requests[0].url == "https://proxy.example/v1/chat/completions"
    assert model.version == "openai:proxy.example/v1:gpt-4.1-mini"
    assert hosted(endpoint, base_url="https://other.example").version == "openai:other.example:gpt-4.1-mini"


@pytest.mark.parametrize("url", [None, "localhost:8000", "http://", "http://x:port/v1"])
def test_a_compatible_server_needs_an_address(url: str | None) -> None:
    with pytest.raises(ModelError, match=r"base_url|is not said"):
        CompatibleProvider().open(ModelSpec(provider="openai_compatible", model="m", base_url=url))


def test_a_compatible_server_is_told_nothing_of_the_openai_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-ours")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-ours")
    endpoint = Endpoint(said("x"))
    answers(compatible(endpoint), [ask()])
    headers = str(endpoint.requests[0].headers.multi_items())
    assert KEY not in headers
    assert "ours" not in headers


# ── what is sent and read ──


def test_what_is_sent_to_openai() -> None:
    endpoint = Endpoint(said('{"label": "refund"}'))
    shots = (
        Message(role="system", content="Sort."),
        Message(role="user", content="broken"),
        Message(role="assistant", content="refund"),
        Message(role="user", content="late"),
    )
    request = ask(labels=LABELS, max_tokens=20).model_copy(update={"messages": shots})
    (answer,) = answers(hosted(endpoint), [request])
    (body,) = endpoint.bodies
    assert body["model"] == "gpt-4.1-mini"
    assert body["max_completion_tokens"] == 20
    assert body["temperature"] == 0
    assert body["messages"][2] == {"role": "assistant", "content": '{"label": "refund"}'}
    assert body["response_format"]["json_schema"]["schema"]["properties"]["label"]["enum"] == list(LABELS)
    assert not {"seed", "max_tokens", "stream"} & body.keys()
    assert isinstance(answer, Completion)
    assert (answer.text, answer.enforced, answer.finish_reason) == ("refund", True, "stop")
    assert (answer.model_version, answer.fingerprint) == ("gpt-4.1-mini-2025-04-14", "fp_1")
    assert answer.latency_s is not None and answer.latency_s > 0


def test_a_compatible_server_is_asked_in_the_older_words() -> None:
    endpoint = Endpoint(said("x"))
    answers(compatible(endpoint), [ask(max_tokens=20)])
    assert endpoint.bodies[0]["max_tokens"] == 20
    assert "max_completion_tokens" not in endpoint.bodies[0]


@pytest.mark.parametrize("name", ["o3-mini", "gpt-5-mini", "gpt-6-luna", "ft:o4-mini-2025-04-16:o::x"])
def test_a_reasoning_model_gets_room_to_think_and_no_temperature(name: str) -> None:
    endpoint = Endpoint(said("x"))
    model = hosted(endpoint, model=name)
    answers(model, [ask(max_tokens=20)])
    assert "temperature" not in endpoint.bodies[0]
    assert endpoint.bodies[0]["max_completion_tokens"] > 1000
    assert any("vary" in note for note in model.notes)


def test_usage_is_read_in_all_its_parts() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 30,
        "total_tokens": 130,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    (answer,) = answers(hosted(Endpoint(said("x", usage=usage))), [ask()])
    assert isinstance(answer, Completion)
    assert answer.usage.model_dump() == {"input": 100, "cached_input": 64, "output": 30, "reasoning": 20}


@pytest.mark.parametrize("usage", [None, ...])
def test_usage_that_is_missing_is_unknown_not_zero(usage: Any) -> None:
    (answer,) = answers(hosted(Endpoint(said("x", usage=usage))), [ask()])
    assert isinstance(answer, Completion)
    assert set(answer.usage.model_dump().values()) == {None}
    (answer,) = answers(hosted(Endpoint(said("x"))), [ask()])
    assert isinstance(answer, Completion)
    assert (answer.usage.input, answer.usage.cached_input) == (11, None)


def test_a_change_of_the_model_behind_the_name_is_noticed() -> None:
    model = hosted(Endpoint(said("x"), said("x", system_fingerprint="fp_2"), said("x", model="m2")))
    answers(model, [ask(str(i)) for i in range(5)])
    assert model.seen_versions == {
        ("gpt-4.1-mini-2025-04-14", "fp_1"),
        ("gpt-4.1-mini-2025-04-14", "fp_2"),
        ("m2", "fp_1"),
    }


def test_a_refusal_is_an_answer() -> None:
    message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    (answer,) = answers(hosted(Endpoint(said(None, choice={"message": message}))), [ask(labels=LABELS)])
    assert isinstance(answer, Completion)
    assert (answer.text, answer.finish_reason) == ("I cannot help with that.", "refusal")


def test_an_answer_that_was_cut_off_was_still_enforced() -> None:
    model = hosted(Endpoint(said('{"n": 1', choice={"finish_reason": "length"})))
    (answer,) = answers(model, [ask(json_schema=SCHEMA)])
    assert isinstance(answer, Completion)
    assert (answer.text, answer.enforced, answer.finish_reason) == ('{"n": 1', True, "length")
    assert model.notes == []


def test_streaming_measures_the_first_token() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    endpoint = Endpoint(events(delta("hel"), delta("lo", "stop"), {"choices": [], "usage": usage}, "[DONE]"))
    (answer,) = answers(hosted(endpoint, stream=True), [ask()])
    assert endpoint.bodies[0]["stream_options"] == {"include_usage": True}
    assert isinstance(answer, Completion)
    assert (answer.text, answer.usage.input, answer.usage.output) == ("hello", 9, 2)
    assert answer.first_token_s is not None and answer.latency_s is not None
    assert 0 < answer.first_token_s <= answer.latency_s


# ── labels and schemas that an endpoint does not enforce ──


def no_formats(request: httpx2.Request) -> httpx2.Response:
    body = json.loads(request.content)
    if "response_format" in body:
        return refused(400, "'response_format' of type 'json_schema' is not supported with this model.")
    return said("I would say: **refund**.")


def test_an_endpoint_without_structured_outputs_is_asked_for_free_text() -> None:
    endpoint = Endpoint(handler=no_formats)
    model = hosted(endpoint, concurrency=1)
    got = answers(model, [ask(str(i), labels=LABELS) for i in range(4)])
    assert [(a.text, a.enforced) for a in got if isinstance(a, Completion)] == [("refund", False)] * 4
    assert sum("response_format" in b for b in endpoint.bodies) == 1, "it is remembered"
    assert len(model.notes) == 1
    assert "is not supported" in model.notes[0]


def test_a_schema_that_is_refused_does_not_end_the_enforcing_of_labels() -> None:
    def no_schemas(request: httpx2.Request) -> httpx2.Response:
        name = json.loads(request.content).get("response_format", {}).get("json_schema", {}).get("name")
        if name == "answer":
            return refused(400, "Invalid schema for response_format 'answer'.", param="response_format")
        return said('{"label": "refund"}' if name else 'Here it is:\n```json\n{"n": 2}\n```')

    got = answers(hosted(Endpoint(handler=no_schemas)), [ask(json_schema=SCHEMA), ask(labels=LABELS)])
    assert [(a.text, a.enforced) for a in got if isinstance(a, Completion)] == [
        ('{"n": 2}', False),
        ("refund", True),
    ]


def test_a_bad_request_that_is_not_the_forms_fault_leaves_the_form() -> None:
    def picky(request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        if body["messages"][-1]["content"] == "bad":
            return refused(400, "Invalid 'messages': the json_schema in it is wrong.")
        return said('{"label": "refund"}' if "response_format" in body else "?")

    model = hosted(Endpoint(handler=picky), concurrency=1)
    bad, good = answers(model, [ask("bad", labels=LABELS), ask("good", labels=LABELS)])
    assert isinstance(bad, Failure) and not bad.transient
    assert isinstance(good, Completion) and good.enforced


def test_a_server_that_ignores_the_schema_is_found_out() -> None:
    model = compatible(Endpoint(said("<think>delivery?</think>Label: Refund")))
    (answer,) = answers(model, [ask(labels=LABELS)])
    assert isinstance(answer, Completion)
    assert (answer.text, answer.enforced) == ("refund", False)
    assert len(model.notes) == 1


def test_a_schema_that_is_not_strict_binds_openai_to_nothing() -> None:
    loose = {"type": "object", "properties": {"n": {"type": "integer"}}}
    (at_openai,) = answers(hosted(Endpoint(said('{"n": 1}'))), [ask(json_schema=loose)])
    (at_vllm,) = answers(compatible(Endpoint(said('{"n": 1}'))), [ask(json_schema=loose)])
    assert isinstance(at_openai, Completion) and at_openai.enforced is False
    assert isinstance(at_vllm, Completion) and at_vllm.enforced is True


def test_structured_outputs_can_be_switched_off() -> None:
    endpoint = Endpoint(said("refund"))
    model = hosted(endpoint, structured_outputs="off")
    (answer,) = answers(model, [ask(labels=LABELS)])
    assert isinstance(answer, Completion)
    assert (answer.text, answer.enforced) == ("refund", False)
    assert "response_format" not in endpoint.bodies[0]
    assert model.version != hosted(endpoint).version


def test_parameters_that_an_endpoint_does_not_know_are_left_out() -> None:
    def old(request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        if "max_completion_tokens" in body:
            return refused(400, "Unrecognized request argument supplied: max_completion_tokens")
        if "temperature" in body:
            message = "Unsupported value: 'temperature' does not support 0 with this model."
            return refused(400, message, param="temperature", code="unsupported_value")
        return said("x")

    endpoint = Endpoint(handler=old)
    model = hosted(endpoint, model="my-deployment", concurrency=1)
    got = answers(model, [ask(str(i), max_tokens=7) for i in range(3)])
    assert all(isinstance(a, Completion) for a in got)
    assert len(endpoint.bodies) == 5
    assert endpoint.bodies[-1]["max_tokens"] == 7


# ── calls at once ──


def test_answers_come_as_soon_as_they_are_there_and_in_any_order() -> None:
    async def slow(request: httpx2.Request) -> httpx2.Response:
        import asyncio

        text = json.loads(request.content)["messages"][0]["content"]
        await asyncio.sleep(0.02 * (5 - int(text)))
        return said(text)

    model = hosted(Endpoint(handler=slow))
    order: list[int] = []
    for answered in model.complete([ask(str(i)) for i in range(5)]):
        for i, answer in answered:
            assert isinstance(answer, Completion) and answer.text == str(i)
            order.append(i)
    model.close()
    assert order == [4, 3, 2, 1, 0]


def test_so_many_calls_are_under_way_as_the_case_allows() -> None:
    import asyncio

    now = most = 0

    async def count(request: httpx2.Request) -> httpx2.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.005)
        now -= 1
        return said("x")

    answers(hosted(Endpoint(handler=count), concurrency=3), [ask(str(i)) for i in range(20)])
    assert most == 3


def test_latency_does_not_hold_the_time_of_the_asker() -> None:
    model = hosted(Endpoint(said("x")))
    for answered in model.complete([ask(str(i)) for i in range(3)]):
        time.sleep(0.2)
        assert all(a.latency_s < 0.15 for _, a in answered)
    model.close()


def test_closing_early_cancels_the_rest_and_the_model_can_be_asked_again() -> None:
    import asyncio

    cancelled: list[str] = []

    async def one_is_quick(request: httpx2.Request) -> httpx2.Response:
        text = json.loads(request.content)["messages"][0]["content"]
        try:
            await asyncio.sleep(0.01 if text == "0" else 30)
        except asyncio.CancelledError:
            cancelled.append(text)
            raise
        return said(text)

    endpoint = Endpoint(handler=one_is_quick)
    model = hosted(endpoint, concurrency=4)
    stream = model.complete([ask(str(i)) for i in range(8)])
    assert [i for i, _ in next(stream)] == [0]
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 2
    asked = len(endpoint.requests)
    assert len(cancelled) == asked - 1 < 8
    (answer,) = answers(model, [ask("0")])
    assert isinstance(answer, Completion)
    (answer,) = answers(model, [ask("0")])
    assert isinstance(answer, Completion), "also after close()"


def test_a_model_that_is_closed_while_it_answers_says_so() -> None:
    import asyncio

    async def never(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(30)
        return said("x")

    model = hosted(Endpoint(handler=never))
    closing = threading.Timer(0.05, model.close)
    closing.start()
    with pytest.raises(ModelError, match="closed"):
        next(model.complete([ask()]))
    closing.join()


def test_an_error_in_one_of_many_costs_no_other() -> None:
    def one_is_bad(request: httpx2.Request) -> httpx2.Response:
        text = json.loads(request.content)["messages"][0]["content"]
        if text == "3":
            return refused(400, "too long", code="context_length_exceeded")
        return said(text)

    got = answers(hosted(Endpoint(handler=one_is_bad)), [ask(str(i)) for i in range(8)])
    assert [i for i, a in enumerate(got) if isinstance(a, Failure)] == [3]
    failure = got[3]
    assert isinstance(failure, Failure)
    assert (failure.error, failure.transient) == ("context_length_exceeded", False)


def test_answers_under_way_are_handed_over_before_an_error_that_ends_all() -> None:
    import asyncio

    async def money_runs_out(request: httpx2.Request) -> httpx2.Response:
        text = json.loads(request.content)["messages"][0]["content"]
        if text == "1":
            return refused(429, "You exceeded your current quota.", code="insufficient_quota")
        await asyncio.sleep(0.05)
        return said(text)

    endpoint = Endpoint(handler=money_runs_out)
    model = hosted(endpoint, concurrency=4)
    got: list[int] = []
    with pytest.raises(ModelError, match="quota"):
        for answered in model.complete([ask(str(i)) for i in range(12)]):
            got += [i for i, a in answered if isinstance(a, Completion)]
    model.close()
    assert len(endpoint.requests) <= 5, "nothing further is asked"
    assert sorted(got) == [i for i in range(len(endpoint.requests)) if i != 1]


def test_it_works_in_any_thread_also_where_a_loop_runs() -> None:
    import asyncio

    model = hosted(Endpoint(said("x")))
    found: list[Any] = []

    async def inside_a_loop() -> None:
        found.extend(pair for answered in model.complete([ask()]) for pair in answered)

    thread = threading.Thread(target=lambda: found.extend(p for a in model.complete([ask()]) for p in a))
    thread.start()
    thread.join()
    asyncio.run(inside_a_loop())
    model.close()
    assert len(found) == 2


def test_nothing_is_logged_and_nothing_shows_the_key(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    model = hosted(Endpoint(refused(503, f"down for {KEY}"), said("x")))
    with caplog.at_level(logging.DEBUG):
        answers(model, [ask()])
    assert KEY not in caplog.text + repr(model) + str(vars(model))
    assert "".join(capfd.readouterr()) == ""


def test_over_a_real_socket() -> None:
    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            content = said(asked["messages"][0]["content"]).content
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        model = CompatibleProvider().open(ModelSpec(provider="openai_compatible", model="m", base_url=url))
        try:
            got = answers(model, [ask(str(i)) for i in range(20)])
        finally:
            server.shutdown()
            thread.join()
    assert [a.text for a in got if isinstance(a, Completion)] == [str(i) for i in range(20)]
