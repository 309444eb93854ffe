"""The rows of a list of cases: what they hold, how they are ordered, and when they are made anew."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from advisor.reports.overview import age, age_days, most_pressing_first, overview
from advisor.workflow.overviews import keep_overview, kept_overview
from tests.conftest import write_case
from tests.reports.decisions import full_decision, sparse_decision, undecided_decision

TODAY = date(2026, 11, 25)


def test_a_row_says_what_is_known_and_what_is_not() -> None:
    full, sparse = overview(full_decision()), overview(sparse_decision())
    assert (full.quality, full.bar, full.reaches_bar) == ("91.0% (86.2–94.2%)", "85.0%", True)
    assert full.at_stake_usd is not None
    assert (sparse.quality, sparse.bar, sparse.reaches_bar) == ("unknown", None, None)
    assert sparse.at_stake_usd is None
    assert sparse.missing == ("Results of at least one alternative.",)


def test_without_a_verdict_the_best_so_far_is_shown_and_named() -> None:
    row = overview(undecided_decision())
    assert row.quality_of == "fine_tuned"
    assert (row.recommended, row.meanwhile) == (None, "classifier")


def test_what_needs_a_decision_comes_first_and_then_the_most_money() -> None:
    small = overview(undecided_decision()).model_copy(update={"at_stake_usd": 1.0, "title": "small"})
    large = small.model_copy(update={"at_stake_usd": 9.0, "title": "large"})
    unknown = small.model_copy(update={"at_stake_usd": None, "title": "unknown"})
    done = overview(full_decision())
    assert most_pressing_first([done, unknown, small, large]) == [large, small, unknown, done]


@pytest.mark.parametrize(
    ("recorded", "days", "words"),
    [
        ("2026-11-25", 0, "today"),
        ("2026-11-24T23:59:00Z", 1, "1 day"),
        ("2026-08-01", 116, "116 days"),
        (None, None, "unknown"),
        ("lately", None, "unknown"),
    ],
)
def test_the_age_of_results_is_said_in_days(recorded: str | None, days: int | None, words: str) -> None:
    assert age_days(recorded, TODAY) == days
    assert age(recorded, TODAY) == words


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "cache"))
    return write_case(tmp_path / "little")


def test_a_row_is_kept_until_a_file_changes(case: Path) -> None:
    assert kept_overview(case) is None
    row = keep_overview(case, full_decision())
    assert kept_overview(case) == row
    (case / "case.yaml").touch()
    assert kept_overview(case) is None


def test_results_in_a_store_elsewhere_are_not_kept_as_their_changes_are_not_seen(case: Path) -> None:
    keep_overview(case, full_decision(), store="sqlite:///elsewhere.sqlite")
    assert kept_overview(case, store="sqlite:///elsewhere.sqlite") is None
    assert kept_overview(case) is None


def test_a_cache_that_is_broken_or_cannot_be_written_changes_nothing(
    case: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keep_overview(case, full_decision())
    for file in (tmp_path / "cache").rglob("*.json"):
        file.write_text("{broken")
    assert kept_overview(case) is None
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "file"))
    assert keep_overview(case, full_decision()).case == "support_intents"
    assert kept_overview(case) is None
