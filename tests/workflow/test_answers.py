"""Every answer can be looked at: found by what it is, in an order, page by page, with the prompt that was sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from advisor import workflow
from advisor.errors import NoResultsError, UsageError
from advisor.records import ChatRequest, Failure
from advisor.workflow.answers import (
    ONLY,
    ORDERS,
    AnswerBook,
    AnswerFilter,
    answers,
    prompt_in,
    prompt_of,
)
from tests.conftest import LABELS, write_case, write_jsonl

# expected, then (score, answer) of zero_shot and few_shot; None: no result
ITEMS: dict[str, tuple[str, Any, Any]] = {
    "both": ("delivery", (1.0, "delivery"), (1.0, "delivery")),
    "first": ("payment", (1.0, "payment"), (0.0, "other")),
    "second": ("payment", (0.0, "delivery"), (1.0, "payment")),
    "neither": ("other", (0.0, "payment"), (0.0, "payment")),
    "broken": ("other", "failed", (1.0, "other")),
    "half": ("delivery", None, (1.0, "delivery")),
}
TRAIN = [
    {"id": "t0", "input": "where is the blue parcel that was sent to me last week", "output": "delivery"},
    *(
        {"id": f"t{k}", "input": f"something else number {k * 7919}", "output": LABELS[k % 3]}
        for k in range(1, 9)
    ),
]
INPUTS = {
    "both": "Where is the blue parcel that was sent to me last week?",
    "first": "My CARD was charged.",
    "second": "An invoice <b>twice</b>, \x1b[31mred\x1b[0m",
    "neither": "Opening hours, and a much longer text about nothing in particular",
    "broken": "Thanks",
    "half": "Late again",
}
GROUPS = {"both": "north", "first": "south", "second": "south"}


def recorded_case(folder: Path) -> Path:
    """A case whose results were recorded beside it."""
    held_out = [
        {"id": i, "input": INPUTS[i], "output": e, **({"group": GROUPS[i]} if i in GROUPS else {})}
        for i, (e, *_) in ITEMS.items()
    ]
    write_case(folder, train=TRAIN, held_out=held_out)
    lines = []
    for k, (item, (_, *results)) in enumerate(ITEMS.items()):
        for baseline, result in zip(("zero_shot", "few_shot"), results, strict=True):
            line: dict[str, Any] = {"baseline": baseline, "id": item, "score": 0.0}
            if result == "failed":
                line["failure"] = {"error": "content_filter", "message": "No.", "transient": False}
            elif result is not None:
                line |= {"score": result[0], "answer": result[1], "input_tokens": 40, "output_tokens": 2}
                line |= {"latency_s": 1.0 + k, "cost_usd": 0.01 * (9 - k)}
            if result is not None:
                lines.append(line)
    write_jsonl(folder / "results.jsonl", lines)
    about = {"baselines": {"few_shot": {"kind": "few_shot", "model": "small", "setting": {"examples": 1}}}}
    (folder / "results.about.json").write_text(json.dumps(about))
    return folder


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> AnswerBook:
    return answers(recorded_case(tmp_path_factory.mktemp("recorded") / "case"))


def found(book: AnswerBook, order: Any = "held_out", **wanted: Any) -> list[str]:
    return [row.id for row in book.page(book.select(AnswerFilter(**wanted), order), 0, 100)]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, list(ITEMS)),
        ({"right": ("zero_shot",), "wrong": ("few_shot",)}, ["first"]),
        ({"right": ("few_shot",), "wrong": ("zero_shot",)}, ["second", "broken"]),
        ({"right": ("zero_shot", "few_shot")}, ["both"]),
        ({"wrong": ("zero_shot", "few_shot")}, ["neither"]),
        ({"only": ("differ",)}, ["first", "second", "broken"]),
        ({"only": ("all_wrong",)}, ["neither"]),
        ({"only": ("failed",)}, ["broken"]),
        ({"only": ("no_score",)}, ["half"]),
        ({"only": ("near_duplicate",)}, ["both"]),
        ({"only": ("differ", "failed")}, ["broken"]),
        ({"expected": "payment"}, ["first", "second"]),
        ({"group": "south"}, ["first", "second"]),
        ({"group": "nowhere"}, []),
        ({"text": "card"}, ["first"]),  # of an input, whatever its case
        ({"text": "\x1b[31m"}, ["second"]),
        ({"text": "neither"}, ["neither"]),  # an id
        ({"text": "delivery"}, ["both", "second", "half"]),  # of an expected output, or of an answer
        ({"slice": ("label", "other")}, ["neither", "broken"]),
        ({"text": "payment", "right": ("few_shot",)}, ["second"]),
    ],
)
def test_each_filter_finds_what_it_says(book: AnswerBook, wanted: dict[str, Any], ids: list[str]) -> None:
    assert found(book, **wanted) == ids


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        ("held_out", list(ITEMS)),
        ("difference", ["first", "second", "broken", "both", "neither", "half"]),
        ("longest", ["neither", "both", "second", "first", "half", "broken"]),
        ("slowest", ["half", "broken", "neither", "second", "first", "both"]),
        ("dearest", list(ITEMS)),
    ],
)
def test_each_order_puts_first_what_it_says(book: AnswerBook, order: Any, ids: list[str]) -> None:
    assert found(book, order) == ids


def test_counts_of_what_can_be_looked_for(book: AnswerBook) -> None:
    assert dict(book.expected_values) == {"delivery": 2, "payment": 2, "other": 2}
    assert book.groups == (("south", 2), ("north", 1))
    assert {o: book.n_of(o) for o in ONLY} == {o: len(found(book, only=(o,))) for o in ONLY}


def test_a_row_holds_all_answers_and_unknown_is_not_zero(book: AnswerBook) -> None:
    rows = {row.id: row for row in book.page(book.select(), 0, 100)}
    assert [a.state for a in rows["broken"].answers] == ["failed", "right"]
    failed = rows["broken"].answers[0]
    assert failed.failure is not None and failed.failure.error == "content_filter"
    assert failed.score == 0 and failed.latency_s is None and failed.cost_usd is None
    assert [a.state for a in rows["half"].answers] == ["not_asked", "right"]
    assert rows["half"].answers[0].score is None
    assert rows["first"].answers[1].answer == "other"
    duplicate = rows["both"].near_duplicate
    assert duplicate is not None and duplicate.second == "t0"


def test_a_baseline_that_has_no_answers_is_said(book: AnswerBook) -> None:
    with pytest.raises(UsageError, match="classifier"):
        book.select(AnswerFilter(right=("classifier",)))
    with pytest.raises(UsageError, match="zero_shot has no result"):
        prompt_in(book, None, "zero_shot", "half")


def test_nothing_measured_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoResultsError):
        answers(write_case(tmp_path / "new"))


wanted_filters = some.builds(
    AnswerFilter,
    text=some.sampled_from(["", "a", "pay", "zzz"]),
    right=some.sampled_from([(), ("zero_shot",), ("few_shot",)]),
    wrong=some.sampled_from([(), ("zero_shot",), ("few_shot",)]),
    only=some.lists(some.sampled_from(ONLY), max_size=2, unique=True).map(tuple),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=wanted_filters, order=some.sampled_from(ORDERS), size=some.integers(1, 7))
def test_the_pages_together_are_the_selection_and_nothing_else(
    book: AnswerBook, wanted: AnswerFilter, order: Any, size: int
) -> None:
    chosen = book.select(wanted, order)
    paged = [row.id for start in range(0, len(book), size) for row in book.page(chosen, start, size)]
    everything = book.page(book.select(), 0, len(book))
    states = {row.id: {a.baseline: a.state for a in row.answers} for row in everything}
    bad = ("wrong", "failed")
    fits = {
        "differ": lambda s: "right" in s.values() and any(x in bad for x in s.values()),
        "all_wrong": lambda s: "right" not in s.values() and any(x in bad for x in s.values()),
        "failed": lambda s: "failed" in s.values(),
        "no_score": lambda s: any(x in ("no_score", "not_asked") for x in s.values()),
    }
    expected = [
        row.id
        for row in everything
        if all(states[row.id][b] == "right" for b in wanted.right)
        and all(states[row.id][b] in bad for b in wanted.wrong)
        and all(fits[o](states[row.id]) if o in fits else row.near_duplicate is not None for o in wanted.only)
        and (
            not wanted.text
            or any(
                wanted.text in str(t).casefold()
                for t in (
                    row.id,
                    row.group or "",
                    row.input,
                    row.expected,
                    *(a.answer or "" for a in row.answers),
                )
            )
        )
    ]
    assert sorted(paged) == sorted(expected)
    assert len(paged) == len(chosen)
    if order == "held_out":
        assert paged == expected


def test_a_graded_answer_counts_as_right_from_one_half_on(tmp_path: Path) -> None:
    folder = write_case(
        tmp_path / "graded",
        train=[{"id": f"t{k}", "input": f"say {k}", "output": "x"} for k in range(6)],
        held_out=[{"id": i, "input": f"ask {i}", "output": "a b c d"} for i in ("low", "half", "high")],
        changes={
            "task": {"kind": "generation", "instructions": "Say it."},
            "quality": {"metric": "token_f1"},
            "baselines": [{"name": "zero_shot", "kind": "zero_shot", "model": "small"}],
        },
    )
    scores = {"low": 0.49, "half": 0.5, "high": 0.9}
    write_jsonl(
        folder / "results.jsonl", [{"baseline": "zero_shot", "id": i, "score": s} for i, s in scores.items()]
    )
    graded = answers(folder)
    assert graded.graded
    assert found(graded, right=("zero_shot",)) == ["half", "high"]
    assert found(graded, wrong=("zero_shot",)) == ["low"]


# ── prompts, and what is stored ──


@pytest.fixture
def run_case(tmp_path: Path, scripted: Callable[..., Any]) -> Path:
    """A case that was run here, so that its calls are kept."""

    def answer(request: ChatRequest) -> str | Failure:
        if "h4 " in request.messages[-1].content or "h031" in request.messages[-1].content:
            return Failure(error="content_filter", message="Refused.")
        return LABELS[len(request.messages[-1].content) % 3]

    scripted(answer)
    folder = write_case(tmp_path / "run", n_train=20, n_held_out=18)
    workflow.run(folder)
    return folder


def test_the_prompt_is_the_one_that_was_sent(run_case: Path) -> None:
    prompt = prompt_of(run_case, None, "few_shot", "h3")
    assert prompt.origin == "sent" and prompt.model_version == "scripted@1"
    assert prompt.parts[0].kind == "instructions" and prompt.parts[0].text.startswith("Sort the message.")
    kinds = [p.kind for p in prompt.parts]
    assert kinds == ["instructions", *["example"] * (len(kinds) - 2), "question"]
    item = answers(run_case).row(3)
    assert prompt.parts[-1].text == item.input
    examples = [p for p in prompt.parts if p.kind == "example"]
    assert {p.source for p in examples} <= {f"t{k}" for k in range(20)}
    assert [p.role for p in examples[:2]] == ["user", "assistant"]
    measured = item.answers[1].usage.input
    assert prompt.input_tokens == measured
    assert sum(p.tokens or 0 for p in prompt.parts) == pytest.approx(measured)


def test_a_rebuilt_prompt_is_the_one_that_was_sent(run_case: Path, tmp_path: Path) -> None:
    sent = {b: prompt_of(run_case, None, b, "h3") for b in ("zero_shot", "few_shot")}
    workflow.export_results(run_case)
    (run_case / ".advisor" / "store.sqlite").unlink()
    for baseline, prompt in sent.items():
        rebuilt = prompt_of(run_case, None, baseline, "h3")
        assert rebuilt.origin == "rebuilt" and "not kept" in rebuilt.note
        assert [(p.role, p.text, p.kind) for p in rebuilt.parts] == [
            (p.role, p.text, p.kind) for p in prompt.parts
        ]
        assert dict(rebuilt.parameters) == dict(prompt.parameters)


def test_recorded_and_stored_results_agree(run_case: Path) -> None:
    def seen() -> list[Any]:
        book = answers(run_case)
        return [
            (row.id, row.expected, [(a.baseline, a.state, a.score, a.answer, a.usage) for a in row.answers])
            for order in ORDERS
            for row in book.page(book.select(AnswerFilter(), order), 0, 100)
        ]

    stored = seen()
    workflow.export_results(run_case)
    (run_case / ".advisor" / "store.sqlite").unlink()
    assert seen() == stored


def test_why_there_is_no_prompt_is_said(book: AnswerBook, tmp_path: Path) -> None:
    elsewhere = recorded_case(tmp_path / "elsewhere")
    (elsewhere / "results.about.json").unlink()
    prompt = prompt_of(elsewhere, None, "few_shot", "both")
    assert prompt.origin == "unknown" and "measured elsewhere" in prompt.note and not prompt.parts
    about = {"baselines": {"few_shot": {"kind": "few_shot", "model": "small"}}}
    (elsewhere / "results.about.json").write_text(json.dumps(about))
    prompt = prompt_of(elsewhere, None, "few_shot", "both")
    assert prompt.origin == "unknown" and "how many examples" in prompt.note


def test_passages_are_parts_of_their_own(tmp_path: Path, scripted: Callable[..., Any]) -> None:
    scripted(lambda request: "delivery")
    folder = tmp_path / "passages"
    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "a.md").write_text(
        "# Parcels\n\nThe courier brings the parcel.\n\nQuestion: none."
    )
    (folder / "documents" / "b.md").write_text("# Cards\n\nThe card is charged with the invoice.")
    rag = {"name": "rag", "kind": "rag", "model": "small", "passages": 2}
    write_case(
        folder, n_train=12, n_held_out=6, changes={"data": {"documents": "documents"}, "baselines": [rag]}
    )
    workflow.run(folder)
    prompt = prompt_of(folder, None, "rag", "h0")
    row = answers(folder).row(0)
    assert [p.kind for p in prompt.parts][-1] == "question" and prompt.parts[-1].text == row.input
    passages = [p for p in prompt.parts if p.kind == "passages"]
    assert [p.number for p in passages] == list(range(1, len(passages) + 1)) and passages
    assert {p.source for p in passages} <= {"Parcels", "Cards"}
    assert set(row.answers[0].retrieved) <= {"a.md", "b.md"}
