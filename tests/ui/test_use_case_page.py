"""The ten questions with what answers them; what people declare is saved where it stands, and nothing else changes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from advisor import workflow
from advisor.access import Identity
from advisor.cases.about_questions import ABOUT_QUESTIONS
from advisor.cases.loading import load_case
from advisor.cases.schema import QUESTION_IDS
from advisor.errors import NoResultsError
from advisor.resources import ui_folder
from advisor.workflow.creating import copy_sample
from tests.reports.decisions import HOSTILE, full_decision

st = pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest  # noqa: E402

sys.path.insert(0, str(ui_folder()))
EDITOR = Identity(subject="ann", name="Ann", roles=("viewer", "editor"))


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    st.cache_data.clear()
    monkeypatch.setenv("ADVISOR_CASES", str(tmp_path))
    monkeypatch.delenv("ADVISOR_STORE", raising=False)
    monkeypatch.delenv("ADVISOR_ACCESS", raising=False)

    def nothing(*arguments: Any, **options: Any) -> Any:
        raise NoResultsError("Nothing was measured yet.", hint="Run it.")

    monkeypatch.setattr(workflow, "decide", nothing)
    return copy_sample("policy_qa", "handbook", EDITOR, workspace=tmp_path)


def opened() -> AppTest:
    app = AppTest.from_file(str(ui_folder() / "streamlit_app.py"), default_timeout=60)
    return app.switch_page("app_pages/use_case.py").run()


def by_label(elements: Any, label: str) -> Any:
    return next(e for e in elements if e.label == label)


def told(app: AppTest) -> str:
    kinds = ("title", "header", "subheader", "markdown", "caption", "success", "info", "warning", "error")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def test_the_questions_are_the_lessons_own() -> None:
    assert tuple(q.id for q in ABOUT_QUESTIONS) == QUESTION_IDS


def test_the_questions_are_worded_as_in_the_decision() -> None:
    from advisor.workflow import decide

    try:
        decided = decide("sample_cases/support_intents").questions
    except NoResultsError:
        pytest.skip("the sample has no results")
    assert [(q.id, q.question, q.section) for q in decided] == [
        (q.id, q.question, q.section) for q in ABOUT_QUESTIONS
    ]


def test_every_question_says_what_it_means_what_measures_it_and_what_to_declare(case: Path) -> None:
    app = opened()
    assert not app.exception
    assert len(app.expander) == 10
    for expander in app.expander:
        text = " ".join(m.value for m in expander.markdown)
        assert all(part in text for part in ("What it means.", "What is measured.", "What you declare."))
        assert "Not measured yet" in expander.label
    assert "rag" in " ".join(m.value for m in app.expander[2].markdown)
    assert "Nothing was measured yet" in told(app)


def test_answers_are_shown_with_their_evidence(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "decide", lambda *a, **k: full_decision())
    app = opened()
    assert not app.exception
    assert "measured" in " ".join(m.value for m in app.expander[0].markdown)
    assert "of 10 are answered by the evidence" in told(app)


def test_a_declaration_is_shown_as_a_change_and_then_saved(case: Path) -> None:
    before = (case / "case.yaml").read_text()
    app = opened()
    assert "Nothing was changed." in told(app)
    by_label(app.text_area, "Your own words on question 7").set_value("4,000 more in the archive.").run()
    assert not app.exception
    assert '+  costs.data: "4,000 more in the archive."' in app.code[0].value
    assert (case / "case.yaml").read_text() == before
    by_label(app.button, "Save").click().run()
    assert not app.exception
    assert "Saved" in app.success[0].value
    assert load_case(case).case.declared["costs.data"] == "4,000 more in the archive."
    after = (case / "case.yaml").read_text()
    assert all(line in after for line in before.splitlines())
    assert by_label(app.text_area, "Your own words on question 7").value == "4,000 more in the archive."


def test_a_range_is_saved_and_half_of_one_is_not(case: Path) -> None:
    app = opened()
    label = "Hours for training data"
    assert f"{label}: low" not in [n.label for n in app.number_input]
    by_label(app.toggle, "I am not sure of some numbers").set_value(True).run()
    by_label(app.number_input, f"{label}: low").set_value(10.0).run()
    assert "give the likely value alone, or low, likely and high together" in told(app)
    by_label(app.number_input, f"{label}: high").set_value(30.0).run()
    by_label(app.button, "Save").click().run()
    assert load_case(case).case.effort.data_hours.model_dump() == {"low": 10, "likely": 20, "high": 30}  # type: ignore[union-attr]


def test_all_problems_are_said_and_nothing_is_saved(case: Path) -> None:
    before = (case / "case.yaml").read_text()
    app = opened()
    by_label(app.number_input, "Busiest hour against the mean one").set_value(0.5)
    by_label(app.number_input, "Months to plan for").set_value(0)
    app.run()
    assert not app.exception
    assert "traffic.peak" in app.error[0].value.replace("\\", "")
    assert "traffic.horizon" in app.error[0].value.replace("\\", "")
    assert (case / "case.yaml").read_text() == before


def test_somebody_elses_change_is_not_overwritten(case: Path) -> None:
    app = opened()
    by_label(app.text_area, "What is it for?").set_value("Mine.").run()
    file = case / "case.yaml"
    theirs = file.read_text() + "# theirs\n"
    file.write_text(theirs)
    by_label(app.button, "Save").click().run()
    assert not app.exception
    assert "meanwhile" in app.error[0].value
    assert file.read_text() == theirs
    by_label(app.button, "Load it").click().run()
    assert not app.warning
    assert by_label(app.text_area, "What is it for?").value != "Mine."


def test_hostile_words_are_saved_and_shown_as_text(case: Path) -> None:
    app = opened()
    by_label(app.text_area, "Your own words on question 1").set_value(HOSTILE).run()
    assert not app.exception
    by_label(app.button, "Save").click().run()
    assert not app.exception
    assert load_case(case).case.declared["use_case"] == HOSTILE.strip()
    assert "<script" not in told(opened())


def test_a_viewer_sees_the_change_but_cannot_save(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = Identity(subject="bob", name="Bob", roles=("viewer",))
    monkeypatch.setattr("ui_signin.identity", lambda: viewer)
    app = opened()
    by_label(app.text_area, "What is it for?").set_value("Mine.").run()
    assert by_label(app.button, "Save").disabled
    assert "needs the role editor" in told(app)
