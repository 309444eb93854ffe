"""How long does the app take: its first page cold and warm, each page warm, and a what-if, in a real browser?

Beside it an empty Streamlit page, opened in the same way in the same run: what a page takes beyond that is ours.
"Cold" is the first page of a server that has just started; "warm" is the same page again in a new tab. A page counts
as there when what it says first is drawn; a what-if when the changed assumption is listed and the script has ended.

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

from _results import write
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
CASE = "support_intents"
ROUNDS = 5
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
FIRST = {
    "decisions": "text=Filter",
    "new_case": "text=Begin with",
    "use_case": "text=What is it for?",
    "tradeoff": "text=Set quality against",
    "costs": "text=What if",
    "answers": "text=All 180 items",
    "recommendation": "text=What is missing",
    "review": "text=No review was opened yet",
    "prices": "text=Search",
}
"""By page, what it says first. The page of runs is left out: it counts tokens with the model's own tokenizer."""


def main() -> None:
    """Measures, prints, writes results/app_pages.json."""
    chromium = shutil.which("chromium") or sys.exit("Chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        (Path(folder) / "empty.py").write_text(
            "import streamlit as st\nst.title('Empty')\n", encoding="utf-8"
        )
        with served(folder, ["-m", "streamlit", "run", "empty.py", "--server.headless", "true"]) as url:
            empty_cold = opened(browser, url, "h1")
            empty = median(opened(browser, url, "h1") for _ in range(ROUNDS))
        advisor = ["-c", "from advisor.cli import main; main()", "ui", "--no-browser"]
        cases = Path(folder) / "cases"
        shutil.copytree(ROOT / "sample_cases", cases, ignore=shutil.ignore_patterns(".advisor"))
        with served(folder, advisor, str(cases / CASE)) as url:
            cold = opened(browser, url, FIRST["decisions"])
            pages = {
                name: median(
                    opened(browser, f"{url}/{'' if name == 'decisions' else name}?case=cases/{CASE}", first)
                    for _ in range(ROUNDS)
                )
                for name, first in FIRST.items()
            }
            what_if = changes(browser, f"{url}/costs?case=cases/{CASE}")
        browser.close()
    figures = {
        "empty_page_cold_s": round(empty_cold, 2),
        "empty_page_warm_s": round(empty, 2),
        "first_page_cold_s": round(cold, 2),
        "first_page_warm_s": round(pages["decisions"], 2),
        "pages_warm_s": {name: round(s, 2) for name, s in pages.items()},
        "what_if_s": {"median": round(statistics.median(what_if), 2), "slowest": round(max(what_if), 2)},
    }
    for name, value in figures.items():
        print(f"{name:<22}{value}")
    write("app_pages", hardware="2 cores", packages=["streamlit", "playwright"], figures=figures)


def opened(browser: Browser, url: str, first: str) -> float:
    """Seconds from the request to the first words of a page."""
    page = browser.new_page()
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.locator(first).first.wait_for(timeout=120_000)
    seconds = time.perf_counter() - started
    page.close()
    return seconds


def changes(browser: Browser, url: str) -> list[float]:
    """Seconds from a changed assumption to the page that was drawn anew."""
    page = browser.new_page()
    page.goto(url)
    box = page.get_by_role("spinbutton", name="likely").first
    box.wait_for(timeout=120_000)
    settle(page)
    found = []
    for value in (9100, 9200, 20000, 300, 9300):
        box.fill(str(value))
        started = time.perf_counter()
        page.keyboard.press("Enter")
        page.locator(f"text=/{value:,}/").first.wait_for(timeout=60_000)
        page.wait_for_selector(SETTLED, state="attached", timeout=60_000)
        found.append(time.perf_counter() - started)
        settle(page)
    page.close()
    return found


def settle(page: Page) -> None:
    """Waits until nothing is drawn any more."""
    page.wait_for_selector(SETTLED, state="attached", timeout=60_000)
    page.wait_for_timeout(1_500)


def median(values: Iterator[float]) -> float:
    return statistics.median(list(values))


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
