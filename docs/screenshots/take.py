"""Takes pictures of every page, wide and narrow, light and dark: `make screenshots` (needs a Chromium).

The sample cases are shown with their recorded results, so nothing is run or asked. One of them is signed first, in a
copy, so that its review shows something.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from advisor.workflow.reviewing import open_review, sign

ROOT, HERE = Path(__file__).parents[2], Path(__file__).parent
CASE = "support_intents"
PAGES = (
    "decisions", "new_case", "use_case", "run", "tradeoff", "costs", "answers", "recommendation", "review", "prices",
)  # fmt: skip
WIDTHS = {1280: 1100, 390: 1500}
"""Heights by width."""
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


def main() -> None:
    """Starts the app in a home of its own, and goes through its pages."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        cases = Path(folder) / "cases"
        shutil.copytree(ROOT / "sample_cases", cases, ignore=shutil.ignore_patterns(".advisor"))
        review = open_review(cases / CASE, comment="For the meeting on Friday")
        sign(
            cases / CASE,
            "approve",
            comment="More examples first.",
            checked=[i.id for i in review.checklist[:8]],
        )
        port = free_port()
        server = subprocess.Popen(
            [sys.executable, "-c", "from advisor.cli import main; main()", "ui", "--no-browser", "--port", str(port),
             str(cases)],
            cwd=folder, env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health")
            take_all(f"http://127.0.0.1:{port}", chromium, f"cases/{CASE}")
        finally:
            server.terminate()
            server.wait(10)


def take_all(url: str, chromium: str, case: str) -> None:
    """Every page at both widths in both themes."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for width, height in WIDTHS.items():
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,  # type: ignore[arg-type]
                    reduced_motion="reduce",
                )
                for name in PAGES:
                    page = context.new_page()
                    page.goto(f"{url}/{'' if name == 'decisions' else name}?case={case}")
                    settle(page)
                    path = HERE / f"{name}_{width}_{scheme}.png"
                    page.screenshot(path=path)
                    shrink(path)
                    page.close()
                context.close()
        browser.close()


def settle(page: Page) -> None:
    """Waits until everything is drawn, charts included."""
    page.wait_for_selector("[data-testid=stMain] h1", timeout=120_000)
    for _ in range(2):
        page.wait_for_selector(SETTLED, state="attached", timeout=120_000)
        page.wait_for_function(
            "!document.querySelector('[data-testid=stSkeleton], [data-testid=stSpinner]')", timeout=120_000
        )
        page.wait_for_timeout(1_200)


def shrink(path: Path) -> None:
    """Fewer colours, small areas of one colour kept too: half of the size, and no difference to the eye."""
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(
            256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    small.save(path, optimize=True)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(address: str) -> None:
    """Returns as soon as the app answers."""
    for _ in range(240):
        try:
            urllib.request.urlopen(address).close()
            return
        except OSError:
            time.sleep(0.5)
    sys.exit("The app did not start.")


if __name__ == "__main__":
    main()
