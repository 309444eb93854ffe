"""A real browser on the real app: a server of its own, and a page that tolerates no error and nothing from outside."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
START_LIMIT_S = 90
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
BUSY = "[data-testid=stSkeleton], [data-testid=stSpinner]"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


# --- the app -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class App:
    """A running app."""

    url: str
    folder: Path
    """Its own: home, store and cases that tests make."""
    log: Path

    def at(self, page: str = "", **parameters: str) -> str:
        """The address of a page."""
        query = "&".join(f"{k}={v}" for k, v in parameters.items())
        return f"{self.url}/{page}" + (f"?{query}" if query else "")


def free_port() -> int:
    """A port that was free a moment ago."""
    for port in range(8700, 8800):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port from 8700 to 8799")


@contextmanager
def started_app(
    folder: Path, *cases: Path, environment: dict[str, str] | None = None, host: str = "127.0.0.1"
) -> Iterator[App]:
    """Runs `advisor ui` as a user does, in a home of its own, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "server.log"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ADVISOR_", "STREAMLIT_"))}
    own = {
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "ADVISOR_WORKSPACE": str(folder / "workspace"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
    }
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-c", "from advisor.cli import main; main()", "ui", "--no-browser",
             "--port", str(port), *map(str, cases)],
            cwd=folder, env={**kept, **own, **(environment or {})}, stdout=out, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    app = App(f"http://{host}:{port}", folder, log)
    try:
        wait_for_health(app, server)
        yield app
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def wait_for_health(app: App, server: subprocess.Popen[bytes]) -> None:
    """Returns as soon as the app answers; shows its log if it never does."""
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{app.url}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"The app did not start (exit code {server.poll()}). Its log:\n{app.log.read_text()}")


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on copies of the sample cases and their recorded results; nobody has to sign in."""
    folder = tmp_path_factory.mktemp("app")
    cases = folder / "cases"
    shutil.copytree(ROOT / "sample_cases", cases, ignore=shutil.ignore_patterns(".advisor"))
    with started_app(folder, cases) as running:
        yield running


# --- the browser -------------------------------------------------------------------------------------------------


@dataclass
class Watched:
    """What the app's pages did that they must not do."""

    own: str
    """The app's origin."""
    provider: str | None = None
    """The origin of a provider that signs people in; what its pages do is its own affair."""
    problems: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Notes errors of the page, and everything that it asks of others; those requests are not sent."""
        page.on("console", lambda m: self._note(m.text, m.location["url"]) if m.type == "error" else None)
        page.on("pageerror", lambda e: self.problems.append(f"uncaught: {e}"))
        page.on("websocket", lambda s: self._check(s.url.replace("ws", "http", 1), self.own))
        page.route("**/*", self._answer)

    def _answer(self, route: Route) -> None:
        asker = route.request.frame.url if not route.request.is_navigation_request() else ""
        if self._check(route.request.url, asker):
            route.continue_()
        else:
            route.abort()

    def _note(self, text: str, url: str) -> None:
        # below a page's own path Streamlit first looks for its server there, and then at the root;
        # a request to others was noted when it was made
        if origin(url) in (self.own, "://") and not ("404" in text and "/_stcore/" in url):
            self.problems.append(f"console: {text} ({url})")

    def _check(self, url: str, asker: str) -> bool:
        if urlsplit(url).scheme in ("data", "blob", "about") or origin(url) in (self.own, self.provider):
            return True
        if origin(asker) != self.provider:
            self.problems.append(f"asked another origin: {url}")
        return False


def origin(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as the system has it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make setup")
    # of this module only: while it runs, this thread has an event loop, which other tests want for themselves
    with api.sync_playwright() as playwright:
        rooted = hasattr(os, "geteuid") and os.geteuid() == 0
        running = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"] if rooted else [], timeout=60_000
        )
        yield running
        running.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages, each in a context of its own; fails the test if one of them did what it must not do."""
    opened: list[tuple[Any, Watched]] = []

    def open_page(app: App, *, provider: str | None = None, width: int = 1280, **options: Any) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900 if width > 600 else 844},
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(30_000)
        watched = Watched(app.url, provider)
        page = context.new_page()
        watched.watch(page)
        opened.append((context, watched))
        return page

    yield open_page
    problems = [p for _, watched in opened for p in watched.problems]
    for context, _ in opened:
        context.close()
    assert not problems, "\n".join(problems)


@pytest.fixture
def page(app: App, new_page: Callable[..., Page]) -> Page:
    """A page of 1280 pixels on the app with the sample cases."""
    return new_page(app)


def settled(page: Page, timeout_s: float = 60) -> None:
    """Returns when the script has run to its end and everything is drawn; no exception may be shown."""
    page.wait_for_selector(SETTLED, state="attached", timeout=timeout_s * 1000)
    page.wait_for_function(
        f"() => !document.querySelector({BUSY!r}) && document.querySelector('[data-testid=stMain] h1, h2, h3')",
        timeout=timeout_s * 1000,
    )
    page.wait_for_selector(SETTLED, state="attached", timeout=timeout_s * 1000)
    failed = page.locator("[data-testid=stException]")
    assert failed.count() == 0, failed.first.inner_text()


def visit(page: Page, address: str, timeout_s: float = 60) -> None:
    """Opens an address and waits until it is drawn."""
    page.goto(address, wait_until="domcontentloaded", timeout=timeout_s * 1000)
    settled(page, timeout_s)
