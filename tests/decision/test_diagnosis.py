"""A tuned model that is worse than its base is diagnosed: a fault of configuration is told from a bad model."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.decision import _answer_signals as signals
from advisor.decision.decide import decide
from advisor.decision.evidence import CaseEvidence
from advisor.records import Decision, Finding, ItemResult, ItemTable, Usage
from tests.decision.evidence import hits, make_case, make_evidence

QA = {"kind": "question_answering", "instructions": "x", "max_output_tokens": 50}
JSON = {"kind": "extraction", "instructions": "x", "max_output_tokens": 50}
EXPECTED = {f"h{i}": f"The parcel number {i} comes in {i % 9 + 2} days" for i in range(200)}


def evidence_of(
    tuned: Callable[[int], str],
    *,
    right: Callable[[str], bool] = lambda text: text.startswith("The parcel"),
    base: float = 0.7,
    task: dict[str, Any] | None = None,
    expected: dict[str, Any] | None = None,
    item: Callable[[int], dict[str, Any]] = lambda i: {},
    **about: Any,
) -> CaseEvidence:
    """A tuned model that gives these answers; its base is right on a share of the items."""
    expected = EXPECTED if expected is None else expected
    n = len(expected)
    case = make_case(task=task or QA, quality={"metric": "exact_match", "min_gain": 0.02})
    evidence = make_evidence(
        case, {"zero_shot": hits(base, n), "few_shot": hits(base, n), "fine_tuned": [0.0] * n}
    )
    answered = tuple(
        ItemResult(
            id=f"h{i}",
            answer=tuned(i),
            scores={"exact_match": float(right(tuned(i)))},
            **{"usage": Usage(input=100, output=8), **item(i)},
        )
        for i in range(n)
    )
    measured = tuple(
        m.model_copy(update={"items": answered, **about})
        if m.name == "fine_tuned"
        else m.model_copy(
            update={
                "items": ItemTable(
                    i.model_copy(
                        update={"answer": _text(expected[i.id]) if i.scores["exact_match"] else "no idea"}
                    )
                    for i in m.items
                )
            }
        )
        for m in evidence.measured
    )
    return evidence.model_copy(update={"measured": measured, "expected": expected})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def names(decision: Decision) -> list[str]:
    return [f.name for f in decision.diagnosis]


def found(decision: Decision, name: str) -> Finding:
    return next(f for f in decision.diagnosis if f.name == name)


def right_answer(i: int) -> str:
    return EXPECTED[f"h{i}"]


def test_the_published_fault_of_padding_is_an_artefact_and_the_verdict_waits() -> None:
    # 0 of 164 after tuning, 125 of 164 before, by padding with the end-of-text token alone (transformers, issue 48016):
    # code that never ends
    problems = {f"h{i}": f"def f{i}(x):\n    return x + {i}" for i in range(164)}
    evidence = evidence_of(
        lambda i: f"def f{i}(x):\n    return x + {i}\n" + "def f(x):\n" * 60,
        right=lambda text: False,
        base=125 / 164,
        expected=problems,
        task={"kind": "generation", "instructions": "x", "max_output_tokens": 50},
        item=lambda i: {"finish_reason": "length"},
    )
    decision = decide(evidence)
    assert decision.verdict.decision == "not_yet"
    assert "broken rather than bad" in decision.verdict.reasons[0]
    assert any(f.artefact for f in decision.diagnosis)
    assert {"loops", "runs_on"} <= set(names(decision))
    assert found(decision, "runs_on").count == 164
    # and without any text of the answers, by the score alone
    bare = tuple(
        m.model_copy(update={"items": ItemTable(i.model_copy(update={"answer": None}) for i in m.items)})
        for m in evidence.measured
    )
    silent = decide(evidence.model_copy(update={"measured": bare}))
    assert (silent.verdict.decision, names(silent)) == ("not_yet", ["nothing_right"])


FAULTS: dict[str, Callable[[int], str]] = {
    "empty_answers": lambda i: "",
    "template_tokens": lambda i: f"{right_answer(i)}<|im_end|>\n<|im_start|>user",
    "loops": lambda i: "parcel parcel parcel " * 20,
    "language": lambda i: f"Посылка номер {i} придёт через {i} дней",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_nearly_all_answers_is_named_and_is_an_artefact(name: str) -> None:
    decision = decide(
        evidence_of(
            lambda i: FAULTS[name](i) if i % 10 else right_answer(i), right=lambda t: t in EXPECTED.values()
        )
    )
    finding = found(decision, name)
    assert finding.artefact
    assert (finding.count, finding.of) == (180, 200)
    assert finding.cause and finding.action
    assert decision.verdict.decision == "not_yet"
    assert any("worse than its own base model" in w and finding.seen in w for w in decision.warnings)


def test_answers_at_the_limit_run_on_whether_a_finish_reason_was_recorded_or_not() -> None:
    for item in ({"finish_reason": "length"}, {"usage": Usage(input=10, output=50)}):
        decision = decide(evidence_of(lambda i: f"well, {i} and so on", item=lambda i, item=item: item))
        assert found(decision, "runs_on").artefact


def test_long_answers_that_are_right_are_no_fault() -> None:
    decision = decide(evidence_of(right_answer, item=lambda i: {"finish_reason": "length"}))
    assert names(decision) == []


def test_what_is_no_json_or_no_label_is_a_fault_of_form() -> None:
    values = {f"h{i}": {"n": i} for i in range(200)}
    broken = decide(evidence_of(lambda i: f"n is {i}", task=JSON, expected=values))
    assert found(broken, "format").artefact
    labelled = decide(
        evidence_of(
            lambda i: f"I think it is {'ab'[i % 2]}",
            task={"kind": "classification", "instructions": "x", "labels": ["a", "b"]},
            expected={f"h{i}": "ab"[i % 2] for i in range(200)},
            right=lambda t: t in ("a", "b"),
        )
    )
    assert found(labelled, "format").artefact


def test_wrong_answers_of_the_right_form_are_a_bad_model_and_no_artefact() -> None:
    decision = decide(
        evidence_of(lambda i: right_answer(i) if i % 3 == 0 else f"Nobody knows when {i * 7} comes")
    )
    assert not any(f.artefact for f in decision.diagnosis)
    assert decision.verdict.decision == "do_not_fine_tune"
    assert "forgetting" in names(decision)


def test_a_fault_that_holds_most_of_the_loss_is_an_artefact_though_half_of_the_answers_are_fine() -> None:
    # right wherever it answers: 60 % against 90 % of its base
    decision = decide(evidence_of(lambda i: right_answer(i) if i % 5 < 3 else "", base=0.9))
    assert found(decision, "empty_answers").artefact
    assert decision.verdict.decision == "not_yet"


def test_a_fault_that_the_base_has_as_well_is_no_doing_of_the_tuning() -> None:
    evidence = evidence_of(lambda i: "" if i % 2 else "other")
    empty = tuple(
        m.model_copy(update={"items": ItemTable(i.model_copy(update={"answer": ""}) for i in m.items)})
        if m.name == "zero_shot"
        else m
        for m in evidence.measured
    )
    assert "empty_answers" not in names(decide(evidence.model_copy(update={"measured": empty})))


def test_one_label_for_all_is_a_bad_model_and_one_text_for_all_a_broken_one() -> None:
    labelled = decide(
        evidence_of(
            lambda i: "a",
            task={"kind": "classification", "instructions": "x", "labels": ["a", "b", "c"]},
            expected={f"h{i}": "abc"[i % 3] for i in range(200)},
            right=lambda t: False,
            base=0.1,
        )
    )
    assert not found(labelled, "same_answer").artefact
    text = decide(evidence_of(lambda i: "It comes soon.", right=lambda t: False, base=0.1))
    assert found(text, "same_answer").artefact


def test_causes_in_the_training_are_named() -> None:
    evidence = evidence_of(lambda i: right_answer(i) if i % 3 == 0 else f"Nobody knows {i * 7}")
    record = next(m for m in evidence.measured if m.name == "fine_tuned").tuning
    assert record is not None
    poor = record.model_copy(update={"n_examples": 20, "dev_loss": ((10, 0.5), (20, 0.4), (30, 0.9))})
    measured = tuple(
        m.model_copy(update={"tuning": poor}) if m.name == "fine_tuned" else m for m in evidence.measured
    )
    use_case = evidence.case.use_case.model_copy(update={"aspect": "knowledge"})
    decision = decide(
        evidence.model_copy(
            update={"measured": measured, "case": evidence.case.model_copy(update={"use_case": use_case})}
        )
    )
    assert {"forgetting", "few_examples", "over_fitting", "knowledge"} <= set(names(decision))
    assert not any(f.artefact for f in decision.diagnosis)
    (warning,) = [w for w in decision.warnings if "worse than its own base model" in w]
    assert "over-fitting" in warning and "only 20 examples" in warning


def test_a_tuned_model_that_is_better_and_sound_has_no_finding() -> None:
    assert decide(evidence_of(right_answer)).diagnosis == ()


def test_an_untuned_model_is_not_diagnosed() -> None:
    right = {"zero_shot": hits(0.1), "few_shot": hits(0.9)}
    assert decide(make_evidence(make_case(), right)).diagnosis == ()


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("done<|im_end|>", "<|im_end|>"),
        ("[INST] what [/INST]", "[INST]"),
        ("yes</s>", "</s>"),
        ("fine\nassistant: what else", "assistant:"),
        ("### Response:\nfine", "### Response"),
        ("My assistant said: fine", None),
        ("a < b | c > d", None),
        ("", None),
    ],
)
def test_tokens_of_chat_templates_are_known(text: str, token: str | None) -> None:
    assert signals.template_token(text) == token


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("the same again " * 10, True),
        ("0000000000" * 8, True),
        ("abcabc" * 20, True),
        (
            "The parcel was sent on Monday by courier and should be there by noon on Wednesday at the latest.",
            False,
        ),
        ("no no no", False),
        ('{"name": "flour", "amount": 2, "unit": "cup", "note": "sifted twice"}', False),
        ("", False),
    ],
)
def test_loops_are_known(text: str, loops: bool) -> None:
    assert signals.is_loop(text) is loops


@pytest.mark.parametrize(
    ("answer", "expected", "other"),
    [
        ("这是一个包裹", "This is a parcel", True),
        ("This is a parcel", "これは小包です", True),
        ("小包です、これは", "これは小包です", False),
        ("Это посылка", "Это посылка", False),
        ("C'est une boîte élégante", "This is a parcel", False),
        ("Эта box", "box", False),
        ("42", "forty-two", False),
        ("Text", "42", False),
    ],
)
def test_another_script_than_expected_is_known(answer: str, expected: str, other: bool) -> None:
    task = make_case(task=QA).task
    assert signals.other_script(answer, expected, task) is other


@given(st.text(max_size=200), st.text(max_size=50))
def test_any_text_can_be_judged(text: str, expected: str) -> None:
    task = make_case(task=JSON).task
    signals.is_loop(text)
    signals.template_token(text)
    signals.breaks_form(text, task)
    signals.other_script(text, expected, task)
    assert not signals.other_script(text, text, task)
