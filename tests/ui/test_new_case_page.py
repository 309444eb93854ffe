"""A new case from a spreadsheet, step by step: nothing is saved before it was seen, and nothing foreign is markup."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from advisor.access import Identity
from advisor.cases.loading import load_case
from advisor.resources import ui_folder
from tests.reports.decisions import HOSTILE

st = pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest  # noqa: E402

sys.path.insert(0, str(ui_folder()))
WORDS = ("parcel", "invoice", "lamp")
CSV = "Message,Queue\n" + "".join(
    f"{WORDS[i % 3]} {i * 7919 % 1000} and {i * i},{('delivery', 'payment', 'other')[i % 3]}\n"
    for i in range(60)
)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scripted: Any) -> AppTest:
    scripted()
    st.cache_data.clear()
    st.cache_resource.clear()
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADVISOR_CASES", str(tmp_path / "mine"))
    monkeypatch.delenv("ADVISOR_STORE", raising=False)
    monkeypatch.delenv("ADVISOR_ACCESS", raising=False)
    app = AppTest.from_file(str(ui_folder() / "streamlit_app.py"), default_timeout=60)
    return app.switch_page("app_pages/new_case.py").run()


def upload(app: AppTest, content: bytes, name: str = "tickets.csv") -> AppTest:
    app.file_uploader[0].set_value((name, content, "text/csv"))
    return app.run()


def by_label(elements: Any, label: str) -> Any:
    return next(e for e in elements if e.label == label)


def told(app: AppTest) -> str:
    kinds = ("title", "header", "subheader", "markdown", "caption", "success", "info", "warning", "error")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def filled(app: AppTest) -> AppTest:
    by_label(app.text_area, "What is it for?").set_value("Sort messages.")
    by_label(app.text_area, "What a model is told").set_value("Name the queue.")
    by_label(app.text_input, "Title").set_value("Route tickets")
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    by_label(app.button, label).click()
    return app.run()


def test_later_steps_appear_as_earlier_ones_are_done(page: AppTest) -> None:
    assert [h.value for h in page.header] == ["1. The file"]
    upload(page, CSV.encode())
    assert not page.exception
    assert [h.value for h in page.header][-1] == "3. The task"
    assert "To go on, say what it is for and what a model is told." in told(page)
    filled(page)
    assert [h.value for h in page.header][-1] == "6. Check"
    press(page, "Check and estimate")
    assert not page.exception
    assert [h.value for h in page.header][-1] == "7. Save"


def test_a_spreadsheet_becomes_a_case_that_can_be_run(page: AppTest, tmp_path: Path) -> None:
    press(filled(upload(page, CSV.encode())), "Check and estimate")
    figures = {m.label: m.value for m in page.metric}
    assert figures["To learn from"] == "42"
    assert figures["Held out"] == "18"
    assert not list((tmp_path / "mine").iterdir())
    press(page, "Save the case")
    assert not page.exception
    folder = tmp_path / "mine" / "Route_tickets"
    case = load_case(folder).case
    assert (case.title, case.task.labels) == ("Route tickets", ("delivery", "payment", "other"))
    assert "Route\\_tickets** is saved" in page.success[0].value
    assert "Say what it is worth" in [e.proto.label for e in page.get("page_link")]


def test_columns_and_task_are_suggested_with_reasons(page: AppTest) -> None:
    upload(page, CSV.encode())
    assert by_label(page.multiselect, "What comes in").value == ["Message"]
    assert by_label(page.multiselect, "What should come out").value == ["Queue"]
    assert by_label(page.selectbox, "Kind of task").value == "classification"
    assert "there are only 3 different outputs in 60 rows" in told(page)


def test_what_is_changed_after_the_check_is_checked_again(page: AppTest) -> None:
    press(filled(upload(page, CSV.encode())), "Check and estimate")
    by_label(page.text_area, "What a model is told").set_value("Something else.")
    page.run()
    assert "Check once more to save" in told(page)
    assert "Save the case" not in [b.label for b in page.button]


def test_problems_are_said_by_row_and_column(page: AppTest) -> None:
    press(filled(upload(page, (CSV + "no queue,\n,other\n").encode())), "Check and estimate")
    assert "There are 2 problems" in page.error[0].value
    rows = page.dataframe[-1].value
    assert list(rows["Row"]) == ["62", "63"]
    assert list(rows["Column or field"]) == ["Queue", "Message"]
    by_label(page.checkbox, "Leave out rows without input or answer").check()
    press(page.run(), "Check and estimate")
    assert "2 rows of 'tickets.csv' were left out" in told(page)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04no", b"\xd0\xcf\x11\xe0"])
def test_a_file_that_cannot_be_read_is_said_in_words(page: AppTest, content: bytes) -> None:
    upload(page, content, "tickets.xlsx")
    assert not page.exception
    assert "problem" in page.error[0].value


def test_hostile_content_is_shown_as_text(page: AppTest) -> None:
    hostile = HOSTILE.replace('"', '""')
    content = f'"{hostile}","=cmd"\n' + "".join(f'"{hostile} {i}","=1+{i % 2}"\n' for i in range(20))
    press(filled(upload(page, content.encode())), "Check and estimate")
    assert not page.exception
    text = told(page)
    assert "<script" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text


def test_nothing_is_overwritten(page: AppTest, tmp_path: Path) -> None:
    (tmp_path / "mine" / "Route_tickets").mkdir()
    press(filled(upload(page, CSV.encode())), "Check and estimate")
    press(page, "Save the case")
    assert not page.exception
    assert "already" in page.error[0].value
    assert not list((tmp_path / "mine" / "Route_tickets").iterdir())


def test_a_sample_is_copied(page: AppTest, tmp_path: Path) -> None:
    page.session_state["new_case:way"] = "Start from a sample"
    page.run()
    by_label(page.selectbox, "Sample").set_value("policy_qa").run()
    press(page, "Copy this sample")
    assert not page.exception
    assert load_case(tmp_path / "mine" / "my_policy_qa").case.name == "policy_qa"


def test_a_viewer_may_look_but_not_save(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = Identity(subject="bob", name="Bob", roles=("viewer",))
    monkeypatch.setattr("ui_signin.identity", lambda: viewer)
    press(filled(upload(page, CSV.encode())), "Check and estimate")
    assert "needs the role editor" in told(page)
    assert by_label(page.button, "Save the case").disabled


def test_a_held_out_file_of_its_own(page: AppTest, tmp_path: Path) -> None:
    filled(upload(page, CSV.encode()))
    by_label(page.radio, "Held-out examples").set_value("file").run()
    page.file_uploader[1].set_value(
        ("own.csv", b"Message,Queue\nnew one,delivery\nnew two,other\n", "text/csv")
    )
    press(page.run(), "Check and estimate")
    assert {m.label: m.value for m in page.metric}["Held out"] == "2"
    assert os.environ["ADVISOR_CASES"] == str(tmp_path / "mine")
