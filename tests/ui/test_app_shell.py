"""What all pages share: the cases there are, the case of the address, errors in words, and the store that is asked."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from advisor.errors import CaseError, NoResultsError, Problem
from advisor.records import Decision
from advisor.resources import sample_cases_folder
from advisor.workflow.overviews import last_change
from tests.conftest import write_case
from tests.reports.decisions import full_decision
from tests.ui.app import deciding, opened, prepared, told

PAGES = ("tradeoff", "costs", "recommendation")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared(monkeypatch, tmp_path)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            NoResultsError("Nothing was measured yet of case 'x'.", hint="Measure it with: advisor run x"),
            "advisor run x",
        ),
        (CaseError([Problem(Path("x/case.yaml"), "is not a metric", 3, "quality.metric")]), "x/case.yaml"),
    ],
)
def test_an_error_is_said_in_words_and_never_as_a_traceback(
    monkeypatch: pytest.MonkeyPatch, page: str, error: Exception, said: str
) -> None:
    def fail(case: Path, overrides: dict[str, str]) -> Decision:
        raise error

    deciding(monkeypatch, fail)
    app = opened(page)
    assert not app.exception
    assert len(app.error) == 1
    assert said in told(app).replace("\\", "")


def test_a_link_opens_the_case_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def decide(case: Path, overrides: dict[str, str]) -> Decision:
        facts = full_decision().facts.model_copy(update={"title": case.name})
        return full_decision().model_copy(update={"facts": facts})

    deciding(monkeypatch, decide)
    app = opened("recommendation", case="policy_qa")
    assert app.title[0].value == "policy\\_qa"
    assert app.sidebar.selectbox[0].value == "policy_qa"


def test_a_link_to_a_case_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    deciding(monkeypatch, lambda case, overrides: full_decision())
    app = opened("recommendation", case="<b>nowhere</b>")
    assert not app.exception
    assert "There is no case" in app.error[0].value
    assert "<b>" not in told(app)


def test_the_store_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADVISOR_STORE", "sqlite:///elsewhere.sqlite")
    calls = deciding(monkeypatch, lambda case, overrides: full_decision())
    opened("recommendation")
    assert {c["store"] for c in calls} == {"sqlite:///elsewhere.sqlite"}


def test_cases_come_from_the_environment_and_the_samples(tmp_path: Path) -> None:
    import ui_shared

    single, many = tmp_path / "single", tmp_path / "many"
    for folder in (single, many / "a", many / "b"):
        write_case(folder)
    (many / "notes").mkdir()
    found = ui_shared.case_folders({"ADVISOR_CASES": os.pathsep.join([str(single), str(many), ""])})
    assert found[:3] == [single, many / "a", many / "b"]
    assert {p.parent for p in found[3:]} == {sample_cases_folder().resolve()}


def test_cases_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    import ui_shared

    twins = [tmp_path / "north" / "intents", tmp_path / "south" / "intents"]
    assert [ui_shared.case_label(f, twins) for f in twins] == ["north/intents", "south/intents"]
    assert ui_shared.case_label(twins[0], twins[:1]) == "intents"


def test_reading_a_store_is_no_change_of_its_case_and_writing_is(tmp_path: Path) -> None:
    case = write_case(tmp_path / "little")
    store = case / ".advisor" / "store.sqlite"
    store.parent.mkdir()
    store.write_bytes(b"x")
    before = last_change(case)
    time.sleep(0.02)
    (store.parent / "store.sqlite-wal").touch()
    (store.parent / "store.sqlite-shm").write_bytes(b"x")
    assert last_change(case) == before
    store.write_bytes(b"y")
    assert last_change(case) > before
