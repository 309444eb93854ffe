"""What a rehearsal shows: simulated answers that tuning improves, a true bill, a clear word on what is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI

import advisor.testing
from advisor.errors import AdvisorError, MissingExtraError
from advisor.testing import Brain, ContractServer, SimulatedBrain
from advisor.testing._billing import PromptCache, count, cut, prompt_tokens
from advisor.testing._fitting import fit
from tests.testing.conftest import LABELS, TOPICS, training_lines, user

INSTRUCTIONS = {
    "role": "system",
    "content": "Route the message.\n\nAnswer with exactly one of these labels:\n"
    + "\n".join(f"- {x}" for x in LABELS),
}


def questions() -> list[tuple[str, str]]:
    return [(f"Is there news on the {word}?", label) for label, words in TOPICS.items() for word in words]


def accuracy(answer: Callable[[str], str]) -> float:
    return sum(answer(asked) == label for asked, label in questions()) / len(questions())


def test_examples_help_and_tuning_helps_more_than_chance() -> None:
    brain = SimulatedBrain()
    shots = [
        message
        for line in training_lines(12)
        for message in line["messages"][1:]
    ]  # fmt: skip
    zero = accuracy(lambda q: brain.answer("gpt-4.1-mini", [INSTRUCTIONS, *user(q)], None, None))
    few = accuracy(lambda q: brain.answer("gpt-4.1-mini", [INSTRUCTIONS, *shots, *user(q)], None, None))
    tuned = accuracy(lambda q: brain.answer("ft:x", [INSTRUCTIONS, *user(q)], None, training_lines()))
    assert 0 < zero < 0.8
    assert few > zero
    assert tuned == 1.0


def test_an_untuned_model_answers_with_listed_labels_alone() -> None:
    brain = SimulatedBrain()
    answers = {brain.answer("gpt-4.1", [INSTRUCTIONS, *user(f"item {i}")], None, None) for i in range(30)}
    assert answers == set(LABELS)


def test_passages_are_read() -> None:
    prompt = (
        "Passages:\n[1] Returns\nGoods can be returned within 30 days. Shipping is free.\n\n"
        "Question: Within how many days can goods be returned?"
    )
    assert "30 days" in SimulatedBrain().answer("gpt-4.1", user(prompt), None, None)


def test_a_brain_of_ones_own_answers() -> None:
    class Parrot:
        def answer(
            self,
            model: str,
            messages: Sequence[Mapping[str, Any]],
            response_format: Mapping[str, Any] | None,
            tuned_on: Sequence[Mapping[str, Any]] | None,
        ) -> str:
            return f"{model} heard {messages[-1]['content']}"

    parrot = Parrot()
    assert isinstance(parrot, Brain)
    with (
        ContractServer(brain=parrot) as server,
        OpenAI(base_url=server.base_url, api_key=server.api_key) as client,
    ):
        answer = client.chat.completions.create(model="gpt-4o-mini", messages=user("you"))
        assert answer.choices[0].message.content == "gpt-4o-mini-2024-07-18 heard you"


ORDER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["item", "quantity", "express", "notes", "tags", "address"],
    "properties": {
        "item": {"type": "string"},
        "quantity": {"type": "integer", "minimum": 1},
        "express": {"type": "boolean"},
        "notes": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
        "address": {"$ref": "#/$defs/address"},
    },
    "$defs": {
        "address": {
            "type": "object",
            "additionalProperties": False,
            "required": ["city", "kind"],
            "properties": {"city": {"type": ["string", "null"]}, "kind": {"const": "home"}},
        }
    },
}

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(ORDER["properties"])), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(answer=JSON_VALUES.map(json.dumps) | st.text(max_size=10), question=st.text(max_size=20))
def test_whatever_is_said_is_made_to_fit(answer: str, question: str) -> None:
    jsonschema.validate(json.loads(fit(answer, ORDER, question)), ORDER)


def test_what_is_right_in_an_answer_is_kept() -> None:
    said = {"item": "lamp", "quantity": 0, "express": True}
    fitted = json.loads(fit(json.dumps(said), ORDER, "2 lamps to Ulm"))
    assert (fitted["item"], fitted["express"], fitted["quantity"]) == ("lamp", True, 2)
    label = {
        "type": "object",
        "properties": {"label": {"type": "string", "enum": LABELS}},
        "required": ["label"],
    }
    assert json.loads(fit("payment", label, "")) == {"label": "payment"}
    assert json.loads(fit("Payment.", label, "")) == {"label": "payment"}


def test_tokens_are_counted_as_the_published_recipe_says() -> None:
    assert count("hello world") == 2
    assert count("<|endoftext|>") > 1
    assert cut("one two three", 2) == "one two"
    named = [{"role": "user", "name": "Ann", "content": [{"type": "text", "text": "hello"}]}]
    assert len(prompt_tokens(named)) == 3 + 1 + 1 + 1 + 1 + 3


@pytest.mark.parametrize(
    ("shared", "cached"), [(1023, 0), (1024, 1024), (1151, 1024), (1152, 1152), (3000, 2944)]
)
def test_prefixes_are_cached_in_steps(shared: int, cached: int) -> None:
    cache = PromptCache()
    cache.remember("m", [*range(shared), 7, 7])
    assert cache.cached("m", [*range(shared), 8, 8]) == cached
    assert cache.cached("other", [*range(shared), 8, 8]) == 0


def test_the_bill_adds_up_what_answers_state(server: ContractServer, client: OpenAI) -> None:
    long = " ".join(f"word{i}" for i in range(700))
    usages = []
    for i in range(3):
        messages: Any = [{"role": "system", "content": long}, *user(f"Question {i}")]
        usages.append(client.chat.completions.create(model="gpt-4.1", messages=messages).usage)
    totals = server.billed.chat["gpt-4.1-2025-04-14"]
    assert totals.calls == 3
    assert totals.input == sum(u.prompt_tokens for u in usages if u)
    assert totals.output == sum(u.completion_tokens for u in usages if u)
    cached = [u.prompt_tokens_details.cached_tokens for u in usages if u and u.prompt_tokens_details]
    assert cached[0] == 0
    assert cached[1] == cached[2] > 1024
    assert totals.cached_input == sum(cached)


def test_two_servers_do_not_know_of_each_other() -> None:
    with ContractServer() as one, ContractServer() as two:
        assert one.base_url != two.base_url
        OpenAI(base_url=one.base_url, api_key=one.api_key).models.list()
        assert (len(one.requests), len(two.requests)) == (1, 0)


def test_a_server_that_does_not_run_has_no_address() -> None:
    with pytest.raises(AdvisorError, match="not running"):
        _ = ContractServer().base_url


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtraError) as caught:
        _ = advisor.testing.ContractServer
    assert "rehearsal" in str(caught.value)


def test_the_public_names_are_there() -> None:
    for name in advisor.testing.__all__:
        assert getattr(advisor.testing, name)
    with pytest.raises(AttributeError):
        _ = advisor.testing.Nonsense
