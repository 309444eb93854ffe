"""The page says what a run takes, starts one, shows how it goes in every state, and starts nothing for a viewer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from advisor.access import Identity
from advisor.errors import AdvisorError
from advisor.resources import ui_folder
from advisor.workflow import background, run_plan
from advisor.workflow._run_files import BaselineState, RunLock, RunState, write_state
from tests.conftest import write_case

st = pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest  # noqa: E402

sys.path.insert(0, str(ui_folder()))
import ui_shared  # noqa: E402

APP = str(ui_folder() / "streamlit_app.py")
PAGE = str(ui_folder() / "app_pages" / "run.py")
HOSTILE = "<b>$x$</b> \x1b[31m :red[no] [a](http://e)"


@pytest.fixture
def case(tmp_path: Path, scripted: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    scripted()
    folder = write_case(tmp_path / "little")
    monkeypatch.setenv("ADVISOR_CASES", str(folder))
    monkeypatch.delenv("ADVISOR_STORE", raising=False)
    monkeypatch.delenv("ADVISOR_ACCESS", raising=False)
    return folder


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the page asked the package to start, in place of starting it."""
    found: list[dict[str, Any]] = []

    def start(case: Path, **options: Any) -> RunState:
        found.append({"case": case, **options})
        return RunState(status="running")

    monkeypatch.setattr(background, "start_run", start)
    return found


@pytest.fixture
def open_page(case: Path) -> Iterator[Callable[[], AppTest]]:
    def use() -> AppTest:
        st.cache_resource.clear()
        test = AppTest.from_file(APP, default_timeout=60)
        test.query_params["case"] = "little"
        return test.switch_page("app_pages/run.py").run()

    yield use
    st.cache_resource.clear()


def texts(test: AppTest) -> str:
    found = []
    for kind in ("title", "subheader", "markdown", "caption", "success", "info", "warning", "error", "code"):
        found += [e.value for e in getattr(test, kind)]
    found += [f"{m.label}: {m.value}" for m in test.metric]
    found += [f"[{b.label}]" for b in test.button]
    for block in test.get("progress"):
        found.append(block.proto.text)
    return "\n".join(found)


def state_of(case: Path, **changes: Any) -> RunState:
    (case / ".advisor").mkdir(exist_ok=True)
    now = datetime.now(UTC)
    rows = (
        BaselineState(
            name="zero_shot", state="done", phase="answers", items_done=60, items_total=60, calls=60, tokens_in=4000,
            tokens_out=100, usd=0.02, items_stored=0,
        ),
        BaselineState(
            name="few_shot", state="running", phase="settings", detail="dev, examples=2", items_done=3, items_total=12,
            calls=3, tokens_in=300, tokens_out=9, usd=0.001, failed=1, remaining_s=42,
        ),
    )  # fmt: skip
    given = {"status": "running", "run": "r1", "pid": 4711, "started_from": "app", "started_by": "Ann"}
    state = RunState(
        **{
            **given,
            "started_at": now,
            "updated_at": now,
            "chosen": ("zero_shot", "few_shot"),
            "baselines": rows,
            **changes,
        }
    )
    write_state(case / ".advisor", state)
    return state


def test_it_says_what_a_run_takes_and_starts_it(
    case: Path, started: list[dict[str, Any]], open_page: Any
) -> None:
    test = open_page()
    assert not test.exception
    (table,) = test.dataframe
    assert list(table.value["Baseline"]) == ["zero_shot", "few_shot", "classifier"]
    assert list(table.value["Measured here"]) == ["0 of 60 items"] * 3
    (button,) = [b for b in test.button if b.label.startswith("Start")]
    assert button.label == "Start, cost unknown"  # the scripted model has no known cost
    test.multiselect[0].set_value(["zero_shot"])
    test.number_input[0].set_value(5.0)
    test.toggle[0].set_value(True)
    test.run()
    (button,) = [b for b in test.button if b.label.startswith("Start")]
    assert button.label == "Start, for at most \\$5.00"
    button.click().run()
    (call,) = started
    assert call["case"] == case
    assert call["baselines"] == ("zero_shot",)
    assert (call["budget_usd"], call["stop_early"], call["store"]) == (5.0, True, None)
    assert call["identity"].may("editor")


