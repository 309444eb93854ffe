"""A bad training file is told by every fault it has, before the provider refuses it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import TuningError
from advisor.records import Message
from advisor.tuning.base import Finding, TrainingExample
from advisor.tuning.training_checks import CheckReport, Distribution, HostedSystem, check_training_file
from advisor.tuning.training_file import TrainingFile, TrainingLine, parse_training_file

SYSTEM = {"role": "system", "content": "Name the intent."}
USER = {"role": "user", "content": "Where is it?"}
ANSWER = {"role": "assistant", "content": "late"}
CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "on its way"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(
    ["role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call", "refusal", "id", "x"]
)
roles = st.sampled_from(["system", "user", "assistant", "tool", "function", "developer", "bot"])
likely_messages = st.dictionaries(keys, json_values | roles | st.just([CALL]), max_size=6) | json_values
likely_lines = st.fixed_dictionaries({"messages": st.lists(likely_messages, max_size=5) | json_values})


def conversation(*messages: object, **others: object) -> dict[str, object]:
    return {"messages": list(messages), **others}


def good(i: int) -> dict[str, object]:
    return conversation(SYSTEM, {"role": "user", "content": f"question {i}"}, ANSWER)


def file_of(*values: object) -> TrainingFile:
    return TrainingFile(tuple(TrainingLine(i, value) for i, value in enumerate(values, start=1)))


def check(source: Any, *, system: HostedSystem = "openai", **options: Any) -> CheckReport:
    return check_training_file(source, model="m", system=system, count=lambda t: len(t.split()), **options)


def codes(report: CheckReport) -> set[str]:
    return {f.code for f in report.findings}


def finding(report: CheckReport, code: str) -> Finding:
    (found,) = [f for f in report.findings if f.code == code]
    return found


def among_good(*values: object) -> CheckReport:
    """A report on a file that has enough good lines, with these as the first."""
    return check(file_of(*values, *(good(i) for i in range(50))))


# The names are those of the OpenAI cookbook, "Data preparation and analysis for chat model fine-tuning".
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([1, 2], "data_type"),
        ("text", "data_type"),
        (conversation(SYSTEM, USER, "hello", ANSWER), "data_type"),
        ({}, "missing_messages_list"),
        ({"messages": []}, "missing_messages_list"),
        ({"messages": "hello"}, "missing_messages_list"),
        ({"messages": None}, "missing_messages_list"),
        (conversation(SYSTEM, USER, ANSWER, {"content": "x"}, ANSWER), "message_missing_key"),
        (conversation(SYSTEM, {"role": "user"}, ANSWER), "message_missing_key"),
        (conversation(SYSTEM, USER, {**ANSWER, "mood": "calm"}), "message_unrecognized_key"),
        (conversation(SYSTEM, USER, {"role": "bot", "content": "x"}, ANSWER), "unrecognized_role"),
        (conversation(SYSTEM, USER, {"role": ["user"], "content": "x"}, ANSWER), "unrecognized_role"),
        (conversation(SYSTEM, USER, {"role": "assistant", "content": ""}), "missing_content"),
        (conversation(SYSTEM, USER, {"role": "assistant", "content": None}), "missing_content"),
        (conversation(SYSTEM, {"role": "user", "content": 7}, ANSWER), "missing_content"),
        (conversation(SYSTEM, {"role": "user", "content": []}, ANSWER), "missing_content"),
        (conversation(SYSTEM, {"role": "user", "content": ["x"]}, ANSWER), "missing_content"),
        (
            conversation(SYSTEM, {"role": "user", "content": None, "tool_calls": [CALL]}, ANSWER),
            "missing_content",
        ),
        (conversation(SYSTEM, USER), "example_missing_assistant_message"),
        (conversation(SYSTEM, USER, {**ANSWER, "weight": 2}), "invalid_weight"),
        (conversation(SYSTEM, USER, {**ANSWER, "weight": "1"}), "invalid_weight"),
        (conversation(SYSTEM, USER, {**ANSWER, "weight": True}), "invalid_weight"),
        (conversation(SYSTEM, USER, {**ANSWER, "weight": 0.5}), "invalid_weight"),
        (conversation(SYSTEM, {**USER, "weight": 1}, ANSWER), "invalid_weight"),
        (
            conversation(SYSTEM, USER, CALLING, RESULT, {"role": "tool", "content": "x"}, ANSWER),
            "missing_tool_call_id",
        ),
        (
            conversation(SYSTEM, USER, CALLING, RESULT, {**RESULT, "tool_call_id": "c2"}, ANSWER),
            "unknown_tool_call_id",
        ),
        (conversation(SYSTEM, USER, CALLING, USER, ANSWER), "unanswered_tool_call"),
    ],
)
def test_each_format_error_is_told_by_its_name_and_line(value: object, code: str) -> None:
    report = among_good(good(99), value)
    assert [f.code for f in report.findings if f.severity == "error"] == [code]
    assert finding(report, code).lines == (2,)
    assert not report.ok


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (conversation(USER, ANSWER), "no_system_message"),
        (conversation(SYSTEM, ANSWER), "no_user_message"),
        (conversation(SYSTEM, USER, ANSWER, USER), "example_ends_without_assistant"),
        (conversation(SYSTEM, USER, {**ANSWER, "weight": 0}), "nothing_to_learn"),
        (conversation(SYSTEM, USER, ANSWER, temperature=0), "unrecognized_top_level_key"),
        (good(3), "duplicate_example"),
    ],
)
def test_what_is_of_little_use_is_a_warning(value: object, code: str) -> None:
    report = among_good(good(99), value)
    assert codes(report) == {code}
    assert finding(report, code).severity == "warning"
    assert report.ok


@pytest.mark.parametrize(
    "value",
    [
        conversation(SYSTEM, USER, ANSWER, {"role": "user", "content": "And now?"}, ANSWER),
        conversation({**SYSTEM, "role": "developer"}, USER, ANSWER),
        conversation(SYSTEM, {**USER, "name": "ada"}, ANSWER),
        # the published notebook's counter breaks on an integer weight
        conversation(SYSTEM, USER, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}),
        conversation(SYSTEM, USER, CALLING, RESULT, ANSWER, tools=[{}], parallel_tool_calls=False),
        conversation(SYSTEM, USER, CALLING, tools=[{}]),
        conversation(SYSTEM, USER, {"role": "assistant", "tool_calls": [CALL]}),
        conversation(SYSTEM, USER, {**CALLING, "content": ""}),
        conversation(
            SYSTEM,
            USER,
            {"role": "assistant", "content": None, "function_call": {"name": "find", "arguments": "{}"}},
            {"role": "function", "name": "find", "content": "there"},
            ANSWER,
            functions=[{}],
        ),
        conversation(SYSTEM, USER, {"role": "assistant", "content": None, "refusal": "I cannot."}),
        conversation(
            SYSTEM,
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
                ],
            },
            ANSWER,
        ),
        conversation(SYSTEM, USER, {"role": "assistant", "content": [{"type": "text", "text": "late"}]}),
    ],
)
def test_what_the_chat_format_allows_is_no_finding(value: object) -> None:
    assert codes(among_good(value)) == set()


def test_images_are_for_users_only() -> None:
    image = [{"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}]
    report = among_good(conversation(SYSTEM, USER, {"role": "assistant", "content": image}))
    assert codes(report) == {"missing_content"}


def test_parallel_calls_may_be_answered_in_any_order_but_all_of_them() -> None:
    both = {**CALLING, "tool_calls": [CALL, {**CALL, "id": "c2"}]}
    second = {**RESULT, "tool_call_id": "c2"}
    assert codes(among_good(conversation(SYSTEM, USER, both, second, RESULT, ANSWER))) == set()
    report = among_good(conversation(SYSTEM, USER, both, RESULT, ANSWER))
    assert "`c2`" in finding(report, "unanswered_tool_call").text


def test_a_call_of_another_example_does_not_count() -> None:
    answered = conversation(SYSTEM, USER, CALLING, RESULT, ANSWER)
    report = among_good(answered, conversation(SYSTEM, USER, RESULT, ANSWER))
    assert finding(report, "unknown_tool_call_id").lines == (2,)


@pytest.mark.parametrize(
    ("n", "code", "ok"),
    [
        (0, "too_few_examples", False),
        (9, "too_few_examples", False),
        (10, "few_examples", True),
        (49, "few_examples", True),
        (50, None, True),
    ],
)
def test_ten_examples_are_needed_and_fifty_are_useful(n: int, code: str | None, ok: bool) -> None:
    report = check(file_of(*map(good, range(n))))
    assert codes(report) == ({code} if code else set())
    assert report.ok is ok
    assert report.n_examples == n
    if code:
        assert "gains are usual from 50–100 on" in finding(report, code).text


def test_the_provider_that_refuses_is_named() -> None:
    assert finding(check([], system="azure_openai"), "too_few_examples").text.startswith(
        "Azure OpenAI refuses"
    )


def test_a_text_says_what_is_wrong_where_and_what_to_do() -> None:
    wrong = conversation(SYSTEM, USER, {**ANSWER, "mood": "calm", "\u202etxt": 1})
    assert finding(among_good(wrong), "message_unrecognized_key").text == (
        "A message has a key that is not known (`mood`, `\\u202etxt`): line 1. Remove it; known are role, content, "
        "name, function_call, weight, tool_calls, tool_call_id, refusal."
    )


def test_a_text_lists_ten_lines_at_most_and_the_finding_has_all() -> None:
    found = finding(
        check(file_of(*(conversation(USER, ANSWER, n=i) for i in range(60)))), "no_system_message"
    )
    assert found.lines == tuple(range(1, 61))
    assert "lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 50 more." in found.text
    two = finding(among_good(conversation(USER, ANSWER), conversation(USER, CALLING)), "no_system_message")
    assert "lines 1 and 2." in two.text


def test_a_file_of_the_users_own_is_checked_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    lines = [json.dumps(good(i)) for i in range(50)]
    path.write_text(
        "\ufeff" + "\n".join([lines[0], "", '{"messages": [', *lines[1:], " "]) + "\n", encoding="utf-8"
    )
    report = check(path)
    assert finding(report, "invalid_json").lines == (3,)
    assert "column 15" in finding(report, "invalid_json").text
    assert finding(report, "blank_line").lines == (2, 53)
    assert "byte_order_mark" in codes(report)
    assert report.n_examples == 51
    assert "byte_order_mark" not in codes(check(path, system="azure_openai"))
    with pytest.raises(TuningError):
        check(tmp_path / "none.jsonl")


def test_errors_come_before_warnings() -> None:
    severities = [f.severity for f in check(file_of(conversation(USER), conversation(USER))).findings]
    assert severities == sorted(severities)
    assert {"error", "warning"} == set(severities)


def test_examples_over_the_limit_are_counted_and_still_measured_whole() -> None:
    long = conversation(SYSTEM, USER, {"role": "assistant", "content": "word " * 500})
    report = check(file_of(long, *map(good, range(50))), token_limit=100)
    assert report.n_over_limit == 1
    assert report.token_limit == 100
    found = finding(report, "over_token_limit")
    assert (found.severity, found.lines) == ("warning", (1,))
    assert "100 tokens" in found.text
    assert report.assistant_tokens is not None and report.assistant_tokens.max == 500
    assert report.total_tokens is not None and report.total_tokens.max > 500


def test_what_the_advisor_writes_passes_its_own_check() -> None:
    examples: list[TrainingExample] = [
        (
            (Message(role="system", content="Name it."), Message(role="user", content=f"{i}?")),
            '{"label": "late"}',
        )
        for i in range(50)
    ]
    report = check_training_file(examples, model="gpt-4.1-mini", system="openai")
    assert report.findings == ()
    assert report.n_messages is not None and report.n_messages.mean == 3


# OpenAI cookbook, same notebook, the distributions that it prints for its five examples. What it calls
# "p5 / p95" are the quantiles at 0.1 and 0.9, so they are p10 and p90 here.
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((3, 9, 2, 2, 3), (2, 9, 3.8, 3.0, 2.0, 6.6)),
        ((45, 111, 26, 28, 8032), (26, 8032, 1648.4, 45.0, 26.8, 4863.6)),
        ((10, 28, 9, 4, 8000), (4, 8000, 1610.2, 10.0, 6.0, 4811.2)),
    ],
)
def test_distributions_are_the_published_ones(values: tuple[int, ...], expected: tuple[float, ...]) -> None:
    found = Distribution.of(values)
    assert found is not None
    assert (found.min, found.max, found.mean, found.median, found.p10, found.p90) == pytest.approx(expected)


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=40))
def test_quantiles_are_those_of_numpy(values: list[int]) -> None:
    found = Distribution.of(values)
    assert found is not None
    assert [found.p10, found.median, found.p90] == pytest.approx(list(np.quantile(values, [0.1, 0.5, 0.9])))


def test_of_nothing_there_is_no_distribution() -> None:
    report = check(file_of(1, 2, 3))
    assert report.n_messages is None and report.total_tokens is None and report.assistant_tokens is None


@given(st.lists(json_values | likely_lines, max_size=6))
def test_no_value_is_too_odd_to_be_checked(values: list[object]) -> None:
    report = check(file_of(*values))
    assert report.n_examples == len(values)
    assert CheckReport.model_validate_json(report.model_dump_json()) == report


@given(st.lists(json_values | likely_lines, min_size=1, max_size=4), st.lists(likely_lines, max_size=4))
def test_no_line_hides_a_fault_of_another(first: list[object], second: list[object]) -> None:
    of_its_own = {"few_examples", "too_few_examples", "duplicate_example"}

    def faults(*values: object) -> set[tuple[str, int]]:
        found = check(file_of(*values)).findings
        return {(f.code, line) for f in found if f.code not in of_its_own for line in f.lines}

    alone = {(code, line + len(first)) for code, line in faults(*second)}
    assert faults(*first, *second) == faults(*first) | alone


def test_text_that_is_no_unicode_can_be_checked() -> None:
    odd = rb'{"messages": [{"role": "\ud800", "\udfff": 1, "content": "\ud83d"}], "\ud800": 2}'
    report = check_training_file(parse_training_file(odd), model="gpt-4.1-mini", system="openai")
    assert {"unrecognized_role", "message_unrecognized_key", "unrecognized_top_level_key"} < codes(report)
    assert report.model_dump_json()
