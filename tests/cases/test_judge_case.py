"""A case that is judged by a model, and the file of people's scores: what is wrong is said, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advisor.cases.loading import load_case
from advisor.errors import CaseError
from tests.conftest import write_case, write_jsonl

JUDGED = {"quality": {"metric": "judge"}, "judge": {"model": "small"}}


def problems(folder: Path) -> str:
    with pytest.raises(CaseError) as refused:
        load_case(folder)
    return str(refused.value)


def judged(folder: Path, **judge: Any) -> Path:
    return write_case(folder, changes={**JUDGED, "judge": {"model": "small", **judge}})


def test_the_metric_needs_a_judge_and_a_judge_the_metric(tmp_path: Path) -> None:
    alone = write_case(tmp_path / "a", changes={"quality": {"metric": "judge"}})
    assert "metric `judge` needs the key `judge`" in problems(alone)
    idle = write_case(tmp_path / "b", changes={"judge": {"model": "small"}})
    assert "quality.metric is 'accuracy'" in problems(idle)


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        ({"model": "large"}, "judge.model names 'large', which is not in `models`"),
        ({"mode": "pairwise", "reference": "nobody"}, "judge.reference names 'nobody', which is no baseline"),
        ({"reference": "zero_shot"}, "`reference` belongs to `mode: pairwise`"),
        ({"mode": "vote"}, "judge.mode"),
        ({"rubric": "  "}, "`rubric` is empty"),
        ({"human_labels": "labels.jsonl"}, "labels.jsonl does not exist"),
        ({"human_labels": "../labels.jsonl"}, "leaves the case folder"),
    ],
)
def test_what_a_judge_cannot_be(tmp_path: Path, judge: dict[str, Any], said: str) -> None:
    assert said in problems(judged(tmp_path / "c", **judge)).replace(": ", " ") or said in problems(
        judged(tmp_path / "c", **judge)
    )


def test_the_reference_is_the_first_baseline_unless_named(tmp_path: Path) -> None:
    assert load_case(judged(tmp_path / "a")).case.judge_reference is None
    assert load_case(judged(tmp_path / "b", mode="pairwise")).case.judge_reference == "zero_shot"
    named = judged(tmp_path / "c", mode="pairwise", reference="few_shot")
    assert load_case(named).case.judge_reference == "few_shot"


def test_labels_are_read(tmp_path: Path) -> None:
    case = judged(tmp_path / "c", human_labels="people.jsonl")
    rows = [
        {"baseline": "zero_shot", "id": "h1", "score": 0.75},
        {"baseline": "few_shot", "id": "h1", "score": 1, "answer": "other"},
    ]
    write_jsonl(case / "people.jsonl", rows)
    labels = load_case(case).human_labels
    assert [(x.baseline, x.id, x.score, x.answer) for x in labels] == [
        ("zero_shot", "h1", 0.75, None),
        ("few_shot", "h1", 1.0, "other"),
    ]


def test_all_problems_of_a_label_file_with_their_lines(tmp_path: Path) -> None:
    case = judged(tmp_path / "c", mode="pairwise", human_labels="people.jsonl")
    lines = [
        '{"baseline": "few_shot", "id": "h1", "score": 0.5}',
        '{"baseline": "few_shot", "id": "h1", "score": 1}',
        '{"baseline": "nobody", "id": "h2", "score": 1}',
        '{"baseline": "few_shot", "id": "t2", "score": 1}',
        '{"baseline": "few_shot", "id": "h2", "score": 1.5}',
        '{"baseline": "few_shot", "id": "h3", "score": true}',
        '{"baseline": "few_shot", "id": "h4"}',
        '{"baseline": "few_shot", "id": "h5", "score": 1, "rater": "Ann"}',
        '{"baseline": "zero_shot", "id": "h5", "score": 1}',
        "[1]",
        "not json",
        '{"baseline": "few_shot", "id": "h6", "score": NaN}',
        '{"baseline": ["few_shot"], "id": "h7", "score": 1}',
    ]
    (case / "people.jsonl").write_text("\n".join(lines) + "\n")
    text = problems(case)
    for line, said in (
        (2, "'h1' of 'few_shot' stands on line 1 already"),
        (3, "'nobody' is not a baseline of the case"),
        (4, "'t2' is not in the held-out set"),
        (5, "must be a number between 0 and 1, not 1.5"),
        (6, "must be a number between 0 and 1, not True"),
        (7, "is missing"),
        (8, "is not a key of a human label"),
        (9, "its own score is 0.5 by definition"),
        (10, "must be a JSON object"),
        (11, "is not valid JSON"),
        (12, "must be a number between 0 and 1"),
        (13, "must be a text"),
    ):
        found = [
            x for x in text.splitlines() if f"people.jsonl:{line}" in x or f"people.jsonl, line {line}" in x
        ]
        assert any(said in x for x in found), (line, said, text)


def test_an_empty_label_file_is_said(tmp_path: Path) -> None:
    case = judged(tmp_path / "c", human_labels="people.jsonl")
    (case / "people.jsonl").write_text("\n")
    assert "holds no human label" in problems(case)