def test_a_running_one_shows_each_baseline_and_can_be_stopped(
    case: Path, open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = []
    monkeypatch.setattr(background, "stop_run", lambda folder, identity: stopped.append(folder))
    (case / ".advisor").mkdir()
    lock = RunLock.acquire(case / ".advisor")
    state_of(case, budget_usd=2.0)
    try:
        test = open_page()
        assert not test.exception
        shown = texts(test)
        assert "**zero\\_shot** · done · 60 of 60 items" in shown
        assert "choosing its settings on the dev split · 3 of 12 items · about 42 s left" in shown
        assert "4,000 tokens in, 100 out" in shown
        assert "1 failed" in shown
        assert "Spent of \\$2.00: \\$0.021" in shown
        assert "It goes on when this page, the browser or the app is closed" in shown
        assert not [b for b in test.button if b.label.startswith(("Start", "Resume"))]
        (button,) = [b for b in test.button if b.label == "Stop"]
        button.click().run()
        assert stopped == [case]
    finally:
        lock.release()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("stopped", "Resume asks only the rest"),
        ("budget", "Raise the budget below and resume"),
        ("interrupted", "goes on where it stopped"),
        ("failed", "The run failed"),
    ],
)
def test_one_that_ended_early_says_why_and_can_be_resumed(
    case: Path, started: list[dict[str, Any]], open_page: Any, status: str, words: str
) -> None:
    living = status == "interrupted"  # as a kill leaves it: without a last word
    state_of(case, status="running" if living else status, budget_usd=0.5, ended_at=datetime.now(UTC))
    test = open_page()
    assert not test.exception
    assert words in texts(test)
    (button,) = [b for b in test.button if b.label.startswith("Resume")]
    assert test.multiselect[0].value == ["zero_shot", "few_shot"]
    assert test.number_input[0].value == 0.5
    button.click().run()
    assert started[0]["baselines"] == ("zero_shot", "few_shot")


def test_a_finished_one_leads_to_the_recommendation_and_names_failures(case: Path, open_page: Any) -> None:
    state_of(case, status="finished", failed=2, ended_at=datetime.now(UTC))
    test = open_page()
    assert not test.exception
    shown = texts(test)
    assert "The run is finished" in shown
    assert "2 answers failed" in shown
    assert any(link.proto.label == "See the recommendation" for link in test.get("page_link"))


def test_what_is_measured_costs_nothing(case: Path, open_page: Any) -> None:
    background.run_here(case)
    test = open_page()
    assert not test.exception
    assert "Everything is measured already" in texts(test)
    assert [b.label for b in test.button if b.label.startswith("Start")] == ["Start, at no cost"]
    assert list(test.dataframe[0].value["Measured here"]) == ["all"] * 3


def test_recorded_results_are_named(case: Path, open_page: Any) -> None:
    (case / "results.jsonl").write_text("")
    assert "comes with recorded results" in texts(open_page())


def test_a_folder_that_cannot_be_written_is_copied_first(
    case: Path, open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_plan.os, "access", lambda path, mode: False)
    links: list[str] = []
    monkeypatch.setattr(ui_shared, "page_link", lambda page, *rest, **more: links.append(page))
    test = open_page()
    assert not test.exception
    assert links == ["new_case"]
    assert "cannot be written to" in texts(test)
    assert not [b for b in test.button if b.label.startswith("Start")]


def test_a_start_that_is_refused_says_why(
    case: Path, open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **options: Any) -> RunState:
        raise AdvisorError("This case is being run already: by process 12.", hint="Wait.")

    monkeypatch.setattr(background, "start_run", refuse)
    test = open_page()
    next(b for b in test.button if b.label.startswith("Start")).click().run()
    assert "being run already" in test.error[0].value
    assert "Wait" in test.error[0].value


def test_a_viewer_sees_it_and_cannot_start(
    case: Path, open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = Identity(subject="v", name="Vic", roles=("viewer",))
    monkeypatch.setattr(ui_shared, "identity", lambda: viewer)
    test = open_page()
    assert next(b for b in test.button if b.label.startswith("Start")).disabled
    assert "role *editor*" in texts(test)


def test_foreign_text_stays_text(case: Path, open_page: Any) -> None:
    state_of(
        case, status="failed", error=HOSTILE, hint=HOSTILE, messages=(HOSTILE,), started_by=HOSTILE,
        ended_at=datetime.now(UTC),
    )  # fmt: skip
    test = open_page()
    assert not test.exception
    (error,) = test.error
    assert "<b>" not in error.value
    assert "\x1b" not in texts(test)
    assert "\\[a\\]" in error.value


@pytest.mark.parametrize("content", ["", "{", '{"status": "odd"}'])
def test_a_damaged_progress_file_does_not_break_the_page(case: Path, open_page: Any, content: str) -> None:
    (case / ".advisor").mkdir()
    (case / ".advisor" / "run.json").write_text(content)
    test = open_page()
    assert not test.exception
    assert "cannot be read" in texts(test)
    assert [b for b in test.button if b.label.startswith("Resume")]


def test_a_case_that_is_wrong_says_what_is_wrong(case: Path, open_page: Any) -> None:
    (case / "train.jsonl").write_text("{")
    test = open_page()
    assert not test.exception
    assert "1 problem" in test.error[0].value
