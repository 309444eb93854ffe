"""Published studies: the advisor concludes as their authors do, and never the opposite."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.decision.studies import agreeing, decide_case, judge
from benchmarks.decision.study_cases import Study, StudyCase, items_of, lay_out, read_studies

ROOT = Path(__file__).parents[2]
STUDIES = {s.id: s for s in read_studies()}
WITHOUT_A_BASELINE = ["trl_walkthrough", "disaster_tweets", "hockey_or_baseball"]
WORDS = {"fine_tune": "tune", "do_not_fine_tune": "do not", "not_yet": "not yet"}


def cases() -> list[tuple[Study, StudyCase]]:
    return [(s, c) for s in STUDIES.values() for c in s.cases]


def test_there_are_studies_of_every_conclusion_and_each_says_where_its_figures_stand() -> None:
    assert len(STUDIES) >= 14
    conclusions: list[str] = [s.concluded(c) for s, c in cases()]
    assert {word: conclusions.count(word) >= 4 for word in WORDS} == dict.fromkeys(WORDS, True)
    assert all(
        s.sources and all(x.url.startswith("https://") and x.where for x in s.sources)
        for s in STUDIES.values()
    )
    assert all(0 <= a.score <= 1 for _, c in cases() for a in c.alternatives)


@pytest.mark.parametrize("name", WITHOUT_A_BASELINE)
def test_without_a_baseline_nothing_speaks_for_tuning(name: str) -> None:
    study = STUDIES[name]
    verdict = decide_case(study, study.cases[0], n=items_of(study.cases[0])).verdict
    assert verdict.decision == "not_yet"
    assert "without an alternative" in verdict.reasons[0]


def test_a_fault_of_padding_is_no_finding() -> None:
    study = STUDIES["padding_fault"]
    verdict = decide_case(study, study.cases[0], n=164).verdict
    assert verdict.decision == "not_yet"
    assert "looks broken rather than bad" in verdict.reasons[0]


def test_five_items_carry_no_verdict() -> None:
    study = STUDIES["drone_commands"]
    assert decide_case(study, study.cases[0], n=5).verdict.decision == "not_yet"


@pytest.mark.parametrize("name", ["knowledge_injection", "book_covers", "political_texts"])
def test_some_studies_at_once(name: str) -> None:
    """The small ones, so that a change of the rule shows in seconds; the slow test below decides all."""
    study = STUDIES[name]
    row = judge(study, study.cases[0])
    assert row.advisor in (row.authors, "not_yet")
    assert row.agree == (name != "political_texts")


@pytest.mark.slow
def test_the_advisor_agrees_with_most_authors_and_contradicts_none() -> None:
    rows = [judge(study, case) for study, case in cases()]
    opposite = [r for r in rows if r.advisor not in (r.authors, "not_yet")]
    assert not opposite
    assert len(agreeing(rows)) >= 12
    recorded = json.loads((ROOT / "benchmarks" / "results" / "studies.json").read_text())
    assert {(r["study"], r["case"]): r["advisor"] for r in recorded["rows"]} == {
        (r.study, r.case): r.advisor for r in rows
    }, "the recorded verdicts are old: python -m benchmarks.decision.studies"


def test_the_page_tells_what_was_recorded() -> None:
    page = (ROOT / "docs" / "method" / "studies.md").read_text(encoding="utf-8")
    recorded = json.loads((ROOT / "benchmarks" / "results" / "studies.json").read_text())
    assert {r["study"] for r in recorded["rows"]} == set(STUDIES)
    for name, study in STUDIES.items():
        row = next(line for line in page.splitlines() if line.startswith("|") and f"`{name}`" in line)
        rows = [r for r in recorded["rows"] if r["study"] == name]
        for column, key in ((-3, "authors"), (-2, "advisor")):
            told = row.split("|")[column].replace("*", "").strip()
            assert told == " · ".join(dict.fromkeys(WORDS[r[key]] for r in rows)), (name, key)
        assert study.sources[0].url in page
    agree = re.search(r"\*\*(\d+) of (\d+) studies\*\*", page)
    assert agree and [int(g) for g in agree.groups()] == [len(recorded["agreeing"]), recorded["studies"]]


@settings(max_examples=60, deadline=None)
@given(st.integers(30, 2000), st.floats(0, 1), st.floats(0, 1))
def test_right_answers_are_laid_out_exactly_and_as_if_independent(n: int, p: float, q: float) -> None:
    laid_out = lay_out({"a": p, "b": q}, n, graded=False, pairing="independent")
    a, b = laid_out["a"], laid_out["b"]
    assert (sum(a), sum(b)) == (round(n * p), round(n * q))
    both = sum(x * y for x, y in zip(a, b, strict=True)) / n
    assert both == pytest.approx(sum(a) * sum(b) / n**2, abs=0.02 + 1.5 / math.sqrt(n) / 2)
    shared = lay_out({"a": p, "b": q}, n, graded=False, pairing="shared")
    assert sum(x * y for x, y in zip(shared["a"], shared["b"], strict=True)) == min(sum(a), sum(b))


@settings(max_examples=60, deadline=None)
@given(st.integers(30, 2000), st.floats(0.01, 0.99))
def test_graded_scores_have_the_published_mean(n: int, mean: float) -> None:
    scores = lay_out({"a": mean}, n, graded=True, pairing="independent")["a"]
    assert all(0 <= s <= 1 for s in scores)
    assert sum(scores) / n == pytest.approx(mean, abs=0.005)
