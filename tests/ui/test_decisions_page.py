"""The first page: every case with what its decision comes to, one that fails leaving the others alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from advisor.errors import CaseError, NoResultsError, Problem
from advisor.formatting import clean
from advisor.records import Decision
from advisor.resources import ui_folder
from tests.conftest import write_case
from tests.reports.decisions import HOSTILE, full_decision, hostile_decision, undecided_decision
from tests.ui.app import deciding, html, opened, prepared, told


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared(monkeypatch, tmp_path)


def titled(decision: Decision, title: str) -> Decision:
    return decision.model_copy(update={"facts": decision.facts.model_copy(update={"title": title})})


def of_folder(case: Path, overrides: dict[str, str]) -> Decision:
    return titled(full_decision(), case.name)


def test_a_case_is_listed_with_verdict_figures_and_their_units(monkeypatch) -> None:
    deciding(monkeypatch, of_folder)
    app = opened()
    assert not app.exception
    said = told(app)
    assert ":green-badge[:material/check_circle: Fine-tune]" in said, "icon and word, not colour alone"
    assert "support\\_intents" in said
    row = html(app)[0]
    for figure in (
        "fine_tuned",
        "93%",
        "91.0% (86.2–94.2%); bar 85.0%, reached",
        "At stake over 12 months",
        "$",
        "days",
    ):
        assert figure in row


def test_without_a_verdict_it_says_what_is_missing_first_and_what_to_use_meanwhile(monkeypatch) -> None:
    deciding(monkeypatch, lambda case, overrides: undecided_decision())
    said = told(opened())
    assert "none yet; until then classifier" in said
    assert "Missing first: About 200 more held-out items: cost \\$800" in said
    assert "Not yet" in said


def test_what_needs_a_decision_comes_first(monkeypatch) -> None:
    def decide(case: Path, overrides: dict[str, str]) -> Decision:
        return titled(undecided_decision() if case.name == "support_intents" else full_decision(), case.name)

    deciding(monkeypatch, decide)
    said = told(opened())
    assert said.index("support\\_intents") < said.index("order\\_extraction") < said.index("policy\\_qa")


def test_a_broken_case_is_shown_with_its_error_and_the_others_stand(monkeypatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "case.yaml").write_text("schema_version: 1\nname: [\n")
    monkeypatch.setenv("ADVISOR_CASES", str(broken))

    def decide(case: Path, overrides: dict[str, str]) -> Decision:
        if case.name == "broken":
            raise CaseError([Problem(case / "case.yaml", "is not valid YAML", 2)])
        return of_folder(case, overrides)

    deciding(monkeypatch, decide)
    app = opened()
    assert not app.exception
    said = told(app)
    assert ":red-badge[:material/error: Error]" in said
    assert "is not valid YAML" in said
    assert said.count("Fine-tune]") == 4


def test_a_case_that_was_not_measured_is_no_error(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADVISOR_CASES", str(write_case(tmp_path / "fresh")))

    def decide(case: Path, overrides: dict[str, str]) -> Decision:
        if case.name == "fresh":
            raise NoResultsError("Nothing was measured yet.", hint="Measure it with: advisor run fresh")
        return of_folder(case, overrides)

    deciding(monkeypatch, decide)
    said = told(opened())
    assert ":gray-badge[:material/pending: Not measured yet]" in said
    assert ":material/error:" not in said


def test_who_has_no_case_yet_is_told_what_one_is_and_sees_the_samples(monkeypatch, tmp_path: Path) -> None:
    deciding(monkeypatch, of_folder)
    said = told(opened())
    assert "You have no case of your own yet." in said
    assert "Sample cases" in said
    monkeypatch.setenv("ADVISOR_CASES", str(write_case(tmp_path / "mine")))
    assert "You have no case of your own yet." not in told(opened())


def test_a_row_is_kept_until_the_case_changes(monkeypatch, tmp_path: Path) -> None:
    mine = write_case(tmp_path / "mine")
    monkeypatch.setenv("ADVISOR_CASES", str(mine))
    calls = deciding(monkeypatch, of_folder)
    opened()
    assert len(calls) == 5
    prepared(monkeypatch, tmp_path)
    monkeypatch.setenv("ADVISOR_CASES", str(mine))
    app = opened()
    assert len(calls) == 5, "a new start shows the list without deciding anew"
    assert "mine" in told(app)
    (mine / "train.jsonl").touch()
    opened()
    assert [c["case"].name for c in calls[5:]] == ["mine"]


def test_foreign_text_draws_no_markup(monkeypatch) -> None:
    deciding(monkeypatch, lambda case, overrides: hostile_decision(of=undecided_decision()))
    app = opened()
    assert not app.exception
    said = told(app)
    assert "<script" not in said and "</style" not in said
    assert not [c for c in said if clean(c) != c]
    assert HOSTILE not in said


def test_many_cases_can_be_filtered_and_ordered(monkeypatch, tmp_path: Path) -> None:
    for name in ("alpha", "beta", "gamma"):
        write_case(tmp_path / "many" / name)
    monkeypatch.setenv("ADVISOR_CASES", str(tmp_path / "many"))
    deciding(monkeypatch, of_folder)
    app = opened()
    app.text_input(key="filter").set_value("beta").run()
    assert "**beta**" in told(app)
    assert "**alpha**" not in told(app)
    app.text_input(key="filter").set_value("nothing has this").run()
    assert "No case holds these words." in told(app)


def test_a_folder_of_this_machine_can_be_opened_and_one_without_cases_is_said(
    monkeypatch, tmp_path: Path
) -> None:
    write_case(tmp_path / "mine")
    (tmp_path / "empty").mkdir()
    deciding(monkeypatch, of_folder)
    app = opened()
    app.text_input(key="folder").set_value(str(tmp_path / "empty"))
    app.button[0].click().run()
    assert "holds no case" in app.error[0].value
    app.text_input(key="folder").set_value(str(tmp_path / "mine"))
    app.button[0].click().run()
    assert not app.exception
    assert "**mine**" in told(app)


def test_where_access_is_on_no_folder_of_the_server_can_be_opened(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "access.yaml").write_text("default: viewer\n")
    monkeypatch.setenv("ADVISOR_ACCESS", str(tmp_path / "access.yaml"))
    deciding(monkeypatch, of_folder)
    app = opened()
    assert not app.exception
    assert not [t for t in app.text_input if t.key == "folder"]


def test_the_list_is_there_before_anything_heavy_is_loaded() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import streamlit, ui_look, ui_shared, ui_signin, ui_explain\n"
        "from advisor.reports import overview\n"
        "from advisor.workflow import overviews\n"
        "print(sorted({'altair', 'vl_convert', 'scipy', 'sklearn', 'sqlalchemy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ui_folder())],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"
