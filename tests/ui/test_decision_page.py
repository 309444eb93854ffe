"""The page asks the package and draws: it decides nothing, hides nothing, and shows errors in words."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from advisor import workflow
from advisor.errors import CaseError, NoResultsError, Problem
from advisor.formatting import clean
from advisor.records import Decision
from advisor.resources import sample_cases_folder, ui_folder
from tests.reports.decisions import HOSTILE, full_decision, hostile_decision, sparse_decision

st = pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest  # noqa: E402

sys.path.insert(0, str(ui_folder()))
import ui_shared  # noqa: E402

APP = str(ui_folder() / "streamlit_app.py")
Decide = Callable[..., Decision]


class Calls(list[dict[str, Any]]):
    """What the page asked the package for."""


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADVISOR_CASES", raising=False)
    monkeypatch.delenv("ADVISOR_STORE", raising=False)


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Decide], tuple[AppTest, Calls]]]:
    """Opens the page with a decision of the test's own."""
    st.cache_data.clear()

    def use(decide: Decide) -> tuple[AppTest, Calls]:
        calls = Calls()

        def asked(
            case: Path | str, *, store: str | None = None, overrides: Mapping[str, str] | None = None
        ) -> Decision:
            calls.append({"case": Path(case), "store": store, "overrides": dict(overrides or {})})
            return decide(dict(overrides or {}))

        monkeypatch.setattr(workflow, "decide", asked)
        return AppTest.from_file(APP, default_timeout=60).run(), calls

    yield use
    st.cache_data.clear()


def told(app: AppTest) -> str:
    """All texts of the page."""
    kinds = ("title", "subheader", "markdown", "caption", "success", "info", "warning", "error")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def metrics(app: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in app.metric}


def test_it_shows_the_verdict_its_figures_and_reasons(open_page) -> None:
    app, calls = open_page(lambda overrides: full_decision())
    assert not app.exception
    assert app.title[0].value == "Route support messages"
    assert "Fine-tune" in app.success[0].value
    assert metrics(app)["Confidence"] == "93%"
    assert metrics(app)["Its accuracy"] == "91.0%"
    assert "well over the smallest gain worth having" in told(app)
    assert "older than 90 days" in app.warning[0].value
    assert calls[0]["case"].parent == sample_cases_folder().resolve()


def test_every_baseline_is_in_the_table_and_unknown_is_said(open_page) -> None:
    app, _ = open_page(lambda overrides: full_decision())
    table = app.dataframe[0].value.set_index("Baseline")
    assert list(table.index) == [b.name for b in full_decision().baselines]
    assert list(table.loc["classifier", ["USD per 1,000", "one-off", "per month"]]) == ["unknown"] * 3
    assert table.loc["fine_tuned", "accuracy (95% interval)"] == "91.0% (86.2–94.2%)"


def test_the_ten_questions_can_be_opened(open_page) -> None:
    app, _ = open_page(lambda overrides: full_decision())
    assert len(app.expander) == 10
    assert "What is the use case" in app.expander[0].label
    assert "Unclear" in app.expander[9].label
    inside = " ".join(m.value for m in app.expander[0].markdown)
    assert all(kind in inside for kind in ("measured", "estimated", "declared"))


def test_the_charts_are_those_of_the_report(open_page) -> None:
    app, _ = open_page(lambda overrides: full_decision())
    assert len(app.get("vega_lite_chart")) == 6


def test_a_what_if_changes_the_verdict_in_place(open_page) -> None:
    full = full_decision()
    stop = full.model_copy(
        update={
            "verdict": full.verdict.model_copy(
                update={"decision": "do_not_fine_tune", "recommended": "few_shot"}
            )
        }
    )
    app, calls = open_page(lambda overrides: stop if overrides else full)
    assert [c["overrides"] for c in calls] == [{}]
    app.number_input[0].set_value(1000.0).run()
    assert not app.exception
    assert {float(v) for v in calls[-1]["overrides"].values()} == {1000.0}
    assert list(calls[-1]["overrides"]) == ["traffic.requests_per_month"]
    assert "Do not fine-tune" in app.info[0].value
    assert "With the case's own assumptions: Fine-tune" in told(app)
    app.sidebar.button[0].click().run()
    assert "Fine-tune" in app.success[0].value


def test_what_is_not_given_is_not_taken_for_zero(open_page) -> None:
    app, calls = open_page(lambda overrides: full_decision())
    by_label = {n.label: n.value for n in app.number_input}
    assert by_label["Hours for refinement"] is None
    assert by_label["Hours for evaluation"] == 8.0  # the likely value of a range
    assert calls[-1]["overrides"] == {}


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
def test_an_error_is_said_in_words_and_never_as_a_traceback(open_page, error: Exception, said: str) -> None:
    def fail(overrides: dict[str, str]) -> Decision:
        raise error

    app, _ = open_page(fail)
    assert not app.exception
    assert len(app.error) == 1
    assert said in told(app).replace("\\", "")
    assert not app.metric


def test_a_typed_folder_that_is_no_case_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADVISOR_CASES", str(tmp_path / "nowhere"))
    st.cache_data.clear()
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert not app.exception
    assert "nowhere" in app.error[0].value


def test_foreign_text_draws_no_markup(open_page) -> None:
    app, _ = open_page(lambda overrides: hostile_decision())
    assert not app.exception
    text = told(app)
    assert "<script" not in text and "</style" not in text
    assert not [c for c in text if clean(c) != c]
    assert "**x**" not in text.replace("\\*", "")
    assert "![i](" not in text
    assert HOSTILE not in text


def test_with_nothing_measured_it_still_stands(open_page) -> None:
    app, _ = open_page(lambda overrides: sparse_decision())
    assert not app.exception
    assert "Not yet" in app.warning[0].value
    assert metrics(app)["Recommended"] == "none yet"
    assert "Results of at least one alternative." in told(app)


def test_the_store_of_the_environment_is_asked(open_page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADVISOR_STORE", "sqlite:///elsewhere.sqlite")
    _, calls = open_page(lambda overrides: full_decision())
    assert calls[0]["store"] == "sqlite:///elsewhere.sqlite"


def test_cases_come_from_the_environment_and_the_samples(tmp_path: Path) -> None:
    single, many = tmp_path / "single", tmp_path / "many"
    for folder in (single, many / "a", many / "b"):
        folder.mkdir(parents=True)
        (folder / "case.yaml").write_text("schema_version: 1\n")
    (many / "notes").mkdir()
    found = ui_shared.case_folders({"ADVISOR_CASES": os.pathsep.join([str(single), str(many), ""])})
    assert found[:3] == [single, many / "a", many / "b"]
    assert {p.parent for p in found[3:]} == {sample_cases_folder().resolve()}


def test_cases_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    twins = [tmp_path / "north" / "intents", tmp_path / "south" / "intents"]
    assert [ui_shared.case_label(f, twins) for f in twins] == ["north/intents", "south/intents"]
    assert ui_shared.case_label(twins[0], twins[:1]) == "intents"
