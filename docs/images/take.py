"""Takes the picture of the page in the README: python docs/images/take.py (needs playwright and a Chromium)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from time import sleep

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
PORT = 8597


def main() -> None:
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "ui" / "streamlit_app.py")]
    command += ["--server.port", str(PORT), "--server.address", "127.0.0.1", "--server.headless", "true"]
    command += ["--browser.gatherUsageStats", "false", "--client.toolbarMode", "minimal"]
    environment = {**os.environ, "ADVISOR_CASES": str(ROOT / "sample_cases" / "support_intents")}
    server = subprocess.Popen(command, env=environment)
    try:
        for _ in range(60):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/_stcore/health").close()
                break
            except OSError:
                sleep(0.5)
        with sync_playwright() as p:
            chromium = shutil.which("chromium") or "/usr/bin/chromium"
            browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1280, "height": 1180}, color_scheme="light")
            page.goto(f"http://127.0.0.1:{PORT}")
            page.get_by_text("What would turn it").first.wait_for(timeout=60_000)
            page.wait_for_timeout(3_000)
            page.screenshot(path=str(Path(__file__).with_name("page.png")))
            browser.close()
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
