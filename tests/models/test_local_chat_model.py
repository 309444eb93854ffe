"""What a model in this process promises: the answers of the naive way, for less computation."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import JsonValue

torch = pytest.importorskip("torch")
pytest.importorskip("xgrammar")

from peft import LoraConfig, get_peft_model  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from advisor.cases.model_spec import ModelSpec  # noqa: E402
from advisor.errors import ModelError, WeightsError  # noqa: E402
from advisor.models._hardware import Hardware  # noqa: E402
from advisor.models._weights import write_adapter_manifest  # noqa: E402
from advisor.models.base import ChatModel  # noqa: E402
from advisor.models.huggingface import HuggingFaceProvider, LocalChatModel  # noqa: E402
from advisor.records import ChatRequest, Completion, Failure, Message  # noqa: E402
from tests.tiny_model import save_tiny_model  # noqa: E402

LABELS = ("refund", "return", "order_status", "re")
QUESTIONS = [
    "Where is my parcel now?",
    "money back",
    "I want to send it back, please, all of it!",
    "\n why?",
    "é",
]


@pytest.fixture(autouse=True)
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("advisor.models._hardware.detect", lambda: Hardware("cpu", torch.float32, 1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def model(folder: Path) -> LocalChatModel:
    return open_folder(folder)


def open_folder(folder: Path, adapter: Path | None = None) -> LocalChatModel:
    spec = ModelSpec(provider="huggingface", model=str(folder))
    return HuggingFaceProvider().open(spec, adapter=None if adapter is None else str(adapter))


def ask(question: str, *, system: str = "Answer with one label.", **form: object) -> ChatRequest:
    messages = (
        Message(role="system", content=system),
        Message(role="user", content="parcel?"),
        Message(role="assistant", content="order_status"),
        Message(role="user", content=question),
    )
    return ChatRequest.model_validate({"messages": messages, **form})


def answers(model: LocalChatModel, requests: list[ChatRequest]) -> list[Completion | Failure]:
    found = {i: answer for batch in model.complete(requests) for i, answer in batch}
    return [found[i] for i in range(len(requests))]


def completions(model: LocalChatModel, requests: list[ChatRequest]) -> list[Completion]:
    found = answers(model, requests)
    assert all(isinstance(a, Completion) for a in found), found
    return [a for a in found if isinstance(a, Completion)]


def naive(folder: Path) -> tuple[object, object]:
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32
    ).eval(), AutoTokenizer.from_pretrained(folder)


def render(tokenizer: object, request: ChatRequest) -> str:
    turns = [m.model_dump() for m in request.messages]
    return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)  # type: ignore[attr-defined]


def test_it_is_a_chat_model(model: LocalChatModel) -> None:
    assert isinstance(model, ChatModel)


def test_label_scores_equal_brute_force(model: LocalChatModel, folder: Path) -> None:
    plain, tokenizer = naive(folder)
    requests = [ask(q, labels=LABELS) for q in QUESTIONS]
    for request, completion in zip(requests, completions(model, requests), strict=True):
        totals = []
        for label in LABELS:
            prompt = tokenizer(render(tokenizer, request))["input_ids"]
            answer = tokenizer(label + "<|im_end|>")["input_ids"]
            with torch.no_grad():
                logits = plain(torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
            totals.append(sum(logits[len(prompt) + i - 1, t].item() for i, t in enumerate(answer)))
        expected = torch.tensor(totals).log_softmax(-1).tolist()
        assert completion.label_scores is not None
        assert list(completion.label_scores.values()) == pytest.approx(expected, abs=1e-4)
        assert completion.text == LABELS[max(range(len(LABELS)), key=expected.__getitem__)]


def test_free_text_equals_greedy_generation_one_by_one(model: LocalChatModel, folder: Path) -> None:
    plain, tokenizer = naive(folder)
    requests = [ask(q, max_tokens=12) for q in QUESTIONS]
    for request, completion in zip(requests, completions(model, requests), strict=True):
        ids = tokenizer(render(tokenizer, request), return_tensors="pt")["input_ids"]
        out = plain.generate(ids, max_new_tokens=12, do_sample=False)[0, ids.shape[1] :]
        assert completion.text == tokenizer.decode(out, skip_special_tokens=True).strip()


def test_an_answer_does_not_depend_on_what_ran_before(model: LocalChatModel, folder: Path) -> None:
    requests = [ask(q, labels=LABELS) for q in QUESTIONS]
    completions(
        model, [ask("something else", labels=LABELS), ask("and else", system="Other.", labels=LABELS)]
    )
    after = completions(model, requests)
    fresh = completions(open_folder(folder), requests)
    for a, b in zip(after, fresh, strict=True):
        assert a.label_scores == b.label_scores
        assert a.usage == b.usage


def test_usage_counts_full_prompts_and_the_reused_part(model: LocalChatModel) -> None:
    requests = [ask(q, labels=LABELS) for q in QUESTIONS]
    (batch,) = model.batches(requests)
    usages = [c.usage for c in completions(model, requests)]
    assert [u.input for u in usages] == [model.count_tokens(r.messages) for r in requests]
    assert usages[batch[0]].cached_input == 0
    shared = {usages[i].cached_input for i in batch[1:]}
    assert len(shared) == 1
    leading = model.count_text_tokens("Answer with one label.") + model.count_text_tokens("order_status")
    assert leading < shared.pop() < min(u.input for u in usages if u.input is not None)


def test_latency_is_the_batch_and_compute_its_share(model: LocalChatModel) -> None:
    for c in completions(model, [ask(q, labels=LABELS) for q in QUESTIONS]):
        assert c.latency_s is not None
        assert c.compute_s == pytest.approx(c.latency_s / len(QUESTIONS))


SCHEMAS: list[dict[str, JsonValue]] = [
    {"type": "object", "properties": {"n": {"type": "integer", "maximum": 99}}, "required": ["n"]},
    {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b c"]},
            "parts": {"type": "array", "maxItems": 2, "items": {"type": "boolean"}},
            "note": {"type": ["string", "null"], "maxLength": 4},
        },
        "required": ["kind", "parts", "note"],
    },
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_json_always_fits_its_schema(model: LocalChatModel, schema: dict[str, JsonValue]) -> None:
    for c in completions(model, [ask(q, json_schema=schema, max_tokens=80) for q in QUESTIONS]):
        assert c.finish_reason == "stop"
        value = json.loads(c.text)
        jsonschema.validate(value, {**schema, "additionalProperties": False})


def test_every_expected_output_can_be_written(model: LocalChatModel) -> None:
    """The grammar lets through what `render_output` writes, else a tuned model cannot say what it learnt."""
    from advisor.models._decoding import GrammarCompiler

    schema: JsonValue = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "size": {"type": ["number", "null"]},
            "items": {"type": "array", "items": {"type": "object", "properties": {"q": {"type": "integer"}}}},
        },
    }
    assert isinstance(schema, dict)
    compiler = GrammarCompiler(model.chat.tokenizer, len(model.chat.tokenizer), model.chat.end_of_turn)
    for value in (
        {"name": 'Jürgen "J" O\\Neil – 100 % ☕', "size": 1.5, "items": [{"q": 1}, {"q": -20}]},
        {"name": "", "size": None, "items": []},
    ):
        matcher = compiler.matcher(schema)
        for token in model.chat.answer(json.dumps(value, ensure_ascii=False)):
            assert matcher.accept_token(token), (value, model.chat.decode([token]))
        assert matcher.is_terminated()


def test_an_answer_that_is_cut_says_so(model: LocalChatModel) -> None:
    schema: dict[str, JsonValue] = {
        "type": "object",
        "properties": {"s": {"type": "string", "minLength": 50}},
    }
    (c,) = completions(model, [ask("x", json_schema={**schema, "required": ["s"]}, max_tokens=8)])
    assert c.finish_reason == "length"
    assert c.usage.output == 8


@pytest.mark.parametrize("form", [{"labels": LABELS}, {}, {"json_schema": SCHEMAS[0]}])
def test_a_prompt_over_the_context_window_is_a_failure_beside_the_answers(
    tmp_path: Path, form: dict[str, object]
) -> None:
    model = open_folder(save_tiny_model(tmp_path, context_window=200))
    short, long = answers(
        model, [ask("short", **form, max_tokens=8), ask("long " * 200, **form, max_tokens=8)]
    )
    assert isinstance(short, Completion)
    assert isinstance(long, Failure)
    assert long.error == "context_window"
    assert "200" in long.message
    assert str(model.count_tokens(ask("long " * 200).messages)) in long.message


def test_a_temperature_is_refused_and_not_ignored(model: LocalChatModel) -> None:
    (failure,) = answers(model, [ask("x", temperature=0.7)])
    assert isinstance(failure, Failure)
    assert failure.error == "unsupported"


def test_batches_hold_every_request_once_by_form_and_shared_messages(model: LocalChatModel) -> None:
    requests = [
        ask(q * k, system=s, labels=LABELS) for q in QUESTIONS for k in range(1, 9) for s in ("A", "B")
    ]
    requests += [ask("alone", system="C", labels=LABELS), ask("free"), ask("json", json_schema=SCHEMAS[0])]
    batches = model.batches(requests)
    assert sorted(i for b in batches for i in b) == list(range(len(requests)))
    for batch in batches:
        assert len(batch) <= 16
        assert len({requests[i].messages[:-1] for i in batch}) == 1
        assert len({(requests[i].labels, str(requests[i].json_schema)) for i in batch}) == 1
        again = model.batches([requests[i] for i in batch])
        assert again == [list(range(len(batch)))]


def test_requests_with_examples_of_their_own_still_share_the_instructions(model: LocalChatModel) -> None:
    requests = [
        ChatRequest(
            messages=(
                Message(role="system", content="Answer with one label."),
                Message(role="user", content=f"example {i}"),
                Message(role="assistant", content="refund"),
                Message(role="user", content="question"),
            ),
            labels=LABELS,
        )
        for i in range(4)
    ]
    (batch,) = model.batches(requests)
    usages = [c.usage for c in completions(model, requests)]
    instructions = model.count_text_tokens("Answer with one label.")
    assert all((usages[i].cached_input or 0) > instructions for i in batch[1:])


def test_the_version_follows_the_weights(tmp_path: Path, folder: Path) -> None:
    same = save_tiny_model(tmp_path / "same" / folder.name)
    other = save_tiny_model(tmp_path / "other" / folder.name, seed=1)
    assert open_folder(same).version == open_folder(folder).version
    assert open_folder(other).version != open_folder(folder).version


def save_adapter(folder: Path, adapter: Path) -> None:
    torch.manual_seed(0)
    config = LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    get_peft_model(naive(folder)[0], config).save_pretrained(adapter)


def test_an_adapter_changes_answers_and_version(folder: Path, tmp_path: Path) -> None:
    save_adapter(folder, tmp_path)
    tuned, base = open_folder(folder, tmp_path), open_folder(folder)
    request = [ask("x", labels=LABELS)]
    assert tuned.version.startswith(base.version + "+")
    assert completions(tuned, request)[0].label_scores != completions(base, request)[0].label_scores


def test_an_adapter_that_is_not_the_tuned_one_is_refused(folder: Path, tmp_path: Path) -> None:
    save_adapter(folder, tmp_path)
    version = open_folder(folder).version
    write_adapter_manifest(tmp_path, base_version=version, model_version=version + "+tuned")
    assert open_folder(folder, tmp_path).version == version + "+tuned"
    weights = tmp_path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(WeightsError, match="SHA-256"):
        open_folder(folder, tmp_path)


def test_an_adapter_of_another_base_is_refused(folder: Path, tmp_path: Path) -> None:
    save_adapter(folder, tmp_path)
    write_adapter_manifest(tmp_path, base_version="another@1", model_version="another@1+tuned")
    with pytest.raises(WeightsError, match="another@1"):
        open_folder(folder, tmp_path)


def test_a_folder_without_a_model_or_an_adapter_says_what_is_needed(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="safetensors"):
        open_folder(tmp_path)
    with pytest.raises(WeightsError, match="adapter_config"):
        open_folder(folder, tmp_path)


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="chat template"):
        open_folder(save_tiny_model(tmp_path, template=None))
