"""What people do in the app, from a spreadsheet to a signed review, in a real browser on the real server."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from advisor.testing import ContractServer
from advisor.workflow.rehearsal import keys
from tests.browser.conftest import ROOT, App, settled, started_app, visit
from tests.conftest import make_rows
from tests.hosted_case import hosted_case

if TYPE_CHECKING:
    from playwright.sync_api import Page

KEY = "sk-practice-7H2kLmQ9xTzW4-not-a-real-key"
PRICES = {"input": 400.0, "output": 1600.0}  # dollars a million tokens: a call costs cents


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[tuple[App, Path]]:
    """The app on a case whose model is a server of this machine, and that case."""
    with ContractServer(api_key=KEY, latency_s=0.4) as server, keys(server):
        changes = {
            "baselines": [
                {"name": "zero_shot", "kind": "zero_shot", "model": "m"},
                {"name": "few_shot", "kind": "few_shot", "model": "m", "examples": [1]},
            ]
        }
        model = {"concurrency": 1, "prices": PRICES}
        case = hosted_case(tmp_path / "cases" / "hosted", server, model=model, changes=changes, baselines=())
        with started_app(tmp_path / "home", tmp_path / "cases") as app:
            yield app, case


@pytest.fixture
def reviewed(tmp_path: Path) -> Iterator[tuple[App, Path]]:
    """The app on a copy of a sample case that a test may change, and that case."""
    case = tmp_path / "cases" / "support_intents"
    shutil.copytree(
        ROOT / "sample_cases" / "support_intents", case, ignore=shutil.ignore_patterns(".advisor")
    )
    with started_app(tmp_path / "home", tmp_path / "cases") as app:
        yield app, case


def text_of(page: Page) -> str:
    return page.locator("[data-testid=stMain]").inner_text()


def wait_for_text(page: Page, text: str, timeout_s: float = 60) -> None:
    page.locator("[data-testid=stMain]").get_by_text(re.compile(text)).first.wait_for(
        timeout=timeout_s * 1000
    )


def start_button(page: Page) -> Any:
    return page.get_by_role("button", name=re.compile("^(play_circle )?(Start|Resume)"))


# --- a run -------------------------------------------------------------------------------------------------------


def test_a_budget_stops_a_run_and_it_is_resumed(
    hosted: tuple[App, Path], new_page: Callable[..., Page]
) -> None:
    app, _ = hosted
    page = new_page(app)
    visit(page, app.at("run", case="hosted"))
    wait_for_text(page, "Start a run", 120)  # the first plan loads what counts tokens
    page.get_by_role("spinbutton", name="Budget, in US dollars").fill("0.30")
    page.keyboard.press("Enter")
    settled(page)
    start_button(page).click()
    wait_for_text(page, "stopped before its budget")
    settled(page)
    assert "Raise the budget" in text_of(page)
    page.get_by_role("spinbutton", name="Budget, in US dollars").fill("100")
    page.keyboard.press("Enter")
    settled(page)
    start_button(page).click()
    wait_for_text(page, "The run is finished")
    page.get_by_role("link", name="See the recommendation").click()
    wait_for_text(page, "What is missing")


def test_a_reload_finds_the_run_as_it_is_and_it_can_be_stopped(
    hosted: tuple[App, Path], new_page: Callable[..., Page]
) -> None:
    app, _ = hosted
    page = new_page(app)
    visit(page, app.at("run", case="hosted"))
    wait_for_text(page, "Start a run", 120)  # the first plan loads what counts tokens
    start_button(page).click()
    wait_for_text(page, "It goes on when this page, the browser or the app is closed")
    page.reload()
    wait_for_text(page, "It goes on when this page, the browser or the app is closed")
    wait_for_text(page, r"zero_shot.*\d+ of 12 items")
    page.get_by_role("button", name="Stop").click()
    wait_for_text(page, "The run was stopped")
    assert "Resume" in start_button(page).inner_text()


def test_two_people_start_one_run(hosted: tuple[App, Path], new_page: Callable[..., Page]) -> None:
    app, case = hosted
    pages = [new_page(app), new_page(app)]
    for page in pages:
        visit(page, app.at("run", case="hosted"))
        wait_for_text(page, "Start a run", 120)  # the first plan loads what counts tokens
    for page in pages:
        start_button(page).click()
    for page in pages:
        wait_for_text(page, "It goes on when this page, the browser or the app is closed")
    processes = {re.search(r"process (\d+)", text_of(page)).group(1) for page in pages}  # type: ignore[union-attr]
    assert len(processes) == 1
    for page in pages:
        wait_for_text(page, "The run is finished")
    from advisor.workflow.reviewing import journal

    assert [e.what for e in journal(case)[0]] == ["run started"]


# --- a review ----------------------------------------------------------------------------------------------------


def test_a_review_is_signed_and_goes_stale(reviewed: tuple[App, Path], new_page: Callable[..., Page]) -> None:
    app, case = reviewed
    page = new_page(app)
    visit(page, app.at("review", case="support_intents"))
    wait_for_text(page, "No review was opened yet")
    page.get_by_role("button", name="Open a review").click()
    wait_for_text(page, "Pending")
    page.get_by_text("Approve", exact=True).click()
    page.get_by_role("textbox", name="Comment").fill("Fine by <b>me</b>")
    page.get_by_role("button", name=re.compile("Sign$")).click()
    wait_for_text(page, "^Approved")
    settled(page)  # the page is drawn from its top
    assert "Fine by <b>me</b>" in text_of(page)
    file = case / "case.yaml"
    values = yaml.safe_load(file.read_text())
    values["traffic"]["requests_per_month"] = 20_000
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    page.reload()
    wait_for_text(page, "^Stale")
    settled(page)
    assert "Requests per month: 9,000" in text_of(page)
    assert page.get_by_role("button", name=re.compile("Sign$")).count() == 0
    page.get_by_role("button", name="Open a new review").click()
    wait_for_text(page, "^Pending")


# --- a new case --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.local
def test_from_a_spreadsheet_to_a_recommendation(tmp_path: Path, new_page: Callable[..., Page]) -> None:
    rows = [(r["input"], r["output"]) for r in make_rows("t", 60)]
    table = "Message,Queue\n" + "".join(f'"{message}",{queue}\n' for message, queue in rows)
    with started_app(tmp_path / "home", environment={"ADVISOR_CASES": str(tmp_path)}) as app:
        page = new_page(app)
        visit(page, app.at("new_case"))
        file = {"name": "tickets.csv", "mimeType": "text/csv", "buffer": table.encode()}
        page.locator("input[type=file]").first.set_input_files(file)  # type: ignore[arg-type]
        wait_for_text(page, "60 rows, 2 columns")
        page.get_by_role("textbox", name="What is it for?").fill(
            "Sort messages to the queue that answers them."
        )
        page.get_by_role("textbox", name="What a model is told").fill("Sort the message.")
        page.keyboard.press("Control+Enter")
        wait_for_text(page, "4. What is held out")
        page.get_by_role("button", name="Check and estimate").click()
        wait_for_text(page, "Plan of a run")
        page.get_by_role("textbox", name="Name of the folder").fill("tickets")
        page.keyboard.press("Enter")
        settled(page)
        page.get_by_role("button", name="Save the case").click()
        wait_for_text(page, "^tickets is saved in")
        assert (tmp_path / "tickets" / "case.yaml").is_file()
        page.get_by_role("link", name="Run it").click()
        wait_for_text(page, "What a run takes")
        for unwanted in ("few_shot", "fine_tuned"):
            page.get_by_role("button", name=f"Remove {unwanted}").click()
            settled(page)
        start_button(page).click()
        wait_for_text(page, "The run is finished", 240)
        page.get_by_role("link", name="See the recommendation").click()
        wait_for_text(page, "What is missing")
        assert "The evidence does not carry a decision yet" in text_of(page)
