"""How long until a page of the app is there, in a real browser, and until a what-if is drawn anew?

Beside it an empty Streamlit page, opened in the same way in the same run: what a page takes beyond that is ours.

* cold: the first page of a server that just started, in a browser that never saw it;
* opened: the same address again in a new tab of that browser, which has the app's files;
* moved to: a page reached by its link in the sidebar, as somebody does who is at work in the app;
* what-if: an assumption changed on the page of costs, until the verdict under it is drawn, and until all of the page
  is: with the costs month by month beside it, and with what would turn the verdict, which is searched for anew.

A page is there when what it says first is drawn. The median of several rounds; the slowest beside it.

    python benchmarks/app_pages.py
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _results import write
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parents[1]
CASE = "support_intents"
ROUNDS = 5
LIMIT_MS = 30_000
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
TITLES = {
    "decisions": "Decisions",
    "new_case": "New case",
    "use_case": "Use case and questions",
    "tradeoff": "Tradeoff",
    "costs": "Costs",
    "answers": "Answers",
    "recommendation": "Recommendation",
    "review": "Review",
    "prices": "Prices",
}
"""By page, its link in the sidebar. The page of runs is left out: it counts tokens with the model's own tokenizer."""
FIRST = {
    "decisions": "text=Filter",
    "new_case": "text=Begin with",
    "use_case": "text=What is it for?",
    "tradeoff": "text=Set quality against",
    "costs": "text=What if",
    "answers": "text=/All \\d+ items/",
    "recommendation": "text=What is missing",
    "review": "text=No review was opened yet",
    "prices": "text=Search",
}
"""By page, what it says below its title."""
SAYS = "words => document.querySelector('[data-testid=stMain]').textContent.includes(words)"
EMPTY = "import streamlit as st\nst.title('Empty')\n"


def main() -> None:
    """Measures, prints, writes results/app_pages.json."""
    chromium = shutil.which("chromium") or sys.exit("Chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        (Path(folder) / "empty.py").write_text(EMPTY, encoding="utf-8")
        cases = Path(folder) / "cases"
        shutil.copytree(ROOT / "sample_cases", cases, ignore=shutil.ignore_patterns(".advisor"))

        def browser() -> Browser:
            rooted = hasattr(os, "geteuid") and os.geteuid() == 0
            return playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox"] if rooted else []
            )

        empty = measure_empty(browser(), folder)
        ours = measure_app(browser(), folder, cases)
    figures = {**empty, **ours}
    for name, value in figures.items():
        print(f"{name:<22}{value}")
    write("app_pages", hardware="2 cores", packages=["streamlit", "playwright"], figures=figures)


def measure_empty(browser: Browser, folder: str) -> dict[str, Any]:
    """Of a page with nothing but a title."""
    with served(folder, ["-m", "streamlit", "run", "empty.py", "--server.headless", "true"]) as url:
        context = browser.new_context()
        cold = opened(context, url, "h1")
        again = [opened(context, url, "h1") for _ in range(ROUNDS)]
    browser.close()
    return {"empty_page_cold_s": round(cold, 2), "empty_page_opened_s": summary(again)}


def measure_app(browser: Browser, folder: str, cases: Path) -> dict[str, Any]:
    """Of the app's pages."""
    advisor = ["-c", "from advisor.cli import main; main()", "ui", "--no-browser"]
    with served(folder, advisor, str(cases)) as url:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        cold = opened(context, url, FIRST["decisions"])
        first_time, again = {}, {}
        for name, first in FIRST.items():
            address = f"{url}/{'' if name == 'decisions' else name}?case={CASE}"
            first_time[name] = round(opened(context, address, first), 2)
            again[name] = summary([opened(context, address, first) for _ in range(ROUNDS)])
        page = context.new_page()
        page.goto(f"{url}/prices?case={CASE}")
        page.locator(FIRST["prices"]).first.wait_for(timeout=LIMIT_MS)
        moves: dict[str, list[float]] = {name: [] for name in FIRST}
        for _ in range(ROUNDS):
            for name in FIRST:
                moves[name].append(moved(page, name))
        what_if = {tab: changed(page, tab) for tab in ("Month by month", "Sensitivity")}
    browser.close()
    return {
        "first_page_cold_s": round(cold, 2),
        "first_page_opened_s": again["decisions"],
        "first_page_moved_to_s": summary(moves["decisions"]),
        "what_if_s": what_if,
        "opened_the_first_time_s": first_time,
        "opened_s": again,
        "moved_to_s": {name: summary(seconds) for name, seconds in moves.items()},
    }


def opened(context: BrowserContext, url: str, first: str) -> float:
    """Seconds from the request to the first words of a page in a new tab."""
    page = context.new_page()
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.locator(first).first.wait_for(timeout=LIMIT_MS)
    seconds = time.perf_counter() - started
    settle(page)
    page.close()
    return seconds


def moved(page: Page, name: str) -> float:
    """Seconds from a click on a page's link to its first words."""
    settle(page)
    link = page.get_by_test_id("stSidebar").get_by_role("link", name=TITLES[name])
    started = time.perf_counter()
    link.click()
    page.locator(FIRST[name]).first.wait_for(timeout=LIMIT_MS)
    return time.perf_counter() - started


def changed(page: Page, tab: str) -> dict[str, dict[str, float]]:
    """Seconds from a changed assumption until the verdict under it is drawn, and until everything is."""
    moved(page, "costs")
    settle(page)
    page.get_by_role("tab", name=tab).click()
    box = page.get_by_role("spinbutton", name="likely").first
    verdict, everything = [], []
    for value in (9100, 9200, 20000, 300, 9300, 12000, 800):
        settle(page)
        box.fill(str(value))
        started = time.perf_counter()
        page.keyboard.press("Enter")
        # asked for now and then: Playwright's search for a text looks through the page at every frame
        page.wait_for_function(SAYS, arg=f"now {value:,} ", polling=25, timeout=LIMIT_MS)
        verdict.append(time.perf_counter() - started)
        page.wait_for_selector(SETTLED, state="attached", timeout=LIMIT_MS)
        everything.append(time.perf_counter() - started)
    return {"verdict": summary(verdict), "everything": summary(everything)}


def settle(page: Page) -> None:
    """Waits until nothing is drawn any more."""
    page.wait_for_selector(SETTLED, state="attached", timeout=LIMIT_MS)
    page.wait_for_timeout(700)


def summary(seconds: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(seconds), 2), "slowest": round(max(seconds), 2)}


@contextmanager
def served(folder: str, command: list[str], *arguments: str) -> Iterator[str]:
    """A server until the block ends; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flag = "--port" if "ui" in command else "--server.port"
    server = subprocess.Popen(
        [sys.executable, *command, flag, str(port), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health").close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    main()
