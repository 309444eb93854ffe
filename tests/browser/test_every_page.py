"""What holds on every page: it fits a phone, and a screen reader and a tired eye can use it, in both themes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from advisor.resources import ui_folder
from tests.browser.conftest import HERE, App, visit

pytest.importorskip("streamlit")
sys.path.insert(0, str(ui_folder()))
import ui_shared

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = [
    page.url_path
    for pages in ui_shared.NAVIGATION.values()
    for page in pages
    if (ui_folder() / page.script).is_file()
]
CASE = "support_intents"
EXCLUDED: dict[str, dict[str, str]] = {}
"""By rule of axe: what part of an element's markup is Streamlit's own, and why we cannot mend it."""


def name(path: str) -> str:
    return path or "decisions"


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_fits_a_phone(path: str, app: App, new_page: Callable[..., Page]) -> None:
    page = new_page(app, width=390)
    visit(page, app.at(path, case=CASE))
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    wide = page.evaluate(
        """() => [...document.querySelectorAll('[data-testid=stMain] *')].filter(e => {
            const box = e.getBoundingClientRect();
            if (!box.width || box.right <= innerWidth + 1) return false;
            for (let p = e; p; p = p.parentElement)
                if (/auto|scroll|hidden|clip/.test(getComputedStyle(p).overflowX) && p.dataset.testid !== 'stMain') return false;
            return true;
        }).map(e => e.outerHTML.slice(0, 200)).slice(0, 5)"""
    )
    assert not wide, "\n".join(wide)


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, of the version in package-lock.json."""
    file = HERE / "node_modules" / "axe-core" / "axe.min.js"
    if not file.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("axe-core is not here, and npm is not installed to fetch it: apt-get install npm")
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=300)
        if done.returncode:
            pytest.skip(f"npm ci could not fetch axe-core: {done.stderr.strip()[-300:]}")
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_is_accessible(
    path: str, scheme: str, app: App, new_page: Callable[..., Page], axe: str
) -> None:
    page = new_page(app, color_scheme=scheme)
    visit(page, app.at(path, case=CASE))
    page.evaluate(axe)
    found = violations(page, "1280 px")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(500)  # the sidebar folds away, charts are drawn again
    found += violations(page, "390 px")
    assert not found, "\n".join(found)


def violations(page: Page, where: str) -> list[str]:
    """Serious and critical ones, without those that are excluded by name."""
    result: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{where}: {v['id']} ({v['impact']}): {node['target']} {node['html'][:200]} {node['failureSummary'][:300]}"
        for v in result["violations"]
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
        if not any(part in node["html"] for part in EXCLUDED.get(v["id"], {}))
    ]
