"""The documentation as a site: every page is in its navigation, no link is dead, nothing is fetched from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
import yaml

pytest.importorskip("material")

ROOT = Path(__file__).parents[2]
FETCHED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}


class Page(HTMLParser):
    """The links, anchors and fetched addresses of an HTML page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors = {"", "__top"}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if values.get("rel") not in ("canonical", "next", "prev"):
            self.fetched += [v for name, v in values.items() if (tag, name) in FETCHED]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """The pages of the site, built with warnings as errors."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return {p: Page(p.read_text(encoding="utf-8")) for p in folder.rglob("*.html") if p.name != "404.html"}


def test_every_page_is_in_the_navigation() -> None:
    named: set[str] = set()

    def collect(entries: list[object]) -> None:
        for entry in entries:
            for value in entry.values() if isinstance(entry, dict) else [entry]:
                collect(value) if isinstance(value, list) else named.add(str(value))

    collect(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert named == {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")}


def test_links_lead_to_pages_and_anchors(site: dict[Path, Page]) -> None:
    dead = []
    for path, page in site.items():
        for link in page.links:
            address, anchor = urldefrag(unquote(link))
            if ":" in address or not link:
                continue
            target = (path.parent / address).resolve() if address else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (target in site and anchor not in site[target].anchors):
                dead.append((path.name, link))
    assert not dead


def test_nothing_is_fetched_from_elsewhere(site: dict[Path, Page]) -> None:
    assert not {a for page in site.values() for a in page.fetched if a.startswith(("http:", "https:", "//"))}
